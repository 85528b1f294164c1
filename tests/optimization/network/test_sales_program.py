"""The sales-based program, family by family, and the sets that sell what it says."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyomo.repn.plugins.lp_writer import LPWriter
from pyomo.repn.tests.lp_diff import lp_diff

from optimization.highs import Run, run
from optimization.network import best_offering
from optimization.network import sales_program as module
from optimization.network.market import Market
from optimization.network.sales_program import FAMILIES, build, disjoint, sales_based
from optimization.network.values import SegmentedDemand
from pricing.errors import InputError
from pricing.plan import Status
from tests.optimization.network.networks import choosing_at_random, parallel_flights

GOLDEN = Path(__file__).parent / "golden"


def two_segments() -> SegmentedDemand:
    """The parallel flights, with half of the products for each of two segments."""
    problem = parallel_flights(0.3, (1, 5, 5, 1))
    return SegmentedDemand(
        problem.network, 300.0, ("a", "b"), np.array([0.1, 0.15]), problem.weights[:2], np.array([1.0, 5.0])
    )


def test_the_model_is_as_documented() -> None:
    """A case's LP file equals the one kept, which a person has read."""
    text = io.StringIO()
    LPWriter().write(build(Market.of(two_segments())), text, symbolic_solver_labels=True)
    base, test = lp_diff((GOLDEN / "sales_based.lp").read_text(), text.getvalue())
    assert base == test


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_without_a_family_the_answer_is_wrong(family: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving one out promises more than can be sold, or has no end."""
    whole = run(build(Market.of(two_segments())), time_limit=9, relax=True)
    monkeypatch.setattr(module, "FAMILIES", tuple(other for other in FAMILIES if other is not family))
    relaxed = run(build(Market.of(two_segments())), time_limit=9, relax=True)
    assert relaxed.infeasible or relaxed.bound > whole.bound * 1.001


def test_the_sets_recovered_sell_what_the_program_says() -> None:
    """On 60 markets the offering's own sales earn the program's objective, and its bid prices prove it."""
    for seed in range(60):
        problem = choosing_at_random(seed, apart=True)
        answer = sales_based(problem)
        done = run(build(Market.of(problem)), time_limit=9, relax=True)
        assert answer.report.status is Status.OPTIMAL
        assert answer.report.objective == pytest.approx(done.bound, rel=1e-6, abs=1e-6)
        assert answer.offered is not None
        assert sum(offered.periods for offered in answer.offered) == pytest.approx(problem.periods)


def test_segments_that_share_a_product_are_refused_or_handed_on() -> None:
    """The program cannot tell them apart; the choice of program can. A segment without buyers shares nothing."""
    shared = parallel_flights(0.6, (1, 5, 5, 1))
    with pytest.raises(InputError, match="two segments"):
        sales_based(shared)
    assert best_offering(shared).report.method == "choice-based linear program"
    alone = replace(shared, rate=shared.rate * [1, 1, 0, 0])
    assert disjoint(alone)
    assert best_offering(alone).report.method == "sales-based linear program"


def test_nobody_who_comes_buys_nothing() -> None:
    """With no arrivals the answer is to offer nothing."""
    answer = best_offering(replace(two_segments(), rate=np.zeros(2)))
    assert answer.report.objective == 0.0
    assert answer.offered is not None
    assert [offered.products for offered in answer.offered] == [()]


def test_a_solver_without_an_answer_gives_no_offering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a status and a valid bound."""
    best = sales_based(two_segments()).report.objective
    monkeypatch.setattr(module, "run", lambda *_, **__: Run())
    answer = sales_based(two_segments())
    assert answer.report.status is Status.TIME_LIMIT
    assert answer.offered is None
    assert best is not None
    assert answer.report.bound is not None
    assert answer.report.bound >= best
