"""The status never says more than the data can tell."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.elasticity.cells import panels
from forecasting.elasticity.feedback import Direction, Feedback, feedback
from forecasting.elasticity.identification import (
    ABSURD,
    Estimate,
    Verdict,
    assess,
    assess_instrumented,
    own_variation,
    robustness,
    too_little,
)
from forecasting.elasticity.instruments import Instrumented
from forecasting.elasticity.panel import linear, poisson
from forecasting.elasticity.region import Region
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
    """Thirty markets with a persistent shock: no bias, 95 % intervals that hold the truth, and identified."""
    slopes, inside, said = [], [], Counter[Identification]()
    for seed in range(30):
        verdict, estimate = judged(market(np.random.default_rng(seed), persistence=0.5, weeks=40))
        assert estimate is not None
        slopes.append(estimate.slope)
        inside.append(estimate.lower <= -2 <= estimate.upper)
        said[verdict.status] += 1
    assert np.mean(slopes) == pytest.approx(-2, abs=0.08)
    assert 0.88 <= np.mean(inside) <= 1
    assert said[REFUSED] == 0
    assert said[IDENTIFIED] >= 27


@pytest.mark.parametrize("outlets", [1, 5])
def test_few_units_still_cover(outlets: int) -> None:
    """A single series, with season and trend, and five outlets, with dates."""
    verdicts = [judged(market(np.random.default_rng(s), outlets=outlets, weeks=60, persistence=0.3)) for s in range(40)]
    inside = [e.lower <= -2 <= e.upper for _, e in verdicts if e is not None]
    assert len(inside) == 40
    assert np.mean(inside) >= 0.87


@pytest.mark.parametrize("persistence", [0.5, 0.8])
def test_a_price_that_follows_demand_is_not_identified(persistence: float) -> None:
    """Price reacts .3 to a shock that lasts: found in all but one of fifteen markets."""
    said = Counter(
        judged(market(np.random.default_rng(seed), reaction=0.3, persistence=persistence, weeks=80))[0].status
        for seed in range(15)
    )
    assert said[IDENTIFIED] <= 1


def test_a_strong_reaction_is_refused_outright() -> None:
    """The lead of the price is larger than half the slope: no number is handed on."""
    verdict, _ = judged(market(np.random.default_rng(0), reaction=0.9, persistence=0.8, weeks=100, noise=0.08))
    assert verdict.status is REFUSED
    assert "Price followed demand" in verdict.reason
    assert verdict.followed


def test_the_reason_says_which_way_the_number_is_off() -> None:
    """Prices raised where demand is strong make buyers look patient, prices lowered there make them look eager."""
    sales = market(np.random.default_rng(0))
    [panel] = panels(sales, by=["product"])
    for sign, how, buyers in ((1, "raised", "more"), (-1, "lowered", "less")):
        way = Direction(0.1 * sign, 1e-6, 4.9 * sign)
        weak = assess(panel, Estimate.with_error(-2.0, 0.1, 20), Feedback(500, way, Direction()))
        assert (weak.status, f"may be {buyers} price sensitive" in weak.reason) == (WEAK, True)
        refused = assess(panel, Estimate.with_error(-0.1, 0.1, 20), Feedback(500, way, Direction()))
        assert (refused.status, f"it was {how} when demand was strong" in refused.reason) == (REFUSED, True)
        with_instruments, _ = assess_instrumented(instrumented(), Feedback(500, way, Direction()))
        assert f"may be {buyers} price sensitive" in with_instruments.reason
    dearer = assess(panel, Estimate.with_error(1.0, 0.1, 20), Feedback(500, way, Direction()))
    assert "it was raised when demand was strong" in dearer.reason


def test_a_constant_price_is_not_identified() -> None:
    """However many rows."""
    verdict, estimate = judged(market(np.random.default_rng(0)).assign(price=4.0))
    assert (verdict.status, estimate) == (REFUSED, None)
    assert "never changed" in verdict.reason


def test_prices_that_differ_only_by_what_effects_take_out_are_said_to() -> None:
    """They did change: one price per outlet, or a straight line; and one date shows no change at all."""
    sales = market(np.random.default_rng(0))
    levels = sales.assign(price=4.0 + sales["channel"].str[-2:].astype(float))
    drifts = sales.assign(price=4 + 0.001 * (sales["date"] - sales["date"].min()).dt.days)
    for changed in (levels, drifts):
        verdict, _ = judged(changed)
        assert (verdict.status, "only by what the effects take out (" in verdict.reason) == (REFUSED, True)
    [once] = panels(levels[levels["date"] == levels["date"].min()], by=["segment"], effects=["date"])
    said = too_little(once, own_variation(once))
    assert said is not None
    assert "dearer than others" in said.reason


def test_sales_that_never_changed_or_follow_without_an_error_are_not_identified() -> None:
    """A fit that is exact claims no certainty, in units or with instruments."""
    sales = market(np.random.default_rng(0))
    assert "Sales never changed: 5 in each of 720 rows" in judged(sales.assign(quantity=5.0))[0].reason
    for quantity in (1e3 * sales["price"] ** -2.0, 5.0 + sales["channel"].str[-2:].astype(float)):
        verdict, _ = judged(sales.assign(quantity=quantity))
        assert (verdict.status, "without any error" in verdict.reason) == (REFUSED, True)
    verdict, estimate = assess_instrumented(instrumented(se=1e-9))
    assert (verdict.status, estimate) == (REFUSED, None)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.6])
def test_prices_in_cents_in_some_rows_are_not_identified(share: float) -> None:
    """They would pass for huge moves that nobody reacted to."""
    sales = market(np.random.default_rng(0))
    cents = np.random.default_rng(1).random(len(sales)) < share
    verdict, estimate = judged(sales.assign(price=sales["price"] * np.where(cents, 100, 1)))
    assert (verdict.status, estimate) == (REFUSED, None)
    assert "cents" in verdict.reason


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


def instrumented(**changed: object) -> Instrumented:
    """A slope of -2 with strong instruments that agree, but for what is changed."""
    usual = Instrumented(-2.0, 0.2, 80.0, 23.1, None, Region(((-2.5, -1.6),)), 600, 30)
    return replace(usual, **changed)  # type: ignore[arg-type]


def test_strong_instruments_are_trusted_with_what_cannot_be_shown_said() -> None:
    """That they leave demand alone is not in the sales."""
    verdict, estimate = assess_instrumented(instrumented())
    assert verdict.status is IDENTIFIED
    assert "on trust" in verdict.reason
    assert estimate is not None


def test_weak_instruments_give_a_region_and_no_number() -> None:
    """Without an end, or reaching 0: refused; bounded below 0: weak, and the interval is the region."""
    for region in (Region(((-np.inf, -1.0), (3.0, np.inf))), Region(((-4.0, 0.5),)), Region(((-np.inf, np.inf),))):
        verdict, estimate = assess_instrumented(instrumented(first_stage=3.0, region=region))
        assert (verdict.status, estimate) == (REFUSED, None)
        assert str(region) in verdict.reason
    verdict, estimate = assess_instrumented(instrumented(first_stage=9.0))
    assert verdict.status is WEAK
    assert "effective F 9.0" in verdict.reason
    assert not verdict.credible
    assert estimate is not None
    assert (estimate.lower, estimate.upper) == (-2.5, -1.6)


def chain(seed: int) -> pd.DataFrame:
    """One price for all of twenty outlets, and a season that persists; truth -2."""
    rng = np.random.default_rng(seed)
    sales = market(rng, outlets=20, weeks=104, noise=0.0)
    week = np.tile(np.arange(104), 20)
    move, season = np.zeros(104), np.zeros(104)
    for t in range(1, 104):
        move[t] = 0.5 * move[t - 1] + rng.normal(0, 0.13)
        season[t] = 0.5 * season[t - 1] + rng.normal(0, 0.13)
    mean = np.exp(2 - 2 * move + season)[week]
    return sales.assign(price=sales["price"] * np.exp(move)[week], quantity=rng.poisson(mean).astype(float))


def test_prices_set_for_a_whole_chain_are_covered_too() -> None:
    """Errors count dates where no effect takes what outlets share on them; by outlet alone they are far too small."""
    held, alone = 0, 0
    for seed in range(40):
        [panel] = panels(chain(seed), by=["product"], effects=["channel"])
        fit = poisson(panel.quantity, panel.columns, panel.factors)
        both, one = Estimate.of(fit, panel.clusters, panel.shared), Estimate.of(fit, panel.clusters)
        held += both.lower <= -2 <= both.upper
        alone += one.lower <= -2 <= one.upper
    assert held >= 35
    assert alone <= 30


def test_panels_know_whether_an_effect_takes_what_units_share_on_a_date() -> None:
    """And of what stretches of dates they may share something; one unit shares nothing."""
    sales = market(np.random.default_rng(0))
    assert next(panels(sales, by=["product"])).dated
    assert next(panels(sales, by=["product"], effects=["channel", "week"])).dated
    assert not next(panels(sales, by=["product"], effects=["channel", "month"])).dated
    assert next(panels(sales, by=["product"])).shared is not None
    assert next(panels(sales, by=["product", "channel"])).shared is None


def test_instruments_that_do_not_move_the_price_give_no_number() -> None:
    """Their slope has no error."""
    verdict, estimate = assess_instrumented(instrumented(slope=np.nan, se=np.inf))
    assert (verdict.status, estimate) == (REFUSED, None)


def test_instruments_that_contradict_each_other_make_it_weak() -> None:
    """So do two ways of using them that differ by more than an error."""
    assert assess_instrumented(instrumented(contradiction=0.001))[0].status is WEAK
    assert assess_instrumented(instrumented(limited=-2.5))[0].status is WEAK
    assert assess_instrumented(instrumented(contradiction=0.3, limited=-2.1))[0].status is IDENTIFIED
    logs = instrumented(slope=-1.5)
    verdict, _ = assess_instrumented(instrumented(), rival=logs)
    assert (verdict.status, "-2.00 in units, -1.50 in logs" in verdict.reason) == (WEAK, True)
    for agrees in (replace(logs, slope=-1.7), replace(logs, se=0.3), replace(logs, first_stage=3.0)):
        assert assess_instrumented(instrumented(), rival=agrees)[0].status is IDENTIFIED


def test_instruments_that_are_the_price_are_refused_in_plain_words() -> None:
    """Whatever slope there may be; no row at all, and no number to settle on, are said as what they are."""
    verdict, estimate = assess_instrumented(instrumented(explained=0.995))
    assert (verdict.status, estimate) == (REFUSED, None)
    assert "they are the price" in verdict.reason
    assert assess_instrumented(instrumented(explained=0.95))[0].status is IDENTIFIED
    nothing = instrumented(slope=np.nan, se=np.inf, rows=0)
    assert "each sold out" in assess_instrumented(nothing)[0].reason
    open_end = instrumented(slope=np.nan, se=np.inf, explained=0.5)
    assert "do not settle" in assess_instrumented(open_end)[0].reason


def test_instruments_that_followed_demand_make_it_weak_and_speak_for_no_other() -> None:
    """With the reason; the same test without an alarm changes nothing."""
    alarm = Feedback(500, Direction(0.1, 1e-6, 4.9), Direction())
    verdict, estimate = assess_instrumented(instrumented(), alarm)
    assert (verdict.status, verdict.credible, verdict.test) == (WEAK, False, alarm)
    assert "instruments partly followed demand" in verdict.reason
    assert estimate is not None
    assert assess_instrumented(instrumented(), Feedback(500, Direction(), Direction()))[0].status is IDENTIFIED


def test_what_explains_a_slope_away_counts_residual_degrees_of_freedom() -> None:
    """Of a regression it is that of its partial R2 (Cinelli and Hazlett), whatever is estimated beside the slope."""
    rng = np.random.default_rng(3)
    sales = market(rng, outlets=6, weeks=20)
    [panel] = panels(sales, by=["product"])
    fit = linear(np.log(panel.quantity + 1), panel.columns, panel.factors)
    freedom = 120 - 6 - 20 + 1 - 1
    classical = np.sqrt(fit.residual @ fit.residual / freedom / fit.information)
    estimate = Estimate.with_error(fit.slope, float(classical), 120)
    explained = 1 - fit.residual @ fit.residual / (
        (fit.residual + fit.slope * fit.own) @ (fit.residual + fit.slope * fit.own)
    )
    squared = explained / (1 - explained)
    assert robustness(estimate, freedom) == pytest.approx((np.sqrt(squared**2 + 4 * squared) - squared) / 2)
    verdict = assess(panel, estimate, Feedback(500, Direction(), Direction()))
    assert f"explain {robustness(estimate, freedom):.0%} of what" in verdict.reason
    assert f"{robustness(estimate, freedom):.0%}" != f"{robustness(estimate, len(panel) - 1):.0%}"


def test_an_instrumented_slope_that_may_be_zero_or_positive_is_refused() -> None:
    """However strong the instruments."""
    unclear, _ = assess_instrumented(instrumented(se=2.0))
    assert unclear.status is REFUSED
    assert "Too uncertain" in unclear.reason
    positive, _ = assess_instrumented(instrumented(slope=2.0))
    assert positive.status is REFUSED
    assert "touch demand themselves" in positive.reason
