"""The basis is what the status was decided with, and its dots lie on the fitted curve."""

import numpy as np
import pandas as pd
import pytest

from forecasting.elasticity.basis import FEWEST, MOST, Basis, _sold
from forecasting.elasticity.cells import panels
from forecasting.elasticity.panel import censored, log_log, poisson
from forecasting.elasticity.shapes import SHAPES
from forecasting.elasticity.table import Method, elasticity_table
from tests.forecasting.elasticity.bent import bent_market
from tests.forecasting.elasticity.markets import market
from tests.forecasting.elasticity.test_table import instrumented, shop


def told(sales: pd.DataFrame, **options: object) -> tuple[pd.DataFrame, list[Basis]]:
    """The table and what its rows rest on."""
    found: list[Basis] = []
    return elasticity_table(sales, witness=found.append, **options), found  # type: ignore[arg-type]


def on_the_curve(one: Basis, slope: float) -> np.ndarray:
    """Distances of the dots from the curve, in their standard errors."""
    assert one.dots is not None
    level = float(np.average(one.dots.sales / (one.dots.prices / one.usual) ** slope, weights=one.dots.se**-2.0))
    return np.asarray((one.dots.sales - level * (one.dots.prices / one.usual) ** slope) / one.dots.se)


def test_every_row_has_its_basis_in_the_order_of_the_table() -> None:
    """With the numbers of the row, whatever its data are like."""
    table, found = told(shop())
    assert [one.key[0] for one in found] == table["product"].tolist()
    slopes = [one.estimate.slope if one.estimate else np.nan for one in found]
    np.testing.assert_array_equal(slopes, table["raw_elasticity"])
    assert [one.cells for one in found] == table["n_obs"].tolist()
    by_name = {one.key[0]: one for one in found}
    assert by_name["constant"].moves == 0
    assert by_name["constant"].own == pytest.approx(0, abs=1e-9)
    assert list(by_name["constant"].tried) == pytest.approx([5.0, 5.0])
    assert by_name["unsold"].dots is None
    assert by_name["p0"].units == 12
    assert (by_name["p0"].clustered, by_name["p0"].both_ways) == (True, False)
    assert by_name["p0"].own == pytest.approx(0.15, abs=0.02)


def test_the_reasons_numbers_are_those_of_the_basis() -> None:
    """The robustness value that is said is the one that is handed on."""
    table, found = told(shop())
    for reason, one in zip(table["reason"], found, strict=True):
        if "have to explain" in " ".join(reason.split()):
            assert one.robustness is not None
            assert f"explain {one.robustness:.0%}" in reason


@pytest.mark.parametrize("method", ["ppml", "log-log"])
def test_dots_lie_on_the_curve_net_of_season_and_outlet(method: Method) -> None:
    """Raw sales of a dear week in high season do not; twelve dots, about three in a hundred beyond three errors."""
    sales = pd.concat(market(np.random.default_rng(k), product=f"p{k}", level=3.5) for k in range(6))
    table, found = told(sales, method=method)
    away = np.concatenate([on_the_curve(one, slope) for one, slope in zip(found, table["raw_elasticity"], strict=True)])
    assert {one.dots.kind for one in found if one.dots} == {"net"}
    assert np.mean(np.abs(away) > 3) < 0.05
    assert all(one.dots is not None and len(one.dots.prices) == MOST for one in found)


def test_dots_show_what_the_curve_misses() -> None:
    """Demand that is a straight line sells less than the curve at the lowest prices and at the highest."""
    table, (one,) = told(bent_market(np.random.default_rng(0), SHAPES[3], noise=0.3, shock=0.1))
    away = on_the_curve(one, table["raw_elasticity"].iloc[0])
    assert away[0] < -2
    assert away[-1] < -2
    assert away[4:8].min() > 0


def test_cells_stand_at_what_they_sold_and_sold_out_ones_at_no_less() -> None:
    """By the count model, its censored form, and in logs."""
    (panel,) = panels(market(np.random.default_rng(2)), by=["product"])
    cut = panel.quantity >= np.quantile(panel.quantity, 0.8)
    given = panel.columns, panel.factors
    np.testing.assert_allclose(_sold(poisson(panel.quantity, *given), logs=False), panel.quantity, rtol=1e-6)
    seen = _sold(censored(panel.quantity, *given, cut), logs=False)
    np.testing.assert_allclose(seen[~cut], panel.quantity[~cut], rtol=1e-6, atol=1e-6)
    assert (seen[cut] >= panel.quantity[cut]).all()
    sold = panel.quantity > 0
    np.testing.assert_allclose(_sold(log_log(panel.quantity, *given), logs=True), panel.quantity[sold], rtol=1e-6)


def test_sold_out_rows_stand_at_what_would_have_sold() -> None:
    """Taken as they are, the cheap dots would lie below the curve."""
    rng = np.random.default_rng(1)
    sales = market(rng, level=3.5)
    stock = sales.groupby("channel")["quantity"].transform(lambda q: q.quantile(0.75)).clip(lower=1)
    table, found = told(sales.assign(quantity=np.minimum(sales["quantity"], stock), available=stock))
    assert table["method"].iloc[0].startswith("censored")
    assert np.sqrt(np.mean(on_the_curve(found[0], table["raw_elasticity"].iloc[0]) ** 2)) < 1.8
    assert found[0].sold_out == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("method", ["ppml", "log-log"])
def test_with_instruments_dots_are_of_the_price_as_they_moved_it(method: Method) -> None:
    """They lie on the instruments' curve, not on that of the sales alone."""
    table, (one,) = told(instrumented(), instruments=["cost"], method=method)
    assert one.instrumented is not None
    assert one.instrumented.slope == table["raw_elasticity"].iloc[0]
    assert one.dots is not None
    assert one.dots.kind == "instrumented"
    assert np.sqrt(np.mean(on_the_curve(one, -2.0) ** 2)) < 2


def test_where_nothing_is_fitted_dots_are_as_sold() -> None:
    """One price is one dot at 100; a few rows are few dots."""
    _, (constant,) = told(market(np.random.default_rng(0)).assign(price=5.0))
    assert constant.dots is not None
    assert constant.dots.kind == "raw"
    assert constant.dots.sales.tolist() == [pytest.approx(100)]
    _, (few,) = told(market(np.random.default_rng(0), outlets=1, weeks=2 * FEWEST))
    assert few.dots is not None
    assert len(few.dots.prices) == 2
