"""A market that changed raises the alarm, one that did not stays quiet; what could not be sold is not expected."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import Engine

from api.outcomes import EXPECTED, Outcomes, keep_stock, outcomes
from api.rehearsal import Rehearsal, rehearse
from api.seal import seal
from api.store.book import PriceBook
from api.store.database import open_database
from api.store.sales import Sale, record
from api.workspace import Workspace
from pricing.book import Listing
from pricing.errors import InputError
from pricing.learning import Expectation, OfferOutcome
from pricing.market import Market
from pricing.model import ALL, Resource
from pricing.simulation import SALE_DAYS, booking_share
from tests.api.store.book_kit import IDS, OFFERS, decision, new_book, place_in, publish

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DAYS = 20


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    """A simulated season whose prices were fitted, decided and published."""
    folder = tmp_path_factory.mktemp("season")
    return rehearse(folder, now=NOW, seed=7, manager="manager", progress=lambda *_: None)


@dataclass
class Season:
    """A copy of the season that goes on: buyers come as the truth has it, and their sales come back over the API."""

    done: Rehearsal
    root: Path
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(107))
    sold: int = 0

    def __post_init__(self) -> None:
        shutil.copytree(self.done.workspace.root, self.root)
        self.place = Workspace.open(self.root)
        self.engine = open_database(self.place.database)
        self.left = {resource.id: resource.capacity for resource in self.place.market(NOW).resources}

    def day(self, number: int, *, shift: float) -> Outcomes:
        """One day of sales, `shift` times as much as the truth, and what is known at its end."""
        start = datetime(2026, 11, 21, 10, tzinfo=UTC) + number * DAY
        batch = list(self._buyers(start, shift))
        end = start.replace(hour=0) + DAY
        record(self.engine, batch, by="shop", now=end)
        return self.place.outcomes(now=end)

    def _buyers(self, start: datetime, shift: float) -> Iterator[Sale]:
        prices = list(self.place.book.prices_in_force(NOW))
        for place in self.rng.permutation(len(prices)):
            price = prices[place]
            product, segment = price.terms["product"] or "", price.terms["segment"] or ""
            room = f"{price.terms['event']} / {product}"
            units, reference = self.done.season.appetite[price.offer]
            slope = self.done.season.elasticity[product, segment]
            mean = units * self._share(price.terms["event"] or "", start) * (float(price.price) / reference) ** slope
            bought = min(int(self.rng.poisson(mean * shift)), int(self.left.get(room, 1e9)))
            self.left[room] = self.left.get(room, 1e9) - bought
            if bought:
                self.sold += 1
                at = start + timedelta(minutes=int(self.rng.integers(600)))
                yield Sale(f"s{self.sold}", price.offer, at, float(bought), price.price, price.currency)

    def _share(self, event: str, start: datetime) -> float:
        """Share of the demand still to come on the season's first day that comes on this day."""
        if event == ALL:
            return 1 / 28
        events = self.done.season.events
        day = events.set_index("event")["starts_at"][event].date()
        lead, ahead, share = (day - start.date()).days, (day - NOW.date()).days, booking_share()
        return float(share[SALE_DAYS - lead] / share[SALE_DAYS - ahead :].sum()) if lead > 0 else 0.0


def test_a_market_that_did_not_change_stays_quiet(rehearsed: Rehearsal, tmp_path: Path) -> None:
    """Twenty days on the truth: no alarm on any, and 80 % intervals hold about 80 % of the offers."""
    season = Season(rehearsed, tmp_path / "quiet")
    told = [season.day(number, shift=1.0) for number in range(DAYS)]
    assert [each.learned.alarms for each in told] == [()] * DAYS
    units = [offer.units for offer in told[-1].learned.offers]
    inside = np.mean([each.expected.low <= each.realised <= each.expected.high for each in units])
    assert 0.65 <= inside <= 0.95
    before = season.place.history.daily_sales()["quantity"].sum()
    taken = season.place.absorb_sales()
    assert taken == season.sold
    assert season.place.history.daily_sales()["quantity"].sum() > before
    assert {each.id: each.capacity for each in season.place.market(NOW).resources} == {
        name: pytest.approx(left) for name, left in season.left.items() if not name.startswith(ALL)
    }


@pytest.mark.parametrize(("shift", "way"), [(0.6, "fewer"), (1.6, "more")])
def test_a_market_that_changed_raises_the_alarm(rehearsed: Rehearsal, tmp_path: Path, shift: float, way: str) -> None:
    """After five quiet days buyers come otherwise; a week later everybody has been told."""
    season = Season(rehearsed, tmp_path / "changed")
    for number in range(5):
        assert season.day(number, shift=1.0).learned.alarms == ()
    for number in range(5, 17):
        if alarms := season.day(number, shift=shift).learned.alarms:
            assert way in alarms[0]
            assert "fit again" in alarms[0]
            return
    pytest.fail("no alarm")


