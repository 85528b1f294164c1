"""The log is read in order, and whoever keeps a copy can tell whether it was changed."""

import hashlib
from pathlib import Path

import msgspec

from api.http.audit import AuditPage
from api.store.log import BEGINNING
from tests.api.desk import Desk
from tests.api.test_app import body


def test_each_step_stands_in_the_log_with_who_took_it(tmp_path: Path) -> None:
    """From the import to the publication."""
    desk = Desk(tmp_path)
    desk.propose()
    desk.bob("POST", "/v1/proposals/p1/approve")
    desk.bob("POST", "/v1/publications", {"proposal": "p1"})
    page = body(desk.admin("GET", "/v1/audit"))
    AuditPage.model_validate(page, strict=False)
    steps = [(item["action"], item["by"]) for item in page["items"] if item["action"] != "create-key"]
    assert steps == [("import", "ann"), ("propose", "ann"), ("approve", "bob"), ("publish", "bob")]
    assert page["items"][-1]["body"]["proposal"] == "p1"
    assert page["next"] is None


def test_a_copy_that_was_read_page_by_page_is_a_chain(tmp_path: Path) -> None:
    """Each entry's hash follows from the one before and from what the entry says, as docs/api.md describes it."""
    desk = Desk(tmp_path)
    desk.propose()
    before, cursor, number = BEGINNING, "", 0
    while True:
        page = body(desk.admin("GET", f"/v1/audit?limit=2{cursor}"))
        for entry in page["items"]:
            number += 1
            assert entry["number"] == number
            assert entry["hash"] == chained(before, entry)
            before = entry["hash"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert number == len(desk.book.entries())


def chained(before: str, entry: dict[str, object]) -> str:
    """What the hash must be."""
    at = str(entry["at"]).removesuffix("Z")
    at = f"{at if '.' in at else at + '.000000'}+00:00"
    text = msgspec.json.encode(entry["body"], order="sorted").decode()
    said = [entry["number"], at, entry["by"], entry["action"], entry["subject"], text]
    return hashlib.sha256(before.encode() + msgspec.json.encode(said)).hexdigest()
