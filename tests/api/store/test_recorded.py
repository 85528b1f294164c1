"""A price that has gone is told as it was while it was served: a quote may still hold it."""

from datetime import timedelta

import msgspec

from api.served.answers import entry_of, take
from api.served.quoting import Said
from api.served.snapshot import Entry
from api.store.database import open_database, reading
from pricing.law import NO_LAW
from tests.api.store.book_kit import NOW, POLICY, Home, book_with_prices, decision, place_in, publish


def test_a_price_is_told_as_it_was_after_another_has_replaced_it(home: Home) -> None:
    """All that a quote says of it; and so is the one that replaced it, after it was taken back."""
    book = book_with_prices(home)
    engine = open_database(place_in(home))
    seen: dict[int, Entry] = {}
    for step in range(3):
        now = NOW + timedelta(minutes=step)
        if step == 1:
            publish(book, decision(), at=now)
        elif step == 2:
            book.rollback(2, by="ann", now=now, policy=POLICY)
        with reading(engine) as db:
            seen |= {entry.number: entry for entry in take(db, now=now).content.entries}
    with reading(engine) as db:
        for number, entry in seen.items():
            found = entry_of(db, number, law=NO_LAW)
            assert found is not None
            assert Said.of(found) == Said.of(entry)
        assert entry_of(db, max(seen) + 1, law=NO_LAW) is None
    assert len({msgspec.json.decode(entry.price)["version"] for entry in seen.values()}) == 3
