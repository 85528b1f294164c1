"""Slopes with instruments match publications and other software, cure feedback, and admit weakness."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv import IV2SLS, IVGMMCUE, IVLIML
from scipy.stats import chi2

from forecasting.elasticity.instruments import ALL_OF_IT, Instrumented, control_function, two_stage
from forecasting.elasticity.panel import log_log, poisson
from forecasting.elasticity.region import Region
from forecasting.elasticity.table import Method, elasticity_table
from forecasting.elasticity.within import Codes, Vector
from tests.forecasting.elasticity.markets import market
from tests.real_data import real_data


def cigarettes(year: int) -> pd.DataFrame:
    """Packs, real price, sales tax, cigarette tax and real income per head of 48 states."""
    rows = pd.read_csv(real_data("fixtures/CigarettesSW.csv")).query(f"year == {year}")
    return rows.assign(
        price=np.log(rows["price"] / rows["cpi"]),
        income=np.log(rows["income"] / rows["population"] / rows["cpi"]),
        tdiff=(rows["taxs"] - rows["tax"]) / rows["cpi"],
        cigtax=rows["tax"] / rows["cpi"],
    ).set_index("state")[["packs", "price", "income", "tdiff", "cigtax"]]


def by_state(rows: pd.DataFrame, instruments: list[str], others: tuple[str, ...] = ()) -> Instrumented:
    """Two stages over states, each a cluster of its own."""
    one = np.zeros(len(rows), dtype=np.intp)
    columns = rows[["price", *others]].to_numpy()
    return two_stage(rows["packs"].to_numpy(), columns, rows[instruments].to_numpy(), [one], np.arange(len(rows)))


@pytest.mark.real_data
def test_published_elasticities_of_cigarettes() -> None:
    """Stock and Watson, 1995: sales tax, with income, and both taxes; the sales tax is a strong instrument."""
    rows = cigarettes(1995)
    assert by_state(rows, ["tdiff"]).slope == pytest.approx(-1.0836, abs=5e-5)
    assert by_state(rows, ["tdiff"], ("income",)).slope == pytest.approx(-1.1434, abs=5e-5)
    assert by_state(rows, ["tdiff", "cigtax"], ("income",)).slope == pytest.approx(-1.2774, abs=5e-5)
    assert by_state(rows, ["tdiff"]).strong


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("instruments", "slope"), [(["tdiff"], -0.938), (["cigtax"], -1.343), (["tdiff", "cigtax"], -1.202)]
)
def test_published_elasticities_of_cigarettes_over_ten_years(instruments: list[str], slope: float) -> None:
    """Stock and Watson, differences from 1985 to 1995, with income."""
    early, late = cigarettes(1985), cigarettes(1995)
    change = (late - early).assign(packs=late["packs"] / early["packs"])
    assert by_state(change, instruments, ("income",)).slope == pytest.approx(slope, abs=5e-4)


@pytest.mark.real_data
def test_published_elasticity_of_fish() -> None:
    """Fulton market (Graddy 1995), weather at sea as instruments, day dummies: about -0.98."""
    rows = pd.read_csv(real_data("fixtures/fulton_fish.csv"))
    columns = rows[["lavgprc", "mon", "tues", "wed", "thurs"]].to_numpy(float)
    one = np.zeros(len(rows), dtype=np.intp)
    weather = rows[["wave2", "speed3"]].to_numpy()
    found = two_stage(rows["totqty"].to_numpy(float), columns, weather, [one], np.arange(len(rows)))
    assert found.slope == pytest.approx(-0.98, abs=5e-3)
    assert not found.strong
    assert found.region.upper < 0


def panel(
    seed: int = 0, *, outlets: int = 40, weeks: int = 50, pull: float = 1.0, level: float = 4.0
) -> tuple[Vector, Vector, Vector, Codes]:
    """Quantity, (log price, control), two costs and outlet; price reacts to the shock of its week, truth -2."""
    rng = np.random.default_rng(seed)
    outlet = np.repeat(np.arange(outlets), weeks)
    n = len(outlet)
    shock, costs, control = rng.normal(0, 0.25, n), rng.normal(0, 0.15, (n, 2)), rng.normal(size=n)
    price = 0.5 * shock + pull * costs @ [1.0, 0.5] + rng.normal(0, 0.1, n) + 0.05 * control
    mean = np.exp(level - 2 * price + shock + 0.2 * control + rng.normal(0, 0.3, outlets)[outlet])
    return rng.poisson(mean).astype(float), np.column_stack([price, control]), costs, outlet


def test_both_stages_equal_linearmodels() -> None:
    """Slopes of two stages and of limited information to 1e-6, with dummies for outlets."""
    quantity, columns, costs, outlet = panel(outlets=8)
    sold = quantity > 0
    exogenous = np.column_stack([np.eye(8)[outlet], columns[:, 1]])[sold]
    found = two_stage(quantity, columns, costs, [outlet], outlet)
    data = np.log(quantity[sold]), exogenous, columns[sold, 0], costs[sold]
    assert found.slope == pytest.approx(IV2SLS(*data).fit().params.iloc[-1], abs=1e-6)
    assert found.limited == pytest.approx(IVLIML(*data).fit().params.iloc[-1], abs=1e-6)


def test_error_strength_and_contradiction_are_near_those_of_linearmodels() -> None:
    """Which uses sandwiches; with 200 clusters the jackknife is within 3 %."""
    quantity, columns, costs, outlet = panel(outlets=200, weeks=10)
    one = np.zeros(len(outlet), dtype=np.intp)
    data = np.log(quantity), np.column_stack([one + 1, columns[:, 1]]), columns[:, 0]
    single, both = (two_stage(quantity, columns, z, [one], outlet) for z in (costs[:, :1], costs))
    peer = IV2SLS(*data, costs[:, :1]).fit(cov_type="clustered", clusters=outlet)
    assert single.se == pytest.approx(peer.std_errors.iloc[-1], rel=0.03)
    assert single.first_stage == pytest.approx(peer.first_stage.diagnostics["f.stat"].iloc[0], rel=0.03)
    cue = IVGMMCUE(*data, costs, weight_type="clustered", clusters=outlet).fit()
    assert both.contradiction == pytest.approx(chi2.sf(cue.j_stat.stat, 1), abs=0.03)


def test_one_strong_instrument_must_reach_23() -> None:
    """The published value for one instrument and a tenth of the worst bias; fewer freedoms, never far from it."""
    quantity, columns, costs, outlet = panel()
    assert two_stage(quantity, columns, costs[:, :1], [outlet], outlet).needed == pytest.approx(23.1, abs=0.05)


@pytest.mark.parametrize("level", [4.0, 0.5])
def test_a_valid_instrument_cures_a_price_that_follows_demand_in_units(level: float) -> None:
    """At fifty units a week, and at one or two, where logs are bent."""
    found, plain = [], []
    for seed in range(12):
        quantity, columns, costs, outlet = panel(seed, level=level)
        found.append(control_function(quantity, columns, costs[:, :1], [outlet], outlet))
        plain.append(poisson(quantity, columns, [outlet]).slope)
    assert np.mean([f.slope for f in found]) == pytest.approx(-2, abs=0.05)
    assert np.mean(plain) > -1.5
    assert all(f.strong for f in found)
    assert sum(f.region.lower <= -2 <= f.region.upper for f in found) >= 10


def test_in_logs_it_is_cured_where_counts_are_high() -> None:
    """Least squares is far off, two stages are not."""
    quantity, columns, costs, outlet = panel()
    found = two_stage(quantity, columns, costs[:, :1], [outlet], outlet)
    assert found.slope == pytest.approx(-2, abs=3 * found.se)
    assert log_log(quantity, columns, [outlet]).slope > -1.5


def test_with_one_instrument_the_slope_in_units_is_that_of_the_first_stage_residual_as_a_control() -> None:
    """The textbook's control function, to 1e-6."""
    quantity, columns, costs, outlet = panel(outlets=8)
    dummies = np.eye(8)[outlet]
    design = np.column_stack([dummies, columns[:, 1], costs[:, 0]])
    residual = columns[:, 0] - design @ np.linalg.lstsq(design, columns[:, 0], rcond=None)[0]
    textbook = poisson(quantity, np.column_stack([columns, residual]), [outlet]).slope
    assert control_function(quantity, columns, costs[:, :1], [outlet], outlet).slope == pytest.approx(
        textbook, abs=1e-6
    )


