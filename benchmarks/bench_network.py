"""The deterministic linear program of a network: ours against Pyomo with HiGHS, and against revmng.

1,000 events, each sold for 60 days ahead in 5 classes: 300,000 products, 1,000 capacities, room for six in ten of those
who come. Once each event stands alone; once each twentieth product is a pass for the ten events of its series, which
links them. The peers get the same arrays: Pyomo the model that is our reference formulation, solved by its own
interface to HiGHS; revmng (`pip install revmng`), whose matrix is dense, as few events as `--revmng` says. Prints one
JSON line: processor time [s], ratios, and how far the objectives are apart, as a share.
"""

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np
import pyomo.environ as pyo
from scipy.sparse import coo_array
from threadpoolctl import threadpool_limits

from optimization.network import IndependentDemand, Network, allocate
from optimization.network.formulation import build

DAYS, CLASSES, SERIES, SEED = 60, 5, 10, 0

Objective = Callable[[], float]


def simulated(events: int, *, linked: bool) -> IndependentDemand:
    """Fares and demand at random; passes cost what six single tickets do."""
    rng = np.random.default_rng(SEED)
    count = events * DAYS * CLASSES
    event, products = np.repeat(np.arange(events), DAYS * CLASSES), np.arange(count)
    fare, demand = rng.integers(20, 200, count).astype(np.float64), rng.gamma(2.0, 1.0, count)
    rows, columns = [event], [products]
    if linked:
        passes = products[::20]
        fare[passes] *= 6
        for place in range(SERIES):
            other = event[passes] // SERIES * SERIES + place
            also = other != event[passes]
            rows.append(other[also])
            columns.append(passes[also])
    row, column = np.concatenate(rows), np.concatenate(columns)
    uses = coo_array((np.ones(len(row)), (row, column)), shape=(events, count)).tocsc()
    names = tuple(f"e{n:06d}" for n in range(events)), tuple(f"p{n:08d}" for n in range(count))
    return IndependentDemand(Network(names[0], 0.6 * (uses @ demand), names[1], fare, uses), demand)


def ours(problem: IndependentDemand) -> float:
    """Objective, from arrays to proof."""
    network = problem.network
    again = Network(network.resources, network.capacity, network.products, network.fare, network.uses)
    report = allocate(IndependentDemand(again, problem.demand)).report
    return float("nan") if report.objective is None else report.objective


def with_pyomo(problem: IndependentDemand) -> float:
    """Objective of the reference formulation, bid prices imported."""
    model = build(problem)
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT)
    pyo.SolverFactory("appsi_highs").solve(model)
    return float(pyo.value(model.earned))


def with_revmng(problem: IndependentDemand) -> Objective:
    """Objective by revmng; its own products are made before the clock starts."""
    import revmng  # type: ignore[import-not-found]  # noqa: PLC0415  # optional

    network, uses = problem.network, problem.network.uses
    products = [
        revmng.Product(
            float(network.fare[j]),
            {
                network.resources[uses.indices[k]]: float(uses.data[k])
                for k in range(uses.indptr[j], uses.indptr[j + 1])
            },
            float(problem.demand[j]),
        )
        for j in range(len(network.products))
    ]
    capacity = dict(zip(network.resources, network.capacity.tolist(), strict=True))
    return lambda: float(revmng.bid_prices(products, capacity).expected_revenue)


def timed(run: Objective, repeats: int) -> tuple[float, float]:
    """Objective, and the median of the processor time [s]."""
    spent, objective = [], 0.0
    for _ in range(repeats):
        before = time.process_time()
        objective = run()
        spent.append(time.process_time() - before)
    return objective, float(np.median(spent))


def compared(problem: IndependentDemand, peer: Objective | None, repeats: int) -> dict[str, float | int | str]:
    """Times of both, and how far their objectives are apart."""
    objective, spent = timed(lambda: ours(problem), repeats)
    found: dict[str, float | int | str] = {"products": len(problem.demand), "cpu_s": round(spent, 4)}
    if peer is None:
        return {**found, "peer": "not available"}
    its, its_time = timed(peer, 1)
    return {
        **found,
        "peer_cpu_s": round(its_time, 4),
        "times_quicker": round(its_time / spent, 1),
        "objectives_apart": float(f"{abs(objective / its - 1):.1e}"),
    }


def main() -> None:
    """Run all sides on the same arrays."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--events", type=int, default=1_000)
    parser.add_argument("--revmng", type=int, default=20, help="events given to revmng")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    found = {}
    with threadpool_limits(1):
        for name, linked in (("events alone", False), ("events linked by passes", True)):
            whole, part = simulated(asked.events, linked=linked), simulated(asked.revmng, linked=linked)
            peer = with_revmng(part) if find_spec("revmng") else None
            found[name] = {
                "pyomo": compared(whole, partial(with_pyomo, whole), asked.repeats),
                "revmng": compared(part, peer, asked.repeats),
            }
    print(json.dumps({"benchmark": "network", "events": asked.events, **found}))


if __name__ == "__main__":
    main()
