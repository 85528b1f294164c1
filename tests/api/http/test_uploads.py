"""A system brings a file over HTTP; it is received whole or not at all, and taken in once."""

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from werkzeug.test import TestResponse

from api import uploads
from api.app import MAX_REQUEST
from api.settings import FILE
from api.store.keys import Scope
from api.store.runs import Kind, ask, newest
from tests.api.desk import Desk
from tests.api.test_app import check_problem

SALES = b"time,product,quantity,price,note\n2026-01-01,Mug,3,9.00,x\n"
CSV = "text/csv"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A served workspace."""
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The same, that takes files of 1 MB, for what changes nothing."""
    made = Desk(tmp_path_factory.mktemp("quiet"))
    with (made.root / FILE).open("a") as settings:
        settings.write("\n[uploads]\nmax_mb = 1\n")
    return made


def bring(desk: Desk, data: bytes = SALES, query: str = "kind=sales&map=date=time", **options: Any) -> TestResponse:
    """Send a file."""
    headers = {"Content-Type": options.pop("media_type", CSV)}
    return desk.ann("POST", f"/v1/uploads?{query}", data=data, headers=headers, **options)


def kept(desk: Desk) -> list[str]:
    """What is in the folder of uploads."""
    folder = desk.root / uploads.FOLDER
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def test_a_file_that_is_brought_waits_to_be_taken_in(desk: Desk) -> None:
    """As it came, with what its sender said of it; columns called as they are declared need not be named."""
    answer = bring(desk, query="kind=sales&map=date=time&name=week 46.csv&replace=true")
    assert answer.status_code == 202
    told = answer.get_json()
    assert answer.headers["Location"] == f"/v1/runs/{told['id']}"
    assert (told["kind"], told["state"], told["by"]) == ("ingest", "asked", "ann")
    upload = uploads.find(desk.root, told["arguments"]["upload"])
    assert upload is not None
    assert (upload.name, upload.kind, upload.by, upload.run) == ("week 46.csv", "sales", "ann", told["id"])
    assert (upload.replace, upload.others, upload.single) == (True, False, False)
    assert upload.mapping == {"date": "time", "product": "product", "quantity": "quantity", "price": "price"}
    assert uploads.file_of(desk.root, upload).read_bytes() == SALES


