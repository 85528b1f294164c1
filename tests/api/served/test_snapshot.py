"""A snapshot is one version of the book, whole, in memory and on disk."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.served.answers import take
from api.served.snapshot import SNAPSHOT_NAME, Content, Entry, Key, Snapshot, load, write
from api.store.database import DATABASE_NAME, open_to_read, reading
from tests.api.store.book_kit import IDS, NOW, POLICY, book_with_prices, decision, publish


def snapshot_of(folder: Path) -> Snapshot:
    """What would be served now."""
    with reading(open_to_read(folder / DATABASE_NAME)) as db:
        return take(db, now=NOW)


def explained(snapshot: Snapshot, offer: str) -> dict[str, Any]:
    """The explanation of an offer's price."""
    entry = snapshot.find(offer, None)
    assert entry is not None
    return dict(msgspec.json.decode(entry.explanation))


def entry(offer: str, channel: str = "all", **groups: str) -> Entry:
    """An entry without an answer of its own."""
    nothing = msgspec.Raw(b"{}")
    return Entry(
        1,
        offer,
        channel,
        groups.get("product", "p"),
        groups.get("segment", "s"),
        groups.get("event", "e"),
        NOW,
        None,
        nothing,
        nothing,
    )


def of(*entries: Entry) -> Snapshot:
    """A snapshot of these."""
    return Snapshot.of(Content(1, NOW, {}, "", tuple(sorted(entries, key=lambda one: one.key))))


def test_a_snapshot_is_read_back_equal(tmp_path: Path) -> None:
    """What was written is what is loaded, and only its owner can read the file."""
    book = book_with_prices(tmp_path)
    publish(book, decision())
    write(taken := snapshot_of(tmp_path), path := tmp_path / SNAPSHOT_NAME)
    loaded = load(path)
    assert loaded is not None
    assert (loaded.content, loaded.mark) == (taken.content, taken.mark)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other json", "not utf-8"])
def test_a_damaged_snapshot_is_ignored_and_said_to_be(tmp_path: Path, damage: str) -> None:
    """A tail cut off, a digit changed, or something else altogether: None, and a line in the log."""
    book_with_prices(tmp_path)
    write(snapshot_of(tmp_path), path := tmp_path / SNAPSHOT_NAME)
    data = path.read_bytes()
    damaged = {
        "cut": data[:-20],
        "flipped": data.replace(b"10.00", b"00.01", 1),
        "empty": b"",
        "other json": b'{"version": 1}',
        "not utf-8": b"\xff\xfe" + data,
    }
    path.write_bytes(damaged[damage])
    with capture_logs() as logs:
        assert load(path) is None
    assert "ignored" in logs[0]["event"]


def test_no_snapshot_is_no_error(tmp_path: Path) -> None:
    """Before the first one there is none, and nothing to say."""
    with capture_logs() as logs:
        assert load(tmp_path / SNAPSHOT_NAME) is None
    assert logs == []


def test_a_failed_write_leaves_the_old_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk neither damages what is there nor leaves anything beside it."""
    book_with_prices(tmp_path)
    write(taken := snapshot_of(tmp_path), path := tmp_path / SNAPSHOT_NAME)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(taken, path)
    assert path.read_bytes() == before
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_an_explanation_is_the_latest_decision_that_counts(tmp_path: Path) -> None:
    """Imported, moved, kept, taken back: the reasons follow, and a decision that was undone explains nothing."""
    book = book_with_prices(tmp_path)
    first = explained(snapshot_of(tmp_path), IDS[0])
    assert (first["set_by"], first["verdict"], first["evidence"]) == ("import", None, None)
    publish(book, decision(), name="p1")
    moved = explained(snapshot_of(tmp_path), IDS[0])
    assert (moved["set_by"], moved["verdict"], moved["price"]) == ("publish", "move", "11.00")
    assert moved["reasons"] == ["because 11.00 earns more"]
    publish(book, decision(price="11.00", now="11.00"), name="p2")
    kept = explained(snapshot_of(tmp_path), IDS[0])
    assert (kept["version"], kept["verdict"]) == (2, "keep")
    book.rollback(2, by="bob", now=NOW, policy=POLICY)
    back = explained(snapshot_of(tmp_path), IDS[0])
    assert (back["set_by"], back["price"], back["verdict"], len(back["reasons"])) == ("rollback", "10.00", None, 1)


def test_the_mark_changes_with_what_is_served(tmp_path: Path) -> None:
    """The same version gives the same mark, another version another."""
    book = book_with_prices(tmp_path)
    first = snapshot_of(tmp_path).mark
    assert snapshot_of(tmp_path).mark == first
    publish(book, decision())
    assert snapshot_of(tmp_path).mark != first


def test_a_price_for_all_channels_holds_where_there_is_none_of_its_own() -> None:
    """The channel's own price first; a single channel needs no naming; several do."""
    snapshot = of(entry("a"), entry("a", "web"), entry("b", "web"), entry("c", "web"), entry("c", "desk"))
    asked: list[tuple[str, str | None]] = [
        ("a", None), ("a", "web"), ("a", "desk"), ("b", None), ("b", "desk"), ("c", None), ("d", None),
    ]  # fmt: skip
    found = [snapshot.find(offer, channel) for offer, channel in asked]
    assert [one and one.channel for one in found] == ["all", "web", "all", "web", None, None, None]


def pages(snapshot: Snapshot, where: dict[str, str], limit: int) -> Iterator[Entry]:
    """Every entry, page by page."""
    after: Key | None = None
    for _ in range(len(snapshot.content.entries) + 1):
        found, after = snapshot.page(where, after=after, limit=limit)
        assert len(found) <= limit
        yield from found
        if after is None:
            return
    pytest.fail("the pages never end")


@settings(deadline=None)
@given(
    st.sets(st.tuples(st.text(max_size=2), st.sampled_from("xy"), st.sampled_from("xy"), st.sampled_from("xy"))),
    st.dictionaries(st.sampled_from(["product", "segment", "event"]), st.sampled_from("xyz")),
    st.integers(1, 5),
)
def test_pages_hold_each_matching_price_once(
    rows: set[tuple[str, str, str, str]], where: dict[str, str], limit: int
) -> None:
    """Whatever the filters and the size of a page: nothing is missed, doubled or out of order."""
    made = {row[0]: entry(row[0], product=row[1], segment=row[2], event=row[3]) for row in rows}
    matching = [one for one in made.values() if all(getattr(one, name) == value for name, value in where.items())]
    found = list(pages(of(*made.values()), where, limit))
    assert found == sorted(matching, key=lambda one: one.key)
