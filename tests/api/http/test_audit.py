"""The log is read in order, and whoever keeps a copy can tell whether it was changed."""

import hashlib
import subprocess
import sys
from pathlib import Path

import msgspec

from api.http.audit import AuditPage
from api.store.log import BEGINNING
from tests.api.desk import Desk
from tests.api.test_app import body
from tests.real_data import ROOT


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


def test_the_documented_program_verifies_a_saved_log(tmp_path: Path) -> None:
    """The one of docs/api.md, on answers as they come; it also notices what was edited."""
    desk = Desk(tmp_path)
    desk.propose()
    odd = '\u00fc \u2028 "\\ / \u007f \U0001f3ad <'
    desk.bob("POST", "/v1/proposals/p1/reject", {"reason": odd})
    program = tmp_path / "verify.py"
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    program.write_text(page.split("## The log")[1].split("```python\n")[1].split("```")[0], encoding="utf-8")
    first = desk.admin("GET", "/v1/audit?limit=2").text
    second = desk.admin("GET", "/v1/audit?limit=100&cursor=2").text
    done = verified(program, first, second)
    assert (done.returncode, done.stdout.strip()) == (0, desk.book.entries()[-1].hash)
    assert "entry 1 is not what was written" in verified(program, first.replace('"ann"', '"eve"'), second).stderr


def verified(program: Path, *pages: str) -> subprocess.CompletedProcess[str]:
    """What the program says of saved pages."""
    files = [program.with_name(f"{n}.json") for n in range(len(pages))]
    for file, text in zip(files, pages, strict=True):
        file.write_text(text, encoding="utf-8")
    return subprocess.run([sys.executable, program, *files], check=False, capture_output=True, text=True)


def chained(before: str, entry: dict[str, object]) -> str:
    """What the hash must be."""
    at = str(entry["at"]).removesuffix("Z")
    at = f"{at if '.' in at else at + '.000000'}+00:00"
    text = msgspec.json.encode(entry["body"], order="sorted").decode()
    said = [entry["number"], at, entry["by"], entry["action"], entry["subject"], text]
    return hashlib.sha256(before.encode() + msgspec.json.encode(said)).hexdigest()
