"""Demand crosses from forecasting to optimization as data: finite, exact, and with its evidence."""

import io
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.demand import DemandCurves, Evidence, Identification, constant_elasticity
from pricing.model import Ladder

EVIDENCE = Evidence(Identification.WEAK, -1.2, 0.3, "4 price moves", "booking curve")


def curves(lengths: list[int], draws: int, seed: int = 0) -> DemandCurves:
    """Random curves over ladders of these lengths."""
    units = np.random.default_rng(seed).gamma(2.0, 3.0, (draws, len(lengths), max(lengths)))
    for i, length in enumerate(lengths):
        units[:, i, length:] = 0.0
    ladders = tuple(Ladder(tuple(Decimal(10 + k) / 2 for k in range(n))) for n in lengths)
    return DemandCurves(tuple(f"offer {i}" for i in range(len(lengths))), ladders, units, (EVIDENCE,) * len(lengths))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(1, 5), st.integers(0, 99))
def test_curves_written_and_read_back_are_equal(lengths: list[int], draws: int, seed: int) -> None:
    """Through JSON and through Parquet, to the last bit."""
    made = curves(lengths, draws, seed)
    assert DemandCurves.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    file = io.BytesIO()
    made.to_frame().to_parquet(file)
    file.seek(0)
    assert DemandCurves.from_frame(pd.read_parquet(file)) == made


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0])
def test_a_number_of_units_is_finite_and_not_negative(wrong: float) -> None:
    """A solver given NaN answers 'optimal'; so NaN is refused before it gets there."""
    good = curves([3], 2)
    units = good.units.copy()
    units[1, 0, 2] = wrong
    with pytest.raises(ValueError, match="demand curves"):
        DemandCurves(good.offers, good.ladders, units, good.evidence)


def test_units_beyond_a_ladder_are_refused() -> None:
    """A short ladder's row is padded with zeros, and nothing else."""
    good = curves([3, 2], 2)
    units = good.units.copy()
    units[0, 1, 2] = 1.0
    with pytest.raises(ValueError, match="beyond"):
        DemandCurves(good.offers, good.ladders, units, good.evidence)


def test_constant_elasticity_keeps_its_promise() -> None:
    """One per cent dearer sells `elasticity` per cent more, at every price; the reference price sells the base."""
    units = constant_elasticity(np.array([100.0]), np.array([-1.5]), 20.0, [20.0, 20.2, 40.0])
    assert units[0, 0] == pytest.approx(100)
    assert np.log(units[0, 1] / 100) / np.log(1.01) == pytest.approx(-1.5)
    assert units[0, 2] == pytest.approx(100 * 2**-1.5)


def test_evidence_is_finite() -> None:
    """An elasticity that is NaN is no evidence."""
    with pytest.raises(ValueError, match="not finite"):
        Evidence(Identification.IDENTIFIED, float("nan"), 0.1, "", "")
