"""Demand among substitutes crosses to the optimizer as data: exact, finite, and the model it says it is."""

import dataclasses
import io
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.choice import ChoiceDemand
from pricing.demand import Evidence, Identification
from pricing.model import Ladder


def demand(seed: int = 0, *, offers: int = 3, segments: int = 2, draws: int = 4) -> ChoiceDemand:
    """Random demand; the first and last offer share a nest."""
    rng = np.random.default_rng(seed)
    nests = ("x", *(f"nest {i}" for i in range(1, offers - 1)), "x")[:offers]
    shape = (draws, segments, offers)
    return ChoiceDemand(
        offers=tuple(f"offer {i}" for i in range(offers)),
        ladders=tuple(Ladder(tuple(Decimal(10 + k) / 2 for k in range(i + 1))) for i in range(offers)),
        nests=nests,
        segments=tuple(f"kind={i}" for i in range(segments)),
        buyers=rng.gamma(2.0, 50.0, shape[:2]),
        utility=rng.normal(0, 2, shape),
        sensitivity=rng.gamma(2.0, 0.3, shape) + 0.01,
        gamma=rng.uniform(0.2, 1.0, (draws, len(set(nests)))),
        outside=rng.normal(0, 1, shape[:2]),
        evidence=tuple(Evidence(Identification.WEAK, -1.0 - i, 0.2, "few choices", "logit") for i in range(offers)),
    )


@given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 4), st.integers(0, 99))
def test_demand_written_and_read_back_is_equal(offers: int, segments: int, draws: int, seed: int) -> None:
    """Through JSON and through Parquet, to the last bit."""
    made = demand(seed, offers=offers, segments=segments, draws=draws)
    assert ChoiceDemand.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    file = io.BytesIO()
    made.to_frame().to_parquet(file)
    file.seek(0)
    assert ChoiceDemand.from_frame(pd.read_parquet(file)) == made


def test_demand_that_differs_anywhere_is_not_equal() -> None:
    """One number or one name suffices."""
    made = demand()
    assert dataclasses.replace(made, outside=made.outside + 1e-9) != made
    assert dataclasses.replace(made, segments=("a", "b")) != made


def expected(made: ChoiceDemand, draw: int, segment: int, prices: list[float]) -> list[float]:
    """The formula of the module, term by term."""
    attract = np.exp(made.utility[draw, segment] - made.sensitivity[draw, segment] * prices)
    total = {nest: sum(a for a, n in zip(attract, made.nests, strict=True) if n == nest) for nest in made.nest_names}
    worth = {nest: total[nest] ** made.gamma[draw, g] for g, nest in enumerate(made.nest_names)}
    every = np.exp(made.outside[draw, segment]) + sum(worth.values())
    return [float(a / total[n] * worth[n] / every) for a, n in zip(attract, made.nests, strict=True)]


@given(st.integers(0, 99), st.lists(st.floats(0, 50), min_size=3, max_size=3))
def test_probabilities_are_those_of_the_formula(seed: int, prices: list[float]) -> None:
    """For each draw and segment; buyers times them are the units."""
    made = demand(seed)
    found = made.probabilities(prices)
    assert found.shape == (4, 2, 3)
    for draw in range(4):
        for segment in range(2):
            assert found[draw, segment] == pytest.approx(expected(made, draw, segment, prices))
    assert made.units(prices) == pytest.approx((made.buyers[:, :, None] * found).sum(axis=1))


def test_many_price_lists_at_once_are_each_alone() -> None:
    """Any leading shape; the segments stay before the offers."""
    made, lists = demand(), np.random.default_rng(1).uniform(1, 9, (5, 2, 3))
    found, units = made.probabilities(lists), made.units(lists)
    assert found.shape == (4, 5, 2, 2, 3)
    assert found[:, 3, 1] == pytest.approx(made.probabilities(lists[3, 1]))
    assert units[:, 3, 1] == pytest.approx(made.units(lists[3, 1]))


