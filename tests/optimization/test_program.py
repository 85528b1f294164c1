"""Whatever befalls the solver is a value with a reason, and nothing unproven comes out of it."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from threading import Thread
from time import perf_counter, sleep
from typing import Any

import numpy as np
import pytest

from optimization import mixed_integer, program
from optimization.highs import Run
from optimization.mixed_integer import mixed_integer as solve_part
from optimization.program import Program, solve, solve_apart
from optimization.solve import HighsOptimizer
from optimization.steps import canonical
from pricing.errors import InputError
from pricing.plan import Status
from pricing.problem import Measure, Problem, Risk, Shared
from tests.optimization.problems import offer, problem


def knapsack(count: int = 2, *, room: float = 3.0, seed: int = 0) -> Program:
    """Things of size about 2 in two rooms; many things of like worth keep a solver busy."""
    rng = np.random.default_rng(seed)
    rows = 2 if count == 2 else 40
    sizes = np.full((rows, count), 2.0) if count == 2 else rng.uniform(1, 100, (rows, count))
    limit = np.full(rows, room) if count == 2 else 0.5 * sizes.sum(axis=1)
    start = np.arange(0, rows * count + 1, rows, dtype=np.int32)
    return Program(
        cost=np.array([3.0, 2.0]) if count == 2 else sizes.mean(axis=0) + rng.uniform(0, 5, count),
        lower=np.zeros(count),
        upper=np.ones(count),
        row_lower=np.full(rows, -np.inf),
        row_upper=limit,
        start=start,
        index=np.tile(np.arange(rows, dtype=np.int32), count),
        value=sizes.T.ravel(),
        whole=np.ones(count, dtype=np.bool_),
    )


@pytest.mark.parametrize("how", [solve, solve_apart])
def test_here_and_apart_give_the_same(how: Callable[..., program.Solved]) -> None:
    """The best, infeasible and a linear program with its duals, in this process or another."""
    best = how(knapsack(), time_limit=9.0, gap=0.0)
    assert best.columns == pytest.approx([1, 0])
    assert best.bound == pytest.approx(3.0)
    assert not best.reason
    assert how(knapsack(room=-1.0), time_limit=9.0, gap=0.0).infeasible
    relaxed = how(replace(knapsack(), whole=np.empty(0, dtype=np.bool_)), time_limit=9.0, gap=0.0)
    assert relaxed.bound == pytest.approx(4.0)
    assert relaxed.duals.sum() == pytest.approx(1.0)


def test_unbounded_never_gives_values() -> None:
    """A variable that may grow without end: a reason, no values, no bound, and not infeasible."""
    endless = Program(
        cost=np.ones(1),
        lower=np.zeros(1),
        upper=np.full(1, np.inf),
        row_lower=np.full(1, -1.0),
        row_upper=np.full(1, np.inf),
        start=np.array([0, 1], dtype=np.int32),
        index=np.zeros(1, dtype=np.int32),
        value=np.ones(1),
        whole=np.zeros(0, dtype=np.bool_),
    )
    found = solve(endless, time_limit=9.0, gap=0.0)
    assert not found.columns.size
    assert not found.infeasible
    assert found.bound == np.inf
    assert "Unbounded" in found.reason


def test_out_of_time_says_so() -> None:
    """With or without a solution when the time is up, the bound holds and the reason is named."""
    none = solve(knapsack(400), time_limit=1e-3, gap=0.0)
    some = solve(knapsack(400), time_limit=0.7, gap=0.0)
    assert none.reason == some.reason == "the solver's time was up"
    assert some.columns.size
    assert knapsack(400).cost @ some.columns <= some.bound <= none.bound + 1e-6


def test_a_solver_that_is_killed_is_a_reason() -> None:
    """Kill -9 in the middle of a run: no values, no bound, and the signal is named."""
    found, children = _watched(lambda: solve_apart(knapsack(400), time_limit=60.0, gap=0.0), after=1.0)
    assert children[0].returncode == -9
    assert not found.columns.size
    assert found.bound == np.inf
    assert found.reason == "the solver's process died (signal 9)"


def test_a_solver_that_overruns_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that does not look at the clock is ended at the limit and the grace, and leaves no process behind."""
    monkeypatch.setattr(program, "GRACE", 0.3)
    given = np.savez

    def without_limit(file: Any, **arrays: Any) -> None:
        given(file, **(arrays | {"time_limit": 1e6}))

    monkeypatch.setattr(np, "savez", without_limit)
    started = perf_counter()
    found, children = _watched(lambda: solve_apart(knapsack(400), time_limit=1.0, gap=0.0))
    assert perf_counter() - started < 5
    assert children[0].returncode is not None
    assert found.reason == "the solver overran its 1.0 s and was ended"
    assert not found.columns.size


