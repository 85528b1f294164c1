"""Panels with effects of product and week: ours against pyfixest, both warm.

Poisson counts of 1,000 products in 100 weeks, a true elasticity of -2 and errors clustered by product; least squares in
logs of the rows with a sale, and Poisson pseudo-likelihood. The peer is asked for the same, without small-sample
factors, at its own tolerances; where it is not installed (`pip install pyfixest`) ours runs alone. Prints one JSON
line: processor time of both [ms], their ratio, and how far slopes and errors are apart. With `--products 100000` ours
alone runs on ten million rows and the peak of memory is printed too.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from forecasting.elasticity.errors import sandwich
from forecasting.elasticity.panel import Fit, log_log, poisson
from forecasting.elasticity.within import Codes, Vector

WEEKS, TRUTH, SEED = 100, -2.0, 0
PEER_ROWS = 1_000_000
"""Rows up to which the peer is run too."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Units sold, log price, product and week, (n,) each."""

    quantity: Vector
    price: Vector
    product: Codes
    week: Codes


def simulated(products: int) -> Panel:
    """Prices with a level of the product's own and moves of their own; counts of about ten."""
    rng = np.random.default_rng(SEED)
    product, week = (index.ravel() for index in np.indices((products, WEEKS)))
    price = rng.normal(0, 0.2, products)[product] + rng.normal(0, 0.15, len(product))
    level = 2 + rng.normal(0, 0.5, products)[product] + rng.normal(0, 0.3, WEEKS)[week]
    return Panel(rng.poisson(np.exp(level + TRUTH * price)).astype(np.float64), price, product, week)


Answer = tuple[float, float]
"""Slope and standard error."""


def ours(estimate: Callable[..., Fit], panel: Panel) -> Answer:
    """Slope and clustered error, without the factor for few clusters."""
    fit = estimate(panel.quantity, panel.price[:, None], [panel.product, panel.week])
    clusters = int(panel.product.max()) + 1
    return fit.slope, sandwich(fit, panel.product[fit.kept]) * float(np.sqrt((clusters - 1) / clusters))


def peers(panel: Panel) -> dict[str, Callable[[], Answer]]:
    """The peer's two estimators on the same rows."""
    import pyfixest  # type: ignore[import-not-found]  # noqa: PLC0415  # not needed beyond PEER_ROWS

    table = pd.DataFrame({"q": panel.quantity, "p": panel.price, "product": panel.product, "week": panel.week})
    sold = table[table["q"] > 0].assign(log_q=lambda rows: np.log(rows["q"]))
    plain = {"vcov": {"CRV1": "product"}, "ssc": pyfixest.ssc(k_adj=False, G_adj=False)}

    def least_squares() -> Answer:
        fit = pyfixest.feols("log_q ~ p | product + week", sold, **plain)
        return float(fit.coef().iloc[0]), float(fit.se().iloc[0])

    def counts() -> Answer:
        fit = pyfixest.fepois("q ~ p | product + week", table, **plain)
        return float(fit.coef().iloc[0]), float(fit.se().iloc[0])

    return {"least squares": least_squares, "poisson": counts}


def timed(run: Callable[[], Answer], repeats: int) -> tuple[Answer, float]:
    """Answer, and the median of the processor time of warm runs [ms]."""
    answer = run()
    spent = []
    for _ in range(repeats):
        before = time.process_time()
        run()
        spent.append(1e3 * (time.process_time() - before))
    return answer, float(np.median(spent))


def compared(own: Callable[[], Answer], peer: Callable[[], Answer] | None, repeats: int) -> dict[str, float]:
    """Times of both and how far their answers are apart."""
    (slope, error), spent = timed(own, repeats)
    found = {"slope": round(slope, 6), "se": round(error, 6), "cpu_ms": round(spent, 2)}
    if peer is not None:
        (its_slope, its_error), its_time = timed(peer, repeats)
        found |= {
            "peer_cpu_ms": round(its_time, 2),
            "times_quicker": round(its_time / spent, 2),
            "slopes_apart": float(f"{abs(slope - its_slope):.1e}"),
            "errors_apart": float(f"{abs(error - its_error):.1e}"),
        }
    return found


def main() -> None:
    """Run both sides on the same panel."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--products", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=9)
    asked = parser.parse_args()
    panel = simulated(asked.products)
    estimators: dict[str, Callable[..., Fit]] = {"least squares": log_log, "poisson": poisson}
    with threadpool_limits(1):
        peer = peers(panel) if find_spec("pyfixest") and len(panel.price) <= PEER_ROWS else {}
        found = {
            name: compared(partial(ours, estimate, panel), peer.get(name), asked.repeats)
            for name, estimate in estimators.items()
        }
    print(
        json.dumps(
            {
                "benchmark": "elasticity",
                "rows": len(panel.price),
                "effects": [asked.products, WEEKS],
                "peer": "pyfixest" if peer else None,
                **found,
                "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
