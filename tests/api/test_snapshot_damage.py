"""However a snapshot is damaged or made up, no torn or impossible price is ever served from it, and nothing runs."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from structlog.testing import capture_logs

from api.served.follower import Follower
from api.served.snapshot import SNAPSHOT_NAME, check, load, write
from tests.api.clocks import still
from tests.api.served.test_snapshot import snapshot_of
from tests.api.store.book_kit import IDS, book_with_prices, decision, publish

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A snapshot of three prices, one of them moved."""
    book = book_with_prices(home := tmp_path_factory.mktemp("home"))
    publish(book, decision())
    write(snapshot_of(home), place := home / SNAPSHOT_NAME)
    return place.read_bytes()


@pytest.fixture
def path(whole: bytes, tmp_path: Path) -> Path:
    """It is on disk, without a database: what a server starts with when that is down."""
    (place := tmp_path / SNAPSHOT_NAME).write_bytes(whole)
    return place


def served(path: Path) -> int:
    """How many prices a server that starts now has."""
    follower = Follower(path.with_name("none.db"), path, clock=still())
    follower.refresh()
    return len(follower.current().snapshot.entries)


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes flipped, cut off, left out, doubled, or moved."""
    one, other = sorted(rng.integers(0, len(data), 2))
    match rng.integers(5):
        case 0:
            changed = bytearray(data)
            for place in rng.integers(0, len(data), rng.integers(1, 9)):
                changed[place] ^= 1 << int(rng.integers(8))
            return bytes(changed)
        case 1:
            return data[:one]
        case 2:
            return data[:one] + data[other:]
        case 3:
            return data[:other] + data[one:]
        case _:
            return data[other:] + data[:other]


def test_a_thousand_damaged_snapshots_are_refused(path: Path, whole: bytes) -> None:
    """Each is ignored and said to be; the whole one is read."""
    rng = np.random.default_rng(0)
    assert served(path) == len(IDS)
    for _ in range(1000):
        if (damaged := damage(whole, rng)) == whole:
            continue
        path.write_bytes(damaged)
        with capture_logs() as logs:
            assert load(path) is None
        assert "ignored" in logs[0]["event"]
    with capture_logs():
        assert served(path) == 0


def price(**changed: Any) -> Change:
    """Change what is said about the first price, in its answer and in its explanation alike."""

    def change(content: dict[str, Any]) -> None:
        for part in ("price", "explanation"):
            content["entries"][0][part] |= {
                name: value for name, value in changed.items() if name in content["entries"][0][part]
            }

    return change


def answer(**changed: Any) -> Change:
    """Change what is said in the answer only."""
    return lambda content: content["entries"][0]["price"].update(changed)


def entry(**changed: Any) -> Change:
    """Change what is said beside the answer."""
    return lambda content: content["entries"][0].update(changed)


def swapped(name: str) -> Change:
    """Give two offers each other's part."""

    def change(content: dict[str, Any]) -> None:
        one, other = content["entries"][:2]
        one[name], other[name] = other[name], one[name]

    return change


def both(**changed: Any) -> Change:
    """Change what is said in the answer and beside it."""

    def change(content: dict[str, Any]) -> None:
        answer(**changed)(content)
        entry(**changed)(content)

    return change


def without(part: str, name: str) -> Change:
    """Leave something out of the first entry, or of a part of it."""

    def change(content: dict[str, Any]) -> None:
        first = content["entries"][0]
        del (first[part] if part else first)[name]

    return change


def lacking(name: str) -> Change:
    """Leave a whole part out."""
    return lambda content: content.pop(name)


IMPOSSIBLE: dict[str, Change] = {
    **{f"a price of {value!r}": price(price=value, total_price=value) for value in (
        "-11.00", "0.00", "0", "-0.01", "NaN", "nan", "-NaN", "Infinity", "-Infinity", "1e308", "1e400", "11,00", "",
        " ", "+11.00", "11.0", "11.001", "0x10", "eleven",
        "11.00 EUR", "٣", 11.0, 11, True, None, ["11.00"], {"amount": "11.00"}, "1" * 40,
    )},
    **{f"a total of {value!r}": answer(total_price=value) for value in ("10.99", "NaN", "-11.00", "0", None, 11.0)},
    **{f"a currency {value!r}": price(currency=value) for value in ("XTS", "eur", "", "EURO", None, 978, "JPY")},
    **{f"a version {value!r}": price(version=value) for value in (0, -1, 3, 99, "2", 2.5, None)},
    **{f"from {value!r}": both(valid_from=value) for value in ("2026-03-02T09:30:00", "", None, 0, "9999", "NaN")},
    **{f"until {value!r}": both(valid_until=value) for value in ("2026-03-02T09:30:00", "2020-01-01T00:00:00Z", 0, "")},
    **{f"no {name} in the answer": without("price", name) for name in (
        "offer", "channel", "price", "currency", "total_price", "version", "valid_from", "valid_until",
    )},
    **{f"no {name} beside it": without("", name) for name in (
        "offer", "channel", "product", "segment", "event", "price", "explanation", "valid_from", "number",
    )},
    **{f"no {name} at all": lacking(name) for name in ("version", "taken_at", "keys", "secret", "entries")},
    **{f"the {name} of another offer": swapped(name) for name in ("price", "explanation", "offer", "segment")},
    "another offer's name": answer(offer="hamlet-child"),
    "another channel": entry(channel="web"),
    "another time than its answer": entry(valid_from="2026-03-02T09:30:00.000002Z"),
    "an explanation of another price": lambda content: content["entries"][0]["explanation"].update(price="12.00"),
    "an explanation of another version": lambda content: content["entries"][0]["explanation"].update(version=1),
    "an answer that is a list": entry(price=["11.00"]),
    "an answer that is text": entry(price='{"price": "11.00"}'),
    "an answer that is null": entry(price=None),
    "a price twice": lambda content: content["entries"].append(content["entries"][-1]),
    "out of order": lambda content: content["entries"].reverse(),
    "entries by name": lambda content: content.update(entries={"a": content["entries"][0]}),
    "entries that are numbers": lambda content: content.update(entries=[1, 2]),
    "a version that is text": lambda content: content.update(version="2"),
    "a time without zone": lambda content: content.update(taken_at="2026-03-02T09:30:00"),
    "keys in a list": lambda content: content.update(keys=["prices:read"]),
    "scopes that are text": lambda content: content.update(keys={"0" * 64: ["shop", "admin"]}),
}  # fmt: skip


