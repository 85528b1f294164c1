"""Uploads on the desk: who may bring a file, what the door takes, and what is said of it."""

import io
import re
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from api import uploads
from api.bodies import FILES
from api.pages.table_words import BROUGHT, COLUMNS, example, needed_of, template
from api.pages.uploads import SINGLE
from api.store.runs import Kind, State, claim, finish, newest
from pricing.errors import Finding
from pricing.tables import TABLES
from pricing.tables.examine import Settings, examine
from tests.api.pages.conftest import ORIGIN, Office, Person
from tests.api.pages.markup import PAYLOADS
from tests.api.test_uploads import HOSTILE

TEXT = b"Verkaufsdatum;Kartenart;Anzahl;Preis\n16.10.2025;Parkett;3;12,90\n"


def bring(person: Person, data: bytes = TEXT, name: str = "Mai.csv", table: str = "", **changed: Any) -> Any:
    """Send a file as the page does."""
    form: dict[str, Any] = {"token": person.token, "table": table} | changed
    return person.client.post("/desk/uploads", data=form | {"file": (io.BytesIO(data), name)}, headers=ORIGIN)


def kept(office: Office) -> list[str]:
    """What stands in the folder of uploads."""
    return [str(path) for path in (office.desk.root / uploads.FOLDER).rglob("*")]


def columns(**chosen: str) -> dict[str, str]:
    """The form of the page that names columns."""
    usual = {"date": "Verkaufsdatum", "product": "Kartenart", "quantity": "Anzahl", "price": "Preis"}
    return {"table": "sales", "decimal": ",", "dates": "dmy"} | {f"column.{k}": v for k, v in (usual | chosen).items()}


def test_from_a_file_to_its_job(office: Office) -> None:
    """Brought, guessed, said, asked for: under the person's name, in the way they said; read once at a time."""
    person = office.signed_in("Anton")
    sent = bring(person)
    assert sent.status_code == 303
    page = person.get(sent.headers["Location"]).text
    assert "Everything needed was recognised" in page
    assert '<option value="Verkaufsdatum" selected' in page
    assert "Mai.csv" in person.get("/desk/uploads").text
    address = sent.headers["Location"]
    assert person.send(address, **columns(), others="on").status_code == 303
    (run,) = newest(office.desk.engine, before=None, limit=9)
    (made,) = uploads.newest(office.desk.root)
    assert (run.kind, run.by, run.arguments) == (Kind.INGEST, "Anton", {"upload": made.id})
    assert (made.kind, made.run, made.others, made.writing.decimal) == ("sales", run.id, True, ",")
    assert made.mapping == {"date": "Verkaufsdatum", "product": "Kartenart", "quantity": "Anzahl", "price": "Preis"}
    assert f'data-job="/desk/jobs/{run.id}/progress"' in person.get(address).text
    assert person.send(address, **columns()).status_code == 409
    assert person.send(f"{address}/remove").status_code == 409


def ended(office: Office, state: State, result: dict[str, Any]) -> None:
    """Let the job that waits have ended."""
    run = claim(office.desk.engine, "w1", now=office.desk.now)
    assert run is not None
    finish(office.desk.engine, run, state, result, now=office.desk.now)


def test_problems_are_shown_by_cause_and_given_as_a_table(office: Office) -> None:
    """With their rows and cells, inert; good rows are taken only where single rows are to blame."""
    person = office.signed_in("Anton")
    address = bring(person).headers["Location"]
    person.send(address, **columns())
    (made,) = uploads.newest(office.desk.root)
    bad = [Finding("not a number", "Mai.csv", row, "Preis", "<b>=1+1</b>") for row in range(2, 40)]
    uploads.keep_problems(office.desk.root, made, [*bad, Finding("is missing", "Mai.csv", 7, "Anzahl")])
    ended(office, State.FAILED, {"problems": ["x"]})
    page = person.get(address).text
    assert "38 rows need mending" in page
    assert page.index("not a number") < page.index("is missing")
    assert "&lt;b&gt;=1+1&lt;/b&gt;" in page
    assert 'name="aside" value="1"' in page
    listed = person.get(f"{address}/problems.csv")
    assert listed.headers["Content-Disposition"] == 'attachment; filename="problems.csv"'
    assert "2,Preis,not a number,<b>=1+1</b>" in listed.text
    assert person.get(f"{address}/aside.csv").status_code == 404
    assert person.send(address, **columns(), aside="1").status_code == 303
    assert uploads.newest(office.desk.root)[0].aside
    uploads.keep_problems(office.desk.root, made, [Finding("there is no column 'x'", "Mai.csv")])
    ended(office, State.FAILED, {"problems": ["x"]})
    assert 'name="aside"' not in person.get(address).text


