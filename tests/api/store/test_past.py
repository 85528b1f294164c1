"""What the book says of a price's past is all that a reduction is measured by: random books equal brute force."""

import json
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from sqlalchemy import insert

from api.served.answers import take
from api.store.database import open_database, open_to_read, reading, writing
from api.store.tables import prices, publications
from pricing.law import Law, MarketLaw
from tests.api.store.book_kit import Home, new_book, place_in
from tests.pricing.test_lowest import CELLS, FIRST, History, counted, histories, instant

LAW = Law((MarketLaw(name="DE", country="DE"),), time_zone="Europe/Berlin")
OFFERS = 300


def filled(home: Home) -> dict[str, History]:
    """A book with a random history for each of many offers, as they end."""
    new_book(home)
    known = {f"offer-{i:03}": history for i, history in enumerate(histories(OFFERS, seed=7)) if history.rows}
    begins = sorted({row[0] for history in known.values() for row in history.rows})
    version = {at: number + 1 for number, at in enumerate(begins)}
    terms = json.dumps({"product": "mug", "segment": "all", "event": "all", "list_price": None})
    rows = [
        {
            "offer": name,
            "channel": "all",
            "currency": "EUR",
            "price": price,
            "version": version[at],
            "valid_from": at,
            "valid_until": until,
            "terms": terms,
        }
        for name, history in known.items()
        for at, until, price in history.rows
    ]
    made = [{"version": number, "change": "import", "by": "ann", "at": at} for at, number in version.items()]
    with writing(open_database(place_in(home))) as db:
        db.execute(insert(publications), made)
        db.execute(insert(prices), rows)
    return known


@pytest.mark.parametrize("at_once", [500, 11])
def test_reductions_of_a_whole_book_equal_brute_force(
    home: Home, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Whatever the database sorts out beforehand, and however many offers it is asked about at once."""
    monkeypatch.setattr("api.store.past.AT_ONCE", at_once)
    known = filled(home)
    with reading(open_to_read(place_in(home))) as db:
        entries = take(db, now=FIRST + timedelta(days=365), law=LAW).entries
    assert len(entries) > OFFERS / 4
    claimed = 0
    for entry in entries:
        history = known[entry.offer]
        history.zone, history.at = LAW.time_zone, CELLS - 1
        expected, said = counted(history), msgspec.json.decode(entry.price)["reduction"]
        assert (said is None) == (expected is None), entry.offer
        if expected is not None:
            claimed += 1
            assert Decimal(said["lowest_price"]) == expected.lowest_price
            assert (said["percent"], said["days"]) == (expected.percent, expected.days)
            assert said["since"] == instant(int((expected.since - FIRST) / timedelta(minutes=30))).isoformat().replace(
                "+00:00", "Z"
            )
    assert claimed > 10
