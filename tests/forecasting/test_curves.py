"""A demand curve is the forecast at the reference price, bent by the elasticity."""

from dataclasses import replace
from decimal import Decimal
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.curves import BaseDemand, demand_curves
from pricing.demand import DemandCurves, Identification
from pricing.model import Ladder, Offer

PRICES = ("8.00", "10.00", "12.00", "15.00")


def offer(name: str, *, product: str = "seat", segment: str = "adult") -> Offer:
    """An offer over the ladder `PRICES`, now at 10."""
    ladder = Ladder(tuple(Decimal(price) for price in PRICES))
    low, high = ladder[0], ladder[-1]
    return Offer(name, product, "EUR", ladder, low, high, Decimal("10.00"), segment=segment)


def elasticities(mean: float = -2.0, se: float = 0.2, status: str = "identified") -> pd.DataFrame:
    """The table of one group, adults in seats."""
    return pd.DataFrame(
        {
            "product": ["seat"],
            "segment": ["adult"],
            "elasticity": [mean],
            "se": [se],
            "status": [status],
            "reason": ["why"],
        }
    )


def curves(*offers: Offer, table: pd.DataFrame | None = None, seed: int = 0, draws: int = 2_000) -> DemandCurves:
    """Curves of offers that would each sell 100 (70 to 135) at 10."""
    base = {o.id: BaseDemand(100, 70, 135, 10.0, "naive") for o in offers}
    table = elasticities() if table is None else table
    return demand_curves(offers, base, table, draws=draws, rng=np.random.default_rng(seed), version="v1")


@given(st.floats(1, 1e4), st.floats(0.02, 0.6), st.sampled_from([0.5, 0.8, 0.95]))
@settings(max_examples=30, deadline=None)
def test_at_the_reference_price_mean_and_interval_are_the_forecasts(mean: float, spread: float, level: float) -> None:
    """Any level, any width a gamma can have."""
    width = 2 * spread * NormalDist().inv_cdf((1 + level) / 2)
    base = BaseDemand(mean, max(mean * (1 - width / 2), 0), mean * (1 + width / 2), 10.0, "m", level)
    one = offer("a")
    units = demand_curves(
        [one], {"a": base}, elasticities(), draws=20_000, rng=np.random.default_rng(0), version="v"
    ).of("a")[:, 1]
    low, high = np.quantile(units, [(1 - level) / 2, (1 + level) / 2])
    assert units.mean() == pytest.approx(mean, rel=0.03)
    assert high - low == pytest.approx(base.upper - base.lower, rel=0.06)


def test_no_draw_rises_with_the_price() -> None:
    """Each falls, even where the elasticity is unknown and its interval reaches above 0: no draw piles up at 0."""
    table = elasticities(-0.5, 2.0, "not-identified")
    assert np.all(np.diff(curves(offer("a"), table=table).of("a"), axis=1) < 0)


def test_the_slope_of_the_curve_is_the_elasticity() -> None:
    """Per draw, ln(units) falls by the elasticity per ln(price)."""
    units = curves(offer("a")).of("a")
    slopes = np.log(units[:, 3] / units[:, 0]) / np.log(15 / 8)
    assert slopes.mean() == pytest.approx(-2, abs=0.02)
    assert slopes.std() == pytest.approx(0.2, abs=0.01)


def test_the_same_seed_gives_the_same_curves_and_another_seed_others() -> None:
    """Nothing but the seed."""
    assert curves(offer("a")) == curves(offer("a"))
    assert curves(offer("a")) != curves(offer("a"), seed=1)


def test_an_unrelated_offer_changes_no_other_offers_draws() -> None:
    """Nor does the order."""
    alone, together = curves(offer("a")), curves(offer("z", product="programme"), offer("a"))
    assert np.array_equal(alone.of("a"), together.of("a"))


def test_offers_of_one_group_share_their_elasticity_and_not_their_demand() -> None:
    """Two evenings of the same ticket type."""
    found = curves(offer("a"), offer("b"))
    ratio = [found.of(name)[:, 3] / found.of(name)[:, 0] for name in ("a", "b")]
    assert ratio[0] == pytest.approx(ratio[1])
    assert abs(np.corrcoef(found.of("a")[:, 1], found.of("b")[:, 1])[0, 1]) < 0.1


def test_tickets_of_one_event_do_well_or_badly_together_and_events_apart() -> None:
    """So that the range of an event's sum is not too narrow."""
    found = curves(
        replace(offer("a"), event="gala"),
        replace(offer("b", segment="child"), event="gala"),
        replace(offer("c"), event="matinee"),
    )
    at_ten = np.array([found.of(name)[:, 1] for name in ("a", "b", "c")])
    correlation = np.corrcoef(at_ten)
    assert correlation[0, 1] > 0.99
    assert abs(correlation[0, 2]) < 0.2


def test_evidence_is_that_of_the_group_and_names_the_fit() -> None:
    """Status, elasticity, error, reason, forecast model and fit."""
    [evidence] = curves(offer("a")).evidence
    assert (evidence.status, evidence.elasticity, evidence.se, evidence.reason) == (
        Identification.IDENTIFIED, -2.0, 0.2, "why",
    )  # fmt: skip
    assert evidence.model == "naive, fit v1"


def test_a_group_without_history_is_not_identified() -> None:
    """It gets what is known of demand in general, and says so."""
    [evidence] = curves(offer("a", product="new")).evidence
    assert evidence.status is Identification.NOT_IDENTIFIED
    assert "no past sales" in evidence.reason


def test_a_table_by_product_serves_every_segment() -> None:
    """The columns of the table decide which groups there are."""
    table = elasticities().drop(columns="segment")
    found = curves(offer("a"), offer("b", segment="child"), table=table)
    assert {evidence.status for evidence in found.evidence} == {Identification.IDENTIFIED}


def test_a_forecast_of_nothing_sells_nothing_at_any_price() -> None:
    """Zero stays zero; and a certain forecast has no spread."""
    one = offer("a")
    for mean in (0.0, 7.0):
        base = {"a": BaseDemand(mean, mean, mean, 10.0, "m")}
        found = demand_curves([one], base, elasticities(), draws=50, rng=np.random.default_rng(0), version="v")
        assert found.of("a")[:, 1].tolist() == [mean] * 50


@pytest.mark.parametrize(
    ("mean", "lower", "upper", "reference"),
    [(float("nan"), 0, 1, 1), (1, 2, 1, 1), (1, 0, float("inf"), 1), (1, 0, 2, 0), (-1, 0, 1, 1), (1, -1, 2, 1)],
)
def test_impossible_forecasts_are_refused(mean: float, lower: float, upper: float, reference: float) -> None:
    """NaN, turned intervals, infinite or negative units, no reference price."""
    with pytest.raises(ValueError, match="base demand"):
        BaseDemand(mean, lower, upper, reference, "m")