def test_what_is_in_use_is_counted(office: Office) -> None:
    """And what was set aside; the file itself is gone by then, and may not be taken again."""
    person = office.signed_in("Anton")
    address = bring(person).headers["Location"]
    person.send(address, **columns())
    (made,) = uploads.newest(office.desk.root)
    uploads.settle(office.desk.root, made, {})
    ended(office, State.DONE, {"rows": 18167, "total": 20000, "aside": 37, "already_there": False})
    page = person.get(address).text
    assert "18,167 of 18,204 rows are in use" in page
    assert person.send(address, **columns()).status_code == 409
    assert "37 set aside" in person.get("/desk/uploads").text
    assert person.send(f"{address}/remove").headers["Location"] == "/desk/uploads?done=upload-removed"
    assert kept(office) == []


def test_what_cannot_be_said_of_a_file_is_refused(office: Office) -> None:
    """A table there is none of, another way to write; one column for two. No job is asked for."""
    person = office.signed_in("Anton")
    address = bring(person).headers["Location"]
    for changed in ({"table": "calendar"}, {"decimal": ";"}, {"dates": ""}, {"column.product": "Preis"}):
        assert person.send(address, **(columns() | changed)).status_code == 422, changed
    assert newest(office.desk.engine, before=None, limit=9) == ()


def test_each_row_may_be_one_unit(office: Office) -> None:
    """Where a list of tickets has no column of quantities."""
    person = office.signed_in("Anton")
    person.send(bring(person).headers["Location"], **columns(quantity=SINGLE))
    (made,) = uploads.newest(office.desk.root)
    assert (made.single, "quantity" in made.mapping) == (True, False)


def test_a_template_is_a_good_file(office: Office) -> None:
    """It has what is needed, passes every check, and every column there can be has a name."""
    person, today = office.signed_in("Vera"), office.desk.now.date()
    for table in BROUGHT:
        text = person.get(f"/desk/templates/{table}.csv").text
        assert text == template(table, today)
        frame = pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False)
        found = examine(frame.set_axis(range(2, len(frame) + 2)), TABLES[table], Settings("t.csv"))
        assert (found.flaws, found.refusals) == ((), ())
        assert needed_of(TABLES[table]) <= set(frame.columns)
        assert set(COLUMNS[table]) == {column.name for column in TABLES[table].columns}
        assert len({len(row) for row in example(table, today)}) == 1
    assert person.get("/desk/templates/calendar.csv").status_code == 404


def test_a_hostile_name_is_shown_as_a_name(office: Office) -> None:
    """Markup in it stays text, on its page and in the list, which is made of the same elements as without it."""
    names = [name for name in (*HOSTILE, *PAYLOADS) if "\r" not in name]  # which a browser writes otherwise
    person = office.signed_in("Anton")
    pages = [person.get(bring(person, name=name).headers["Location"]).text for name in names]
    listed = person.get("/desk/uploads").text
    assert len({tuple(re.findall(r"<[a-zA-Z!/]+", page)) for page in pages}) == 1
    assert all(re.search(r"<h1>[^<]", page) and "<title> ·" not in page for page in pages)
    assert listed.count("<img") == listed.count("<script>") == 0
    assert len(uploads.newest(office.desk.root)) == len(names)


def test_markup_in_headings_and_cells_stays_text(office: Office) -> None:
    """Of every column, where it may be chosen and where its first cells are shown."""
    person = office.signed_in("Anton")
    rows = "\n".join(f'"{text}"' for text in (each.replace('"', '""') for each in PAYLOADS))
    data = f'"<img src=x onerror=alert(1)>",b\n{rows}\n'.encode()
    page = person.get(bring(person, data, table="sales").headers["Location"] + "").text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    assert "<script>alert" not in page


def test_too_large_a_file_is_refused_and_not_kept(office: Office) -> None:
    """Where its size is said before it is read, else at the first byte too many; the page says how much may be."""
    (office.desk.root / "fairfare.toml").write_text("[uploads]\nmax_mb = 1\n")
    person = office.signed_in("Anton")
    assert "up to 1 MB" in person.get("/desk/uploads").text
    for size in (1_000_001, 3_000_000):
        data = form(person.token, b"x" * size, "token")
        sent = post(person, Body(data), len(data))
        assert sent == 413
    data = form(person.token, b"a,b\n" * 250_000, "token")
    assert post(person, Body(data), len(data)) == 303
    (made,) = uploads.newest(office.desk.root)
    assert made.size == 1_000_000


def test_what_is_no_table_is_refused_with_advice(office: Office) -> None:
    """Nothing of it is kept."""
    sent = bring(office.signed_in("Anton"), b"PK\x03\x04rest", name="Mai.xlsx")
    assert (sent.status_code, "save the sheet as CSV UTF-8" in sent.text) == (422, True)
    assert kept(office) == []