def test_the_error_is_that_of_leaving_out_each_cluster_in_both_stages() -> None:
    """For least squares exactly; in units the one step is within 2 % of the whole way."""
    quantity, columns, costs, outlet = panel(outlets=9)

    def again(estimate: object, k: int) -> float:
        rest = outlet != k
        kept = np.unique(outlet[rest], return_inverse=True)[1]
        return float(estimate(quantity[rest], columns[rest], costs[rest], [kept], kept).slope)  # type: ignore[operator]

    for estimate, tolerance in ((two_stage, 1e-6), (control_function, 0.02)):
        found = estimate(quantity, columns, costs, [outlet], outlet)
        moves = np.array([again(estimate, k) - found.slope for k in range(9)])
        assert found.se == pytest.approx(np.sqrt(8 / 9 * moves @ moves), rel=tolerance)


def test_sold_out_rows_do_not_bend_the_slope_with_instruments() -> None:
    """As censored the truth is near; taken as demand it is not."""
    naive, censored = [], []
    for seed in range(4):
        quantity, columns, costs, outlet = panel(seed, outlets=20)
        stock = np.array([np.quantile(quantity[outlet == k], 0.75) for k in range(20)])[outlet]
        sold, gone = np.minimum(quantity, stock), quantity >= stock
        naive.append(control_function(sold, columns, costs[:, :1], [outlet], outlet).slope)
        censored.append(control_function(sold, columns, costs[:, :1], [outlet], outlet, sold_out=gone).slope)
    assert np.mean(naive) > -1.5
    assert np.mean(censored) == pytest.approx(-2, abs=0.12)


