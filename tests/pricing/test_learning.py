"""Expected against realised: intervals that hold, days that count for both sides or neither, alarms in words."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pricing.learning import FALSE_ALARM, FIT, Comparison, Expectation, Learned, Spell, learn
from pricing.model import ALL

Vector = NDArray[np.float64]
START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 28


def expectation(**changed: Any) -> Expectation:
    """280 units over 28 days at 10."""
    values: dict[str, Any] = {
        "event": ALL,
        "product": "mug",
        "segment": ALL,
        "channel": ALL,
        "mean": 280.0,
        "spread": 0.1,
        "reference": 10.0,
        "elasticity": -2.0,
        "se": 0.1,
        "noise": 0.05,
        "first": date(2026, 3, 2),
        "shares": (1 / DAYS,) * DAYS,
    }
    return Expectation(**(values | changed))


def spell(sold: Vector, about: Expectation | None = None, **changed: Any) -> Spell:
    """A price of 10 in force over all days of an expectation."""
    about = about or expectation()
    values: dict[str, Any] = {
        "offer": about.product,
        "channel": ALL,
        "currency": "EUR",
        "price": Decimal("10.00"),
        "since": START,
        "in_force": True,
        "expectation": about,
        "exposure": about.mean * np.asarray(about.shares),
        "sold": np.asarray(sold, dtype=np.float64),
        "revenue": float(np.sum(sold)) * 10.0,
    }
    return Spell(**(values | changed))


def told(*spells: Spell, whole: int = DAYS) -> Learned:
    """What these spells tell."""
    return learn(spells, whole=slice(0, whole), rng=np.random.default_rng(0))


def played(rng: np.random.Generator, about: Expectation, *, shift: float = 1.0) -> Vector:
    """(days,) units as the expectation has them."""
    level = np.exp(about.spread * rng.standard_normal() - about.spread**2 / 2) * shift
    mean = level * about.mean * np.asarray(about.shares)
    return rng.poisson(mean * rng.gamma(1 / about.noise, about.noise, len(mean))).astype(np.float64)


@pytest.mark.parametrize("changed", [{}, {"shares": (1.0,), "noise": 0.3}, {"mean": 5.0}])
def test_an_80_percent_interval_holds_80_percent_of_what_is_sold(changed: dict[str, Any]) -> None:
    """Of 400 offers that sell as expected, over all days, on one, or next to nothing; and p-values are even."""
    rng = np.random.default_rng(1)
    abouts = [expectation(product=f"p{n}", **changed) for n in range(400)]
    spells = [spell(played(rng, about), about) for about in abouts]
    units = [offer.units for offer in told(*spells, whole=0).offers]
    inside = [each.expected.low <= each.realised <= each.expected.high for each in units]
    assert np.mean(inside) == pytest.approx(0.84 if changed.get("mean") else 0.8, abs=0.06)
    assert np.mean([each.p_value < 0.1 for each in units]) <= 0.15
    assert np.mean([each.residual for each in units]) == pytest.approx(0.0, abs=0.15)


def test_over_all_its_days_an_offer_is_expected_to_sell_what_the_fit_says() -> None:
    """At the reference price its mean; 10 % dearer and with elasticity -2 about a fifth less."""
    usual = told(spell(np.full(DAYS, 10.0))).offers[0]
    dearer = told(spell(np.full(DAYS, 8.0), price=Decimal("11.00"), revenue=28 * 88.0)).offers[0]
    assert usual.units.expected.mean == pytest.approx(280, rel=0.03)
    assert dearer.units.expected.mean == pytest.approx(280 / 1.21, rel=0.03)
    assert dearer.revenue.expected.mean == pytest.approx(11 * dearer.units.expected.mean)
    assert dearer.revenue.realised == pytest.approx(28 * 88.0)


def test_only_the_part_of_the_horizon_that_has_passed_is_expected() -> None:
    """After a quarter of the days a quarter of the units."""
    about = expectation()
    exposure = np.where(np.arange(DAYS) < 7, 10.0, 0.0)
    found = told(spell(np.where(exposure > 0, 10.0, 0.0), about, exposure=exposure), whole=7)
    assert found.offers[0].units.expected.mean == pytest.approx(70, rel=0.03)
    assert found.alarms == ()


def test_offers_that_sell_as_expected_raise_no_alarm() -> None:
    """40 fits of four products each: at most 5 % of the fits, by any of their groups."""
    rng = np.random.default_rng(2)
    abouts = [expectation(product=f"p{n}", mean=28.0 * (n + 1)) for n in range(4)]
    alarms = [bool(told(*(spell(played(rng, about), about) for about in abouts)).alarms) for _ in range(40)]
    assert np.mean(alarms) <= FALSE_ALARM


def test_events_that_do_well_or_badly_each_by_itself_raise_no_alarm() -> None:
    """30 seasons of six events, one after the other, each foreseen to 40 % and selling as foreseen."""
    rng, alarms = np.random.default_rng(7), list[bool]()
    for _ in range(30):
        spells = []
        for n in range(6):
            shares = np.where(np.arange(60) // 10 == n, 0.1, 0.0)
            about = expectation(event=f"e{n}", mean=2000.0, spread=0.4, noise=0.02, shares=tuple(shares))
            spells.append(spell(played(rng, about), about))
        alarms.append(bool(told(*spells, whole=60).alarms))
    assert np.mean(alarms) <= FALSE_ALARM


def test_one_product_that_changed_is_named_and_the_others_are_not() -> None:
    """Six products, one sells half: its own group says so, and its offer carries the alarm."""
    rng = np.random.default_rng(3)
    abouts = [expectation(product=f"p{n}") for n in range(6)]
    spells = [spell(played(rng, each, shift=0.5 if each.product == "p3" else 1.0), each) for each in abouts]
    found = told(*spells)
    alarmed = [group.name for group in found.groups if group.alarm and group.name != FIT]
    assert alarmed == ["p3 / all"]
    alarm = next(offer.alarm for offer in found.offers if offer.offer == "p3")
    assert "fewer sold" in alarm
    assert "hold prices, and fit again" in alarm


def test_a_little_less_everywhere_is_seen_in_the_whole_before_anywhere_else() -> None:
    """30 % less of each of 40 small products: the fit as a whole raises the alarm."""
    rng = np.random.default_rng(4)
    abouts = [expectation(product=f"p{n:02d}", mean=28.0, spread=0.3) for n in range(40)]
    found = told(*(spell(played(rng, each, shift=0.7), each) for each in abouts))
    assert found.groups[0].name == FIT
    assert found.groups[0].alarm
    assert all(offer.alarm for offer in found.offers)


def test_sales_that_stop_coming_are_told_apart_from_a_weaker_demand() -> None:
    """Next to nothing sold: first see whether sales still arrive."""
    assert "still arrive" in told(spell(np.zeros(DAYS))).alarms[0]


def test_a_day_that_is_not_over_raises_no_alarm() -> None:
    """A shop that opens at noon has sold nothing in the morning."""
    found = told(spell(np.zeros(DAYS)), whole=0)
    assert found.alarms == ()
    assert found.offers[0].units.realised == 0


def test_two_prices_of_an_offer_are_one_group_and_the_one_in_force_is_told() -> None:
    """The group adds both spells up; the offer's line is about the price that holds now."""
    early, late = np.where(np.arange(DAYS) < 14, 10.0, 0.0), np.where(np.arange(DAYS) < 14, 0.0, 10.0)
    first = spell(early, exposure=early, in_force=False)
    second = spell(late, exposure=late)
    found = told(first, second)
    assert len(found.offers) == 1
    assert found.offers[0].units.realised == 140
    assert found.groups[0].units.realised == 280


