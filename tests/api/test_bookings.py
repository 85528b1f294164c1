"""How events fill up is kept as data, and read without what made it."""

from pathlib import Path

import pandas as pd
import pytest

from api.bookings import BOOKINGS_NAME, load_bookings
from api.report.bookings import Bookings, to_keep
from api.report.goods import shelves
from tests.api.report.season import NOW, Case, make_case

TODAY = pd.Timestamp(NOW.date())


@pytest.fixture(scope="module")
def case() -> Case:
    """A small season."""
    return make_case()


@pytest.fixture
def root(case: Case, tmp_path: Path) -> Path:
    """A folder with its bookings."""
    on_sale = [offer.event for offer in case.offers]
    to_keep(case.sales, case.season.events, on_sale, today=TODAY, now=NOW).save(tmp_path)
    return tmp_path


def test_what_is_kept_is_what_was_sold(case: Case, root: Path) -> None:
    """Path, tickets and typical curve of each coming event, as the report draws them."""
    kept = load_bookings(root)
    assert kept is not None
    history = Bookings.of(case.sales, case.season.events, TODAY)
    assert kept.events
    for filling in kept.events:
        lead, sold = history.sold(filling.event)
        assert (list(filling.lead), list(filling.sold)) == (list(lead), list(sold))
        assert sum(units for _, _, units in filling.tickets) == pytest.approx(filling.on_hand)
        usual = history.typical(filling.event)
        assert (filling.typical is None) == (usual is None)
        if usual is not None:
            assert filling.usual == pytest.approx(float(usual.at(lead[-1])), abs=0.01)
        leads, share = filling.share_left()
        assert (leads[0], leads[-1]) == (lead[-1], 0)
        assert [share[0], share[-1]] == pytest.approx([0.0, 1.0])
        assert list(share) == sorted(share)


def test_a_damaged_file_counts_as_none(root: Path, tmp_path: Path) -> None:
    """As does a missing one."""
    (root / BOOKINGS_NAME).write_bytes(b'{"made_at": 3}')
    assert load_bookings(root) is None
    (root / BOOKINGS_NAME).unlink()
    assert load_bookings(tmp_path) is None


def test_without_events_nothing_is_kept_but_the_day(case: Case) -> None:
    """A shop has no events."""
    kept = to_keep(case.sales, case.season.events.iloc[:0], [], today=TODAY, now=NOW)
    assert kept.events == ()
    assert kept.until < NOW


def test_goods_are_kept_by_whole_periods_and_their_forecast(case: Case, tmp_path: Path) -> None:
    """What was sold in each period that is over, from the first sale on, and the forecast of those behind."""
    past, forecast = case.sales[case.sales["date"] < TODAY], case.fit.forecast
    kept = to_keep(case.sales, case.season.events, [], shelves(past, forecast), today=TODAY, now=NOW)
    kept.save(tmp_path)
    assert load_bookings(tmp_path) == kept
    assert {(shelf.product, shelf.segment) for shelf in kept.goods} == {
        (product, segment) for product, segment in zip(forecast["product"], forecast["segment"], strict=True)
    }
    for shelf in kept.goods:
        own = past[(past["event"] == "all") & (past["product"] == shelf.product)]
        over = pd.Timestamp(shelf.periods[len(shelf.sold)])
        within = own[(own["date"] >= pd.Timestamp(shelf.periods[0])) & (own["date"] < over)]
        assert sum(shelf.sold) == pytest.approx(within["quantity"].sum())
        assert len(shelf.periods) == len(shelf.sold) + len(shelf.mean)
        assert shelf.lately == sum(shelf.sold[-len(shelf.mean) :])
        low, mean, high = shelf.ahead
        assert low <= mean <= high
