"""The dynamic program equals closed form, brute force and simulation, and has the structure that theory gives it."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimization.dynamic import Rule, Season, Vector, best_rule, earned, earned_fixed, fluid_bound, worth
from optimization.exponential import Dwindling
from pricing.errors import InputError


def exponential(stock: int, periods: int, *, sales: float = 10.0, ladder: Vector | None = None) -> Season:
    """Demand of `Dwindling(stock, sales, 1.0)`, evenly over the season."""
    prices = np.linspace(0.5, 6.0, 111) if ladder is None else ladder
    return Season(prices, np.tile(sales * np.exp(1 - prices) / periods, (1, periods, 1)), stock)


@st.composite
def seasons(draw: st.DrawFn, *, alike: bool = False) -> Season:
    """Seasons of any demand curves, falling or not; with `alike` the same in all periods."""
    prices, periods = draw(st.integers(1, 5)), draw(st.integers(1, 8))
    ladder = sorted(draw(st.lists(st.integers(1, 100), min_size=prices, max_size=prices, unique=True)))
    seed, draws = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 3))
    demand = np.random.default_rng(seed).uniform(0, 0.6, (draws, 1 if alike else periods, prices))
    return Season(
        np.array(ladder, dtype=float), np.tile(demand, (1, periods if alike else 1, 1)), draw(st.integers(1, 8))
    )


@pytest.mark.parametrize(("stock", "share"), [(1, 0.945), (5, 0.958), (10, 0.9805)])
def test_a_fine_ladder_and_short_steps_come_near_the_closed_form(stock: int, share: float) -> None:
    """Value, price now, and what the best single price earns of it."""
    season, exact = exponential(stock, 2000), Dwindling(stock, 10.0, 1.0)
    rule = best_rule(season)
    assert rule.value[0] == pytest.approx(exact.value(), rel=1e-3)
    assert season.ladder[rule.step[0]] == pytest.approx(exact.price(), abs=0.03)
    found = worth(season)
    assert found.gain == pytest.approx(1 / share - 1, abs=1.5e-3)


def test_in_a_step_a_sale_has_a_small_chance() -> None:
    """In every draw, at every price; periods are cut no finer than that takes."""
    season = Season(np.array([3.0, 4.0]), np.array([[[0.05, 0.02], [0.0, 0.0]], [[0.31, 0.1], [0.1, 0.1]]]), 2)
    assert season.steps().tolist() == [4, 1]


def test_the_error_of_a_step_halves_with_its_length() -> None:
    """So that what is left of it can be told."""
    exact = Dwindling(5, 10.0, 1.0).value()[-1]
    ladder = np.linspace(1.0, 5.0, 401)
    error = [best_rule(exponential(5, periods, ladder=ladder)).value[0, -1] - exact for periods in (400, 800)]
    assert error[0] / error[1] == pytest.approx(2.0, abs=0.1)


@settings(deadline=None)
@given(seasons())
def test_value_is_concave_in_stock_and_rises_with_stock_and_time(season: Season) -> None:
    """Therefore the price never rises with stock; whatever the demand."""
    rule = best_rule(season)
    assert np.all(np.diff(rule.value) >= -1e-12)
    assert np.all(np.diff(rule.value, n=2) <= 1e-9)
    assert np.all(np.diff(rule.value, axis=0) <= 1e-12)
    assert np.all(np.diff(rule.step) <= 0)


@settings(deadline=None)
@given(seasons(alike=True))
def test_a_unit_loses_value_with_time_where_demand_stays_alike(season: Season) -> None:
    """So that the price falls towards the end with stock unsold."""
    own = np.diff(best_rule(season).value)
    assert np.all(np.diff(own, axis=0) <= 1e-9)


def test_prices_fall_with_stock_and_towards_the_end() -> None:
    """On a ladder, where demand stays alike."""
    season = exponential(10, 300)
    price = season.ladder[best_rule(season).step]
    assert np.all(np.diff(price, axis=1) <= 0)
    assert np.all(np.diff(price, axis=0) <= 0)
    assert price[0, 0] > price[-1, 0]
    assert price[0, 0] > price[0, -1]


def test_prices_rise_where_late_buyers_pay_more() -> None:
    """Why falling towards the end is no law: early buyers pay up to 10, late ones up to 30."""
    ladder = np.array([10.0, 30.0])
    demand = np.array([[[0.1, 0.0]] * 50 + [[0.1, 0.09]] * 50])
    step = best_rule(Season(ladder, demand, 8)).step
    assert step[0, -1] == 0
    assert step[60, -1] == 1


def test_a_period_without_buyers_takes_the_price_of_the_next() -> None:
    """Or of the last that had any: a closed day is no reason for another price."""
    season = exponential(5, 40)
    quiet = season.demand.copy()
    quiet[:, [10, 11, 39]] = 0
    step = best_rule(Season(season.ladder, quiet, 5)).step
    assert step[10].tolist() == step[11].tolist() == step[12].tolist()
    assert step[39].tolist() == step[38].tolist()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_rule_earns_more_than_the_best(seed: int) -> None:
    """By going through all of them."""
    demand = np.random.default_rng(seed).uniform(0, 0.1, (1, 3, 2))
    season = Season(np.array([3.0, 4.0]), demand, 2)
    every = (np.array(steps).reshape(3, 2) for steps in product(range(2), repeat=6))
    brute = max(float(earned(season, Rule(steps, np.zeros((4, 3))))[0]) for steps in every)
    rule = best_rule(season)
    assert float(earned(season, rule)[0]) == pytest.approx(brute)
    assert rule.value[0, -1] == pytest.approx(brute)


@settings(deadline=None)
@given(seasons())
def test_a_single_price_is_a_rule_and_nothing_exceeds_the_bound(season: Season) -> None:
    """It earns what the rule earns that always names it; changing prices at any moment earns at most the bound."""
    shape, fixed = (season.demand.shape[1], season.stock), earned_fixed(season)
    for step in range(season.ladder.size):
        rule = Rule(np.full(shape, step), np.zeros((shape[0] + 1, shape[1] + 1)))
        assert earned(season, rule) == pytest.approx(fixed[:, step])
    assert worth(season).most_gain >= -1e-9
    for demand in season.demand:
        one = Season(season.ladder, demand[None], season.stock)
        assert best_rule(one).value[0, -1] <= fluid_bound(one) * (1 + 1e-9)


def test_a_rule_earns_what_simulated_seasons_earn() -> None:
    """Within three standard errors, in each of two draws that it does not know."""
    ladder, rng, times = np.array([5.0, 8.0, 12.0]), np.random.default_rng(0), 20_000
    demand = np.stack([np.tile(0.09 * np.exp(-ladder / scale), (60, 1)) for scale in (6.0, 20.0)])
    season = Season(ladder, demand, 2)
    rule = best_rule(season)
    for draw, expected in enumerate(earned(season, rule)):
        left, total = np.full(times, 2), np.zeros(times)
        for t in range(60):
            step = rule.step[t, np.maximum(left, 1) - 1]
            sale = (rng.random(times) < demand[draw, t, step]) & (left > 0)
            left, total = left - sale, total + sale * ladder[step]
        assert expected == pytest.approx(total.mean(), abs=3 * total.std() / np.sqrt(times))


def test_one_price_is_enough_where_there_is_enough_for_all() -> None:
    """Twenty units for ten buyers: a tenth of a per mille to gain; one unit: six percent."""
    few, many = worth(exponential(1, 400)), worth(exponential(20, 400))
    assert few.gain == pytest.approx(0.058, abs=0.003)
    assert many.gain == pytest.approx(0.0001, abs=0.0005)


def test_a_season_too_large_is_bounded_instead() -> None:
    """The single price is the same, and what could be gained is at most a little."""
    ladder = np.linspace(1.0, 3.0, 81)
    season = exponential(2000, 200, sales=4000.0, ladder=ladder)
    large, small = worth(season, most_cells=1e6), worth(exponential(20, 200, sales=40.0, ladder=ladder), most_cells=0)
    assert large.rule is None
    assert large.gain is None
    assert ladder[large.fixed_step] == pytest.approx(Dwindling(2000, 4000.0, 1.0).fixed()[0], abs=0.03)
    assert 0 < large.most_gain < 0.03
    assert small.most_gain > large.most_gain


def test_periods_in_which_much_is_sold_cost_little() -> None:
    """By units left for a whole season, prices earn nearly what the best single one does; from two periods on, more."""
    ladder = np.array([10.0, 15, 20, 25, 30, 40, 50])
    gains = []
    for periods in (1, 2, 20):
        demand = np.tile(60 * np.exp(-ladder / 20) / periods, (1, periods, 1))
        gains.append(worth(Season(ladder, demand, 10)).gain)
    one, two, many = gains
    assert one is not None
    assert two is not None
    assert many is not None
    assert one > -0.01
    assert many > two > many / 2 > 0.02


@pytest.mark.parametrize("shape", [(400, 1, 2), (1, 800, 2)])
def test_a_season_too_large_for_memory_is_bounded_too(shape: tuple[int, int, int]) -> None:
    """Of many draws, or of many periods: short as it may be, no rule is worked out."""
    found = worth(Season(np.array([5.0, 6.0]), np.full(shape, 1e-6), 60_000))
    assert (found.rule, found.gain) == (None, None)
    assert found.most_gain == pytest.approx(0.0, abs=1e-9)


def test_the_bound_is_exact_where_there_is_enough_for_all() -> None:
    """Each period's best price, however large the stock is beside demand."""
    season = Season(np.array([5.0, 8.0]), np.array([[[2e-6, 1e-6], [2e-6, 2e-6]]]), 100_000)
    assert fluid_bound(season) == pytest.approx(10e-6 + 16e-6)


