"""A hundred independent events of six segments and 25 prices each: ours in one problem, and HiGHS event by event.

Each event has one capacity, at 80 % of what the best prices would use, and its segments' prices keep their order. The
time is that of the whole `solve`, from a problem in memory to the checked plan. The peer (the method milp: Pyomo and
HiGHS, part by part, to a gap of 1e-7) gets the same problem. Prints one JSON line: seconds of processor and of wall
time, how many events are proven optimal, the gap of the whole, and how many times more processor
time the peer took.
"""

import argparse
import json
import resource
import time
from decimal import Decimal

import numpy as np
from threadpoolctl import threadpool_limits

from optimization.method import Method
from optimization.solve import HighsOptimizer
from pricing.model import Ladder
from pricing.plan import Plan, Status
from pricing.problem import Choice, Objective, Order, Problem, Shared

SEGMENTS, STEPS, SEED = 6, 25, 0
LIMIT = 120.0


def season(events: int) -> Problem:
    """The events, with elasticities from -3 to -1.2."""
    rng = np.random.default_rng(SEED)
    offers: list[Choice] = []
    rooms, rules = [], []
    for event in range(events):
        base = rng.uniform(20, 90)
        low, step = round(0.5 * base), max(1, round(base / 20))
        names = [f"e{event:03d}s{segment}" for segment in range(SEGMENTS)]
        best = 0.0
        for segment, name in enumerate(names):
            prices = low + 2 * segment + step * np.arange(STEPS)
            units = rng.uniform(20, 300) * (prices / (base * (0.7 + 0.12 * segment))) ** rng.uniform(-3, -1.2)
            ladder = Ladder(tuple(Decimal(int(price)) for price in prices))
            offers.append(Choice(name, ladder, units[None, :], current_price=ladder[STEPS // 2]))
            best += float(units[np.argmax(prices * units)])
        rooms.append(Shared(f"r{event:03d}", 0.8 * best, dict.fromkeys(names, 1.0)))
        rules += [Order(names[k], names[k + 1]) for k in range(SEGMENTS - 1)]
    return Problem("EUR", Objective.REVENUE, tuple(offers), tuple(rooms), tuple(rules))


def processor_time() -> float:
    """Of this process and of those it started and saw end [s]."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(method: Method, problem: Problem) -> tuple[Plan, float, float]:
    """The plan, and processor and wall time [s]."""
    cpu, wall = processor_time(), time.perf_counter()
    plan = HighsOptimizer(method).solve(problem, time_limit=LIMIT)
    return plan, processor_time() - cpu, time.perf_counter() - wall


def main() -> None:
    """Solve all events, and time the peer on them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--events", type=int, default=100)
    asked = parser.parse_args()
    with threadpool_limits(1):
        HighsOptimizer().solve(season(1), time_limit=LIMIT)  # everything is loaded before a clock runs
        problem = season(asked.events)
        plan, cpu, wall = timed(Method.AUTO, problem)
        peer, peer_cpu, peer_wall = timed(Method.MILP, problem)
    print(
        json.dumps(
            {
                "benchmark": "events",
                "events": asked.events,
                "segments": SEGMENTS,
                "steps": STEPS,
                "cpu_s": round(cpu, 3),
                "wall_s": round(wall, 3),
                "status": str(plan.report.status),
                "all_proven": plan.report.status is Status.OPTIMAL,
                "gap": plan.report.gap,
                "peer_cpu_s": round(peer_cpu, 3),
                "peer_wall_s": round(peer_wall, 3),
                "peer_status": str(peer.report.status),
                "peer_gap": peer.report.gap,
                "times_quicker": round(peer_cpu / cpu, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