def test_extreme_prices_stay_finite() -> None:
    """Nobody buys at a million; prices far below 0 fill the market and no more."""
    made = demand()
    assert made.probabilities([1e6, 1e6, 1e6]) == pytest.approx(np.zeros((4, 2, 3)))
    assert made.probabilities([-1e6, -1e6, -1e6]).sum(axis=-1) == pytest.approx(np.ones((4, 2)))


def test_curves_are_the_demand_of_each_offer_while_the_others_keep_their_price() -> None:
    """Over each offer's own ladder, with its evidence."""
    made = demand()
    prices = [Decimal(5), Decimal(5), Decimal(6)]
    curves = made.curves(prices)
    assert curves.of("offer 1")[:, 1] == pytest.approx(made.units([5.0, 5.5, 6.0])[:, 1])
    assert curves.evidence == made.evidence
    assert np.all(np.diff(curves.of("offer 2"), axis=1) < 0)


def known(offers: int, nests: tuple[str, ...], a: list[float], b: list[float], gamma: list[float]) -> ChoiceDemand:
    """One buyer, one draw, outside worth 1."""
    return ChoiceDemand(
        offers=tuple(str(i) for i in range(offers)),
        ladders=(Ladder((Decimal(1),)),) * offers,
        nests=nests,
        segments=("all",),
        buyers=np.ones((1, 1)),
        utility=np.array([[a]]),
        sensitivity=np.array([[b]]),
        gamma=np.array([gamma]),
        outside=np.zeros((1, 1)),
        evidence=(Evidence(Identification.IDENTIFIED, -1.0, 0.0, "", ""),) * offers,
    )


NESTED = known(4, ("1", "1", "2", "2"), [3, 2.5, 4, 3], [1, 1.2, 0.8, 1], [0.6, 0.8])
PLAIN = known(3, ("1", "2", "3"), [5, 4, 3], [1.2, 1.2, 1.2], [1, 1, 1])


@pytest.mark.parametrize(
    ("made", "cost", "prices", "profit"),
    [
        (NESTED, [1, 0.8, 1.5, 1], [4.83001, 4.46334, 5.24176, 4.49176], 2.19265810),
        (PLAIN, [2, 1.5, 1], [4.31381, 3.81381, 3.31381], 1.48047),
    ],
)
def test_profit_at_the_reference_prices(
    made: ChoiceDemand, cost: list[float], prices: list[float], profit: float
) -> None:
    """The reference profits per buyer, and no price nearby earns more."""

    def earned(at: list[float]) -> float:
        return float(made.units(at)[0] @ (np.array(at) - cost))

    assert earned(prices) == pytest.approx(profit, abs=5e-6)
    for i in range(len(prices)):
        for step in (-0.01, 0.01):
            assert earned([p + step * (i == j) for j, p in enumerate(prices)]) < earned(prices)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("sensitivity", 0.0, "sensitivity"),
        ("sensitivity", np.nan, "missing or infinite"),
        ("utility", np.inf, "missing or infinite"),
        ("gamma", 1.01, "gamma"),
        ("gamma", 0.0, "gamma"),
        ("buyers", -1.0, "buyers"),
    ],
)
def test_what_cannot_be_is_refused(field: str, value: float, said: str) -> None:
    """NaN, demand that rises in price, nests beyond utility maximisation, negative buyers."""
    made: Any = demand()
    array = getattr(made, field).copy()
    array.flat[-1] = value
    with pytest.raises(ValueError, match=said):
        dataclasses.replace(made, **{field: array})


def test_names_and_shapes_must_fit() -> None:
    """A name twice, an array of another shape, prices for other offers."""
    made = demand()
    with pytest.raises(ValueError, match="twice"):
        dataclasses.replace(made, offers=("a", "a", "b"))
    with pytest.raises(ValueError, match="shapes"):
        dataclasses.replace(made, outside=made.outside[:, :1])
    with pytest.raises(ValueError, match="one per offer"):
        made.probabilities([1.0, 2.0])