def test_offers_of_one_event_share_its_fortune() -> None:
    """Two ticket types of one event err together, so that their sum is less sure than of two events."""
    same = [expectation(event="gala", product=name, spread=0.3, noise=0.01) for name in ("stalls", "balcony")]
    apart = [replace(each, event=each.product) for each in same]
    width = []
    for abouts in (same, apart):
        found = told(*(spell(np.full(DAYS, 10.0), each) for each in abouts))
        width.append(found.groups[0].units.expected.high - found.groups[0].units.expected.low)
    assert width[0] > 1.2 * width[1]


def test_groups_are_by_product_and_segment_and_event() -> None:
    """Each kind of group adds up to the same."""
    abouts = [
        expectation(event=event, product=product, segment=segment)
        for event in ("a", "b")
        for product in ("stalls", "balcony")
        for segment in ("adult", "child")
    ]
    found = told(*(spell(np.full(DAYS, 10.0), each) for each in abouts))
    for kind, count in {"fit": 1, "product and segment": 4, "product": 2, "segment": 2, "event": 2}.items():
        groups = [group for group in found.groups if group.kind == kind]
        assert len(groups) == count
        assert sum(group.units.realised for group in groups) == 8 * 280


def test_returns_beyond_what_is_sold_are_no_error() -> None:
    """A day of returns counts as a day without sales for the test, and as what it is for the sum."""
    sold = np.full(DAYS, 10.0)
    sold[3] = -4.0
    found = told(spell(sold))
    assert found.offers[0].units.realised == 266
    assert np.isfinite(found.groups[0].evidence or np.nan)


def test_an_elasticity_of_which_nothing_is_known_gives_finite_figures() -> None:
    """A standard error of 1000: wide, and no overflow."""
    about = expectation(se=1000.0, mean=1e6)
    found = told(spell(np.full(DAYS, 10.0), about, price=Decimal("2.50")))
    assert np.isfinite(found.offers[0].units.expected.high)


def test_nothing_expected_is_nothing_learned() -> None:
    """Without exposure there is neither an outcome nor an alarm."""
    assert told(spell(np.zeros(DAYS), exposure=np.zeros(DAYS))) == Learned((), ())


@pytest.mark.parametrize(
    "changed",
    [
        {"mean": -1.0},
        {"mean": np.nan},
        {"spread": -0.1},
        {"se": np.inf},
        {"noise": 0.0},
        {"reference": 0.0},
        {"shares": (0.5, -0.5)},
    ],
)
def test_an_expectation_that_makes_no_sense_cannot_be_made(changed: dict[str, Any]) -> None:
    """A damaged file is refused when it is read."""
    with pytest.raises(ValueError, match="expectation"):
        expectation(**changed)


def test_a_comparison_knows_how_far_off_it_is() -> None:
    """Two standard deviations above; the chance of that is small."""
    draws = np.random.default_rng(0).normal(100.0, 10.0, 4000)
    far = Comparison.of(draws, 120.0)
    assert far.residual == pytest.approx(2.0, abs=0.1)
    assert far.p_value == pytest.approx(0.046, abs=0.02)
    assert Comparison.of(draws, 100.0).p_value > 0.9