def sealed(kept: object) -> bytes:
    """What a file would be that somebody made up and gave the right checksum."""
    inner = json.dumps(kept).encode()
    return b'{"sha256":"' + hashlib.sha256(inner).hexdigest().encode() + b'","kept":' + inner + b"}"


def test_a_snapshot_made_up_with_care_is_as_good_as_a_real_one(path: Path) -> None:
    """The cases below are refused for what they change, not for how they are written."""
    path.write_bytes(sealed(json.loads(path.read_bytes())["kept"]))
    assert served(path) == len(IDS)


@pytest.mark.parametrize("change", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_cannot_be_is_refused_whatever_its_checksum_says(path: Path, change: Change) -> None:
    """Nothing of that snapshot is served, not even its other prices."""
    kept = json.loads(path.read_bytes())["kept"]
    change(kept["content"])
    path.write_bytes(sealed(kept))
    with capture_logs() as logs:
        assert load(path) is None
    assert "ignored" in logs[0]["event"]


BOMBS = {
    "brackets": b"[" * 5_000_000,
    "brackets in an answer": b'{"sha256":"","kept":' + b"[" * 2_000_000 + b"]" * 2_000_000 + b"}",
    "objects": b'{"a":' * 1_000_000,
    "a long number": b'{"sha256":"","kept":' + b"9" * 5_000_000 + b"}",
    "a large exponent": b'{"sha256":"","kept":1e999999999}',
    "many keys": b"{" + b",".join(b'"k%d":0' % i for i in range(200_000)) + b"}",
    "not UTF-8": b'{"sha256":"\xff","kept":{}}',
    "null bytes": b"\0" * 1_000_000,
    "code": b"cos\nsystem\n(S'false'\ntR.",
    "two documents": b'{"sha256":"","kept":{}}{"sha256":"","kept":{}}',
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused(path: Path, bomb: bytes) -> None:
    """Deep, long or not JSON at all: the server starts without prices, and says why."""
    path.write_bytes(bomb)
    with capture_logs():
        assert served(path) == 0


@pytest.mark.parametrize("depth", [100, 100_000])
def test_an_answer_that_is_a_bomb_is_refused(path: Path, depth: int) -> None:
    """Under a checksum that is right."""
    kept = path.read_bytes().partition(b'"kept":')[2][:-1]
    deep = kept.replace(b'"explanation":{', b'"explanation":{"x":' + b"[" * depth + b"]" * depth + b",", 1)
    inner = deep if depth > 1000 else deep.replace(b'"price":"11.00"', b'"price":"-1"')
    path.write_bytes(b'{"sha256":"' + hashlib.sha256(inner).hexdigest().encode() + b'","kept":' + inner + b"}")
    with capture_logs():
        assert load(path) is None


def test_what_comes_from_the_database_is_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last good prices are served on, flagged stale, until the book says what can be."""
    book = book_with_prices(tmp_path)
    follower = Follower(tmp_path / "prices.db", tmp_path / SNAPSHOT_NAME, clock=still())
    follower.refresh()
    publish(book, decision())
    wrong = snapshot_of(tmp_path)
    first = msgspec.structs.replace(wrong.content.entries[0], price=msgspec.Raw(b'{"price":"-1.00"}'))
    wrong = wrong.of(msgspec.structs.replace(wrong.content, entries=(first, *wrong.content.entries[1:])))
    with pytest.raises(ValueError, match="hamlet-adult"):
        check(wrong.content)
    with monkeypatch.context() as patched, capture_logs():
        patched.setattr("api.served.follower.take", lambda *_, **__: wrong)
        follower.refresh()
        view = follower.current()
        assert (view.snapshot.content.version, view.stale) == (1, True)
    follower.refresh()
    assert (follower.current().snapshot.content.version, follower.current().stale) == (2, False)
