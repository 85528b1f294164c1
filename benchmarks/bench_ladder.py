"""Ladder problems of 1,000, 10,000 and 100,000 offers, and re-solves after demand changed: ours beside Pyomo and HiGHS.

N offers of 11 steps in threes (good, better, best: prices in that order), five shared capacities at 85 % of what the
best prices would use, and a margin floor over all offers five points above what those prices would leave. The time is
that of the whole `solve`, from a problem in memory to the checked plan. The peer writes the same formulation with
Pyomo and hands it to HiGHS as arrays (the method milp, stopped at the same gap of 1e-4); it is run up to
`--peer-offers`, because with 10,000 it finds no prices in a minute. Prints one JSON line per row: seconds of processor
time, child processes included, and of wall time (medians; one core), the gap proven, and for the peer its gap and how
many times more processor time it took. The package price-contour does part of this work: it has no rules between
offers and proves no gap, so it is no peer.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from optimization.method import Method
from optimization.solve import HighsOptimizer, Resolver
from pricing.model import Ladder
from pricing.plan import Plan
from pricing.problem import AverageMargin, Choice, Objective, Order, Problem, Shared

STEPS, ROOMS, SEED = 11, 5, 0
LIMIT = 60.0


def market(count: int) -> Problem:
    """The problem, with elasticities from -3 to -1.2 and demand over two orders of magnitude."""
    rng = np.random.default_rng(SEED)
    tier = np.tile([1.0, 1.25, 1.6], count // 3 + 1)[:count]
    base = np.repeat(rng.lognormal(3.2, 0.5, count // 3 + 1), 3)[:count] * tier
    cents = np.rint(base[:, None] * np.linspace(80, 130, STEPS)).astype(np.int64)
    elasticity = rng.uniform(-3, -1.2, (count, 1))
    units = rng.lognormal(3, 0.8, (count, 1)) * (cents / (100 * base[:, None])) ** elasticity
    cost = np.rint(base * rng.uniform(40, 70, count)).astype(np.int64)
    names = [f"o{i:06d}" for i in range(count)]
    offers = tuple(
        Choice(name, Ladder(tuple(map(money, row))), sold[None, :], money(each), money(row[4]))
        for name, row, sold, each in zip(names, cents.tolist(), units, cost.tolist(), strict=True)
    )
    best = (cents * units).argmax(axis=1)
    sold, taken = units[np.arange(count), best], (cents * units).max(axis=1)
    drawn = rng.random((ROOMS, count)) < 0.3
    drawn[rng.integers(0, ROOMS, count), np.arange(count)] = True
    rooms = tuple(
        Shared(f"r{r}", 0.85 * float(sold[mask].sum()), {names[i]: 1.0 for i in np.flatnonzero(mask)})
        for r, mask in enumerate(drawn)
    )
    floor = round(1 - float((cost * sold).sum() / taken.sum()) + 0.05, 4)
    tiers = [Order(names[i], names[i + 1]) for i in range(count - 1) if i % 3 < 2]
    rules = (*tiers, AverageMargin(tuple(names), Decimal(str(floor))))
    return Problem("EUR", Objective.REVENUE, offers, rooms, rules)


def money(cents: int) -> Decimal:
    """Whole cents as an amount."""
    return Decimal(cents).scaleb(-2)


def changed(problem: Problem) -> Problem:
    """The same offers with demand of each up to a twentieth higher or lower."""
    rng = np.random.default_rng(SEED + 1)
    factors = rng.uniform(0.95, 1.05, len(problem.offers))
    offers = tuple(replace(o, demand=o.demand * f) for o, f in zip(problem.offers, factors, strict=True))
    return replace(problem, offers=offers)


def processor_time() -> float:
    """Of this process and of those it started and saw end [s]."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(solve: Callable[[], Plan], repeats: int) -> dict[str, float | str | None]:
    """Medians of processor and wall time [s] with the gap proven."""
    spent, passed = [], []
    for _ in range(repeats):
        cpu, wall = processor_time(), time.perf_counter()
        plan = solve()
        spent.append(processor_time() - cpu)
        passed.append(time.perf_counter() - wall)
    report = plan.report
    return {
        "cpu_s": round(median(spent), 4),
        "wall_s": round(median(passed), 4),
        "status": str(report.status),
        "gap": None if report.gap is None else float(f"{report.gap:.1e}"),
    }


def row(work: str, offers: int, own: dict[str, float | str | None], peer: dict[str, float | str | None] | None) -> None:
    """Print one line."""
    line: dict[str, object] = {"benchmark": "ladder", "work": work, "offers": offers, "steps": STEPS, **own}
    if peer is not None:
        line |= {f"peer_{name}": value for name, value in peer.items()}
        line["times_quicker"] = round(float(peer["cpu_s"] or 0) / float(own["cpu_s"] or 1), 1)
    print(json.dumps(line), flush=True)


def main() -> None:
    """Solve each size afresh, and the changed problem from where the first solve ended."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--offers", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--peer-offers", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    slow, quick = HighsOptimizer(Method.MILP), HighsOptimizer()
    with threadpool_limits(1):
        quick.solve(market(30), time_limit=LIMIT)  # everything is loaded before a clock runs
        for count in asked.offers:
            first = market(count)
            second = changed(first)
            peer = partial(slow.solve, time_limit=LIMIT) if count <= asked.peer_offers else None
            own = timed(partial(quick.solve, first, time_limit=LIMIT), asked.repeats)
            row("fresh", count, own, timed(partial(peer, first), 1) if peer else None)
            before = Resolver()
            before.solve(first, time_limit=LIMIT)
            own = timed(partial(resolved, second, before), asked.repeats)
            row("demand changed", count, own, timed(partial(peer, second), 1) if peer else None)


def resolved(problem: Problem, before: Resolver) -> Plan:
    """Solve from where the solve before ended, every time anew."""
    return Resolver(weights=dict(before.weights)).solve(problem, time_limit=LIMIT)


if __name__ == "__main__":
    main()
