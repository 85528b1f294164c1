"""The status never says more than the data can tell."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from forecasting.elasticity.cells import panels
from forecasting.elasticity.identification import (
    ABSURD,
    Estimate,
    Feedback,
    Verdict,
    assess,
    assess_instrumented,
    by_association,
    feedback,
    own_variation,
    robustness,
    too_little,
)
from forecasting.elasticity.panel import poisson
from pricing.demand import Identification
from tests.forecasting.elasticity.markets import market

IDENTIFIED, WEAK, REFUSED = Identification.IDENTIFIED, Identification.WEAK, Identification.NOT_IDENTIFIED


def judged(sales: pd.DataFrame) -> tuple[Verdict, Estimate | None]:
    """Verdict on a table that is one group."""
    [panel] = panels(sales, by=["segment"])
    if verdict := too_little(panel, own_variation(panel)):
        return verdict, None
    fit = poisson(panel.quantity, panel.columns, panel.factors)
    estimate = Estimate.of(fit, panel.clusters)
    return assess(panel, estimate, feedback(panel, fit)), estimate


def test_where_prices_move_on_their_own_the_truth_is_recovered_and_covered() -> None:
    """Sixty markets with a persistent shock: no bias, 95 % intervals that hold the truth, and identified."""
    slopes, inside, said = [], [], Counter[Identification]()
    for seed in range(60):
        verdict, estimate = judged(market(np.random.default_rng(seed), persistence=0.5, weeks=40))
        assert estimate is not None
        slopes.append(estimate.slope)
        inside.append(estimate.lower <= -2 <= estimate.upper)
        said[verdict.status] += 1
    assert np.mean(slopes) == pytest.approx(-2, abs=0.06)
    assert 0.88 <= np.mean(inside) <= 1
    assert said[REFUSED] == 0
    assert said[IDENTIFIED] >= 55


@pytest.mark.parametrize("outlets", [1, 5])
def test_few_units_still_cover(outlets: int) -> None:
    """A single series, with season and trend, and five outlets, with dates."""
    verdicts = [judged(market(np.random.default_rng(s), outlets=outlets, weeks=60, persistence=0.3)) for s in range(60)]
    inside = [e.lower <= -2 <= e.upper for _, e in verdicts if e is not None]
    assert len(inside) == 60
    assert np.mean(inside) >= 0.87


@pytest.mark.parametrize("persistence", [0.5, 0.8])
def test_a_price_that_follows_demand_is_not_identified(persistence: float) -> None:
    """Price reacts .3 to a shock that lasts: found in all but a few of thirty markets."""
    said = Counter(
        judged(market(np.random.default_rng(seed), reaction=0.3, persistence=persistence, weeks=80))[0].status
        for seed in range(30)
    )
    assert said[IDENTIFIED] <= 1


def test_a_strong_reaction_is_refused_outright() -> None:
    """The lead of the price is larger than half the slope: no number is handed on."""
    verdict, _ = judged(market(np.random.default_rng(0), reaction=0.9, persistence=0.8, weeks=100, noise=0.08))
    assert verdict.status is REFUSED
    assert "Price followed demand" in verdict.reason
    assert verdict.followed


def test_a_promotion_announced_by_nothing_but_the_calendar_does_not_alarm() -> None:
    """Exogenous prices: the feedback test fires in about one of a hundred tables."""
    alarms = 0
    for seed in range(60):
        [panel] = panels(market(np.random.default_rng(seed), weeks=40), by=["product"])
        test = feedback(panel, poisson(panel.quantity, panel.columns, panel.factors))
        assert test is not None
        alarms += test.alarm
    assert alarms <= 3


def test_a_constant_price_is_not_identified() -> None:
    """However many rows."""
    verdict, estimate = judged(market(np.random.default_rng(0)).assign(price=4.0))
    assert (verdict.status, estimate) == (REFUSED, None)
    assert "never changed" in verdict.reason


def test_a_price_that_moves_only_with_the_season_is_not_identified() -> None:
    """One price list for all outlets, changed by date: the date explains it all."""
    sales = market(np.random.default_rng(0))
    sales["price"] = 3 + np.sin(sales["date"].dt.day_of_year)
    assert judged(sales)[0].status is REFUSED


def test_a_positive_slope_is_not_identified() -> None:
    """Dearer went with more sales."""
    verdict, _ = judged(market(np.random.default_rng(0), truth=1.0))
    assert verdict.status is REFUSED
    assert "Price followed demand" in verdict.reason


def test_a_slope_that_may_be_zero_is_not_identified() -> None:
    """Buyers that do not react."""
    said = Counter(judged(market(np.random.default_rng(seed), truth=0.0))[0].status for seed in range(20))
    assert said[IDENTIFIED] == 0
    assert said[REFUSED] >= 18


def test_an_absurd_slope_is_not_identified() -> None:
    """Large orders at a lower price."""
    verdict, _ = judged(market(np.random.default_rng(0), truth=ABSURD - 5, noise=0.05))
    assert verdict.status is REFUSED
    assert "absurd" in verdict.reason


def test_nothing_sold_and_single_rows_are_not_identified() -> None:
    """All zeros; one row."""
    sales = market(np.random.default_rng(0))
    assert judged(sales.assign(quantity=0.0))[0].status is REFUSED
    assert judged(sales.head(1))[0].status is REFUSED


def test_too_few_rows_to_test_make_it_weak() -> None:
    """A hundred rows show a slope, but not whether the price followed demand."""
    verdict, _ = judged(market(np.random.default_rng(1), outlets=2, weeks=50, noise=0.3))
    assert verdict.status is WEAK
    assert "of the 200 rows" in verdict.reason


def test_the_reason_of_an_identified_slope_says_what_cannot_be_seen() -> None:
    """A reaction within the same period."""
    verdict, estimate = judged(market(np.random.default_rng(0)))
    assert verdict.status is IDENTIFIED
    assert "within the same period cannot be seen" in verdict.reason
    assert estimate is not None
    assert 0 < robustness(estimate, 720) < 1


def test_discounts_for_some_buyers_make_it_weak() -> None:
    """Two prices on the same day in most cells."""
    sales = market(np.random.default_rng(0))
    verdict, _ = judged(pd.concat([sales, sales.assign(price=0.8 * sales["price"], quantity=5.0)]))
    assert verdict.status is not IDENTIFIED


def test_many_groups_whose_price_followed_demand_discredit_the_untested() -> None:
    """Three of seven clear groups: the four that could not be tested are refused, none speaks for others."""
    followed = Verdict(REFUSED, "followed", followed=True)
    untested, unclear = Verdict(WEAK, "few rows", credible=True, tested=False), Verdict(REFUSED, "?", credible=True)
    tested = Verdict(IDENTIFIED, "tested", credible=True)
    verdicts = by_association([followed] * 3 + [untested] * 3 + [tested, unclear])
    assert [v.status for v in verdicts[3:]] == [REFUSED] * 3 + [IDENTIFIED, REFUSED]
    assert not any(v.credible for v in verdicts)
    harmless = [followed] + [untested] * 3
    assert by_association(harmless) == harmless


def test_weak_instruments_are_called_weak() -> None:
    """And strong ones are trusted with what cannot be shown said."""
    [panel] = panels(market(np.random.default_rng(0)), by=["product"])
    estimate = Estimate.with_error(-2.0, 0.2, 30)
    assert assess_instrumented(panel, estimate, 3.0).status is WEAK
    strong = assess_instrumented(panel, estimate, 80.0)
    assert strong.status is IDENTIFIED
    assert "on trust" in strong.reason
    assert assess_instrumented(panel, Estimate.with_error(-2.0, 2.0, 30), 80.0).status is REFUSED


def test_the_lead_must_be_sure_to_swamp() -> None:
    """A large but uncertain lead coefficient is no alarm."""
    assert not Feedback(500, 0.5, 0.2, 3.0).swamps(-1.0)
    assert Feedback(500, 0.5, 0.001, 3.0).swamps(-1.0)
