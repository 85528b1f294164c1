"""The journal survives whatever its writer does not."""

import errno
import os
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.shops.journal import BusyError, Journal, digest_of
from api.shops.model import ABSENT, EMPTY, Outcome, Result, Write, amount
from tests.shops.shelf import NOW

WRITES = [Write("a", amount(Decimal(20)), EMPTY), Write("b", ABSENT, amount(Decimal(30)))]


def test_nothing_written_and_an_empty_value_are_told_apart(tmp_path: Path) -> None:
    """What stood there comes back from the file as it was."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.begin(WRITES, "v1", now=NOW)
    assert [(e.sent.before, e.sent.after) for e in Journal(journal.path).entries()] == [
        (write.before, write.after) for write in WRITES
    ]


@given(st.integers(0, 400), st.booleans())
def test_a_line_cut_short_spoils_no_other(cut: int, garbage: bool) -> None:
    """Cut anywhere, what was whole before is read, and what is added after too."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.jsonl")
        journal.begin(WRITES, "v1", now=NOW)
        whole = journal.path.read_bytes()
        kept = whole[: min(cut, len(whole))]
        journal.path.write_bytes(kept + (b"\x00\xff" if garbage else b""))
        ends = [place for place, sign in enumerate(whole) if sign == ord("\n")]
        lines = sum(end < len(kept) or (end == len(kept) and not garbage) for end in ends)
        assert len(journal.entries()) == lines
        journal.begin(WRITES, "v2", now=NOW)
        found = [entry.sent.decision for entry in journal.entries()]
        assert found == ["v1"] * lines + ["v2"] * 2


def test_a_key_is_the_same_after_a_kill_and_another_after_an_end(tmp_path: Path) -> None:
    """A shop that knows keys does a batch once, and a batch tried anew again; decision, place and value are in it."""
    journal = Journal(tmp_path / "journal.jsonl")
    first = journal.begin(WRITES, "v1", now=NOW).key
    assert journal.begin(WRITES, "v1", now=NOW).key == first
    others = {
        journal.begin(WRITES, "v2", now=NOW).key,
        journal.begin(WRITES[:1], "v1", now=NOW).key,
        journal.begin([Write("a", amount(Decimal(20)), amount(Decimal(21))), WRITES[1]], "v1", now=NOW).key,
    }
    journal.end([Result("a", Outcome.REFUSED)], "v1", now=NOW)
    assert len({first, *others, journal.begin(WRITES, "v1", now=NOW).key}) == 5


def test_the_last_write_the_shop_took_stands(tmp_path: Path) -> None:
    """A refused one does not; one whose end is not known may have arrived."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.begin(WRITES, "v1", now=NOW)
    journal.end([Result("a", Outcome.DONE), Result("b", Outcome.DONE)], "v1", now=NOW)
    journal.begin(WRITES, "v2", now=NOW)
    journal.end([Result("a", Outcome.REFUSED, "no")], "v2", now=NOW)
    assert {place: entry.sent.decision for place, entry in journal.standing().items()} == {"a": "v1", "b": "v2"}
    assert {entry.reason for entry in journal.entries()} == {"", "no"}


def test_of_a_long_journal_only_the_new_is_read_again(tmp_path: Path) -> None:
    """What another process adds meanwhile is seen, and years of prices do not slow a push down."""
    ours, theirs = (Journal(tmp_path / "journal.jsonl") for _ in range(2))
    for number in range(50):
        theirs.begin(WRITES, f"v{number}", now=NOW)
        assert len(ours.entries()) == 2 * number + 2
    theirs.end([Result("a", Outcome.DONE)], "v7", now=NOW)
    assert [entry.outcome for entry in ours.entries()] == [entry.outcome for entry in Journal(ours.path).entries()]
    size = ours.path.stat().st_size
    ours.path.write_bytes(b" " * size + b"\n")
    assert len(ours.entries()) == 100, "what was read is not read again"


def test_others_cannot_read_it(tmp_path: Path) -> None:
    """It holds what a shop sells at what price."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.begin(WRITES, "v1", now=NOW)
    assert journal.path.stat().st_mode & 0o077 == 0


def test_a_journal_from_before_is_read(tmp_path: Path) -> None:
    """Nobody's name stands in it, and no comparison's digest."""
    line = (
        b'{"sent":{"number":1,"at":"2027-03-01T09:00:00Z","decision":"version 2","place":"a",'
        b'"before":{"there":true,"amount":"20"},"after":{"there":true,"amount":"22"},"by":null}}\n'
    )
    (tmp_path / "journal.jsonl").write_bytes(line)
    [entry] = Journal(tmp_path / "journal.jsonl").entries()
    assert (entry.sent.by, entry.sent.digest, entry.sent.after) == (None, "", amount(Decimal(22)))


def test_what_was_sent_is_told_decision_by_decision_with_who_wanted_it(tmp_path: Path) -> None:
    """The newest first; what is rolled back, or sent again since, stands no more."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.begin(WRITES, "v1", now=NOW, by="Ada")
    journal.end([Result("a", Outcome.FAILED, "down")], "v1", now=NOW)
    journal.begin(WRITES[:1], "v1", now=NOW, by="Ada")
    journal.end([Result("a", Outcome.DONE), Result("b", Outcome.DONE)], "v1", now=NOW)
    journal.begin(WRITES, "v2", now=NOW, by="Bob")
    journal.end([Result("a", Outcome.DONE), Result("b", Outcome.REFUSED, "no")], "v2", now=NOW)
    told = [(each.first.decision, each.first.by, dict(each.outcomes), each.standing) for each in journal.history()]
    assert told == [
        ("v2", "Bob", {Outcome.DONE: 1, Outcome.REFUSED: 1}, True),
        ("v1", "Ada", {Outcome.DONE: 2}, True),
    ]
    journal.begin(WRITES[1:], "v3", now=NOW, by="Bob")
    journal.end([Result("b", Outcome.DONE)], "v3", now=NOW)
    assert [each.standing for each in journal.history()] == [True, True, False]


def test_a_digest_names_decision_places_and_values_in_any_order() -> None:
    """What is to be written, and nothing else."""
    digest = digest_of("v1", WRITES)
    assert digest_of("v1", WRITES[::-1]) == digest
    others = {digest_of("v2", WRITES), digest_of("v1", WRITES[:1]), digest_of("v1", [WRITES[0], WRITES[0]])}
    assert len({digest, *others}) == 4


def test_another_push_that_runs_is_told_from_what_is_forbidden(tmp_path: Path) -> None:
    """A loop passes over it."""
    journal = Journal(tmp_path / "journal.jsonl")
    with journal.held(), pytest.raises(BusyError, match="another push"), Journal(journal.path).held():
        raise AssertionError


def test_what_did_not_get_onto_the_disk_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up takes a part of the lines, and tells at the next write; what was sent is always on it."""
    journal, written, takes = Journal(tmp_path / "journal.jsonl"), os.write, [100, 0]

    def nearly_full(file: int, text: bytes) -> int:
        if not (most := takes.pop(0)):
            raise OSError(errno.ENOSPC, "no space left")
        return written(file, text[:most])

    monkeypatch.setattr("api.shops.journal.os.write", nearly_full)
    with pytest.raises(OSError, match="no space"):
        journal.begin(WRITES, "v1", now=NOW)
    monkeypatch.undo()
    assert journal.entries() == ()
    journal.begin(WRITES, "v2", now=NOW)
    assert [entry.sent.decision for entry in journal.entries()] == ["v2", "v2"]