class Hall:
    """Three offers at 10.00, and a fit that expects 24 tickets of each kind a day: one an hour."""

    def __init__(self, folder: Path, *, first: date = date(2026, 3, 2), days: int = 30, **changed: Any) -> None:
        self.fits, self.first = folder / "fits", first
        self.opened = datetime(first.year, first.month, first.day, tzinfo=UTC)
        self.book: PriceBook = new_book(folder)
        self.engine: Engine = open_database(place_in(folder))
        self.book.import_offers(list(map(Listing, OFFERS)), by="ann", now=self.opened - DAY)
        expected = [self.expectation(offer.segment, days, **changed) for offer in OFFERS]
        (self.fits / "abc").mkdir(parents=True)
        (self.fits / "current.json").write_text('{"version": "abc"}')
        (self.fits / "abc" / EXPECTED).write_bytes(msgspec.json.encode(expected))
        seal(self.fits / "abc", [EXPECTED], {})
        self.count = 0

    def expectation(self, segment: str, days: int, **changed: Any) -> Expectation:
        """What is expected of one kind of buyer."""
        values: dict[str, Any] = {
            "event": "friday",
            "product": "hamlet",
            "segment": segment,
            "channel": ALL,
            "mean": 24.0 * days,
            "spread": 0.1,
            "reference": 10.0,
            "elasticity": -1.5,
            "se": 0.0,
            "noise": 0.02,
            "first": self.first,
            "shares": (1 / days,) * days,
        }
        return Expectation(**(values | changed))

    def sell(
        self,
        at: datetime,
        units: float = 1.0,
        *,
        offer: str = IDS[0],
        price: str = "10.00",
        came: datetime | None = None,
    ) -> None:
        """A sale that comes back at once, or later."""
        self.count += 1
        sale = Sale(f"s{self.count}", offer, at, units, Decimal(price), "EUR")
        record(self.engine, [sale], by="shop", now=came or at)

    def told(self, now: datetime, zone: str = "UTC", *, sent: bool = True) -> Outcomes:
        """What is known at an instant; the shop has just sent what it had, a ticket and its return."""
        if sent and self.count:
            self.sell(now, 1.0, offer=IDS[2])
            self.sell(now, -1.0, offer=IDS[2])
        return outcomes(self.fits, self.engine, time_zone=zone, now=now, seed=0)

    def adult(self, now: datetime, zone: str = "UTC") -> OfferOutcome:
        """What is known of the first offer."""
        return next(each for each in self.told(now, zone).learned.offers if each.offer == IDS[0])


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    """A hall whose fit began on 2 March."""
    return Hall(tmp_path)


def mean(told: OfferOutcome) -> float:
    """Units that were expected."""
    return told.units.expected.mean


def test_what_is_expected_follows_the_clock(hall: Hall) -> None:
    """One ticket an hour since the first sale that came back."""
    hall.sell(hall.opened)
    for hours in (6, 24, 60):
        assert mean(hall.adult(hall.opened + hours * HOUR)) == pytest.approx(hours, rel=0.05)


def test_what_a_shop_has_not_sent_yet_is_no_lack_of_demand(hall: Hall) -> None:
    """Sales of a day come the night after: until then the day is not expected. A silence of days is one of buyers."""
    for day in range(3):
        night = hall.opened + (day + 1) * DAY + 2 * HOUR
        for offer in IDS:
            hall.sell(hall.opened + day * DAY, 24.0, offer=offer, came=night)
    last = hall.opened + 3 * DAY + 2 * HOUR
    told = hall.told(last + 22 * HOUR, sent=False)
    assert told.until == last
    assert told.learned.alarms == ()
    silent = hall.told(last + 10 * DAY, sent=False)
    assert silent.until == last + 10 * DAY
    assert silent.learned.alarms


def test_nothing_is_expected_before_the_shop_sends_its_sales(hall: Hall) -> None:
    """The first sale comes back on the fourth day: what was sold before is not known."""
    start = hall.opened + 3 * DAY
    hall.sell(start)
    told = hall.told(start + DAY)
    assert told.since == start
    assert mean(hall.adult(start + DAY)) == pytest.approx(24, rel=0.05)


def test_an_offer_is_compared_since_its_price_took_effect(hall: Hall) -> None:
    """A day at 10.00, then two at 11.00: the line is about 11.00, the group about all three."""
    changed = hall.opened + DAY
    hall.sell(hall.opened, 20.0)
    publish(hall.book, decision(price="11.00"), at=changed)
    hall.sell(changed + HOUR, 50.0, price="11.00")
    told = hall.adult(hall.opened + 3 * DAY)
    assert (told.price, told.since) == (Decimal("11.00"), changed)
    assert mean(told) == pytest.approx(48 * 1.1**-1.5, rel=0.05)
    assert (told.units.realised, told.revenue.realised) == (50, 550)
    group = next(each for each in hall.told(hall.opened + 3 * DAY).learned.groups if "adult" in each.name)
    assert group.units.realised == 70
    assert group.units.expected.mean == pytest.approx(24 + 48 * 1.1**-1.5, rel=0.05)


