"""The mixed-integer program of the best set, family by family."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyomo.repn.plugins.lp_writer import LPWriter
from pyomo.repn.tests.lp_diff import lp_diff

from optimization.highs import run
from optimization.network import assortment_model
from optimization.network.assortment_model import FAMILIES, build
from optimization.network.values import Vector
from tests.optimization.network.test_assortment import group_at_random, tried

GOLDEN = Path(__file__).parent / "golden"
WORTH, RATE, RATIOS = np.array([90.0, 40.0]), np.array([0.5, 0.25]), np.array([[1.0, 2.0], [0.0, 3.0]])


def test_the_model_is_as_documented() -> None:
    """A small case's LP file equals the one kept, which a person has read."""
    text = io.StringIO()
    LPWriter().write(build(WORTH, RATE, RATIOS), text, symbolic_solver_labels=True)
    base, test = lp_diff((GOLDEN / "assortment.lp").read_text(), text.getvalue())
    assert base == test


def bounds(case: Callable[[int], tuple[Vector, Vector, Vector]]) -> Vector:
    """What the program earns on each of 12 cases."""
    return np.array([run(build(*case(seed)), time_limit=9).bound for seed in range(12)])


def at_random(seed: int) -> tuple[Vector, Vector, Vector]:
    """Worth, rate and ratios."""
    group, worth = group_at_random(seed)
    return worth, group.rate, group.ratios


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_without_a_family_the_answer_is_wrong(family: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """With all of them it equals every set tried; with one left out it promises more than a set can earn."""
    truth = np.array([tried(*group_at_random(seed)) for seed in range(12)])
    assert bounds(at_random) == pytest.approx(truth, rel=1e-6)
    kept = tuple(other for other in FAMILIES if other is not family)
    monkeypatch.setattr(assortment_model, "FAMILIES", kept)
    assert np.any(~np.isclose(bounds(at_random), truth, rtol=1e-4))