def _watched(run: Callable[[], Any], *, after: float | None = None) -> tuple[Any, list[subprocess.Popen[bytes]]]:
    """Run, and kill the process it starts `after` so many seconds; the answer and the processes started."""
    children: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def noted(*args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        children.append(real(*args, **kwargs))
        return children[-1]

    def kill() -> None:
        while not children:
            sleep(0.01)
        sleep(after or 0.0)
        children[0].kill()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", noted)
        if after is not None:
            Thread(target=kill, daemon=True).start()
        return run(), children


def risky(count: int = 250) -> Problem:
    """A tail mean over many offers, which only HiGHS proves, and in a process of its own."""
    rng = np.random.default_rng(1)
    names = [f"o{i:03d}" for i in range(count)]
    offers = [offer(name, range(10, 20), np.sort(rng.uniform(1, 40, (8, 10)))[:, ::-1].tolist()) for name in names]
    most = sum(float(o.mean[4]) for o in offers)
    return problem(*offers, resources=[Shared("r", 0.8 * most, dict.fromkeys(names, 1.0))], risk=Risk(Measure.CVAR))


def test_a_killed_solver_costs_the_proof_not_the_plan() -> None:
    """The relaxation of the mean stands in: prices that keep everything, time-limit as status, the reason named."""
    plan, children = _watched(lambda: HighsOptimizer().solve(risky(), time_limit=60), after=0.1)
    assert children[0].returncode == -9
    assert plan.report.status is Status.TIME_LIMIT
    assert plan.report.reason == "the solver's process died (signal 9)"
    assert plan.report.method == "milp, then lagrangian"
    assert len(plan.prices) == 250
    assert plan.report.gap > 1e-4


def test_a_time_limit_is_kept() -> None:
    """Within the limit and five seconds, whatever the solver does."""
    started = perf_counter()
    plan = HighsOptimizer().solve(risky(), time_limit=1)
    assert perf_counter() - started < 6
    assert plan.report.status in {Status.TIME_LIMIT, Status.FEASIBLE, Status.OPTIMAL}
    assert plan.report.status is not Status.TIME_LIMIT or plan.report.reason


def test_nan_never_becomes_a_problem() -> None:
    """Data that are not numbers are refused before any solver is asked."""
    with pytest.raises(InputError, match="demand is missing or infinite"):
        problem(offer("a", [10, 12], [9.0, float("nan")]))


def test_nothing_found_gives_no_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no values from HiGHS, and too many combinations to try any, there are no prices but a reason."""
    case = canonical(risky(12))
    monkeypatch.setattr(mixed_integer, "run", lambda *_, **__: Run(reason="the solver ended with SolveError"))
    monkeypatch.setattr(mixed_integer, "covered", lambda _: False)
    monkeypatch.setattr(mixed_integer, "MOST", 1_000)
    answer = solve_part(case, time_limit=5)
    assert answer.steps is None
    assert answer.reason == "the solver ended with SolveError"
    plan = HighsOptimizer().solve(case, time_limit=5)
    assert plan.report.status is Status.TIME_LIMIT
    assert not plan.prices
    assert plan.report.reason == "the solver ended with SolveError"