def test_a_worker_that_is_there_at_once_knows_what_the_file_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its sender said of it stands before the job does."""
    seen: list[str] = []

    def ask_and_look(*args: Any, arguments: dict[str, str], **options: Any) -> Any:
        made = ask(*args, arguments=arguments, **options)
        upload = uploads.find(desk.root, arguments["upload"])
        seen.append(upload.kind if upload else "")
        return made

    monkeypatch.setattr("api.http.uploads.ask", ask_and_look)
    assert bring(desk).status_code == 202
    assert seen == ["sales"]


def test_a_file_may_be_larger_than_other_bodies(desk: Desk) -> None:
    """As large as the settings say."""
    assert bring(desk, SALES + b"2026-01-02,Mug,3,9.00,x\n" * (MAX_REQUEST // 20)).status_code == 202


def test_a_parquet_file_is_taken_too(desk: Desk) -> None:
    """Its columns are read from its footer."""
    file = io.BytesIO()
    pd.DataFrame({"event": ["a"], "starts_at": ["2026-05-01T20:00Z"]}).to_parquet(file)
    answer = bring(desk, file.getvalue(), "kind=events", media_type="application/vnd.apache.parquet")
    assert answer.status_code == 202


def test_the_same_file_sent_again_is_taken_in_once(desk: Desk) -> None:
    """With its key; another file with that key is refused, and neither leaves anything."""
    first, again = (bring(desk, once="k1") for _ in range(2))
    assert first.data == again.data
    assert first.headers["Location"] == again.headers["Location"]
    check_problem(bring(desk, SALES + b"2026-01-02,Mug,1,9.00,x\n", once="k1"), 422)
    check_problem(bring(desk, query="kind=sales&map=date=time&replace=true", once="k1"), 422)
    assert len(newest(desk.engine, before=None, limit=9)) == 1
    assert kept(desk) == [first.get_json()["arguments"]["upload"]]


@pytest.mark.parametrize(
    ("data", "query", "media_type", "status"),
    [
        (SALES, "kind=rumours", CSV, 422),
        (SALES, "", CSV, 422),
        (SALES, "kind=sales&map=", CSV, 422),
        (SALES, "kind=sales&map=day=time", CSV, 422),
        (SALES, "kind=sales&map=date=time,date=note", CSV, 422),
        (SALES, "kind=sales&map=date=day", CSV, 422),
        (SALES, "kind=sales&unknown=1", CSV, 422),
        (SALES, "kind=sales&kind=events", CSV, 422),
        (b"", "kind=sales", CSV, 411),
        (b"\n", "kind=sales", CSV, 422),
        (b"PK\x03\x04 a workbook", "kind=sales", CSV, 422),
        (SALES.replace(b"Mug", b"M\xfcg"), "kind=sales&map=date=time", CSV, 422),
        (SALES, "kind=sales&map=date=time", "application/vnd.apache.parquet", 422),
        (b"PAR1 but no more", "kind=sales", "application/vnd.apache.parquet", 422),
        (SALES, "kind=sales&map=date=time", "application/json", 415),
        (SALES, "kind=sales&map=date=time", "multipart/form-data; boundary=x", 415),
        (SALES + b"x" * 10**6, "kind=sales&map=date=time", CSV, 413),
    ],
)
def test_what_is_not_exactly_right_is_refused_and_leaves_nothing(
    quiet: Desk, data: bytes, query: str, media_type: str, status: int
) -> None:
    """Neither a file nor a run."""
    check_problem(bring(quiet, data, query, media_type=media_type), status)
    assert newest(quiet.engine, before=None, limit=9) == ()
    assert kept(quiet) == []


def test_a_file_needs_its_length(quiet: Desk) -> None:
    """So that what is broken off is known to be."""
    answer = quiet.app.test_client().post(
        "/v1/uploads?kind=sales",
        input_stream=io.BytesIO(SALES),
        headers={"Authorization": f"Bearer {quiet.keys['ann', Scope.PROPOSALS_WRITE]}", "Transfer-Encoding": "chunked"},
        content_type=CSV,
    )
    check_problem(answer, 411)


@pytest.mark.parametrize("terminated", [True, False])
def test_a_file_that_breaks_off_is_not_taken_for_a_shorter_one(quiet: Desk, terminated: bool) -> None:
    """Half of a day's sales would be as good as all of them; some servers end the stream as if nothing were wrong."""
    answer = quiet.app.test_client().post(
        "/v1/uploads?kind=sales&map=date=time",
        input_stream=io.BytesIO(SALES),
        headers={"Authorization": f"Bearer {quiet.keys['ann', Scope.PROPOSALS_WRITE]}"},
        content_type=CSV,
        environ_overrides={"wsgi.input_terminated": terminated, "CONTENT_LENGTH": str(2 * len(SALES))},
    )
    check_problem(answer, 400)
    assert newest(quiet.engine, before=None, limit=9) == ()
    assert kept(quiet) == []


def test_whoever_prepares_prices_may_bring_files(desk: Desk) -> None:
    """And nobody else."""
    for scope in Scope:
        key, headers = desk.keys["eve", scope], {"Content-Type": CSV}
        answer = desk.send("POST", "/v1/uploads?kind=sales&map=date=time", data=SALES, key=key, headers=headers)
        assert (answer.status_code == 202) is (scope in {Scope.PROPOSALS_WRITE, Scope.ADMIN})
    assert {run.kind for run in newest(desk.engine, before=None, limit=9)} == {Kind.INGEST}
