"""The reference formulation, family by family, and the quick path beside it."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyomo.repn.plugins.lp_writer import LPWriter
from pyomo.repn.tests.lp_diff import lp_diff

from optimization.highs import run
from optimization.network import formulation
from optimization.network.deterministic import allocate
from optimization.network.formulation import FAMILIES, build
from tests.optimization.network.networks import trips, wanted_at_random

GOLDEN = Path(__file__).parent / "golden"


def test_the_model_is_as_documented() -> None:
    """The published network's LP file equals the one kept, which a person has read."""
    text = io.StringIO()
    LPWriter().write(build(trips()), text, symbolic_solver_labels=True)
    base, test = lp_diff((GOLDEN / "deterministic.lp").read_text(), text.getvalue())
    assert base == test


def test_the_reference_solves_the_published_network() -> None:
    """Objective 10140; bid prices 380, 420, 0."""
    done = run(build(trips()), time_limit=9, relax=True)
    assert done.bound == pytest.approx(10140)
    assert [done.duals[f"capacity[{r}]"] for r in range(3)] == pytest.approx([380, 420, 0])


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_without_a_family_the_answer_is_wrong(family: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving one out promises more than there is."""
    monkeypatch.setattr(formulation, "FAMILIES", tuple(other for other in FAMILIES if other is not family))
    assert run(build(trips()), time_limit=9, relax=True).bound > 10140 + 1


def test_the_quick_path_and_the_reference_agree() -> None:
    """Same objective, and the reference's allocation is bounded by the quick path's bid prices, on 60 networks."""
    for seed in range(60):
        problem = wanted_at_random(seed)
        reference, quick = run(build(problem), time_limit=9, relax=True), allocate(problem)
        assert quick.report.objective == pytest.approx(reference.bound, rel=1e-7, abs=1e-6)
        assert quick.units is not None
        assert float(problem.network.fare @ quick.units) == pytest.approx(reference.bound, rel=1e-7, abs=1e-6)
        assert np.all(problem.network.uses @ quick.units <= problem.network.capacity * (1 + 1e-12))