@pytest.mark.parametrize("declared", ["room", None])
def test_after_a_sell_out_nothing_is_expected(tmp_path: Path, declared: str | None) -> None:
    """The room is full after a day: a week later that is no lack of demand, though without the stock it looks so.

    Whether the owner declared what the offers draw on, or a shop told it.
    """
    hall = Hall(tmp_path)
    drawing = tuple(replace(offer, resource="room") for offer in OFFERS)
    hall.book.import_offers(
        [Listing(replace(offer, resource=declared)) for offer in OFFERS],
        by="ann",
        now=hall.opened - HOUR,
    )
    for hour in range(24):
        for name in IDS:
            hall.sell(hall.opened + hour * HOUR, offer=name)
    end = hall.opened + 12 * DAY
    assert hall.told(end).learned.alarms
    keep_stock(hall.fits, "abc", Market(drawing, {}, (Resource("room", 72.0),)), now=hall.opened)
    assert mean(hall.adult(end)) == pytest.approx(23.25, rel=0.05)
    assert hall.told(end).learned.alarms == ()


def test_a_day_of_the_clock_change_counts_as_one_day(tmp_path: Path) -> None:
    """29 March has 23 hours in Berlin: a day's demand comes in them, not 23/24 of it."""
    hall = Hall(tmp_path, first=date(2026, 3, 28), mean=24_000.0 * 30, spread=0.0, noise=1e-6)
    start = datetime(2026, 3, 27, 23, tzinfo=UTC)
    hall.sell(start)
    days = [mean(hall.adult(start + hours * HOUR, "Europe/Berlin")) for hours in (24, 47, 71)]
    assert days == pytest.approx([24_000, 48_000, 72_000], rel=0.005)


def test_sales_are_of_the_day_of_the_owner_s_zone(tmp_path: Path) -> None:
    """In New York the fit's first day begins at 5 in the morning, UTC; a sale of the evening before does not count."""
    hall = Hall(tmp_path)
    hall.sell(hall.opened + 4 * HOUR, 7.0)
    hall.sell(hall.opened + 6 * HOUR, 2.0)
    assert hall.adult(hall.opened + 10 * HOUR, "America/New_York").units.realised == 2


def test_beyond_its_horizon_a_fit_says_nothing(tmp_path: Path) -> None:
    """Sales after the last day are held against nothing, and it says so."""
    hall = Hall(tmp_path, days=5)
    hall.sell(hall.opened, 3.0)
    hall.sell(hall.opened + 6 * DAY, 100.0)
    told = hall.told(hall.opened + 7 * DAY)
    assert told.beyond
    assert {each.offer: each.units.realised for each in told.learned.offers}[IDS[0]] == 3


def test_offers_the_fit_does_not_know_are_named(hall: Hall) -> None:
    """What came on sale since is not compared, and not forgotten."""
    hall.book.import_offers([Listing(replace(OFFERS[0], id="lear", product="lear"))], by="ann", now=hall.opened)
    hall.sell(hall.opened)
    assert hall.told(hall.opened + DAY).unknown == ("lear",)


def test_far_from_the_prices_of_past_sales_nothing_is_expected(tmp_path: Path) -> None:
    """Cents typed as euros: no figure is made up."""
    hall = Hall(tmp_path, reference=0.1)
    hall.sell(hall.opened)
    told = hall.told(hall.opened + DAY)
    assert told.learned.offers == ()
    assert told.unknown == tuple(sorted(IDS))


def test_units_at_another_price_are_counted_apart(hall: Hall) -> None:
    """Vouchers: the units count, and it is said how many they were."""
    hall.sell(hall.opened, 5.0)
    hall.sell(hall.opened, 2.0, price="8.00")
    told = hall.adult(hall.opened + DAY)
    assert (told.units.realised, told.revenue.realised, told.otherwise) == (7, 66, 2)


def test_the_same_question_has_the_same_answer(hall: Hall) -> None:
    """Draws come from the seed."""
    hall.sell(hall.opened, 5.0)
    assert hall.told(hall.opened + DAY) == hall.told(hall.opened + DAY)


def test_without_a_fit_it_says_what_to_do(tmp_path: Path) -> None:
    """And so it does where the fit is damaged."""
    hall = Hall(tmp_path)
    (hall.fits / "abc" / EXPECTED).write_bytes(b"[]")
    with pytest.raises(InputError, match="fairfare fit"):
        hall.told(hall.opened)
    (hall.fits / "current.json").unlink()
    with pytest.raises(InputError, match="fairfare fit"):
        hall.told(hall.opened)
