"""The standard error a price test promises is the one such tests have; what they cost is what they lose."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.elasticity.panel import poisson
from forecasting.elasticity.proposal import COLUMNS, MOST_WEEKS, STEPS, Switchback, cost, prices, proposals, shortest
from forecasting.elasticity.table import elasticity_table
from forecasting.elasticity.weekly import History, histories
from forecasting.elasticity.within import codes_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Places whose demand has shocks of their own (sd .25) and in common (sd .2), autocorrelated."""

    places: int
    persistence: float
    chain: bool
    truth: float
    level: float = 2.0

    def demand(self, rng: np.random.Generator, size: Array, moves: Array) -> Array:
        """(places, weeks) units at these moves of log price."""
        shocks = self._shocks(rng, moves.shape, 0.25) + self._shocks(rng, (1, moves.shape[1]), 0.2)
        return rng.poisson(size[:, None] * np.exp(self.truth * moves + shocks)).astype(np.float64)

    def _shocks(self, rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Array:
        out = rng.normal(0, sd, shape)
        for week in range(1, shape[1]):
            out[:, week] = self.persistence * out[:, week - 1] + np.sqrt(1 - self.persistence**2) * out[:, week]
        return out

    def past(self, rng: np.random.Generator, size: Array) -> pd.DataFrame:
        """104 weeks of sales, prices moving by a tenth, in all places alike or not."""
        moves = np.zeros((self.places, 104)) + rng.normal(0, 0.1, (1 if self.chain else self.places, 104))
        place, week = (index.ravel() for index in np.indices(moves.shape))
        return pd.DataFrame(
            {
                "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * week, unit="D"),
                "product": "tea",
                "segment": "all",
                "event": "all",
                "channel": [f"outlet {k:02d}" for k in place],
                "price": (10 * np.exp(moves)).ravel(),
                "quantity": self.demand(rng, size, moves).ravel(),
            }
        )

    def tested(self, rng: np.random.Generator, size: Array, test: Switchback, usual: float) -> float:
        """The elasticity one such test finds."""
        first = rng.integers(0, 2, test.weeks // 2)
        arm = np.zeros((self.places, 1), dtype=int) + np.column_stack([first, 1 - first]).ravel()
        if test.places:
            half = np.zeros(self.places, dtype=int)
            like = np.argsort(size)[: self.places // 2 * 2].reshape(-1, 2)
            half[like[np.arange(len(like)), rng.integers(0, 2, len(like))]] = 1
            arm = (arm + half[:, None]) % 2
        moves = np.log(np.array([test.low, test.high]) / usual)[arm]
        place, week = (codes_of(index.ravel()) for index in np.indices(arm.shape))
        factors = [place, week] if test.places else [place]
        return poisson(self.demand(rng, size, moves).ravel(), moves.reshape(-1, 1), factors).slope


@pytest.mark.parametrize(
    "world",
    [
        World(20, 0.7, chain=True, truth=-2.0),
        World(1, 0.7, chain=True, truth=-2.0, level=5.0),
        World(12, 0.7, chain=False, truth=-1.5),
        World(6, 0.0, chain=False, truth=-2.5),
    ],
)
def test_the_promised_standard_error_is_that_of_such_tests(world: World) -> None:
    """Foreseen from 16 pasts and seen in 40 tests after each: within 15 %, whatever the shocks and prices were like."""
    promised, errors = [], []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        size = np.exp(world.level + rng.normal(0, 0.4, world.places))
        history = next(histories(world.past(rng, size), [("tea",)], [-1.7], ["product"]))
        assert isinstance(history, History)
        assert history.apart is not world.chain
        test = shortest(history, world.truth)
        assert test is not None
        assert (test.places > 0) is not world.chain
        promised.append(test.se)
        errors.append([world.tested(rng, size, test, history.usual) - world.truth for _ in range(40)])
    realised = np.sqrt(np.mean(np.square(errors)))
    assert np.sqrt(np.mean(np.square(promised))) == pytest.approx(realised, rel=0.15)


def steady(units: float, noise: float, places: int = 1, usual: float = 10.0) -> History:
    """A year of `units` a week and place, moving by `noise` of it from week to week."""
    rng = np.random.default_rng(0)
    table = units * (1 + noise * rng.normal(size=(places, 52)))
    return History(table, usual * float(table.sum()) / 52, apart=places > 1, usual=usual, alike=True)


def test_the_shortest_useful_test_by_the_smallest_step_is_chosen() -> None:
    """Noisier sales need longer tests, then larger steps; too noisy ones have no useful test."""
    tests = [shortest(steady(100, noise), -2.0) for noise in (0.05, 0.13, 0.35, 1.0)]
    kinds = [(test.does, test.high) for test in tests if test]
    assert kinds == [(True, 11.0), (True, 11.0), (True, 12.0), (False, 12.0)]
    weeks = [test.weeks for test in tests if test]
    assert weeks[0] < weeks[1]
    assert max(weeks) <= MOST_WEEKS


def test_cost_is_the_revenue_lost_on_a_straight_line() -> None:
    """Ten units a week at 10.00, elasticity -3 there: 13 units at 9.00 and 7 at 11.00 earn 97 a week, not 100."""
    history = steady(10, 0.0)
    test = Switchback(9.0, 11.0, 0, 8, 0.3, 0.4)
    assert cost(history, test, -3.0) == pytest.approx(8 * (100 - (13 * 9 + 7 * 11) / 2))


@given(st.integers(5, 100_000), st.sampled_from(STEPS))
def test_prices_are_near_the_step_and_end_alike(cents: int, step: float) -> None:
    """Between half of the step and the step away, both sides alike, only leading digits changed."""
    usual = cents / 100
    if (found := prices(usual, step)) is None:
        assert usual * step < 0.01
        return
    low, high = found
    assert 0 < low < usual < high
    assert high - usual == pytest.approx(usual - low, abs=1e-9)
    assert step / 2 - 1e-9 <= (high - usual) / usual <= step + 1e-9
    assert round((high - usual) * 100) % 10 ** (len(str(int(cents * step + 1e-9))) - 1) == 0


def shop() -> pd.DataFrame:
    """Tea at a constant price, coffee at moving ones, a good no longer sold, and one that never was."""
    rng = np.random.default_rng(0)
    world = World(6, 0.5, chain=False, truth=-2.0, level=4.0)
    size = np.full(6, 60.0)
    coffee = world.past(rng, size).assign(product="coffee")
    tea = World(6, 0.5, chain=False, truth=0.0).past(rng, size).assign(price=12.99)
    gone = tea[tea["date"] < "2025-01-01"].assign(product="gone")
    return pd.concat([coffee, tea, gone, tea.assign(product="unsold", quantity=0.0)], ignore_index=True)


def test_every_group_that_is_not_identified_has_a_test_or_a_reason_why_not() -> None:
    """In words too; the identified one has none."""
    sales = shop()
    found = proposals(sales, elasticity_table(sales), by=["product"])
    assert tuple(found.columns) == ("product", *COLUMNS)
    assert found["product"].tolist() == ["gone", "tea", "unsold"]
    gone, tea, unsold = found.to_dict("records")
    assert (tea["usual_price"], tea["low_price"], tea["high_price"]) == (12.99, 10.99, 14.99)
    assert tea["promised_se"] <= tea["useful_se"]
    assert tea["bad_case_cost"] >= tea["cost"]
    assert tea["switch"] == "by time"
    assert "10.99 and 14.99 instead of 12.99" in tea["proposal"]
    assert "Not sold" in gone["proposal"]
    assert "Nothing was sold" in unsold["proposal"]
    assert found.loc[found["product"] != "tea", ["weeks", "cost"]].isna().all(axis=None)


def test_money_has_its_currency_and_a_test_of_what_is_precise_its_purpose() -> None:
    """A number known better than the test would tell it is tested for feedback; one that is not known, to know it."""
    sales = shop().query("product == 'tea'").assign(currency="EUR")
    table = elasticity_table(sales)
    unknown, known = (
        proposals(sales, table.assign(elasticity=-2.0, se=se), by=["product"])["proposal"].iloc[0] for se in (1.0, 0.01)
    )
    assert "EUR in revenue" in unknown
    assert "to check that price did not follow demand" in known
    assert "to check" not in unknown


def test_what_no_test_reaches_is_said_with_what_would() -> None:
    """A unit a week: other things alike must help."""
    rng = np.random.default_rng(0)
    rare = World(1, 0.0, chain=True, truth=-1.5, level=0.0).past(rng, np.ones(1)).assign(price=10.0)
    row = proposals(rare, elasticity_table(rare), by=["product"]).iloc[0]
    assert np.isnan(row["weeks"])
    assert row["promised_se"] > row["useful_se"]
    assert row["proposal"].startswith("Out of reach")


def test_proposals_do_not_depend_on_the_order_of_rows() -> None:
    """The same bytes."""
    sales = shop()
    table = elasticity_table(sales)
    once, twice = (proposals(rows, table, by=["product"]) for rows in (sales, sales.sample(frac=1, random_state=0)))
    pd.testing.assert_frame_equal(once, twice)
