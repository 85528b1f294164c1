"""A price that follows demand is found, alone or together with others, and a harmless one is left alone."""

import numpy as np
import pandas as pd
import pytest

from forecasting.elasticity.cells import panels
from forecasting.elasticity.feedback import (
    CLIPPED,
    Direction,
    Feedback,
    alarm_together,
    feedback,
    feedback_of_instruments,
)
from forecasting.elasticity.instruments import control_function
from forecasting.elasticity.panel import poisson
from tests.forecasting.elasticity.markets import market


def seen(sales: pd.DataFrame, controls: tuple[str, ...] = ()) -> Feedback:
    """The test of a table with one product."""
    [panel] = panels(sales, by=["product"], controls=controls)
    test = feedback(panel, poisson(panel.quantity, panel.columns, panel.factors))
    assert test is not None
    return test


def found(z: float, dates: int = 100, seed: int = 0) -> Direction:
    """A direction with this z-value whose error comes from many dates."""
    weight = np.random.default_rng(seed).normal(size=dates)
    return Direction(z, 1.0, z, np.arange(dates), weight / np.sqrt(weight @ weight))


def test_exogenous_prices_raise_hardly_an_alarm() -> None:
    """The test fires in about one of a hundred tables."""
    alarms = sum(seen(market(np.random.default_rng(seed), weeks=40)).alarm for seed in range(30))
    assert alarms <= 2


def test_both_directions_point_the_way_the_price_reacts() -> None:
    """Strong demand foretells a higher price, and a higher price to come stronger demand."""
    test = seen(market(np.random.default_rng(0), reaction=0.5, persistence=0.8, weeks=100))
    assert test.alarm
    assert test.lag.z > CLIPPED
    assert test.lead.z > CLIPPED


def test_it_tells_whether_strong_demand_raised_the_price_or_lowered_it() -> None:
    """What shows most clearly decides; less left to sell than expected is strong demand."""
    raised = seen(market(np.random.default_rng(0), reaction=0.5, persistence=0.8, weeks=100))
    lowered = seen(promoted(0))
    assert (raised.alarm, raised.raised) == (True, True)
    assert (lowered.alarm, lowered.raised) == (True, False)
    low, high = Direction(-0.3, 1e-9, -6.0), Direction(0.1, 0.01, 2.5)
    assert not Feedback(300, high, low).raised
    assert Feedback(300, high, Direction(), left=low).raised
    assert not Feedback(300, Direction(), Direction(), left=Direction(0.3, 1e-9, 6.0)).raised


def promoted(seed: int) -> pd.DataFrame:
    """Promotions of a fifth off where a persistent demand peaks."""
    rng = np.random.default_rng(seed)
    sales = market(rng, outlets=20, weeks=104, shock=0.0)
    peak = np.zeros(len(sales))
    for t in range(1, len(peak)):
        peak[t] = 0.8 * peak[t - 1] + rng.normal(0, 0.15)
    flag = (peak + rng.normal(0, 0.1, len(peak)) > 0.25).astype(float)
    mean = np.exp(2 - 2 * np.log(sales["price"] / np.e) + 0.44 * flag + peak)
    return sales.assign(price=sales["price"] * np.exp(-0.22 * flag), quantity=rng.poisson(mean), flag=flag)


def test_promotions_at_demand_peaks_alarm_unless_they_are_a_control() -> None:
    """The flag as a control is held fixed on the coming date too."""
    assert all(seen(promoted(seed)).alarm for seed in range(8))
    assert not any(seen(promoted(seed), controls=("flag",)).alarm for seed in range(8))


def test_what_one_group_is_too_short_to_show_many_show() -> None:
    """Twelve z-values of 1.5 are no accident; half of them of either sign are."""
    none = Direction()
    assert alarm_together([Feedback(300, found(1.5, seed=k), none) for k in range(12)])
    assert not alarm_together([Feedback(300, found(1.5 * (-1) ** k, seed=k), none) for k in range(12)])


def test_one_group_cannot_speak_for_all() -> None:
    """However sure it is: it counts as what raises the alarm alone."""
    others = [Feedback(300, found(0.0, seed=k), Direction()) for k in range(1, 12)]
    assert not alarm_together([Feedback(300, found(30.0), Direction()), *others])
    assert not alarm_together([Feedback(300, found(30.0), Direction())])


def test_groups_that_err_alike_on_the_same_dates_count_once() -> None:
    """Twelve copies of one harmless group are one group."""
    assert not alarm_together([Feedback(300, found(1.5), Direction()) for _ in range(12)])