def test_on_a_wide_ladder_there_is_something_to_gain_in_a_season_of_any_size() -> None:
    """Half of those who buy at 10 have room, twice those who buy at 30: going from one to the other gains a ninth."""
    demand = np.tile([[0.5, 0.125]], (1, 40, 1))
    few, many = (worth(Season(np.array([10.0, 30.0]), demand * size, 10 * size)) for size in (10, 40))
    assert few.gain is not None
    assert many.gain is not None
    assert 0.1 < few.gain < many.gain < 1 / 9


def test_without_buyers_there_is_nothing_to_gain() -> None:
    """No division by nothing."""
    found = worth(Season(np.array([5.0]), np.zeros((1, 3, 1)), 4))
    assert (found.gain, found.most_gain) == (0.0, 0.0)


def test_every_finding_is_named_at_once() -> None:
    """Falling ladders, negative and missing demand, nothing on sale; and shapes that do not fit."""
    with pytest.raises(InputError) as caught:
        Season(np.array([5.0, 4.0]), np.array([[[1.0, np.nan]]]), 0)
    assert [finding.column for finding in caught.value.findings] == ["stock", "ladder", "demand"]
    with pytest.raises(InputError, match="one number for each"):
        Season(np.array([4.0, 5.0]), np.ones((1, 2, 3)), 1)