def test_the_region_holds_the_truth_however_weak_the_instrument() -> None:
    """Of 100 markets with an effective F of about one 88 or more regions hold it, and most have no end."""
    held, bounded = 0, 0
    for seed in range(100):
        quantity, columns, costs, outlet = panel(seed, outlets=20, weeks=20, pull=0.05)
        region = two_stage(quantity, columns, costs[:, :1], [outlet], outlet).region
        held += any(low <= -2 <= high for low, high in region.pieces)
        bounded += region.bounded
    assert held >= 88
    assert bounded <= 40


def test_an_instrument_that_does_not_move_on_its_own_gives_no_slope() -> None:
    """It is the outlet's; every number is possible."""
    quantity, columns, _, outlet = panel()
    for estimate in (two_stage, control_function):
        found = estimate(quantity, columns, outlet[:, None].astype(float), [outlet], outlet)
        assert np.isnan(found.slope)
        assert found.region == Region(((-np.inf, np.inf),))
        assert not found.strong


def test_a_cost_that_is_common_to_all_outlets_is_covered() -> None:
    """One cost and one season for all: regions by outlet alone would be far too narrow."""
    held, alone = 0, 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        outlet, week = (index.ravel() for index in np.indices((15, 60)))
        cost, season = rng.normal(0, 0.15, 60), rng.normal(0, 0.15, 60)
        price = cost[week] + 0.5 * season[week] + rng.normal(0, 0.05, len(week))
        quantity = rng.poisson(np.exp(3 - 2 * price + season[week])).astype(float)
        given = quantity, price[:, None], cost[week][:, None], [outlet], outlet
        for estimate in (two_stage, control_function):
            both, one = estimate(*given, shared=week // 8), estimate(*given)
            held += any(low <= -2 <= high for low, high in both.region.pieces)
            alone += one.region.lower <= -2 <= one.region.upper
    assert held >= 52
    assert alone <= 40


def test_an_instrument_given_twice_changes_nothing() -> None:
    """Nor does its unit."""
    quantity, columns, costs, outlet = panel()
    once = two_stage(quantity, columns, costs[:, :1], [outlet], outlet)
    twice = two_stage(quantity, columns, np.column_stack([costs[:, 0], 100 * costs[:, 0]]), [outlet], outlet)
    assert twice.slope == pytest.approx(once.slope)
    assert twice.se == pytest.approx(once.se)
    assert twice.contradiction is None


def test_instruments_of_which_one_touches_demand_contradict_each_other() -> None:
    """And valid ones do not."""
    quantity, columns, costs, outlet = panel()
    touched = quantity * np.exp(1.0 * costs[:, 1])
    for estimate in (two_stage, control_function):
        bad = estimate(touched, columns, costs, [outlet], outlet).contradiction
        good = estimate(quantity, columns, costs, [outlet], outlet).contradiction
        assert bad is not None
        assert bad < 0.01
        assert good is not None
        assert good > 0.01


@pytest.mark.parametrize("spread", [0.0, 0.02])
@pytest.mark.parametrize("form", [np.log, np.exp])
def test_a_price_as_its_own_instrument_gives_no_slope(spread: float, form: Callable[[Vector], Vector]) -> None:
    """Nor does one that is nearly the price, in logs or not, however far the price moves; a cost does give one."""
    quantity, columns, costs, outlet = panel()
    near = columns[:, 0] + np.random.default_rng(1).normal(0, spread, len(outlet))
    copy = np.exp(near) if form is np.exp else near
    for estimate in (two_stage, control_function):
        found = estimate(quantity, columns, copy[:, None], [outlet], outlet)
        assert np.isnan(found.slope)
        assert ALL_OF_IT <= found.explained <= 1 + 1e-9
        valid = estimate(quantity, columns, costs, [outlet], outlet)
        assert 0.2 < valid.explained < 0.8
        assert np.isfinite(valid.slope)


def test_the_pull_of_the_instruments_is_the_first_stage() -> None:
    """Least squares of the price on instruments of any scale, the control and the outlets."""
    quantity, columns, costs, outlet = panel(outlets=8)
    instruments = costs * [1e6, 1e-6] + [1e6, 0]
    design = np.column_stack([instruments - instruments.mean(axis=0), columns[:, 1], np.eye(8)[outlet]])
    by_hand = np.linalg.lstsq(design / design.std(axis=0), columns[:, 0], rcond=None)[0] / design.std(axis=0)
    assert control_function(quantity, columns, instruments, [outlet], outlet).pull == pytest.approx(by_hand[:2])


@pytest.mark.parametrize("method", ["ppml", "log-log"])
def test_a_group_that_always_sold_out_does_not_end_the_table(method: Method) -> None:
    """It is refused with a reason; the other group keeps its number."""
    rng = np.random.default_rng(0)
    sales = pd.concat([market(rng, product=name, noise=0.0) for name in ("tea", "milk")])
    cost = rng.normal(0, 0.15, len(sales))
    quantity = rng.poisson(sales["quantity"] * np.exp(-2 * cost))
    sales = sales.assign(
        cost=cost,
        price=sales["price"] * np.exp(cost + rng.normal(0, 0.05, len(sales))),
        quantity=quantity,
        available=np.where(sales["product"] == "milk", quantity, np.inf),
    )
    table = elasticity_table(sales, method=method, instruments=["cost"]).set_index("product")
    assert table["status"].to_dict() == {"milk": "not-identified", "tea": "identified"}
    assert {"ppml": "do not settle", "log-log": "each sold out"}[method] in table["reason"]["milk"]


def test_rows_too_few_for_what_is_estimated_give_no_slope() -> None:
    """Three sales in logs; two outlets, a control and an instrument are more numbers than that."""
    quantity, columns, costs, outlet = panel(outlets=2)
    few = np.where(np.isin(np.arange(100), [3, 40, 70]), quantity, 0.0)
    assert np.isnan(two_stage(few, columns, costs[:, :1], [outlet], outlet).slope)