def test_too_few_rows_are_not_tested() -> None:
    """There is no past and no future to speak of."""
    [panel] = panels(market(np.random.default_rng(0), outlets=2, weeks=20), by=["product"])
    assert feedback(panel, poisson(panel.quantity, panel.columns, panel.factors)) is None


@pytest.mark.parametrize(("coefficient", "p", "swamps"), [(3.0, 0.2, False), (3.0, 0.001, True), (0.4, 0.001, False)])
def test_the_lead_must_be_large_and_sure_to_swamp(coefficient: float, p: float, *, swamps: bool) -> None:
    """Larger than half the slope, beyond doubt."""
    assert Feedback(500, Direction(), Direction(coefficient, p)).swamps(-1.0) is swamps


def with_cost(seed: int, *, follows: float) -> pd.DataFrame:
    """Price follows cost and, within the week, a persistent demand; so does the cost, where it `follows`."""
    rng = np.random.default_rng(seed)
    sales = market(rng, outlets=20, weeks=104, shock=0.0, noise=0.0)
    shock, cost = np.zeros(len(sales)), rng.normal(0, 0.1, len(sales))
    for t in range(1, len(shock)):
        shock[t] = 0.8 * shock[t - 1] + rng.normal(0, 0.15)
    cost += follows * shock
    move = cost + 0.3 * shock + rng.normal(0, 0.03, len(sales))
    quantity = rng.poisson(np.exp(3.5 - 2 * move + shock)).astype(float)
    return sales.assign(price=sales["price"] * np.exp(move), quantity=quantity, cost=cost)


def of_instruments(sales: pd.DataFrame) -> Feedback:
    """The test of what the cost did to the price."""
    [panel] = panels(sales, by=["product"], instruments=["cost"])
    found = control_function(panel.quantity, panel.columns, panel.instruments, panel.factors, panel.clusters)
    test = feedback_of_instruments(panel, found.pull)
    assert test is not None
    return test


def test_an_instrument_that_follows_demand_alarms_and_a_valid_one_does_not() -> None:
    """Though with both the price itself follows demand, and says so."""
    assert all(seen(with_cost(seed, follows=0.0)).alarm for seed in range(4))
    assert all(of_instruments(with_cost(seed, follows=0.3)).alarm for seed in range(8))
    assert sum(of_instruments(with_cost(seed, follows=0.0)).alarm for seed in range(20)) <= 1


def test_sold_out_rows_do_not_hide_or_make_the_alarm_of_instruments() -> None:
    """Their demand is at least what was sold."""
    for follows in (0.3, 0.0):
        sales = with_cost(0, follows=follows)
        stock = np.full(len(sales), sales["quantity"].quantile(0.75))
        cut = sales.assign(quantity=np.minimum(sales["quantity"], stock), available=stock)
        assert of_instruments(cut).alarm == (follows > 0)


def season(seed: int, reaction: float) -> pd.DataFrame:
    """Events on sale for sixty days at planned prices that rise, and react to what is left beyond the plan.

    Parameters
    ----------
    reaction : of log price to the log of what is left over what the plan expects to be
    """
    rng, days, rows = np.random.default_rng(seed), np.arange(60), []
    for event in range(12):
        left, keen, shocks = 600.0, 0.0, rng.normal(0, 0.25, 60)
        for day in days:
            keen = 0.7 * keen + 0.71 * shocks[day]
            plan = 600.0 - 7.0 * day
            price = 3 + 0.4 * (day / 60) ** 2 + rng.normal(0, 0.08) - reaction * np.log(max(left, 1.0) / plan)
            sold = min(float(rng.poisson(7 * np.exp(keen - 2 * (price - 3 - 0.4 * (day / 60) ** 2)))), left)
            date = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(10 * event + day))
            rows.append((date, f"e{event:02d}", np.exp(price), sold, left))
            left -= sold
    names = ["date", "event", "price", "quantity", "available"]
    return pd.DataFrame(rows, columns=names).assign(product="seat", segment="all", channel="all")


def test_a_price_that_follows_what_is_left_is_found_and_a_plan_is_not() -> None:
    """Where what is left is told: nearly all seasons that react, hardly any of those that are planned."""
    react, plan = ([seen(season(seed, pull)) for seed in range(8)] for pull in (2.0, 0.0))
    assert sum(test.stock for test in react) >= 6
    assert sum(test.left.p < test.level for test in plan) <= 1
    assert seen(season(0, 2.0).drop(columns="available")).left.p == 1.0


def test_a_stock_filled_up_each_week_raises_no_alarm() -> None:
    """What is left is as expected on nearly every date."""
    sales = market(np.random.default_rng(0), level=4.0)
    assert seen(sales.assign(available=500.0)).left.p == 1.0