@pytest.mark.parametrize("data", [b"", b"\n", b"PK\x03\x04rest", b"%PDF-1.7", b"\xff\xd8\0\0", b"PAR1rest"])
def test_what_is_no_table_is_refused_in_the_readers_language(office: Office, data: bytes) -> None:
    """In one sentence."""
    person = office.signed_in("Anton")
    form = {"token": person.token, "table": "", "file": (io.BytesIO(data), "Mai.csv")}
    sent = person.client.post("/desk/uploads", data=form, headers=ORIGIN | {"Accept-Language": "de"})
    (said,) = re.findall(r'<ul class="said">(.*?)</ul>', sent.text, re.DOTALL)
    assert (sent.status_code, said.count("<li>"), 'lang="en"' in said) == (422, 1, False)


class Body(io.BytesIO):
    """A body that tells how much of it was read, and can break off."""

    def __init__(self, data: bytes, *, broken: bool = False) -> None:
        super().__init__(data)
        self.count, self._broken = 0, broken

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, or lose the sender."""
        if self._broken and self.count:
            raise ConnectionResetError
        data = super().read(size)
        self.count += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        """Read, or lose the sender."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def form(token: str, data: bytes, *fields: str) -> bytes:
    """A form as a browser writes it, its fields in this order before the file."""
    parts = [f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{token}\r\n'.encode() for name in fields]
    file = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + data + b"\r\n--B--\r\n"
    return b"".join(parts) + file


def post(person: Person, body: Body, size: int, **headers: str) -> int:
    """Send a body; returns the answer's status."""
    options: dict[str, Any] = {
        "input_stream": body,
        "content_length": size,
        "content_type": "multipart/form-data; boundary=B",
        "headers": {**ORIGIN, **headers},
    }
    return person.client.post("/desk/uploads", **options).status_code


def test_nothing_is_read_of_whom_it_is_not_known(office: Office) -> None:
    """Of strangers, viewers, and pages of another site; a wrong token, or none before the file, ends the reading."""
    good, viewer = office.signed_in("Anton"), office.signed_in("Vera")
    stranger = Person(office.desk.app.test_client())
    data = form(good.token, b"a,b\n" * 100_000, "token")
    for person, headers, status in (
        (stranger, {}, 303),
        (viewer, {}, 403),
        (good, {"Origin": "https://evil.example"}, 403),
    ):
        body = Body(data)
        assert post(person, body, len(data), **headers) == status
        assert body.count == 0
    for made in (
        form("0" * 48, b"a,b\n" * 500_000, "token"),
        form(good.token, b"a,b\n" * 500_000),
        form(good.token, b"a,b\n" * 500_000, "table", "token"),
    ):
        body = Body(made)
        assert post(good, body, len(made)) == 403
        assert body.count < len(made)
    assert kept(office) == []
    assert post(good, Body(data), len(data)) == 303


def test_what_is_no_form_is_refused(office: Office) -> None:
    """However it is broken; nothing is kept, and the place is free again."""
    person = office.signed_in("Anton")
    broken = (b"--B\r\nno form", b"", b"--B--\r\n", b"--B\r\n\r\n\r\n--B--\r\n", b"x" * 400_000)
    for body in broken * 2:
        assert post(person, Body(body), len(body)) in {400, 413, 422}, body[:20]
    assert person.client.post("/desk/uploads", data={"token": person.token}, headers=ORIGIN).status_code == 422
    assert kept(office) == []
    assert bring(person).status_code == 303


def test_a_sender_that_is_lost_leaves_nothing(office: Office) -> None:
    """In the middle of the file, or before its end."""
    person = office.signed_in("Anton")
    data = form(person.token, b"a,b\n" * 100_000, "token")
    assert post(person, Body(data, broken=True), len(data)) == 400
    assert post(person, Body(data[:200_000]), len(data)) == 400
    assert [path for path in kept(office) if not path.endswith("uploads")] == []
    assert bring(person).status_code == 303


def test_few_files_come_at_a_time(office: Office) -> None:
    """One more is told to try again."""
    person = office.signed_in("Anton")
    held = [FILES.acquire(blocking=False) for _ in range(2)]
    try:
        assert bring(person).status_code == 503
    finally:
        for each in held:
            if each:
                FILES.release()
    assert bring(person).status_code == 303


def test_old_files_go_when_the_list_is_looked_at(office: Office) -> None:
    """As many days on as the owner's settings say."""
    person = office.signed_in("Anton")
    bring(person)
    office.desk.machine.wait(timedelta(days=31))
    assert "Mai.csv" not in office.signed_in("Anton").get("/desk/uploads").text
    assert len(kept(office)) == 0
