"""Parts are solved on their own and put together; HiGHS may better what the relaxation knows, never worsen it."""

from typing import Any

import numpy as np
import pytest

from optimization import by_relaxation, mixed_integer
from optimization.highs import Run, run
from optimization.lagrangian import relax
from optimization.solve import HighsOptimizer
from pricing.feasibility import violations
from pricing.plan import Status
from pricing.problem import Problem, Shared
from tests.optimization.lagrangian.markets import market
from tests.optimization.problems import offer, problem


def rooms(count: int, *, offers: int = 9) -> Problem:
    """Several rooms that have nothing to do with each other."""
    rng = np.random.default_rng(3)
    names = [[f"r{r}o{i}" for i in range(offers)] for r in range(count)]
    sold = {name: np.sort(rng.uniform(1, 40, 6))[::-1].tolist() for room in names for name in room}
    return problem(
        *(offer(name, range(10, 16), units) for name, units in sold.items()),
        resources=[
            Shared(f"r{r}", 0.8 * sum(sold[name][2] for name in room), dict.fromkeys(room, 1.0))
            for r, room in enumerate(names)
        ],
    )


def test_the_whole_is_the_sum_of_its_parts() -> None:
    """Objective, bound and shadow prices of three rooms together are those of each alone."""
    whole = HighsOptimizer().solve(rooms(3), time_limit=30)
    assert whole.report.status is Status.OPTIMAL
    objective = 0.0
    for r in range(3):
        case = rooms(3)
        mine = tuple(o for o in case.offers if o.id.startswith(f"r{r}"))
        alone = HighsOptimizer().solve(problem(*mine, resources=[case.resources[r]]), time_limit=30)
        assert alone.report.objective is not None
        objective += alone.report.objective
        assert alone.resources[0].shadow_price == pytest.approx(whole.resources[r].shadow_price, rel=1e-6)
        assert alone.prices.items() <= whole.prices.items()
    assert whole.report.objective == pytest.approx(objective)


def test_open_parts_go_to_highs_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no choices tried out, HiGHS closes what the relaxation leaves open, with the same result either way."""
    exact = HighsOptimizer().solve(rooms(3), time_limit=30)
    apart: list[bool] = []

    def watched(*args: Any, **kwargs: Any) -> Run:
        apart.append(kwargs["apart"])
        return run(*args, **kwargs)

    monkeypatch.setattr(mixed_integer, "run", watched)
    monkeypatch.setattr(relax, "FEW", 0)
    for large in (2_000, 10):
        monkeypatch.setattr(mixed_integer, "LARGE", large)
        plan = HighsOptimizer().solve(rooms(3), time_limit=30)
        assert plan.prices == exact.prices
        assert plan.report.method in {"lagrangian, then milp", "lagrangian+lagrangian, then milp"}
    assert set(apart) == {False, True}


@pytest.mark.parametrize("ending", [Run(reason="the solver's process died (signal 9)"), Run(infeasible=True)])
def test_a_failing_solver_leaves_what_was_known(monkeypatch: pytest.MonkeyPatch, ending: Run) -> None:
    """If HiGHS dies, or calls infeasible what has an answer, the relaxation's prices stay, with gap and reason."""
    monkeypatch.setattr(by_relaxation, "OPTIMAL_GAP", 0.0)
    monkeypatch.setattr(relax, "FEW", 0)
    monkeypatch.setattr(mixed_integer, "run", lambda *_, **__: ending)
    case = market(60)
    plan = HighsOptimizer().solve(case, time_limit=30)
    assert violations(case, plan) == ()
    assert plan.report.gap is not None
    assert plan.report.gap > 0
    assert plan.report.reason


def test_what_highs_may_not_look_at_is_not_better() -> None:
    """Steps that the relaxation rules out are in no best answer: HiGHS with and without them proves the same."""
    for seed in range(2):
        case = market(15, seed=seed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(relax, "FEW", 0)
            pruned = HighsOptimizer().solve(case, time_limit=30).report
            patch.setattr(by_relaxation, "mixed_integer", _unpruned)
            whole = HighsOptimizer().solve(case, time_limit=30).report
        assert pruned.status is whole.status is Status.OPTIMAL
        assert pruned.objective == pytest.approx(whole.objective, rel=2e-6)


def _unpruned(*args: Any, **kwargs: Any) -> Any:
    return mixed_integer.mixed_integer(*args, **(kwargs | {"closed": {}}))
