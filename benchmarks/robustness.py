"""What pricing on a whole posterior is worth, against pricing on a number and against not pricing at all.

Many catalogues of products, each with a constant elasticity between -3.5 and -1.3 that is known with standard error .8:
an estimate is drawn around each truth. A price is chosen from 35 to 75, 50 being in force and 25 the unit cost, and
earns what the truth makes of it. The share of the best possible profit is printed with its 95 % interval (jackknife
over catalogues) for

* keeping the price;
* the plug-in: the best price at the product's own estimate;
* its own posterior alone: N(estimate, .8), expected profit over draws;
* the whole posterior as the engine holds it: the estimates of a catalogue pooled, below 0, expected profit over draws;
* the best anyone could do who knows the range the truths come from.

Curves, draws and prices are those of `forecasting.elasticity.shrinkage`, `forecasting.curves` and the optimizer; the
engine's caps on a move (10 % a run) would hide the difference, so the ladder is free of them.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from forecasting.curves import BaseDemand, demand_curves
from forecasting.elasticity.shrinkage import pool
from optimization import HighsOptimizer
from pricing.demand import constant_elasticity
from pricing.model import Ladder, Offer
from pricing.money import as_floats
from pricing.problem import Choice, Objective, Problem

Array = NDArray[np.float64]

LOW, HIGH, ERROR = -3.5, -1.3, 0.8
NOW, COST, BASE = Decimal(50), Decimal(25), 100.0
LADDER = Ladder(tuple(Decimal(price) for price in range(35, 76)))
DRAWS = 400


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Products with their truths and their estimates, (n,) each."""

    truth: Array
    estimate: Array

    @classmethod
    def draw(cls, products: int, rng: np.random.Generator) -> "Catalogue":
        """Truths over the whole range, each estimate with error."""
        truth = rng.uniform(LOW, HIGH, products)
        return cls(truth, truth + ERROR * rng.standard_normal(products))

    def profit(self, step: NDArray[np.intp]) -> Array:
        """(n,) true profit at a step of the ladder for each product."""
        return _profit(self.truth)[np.arange(len(self.truth)), step]


Rule = Callable[[Catalogue], NDArray[np.intp]]


def _profit(elasticity: Array) -> Array:
    """(n, steps) profit at each step for each elasticity."""
    prices = as_floats(LADDER)
    return (prices - float(COST)) * constant_elasticity(np.full(len(elasticity), BASE), elasticity, float(NOW), prices)


def best(catalogue: Catalogue) -> NDArray[np.intp]:
    """With perfect knowledge."""
    return _profit(catalogue.truth).argmax(axis=1)


def keep(catalogue: Catalogue) -> NDArray[np.intp]:
    """The price in force."""
    return np.full(len(catalogue.truth), LADDER.index(NOW))


def plug_in(catalogue: Catalogue) -> NDArray[np.intp]:
    """Best at the product's own estimate, through the optimizer."""
    curves = [
        constant_elasticity(np.array([BASE]), np.array([e]), float(NOW), as_floats(LADDER)) for e in catalogue.estimate
    ]
    return optimized(curves)


def own_posterior(catalogue: Catalogue) -> NDArray[np.intp]:
    """Expected profit over N(estimate, .8), nothing pooled and nothing cut."""
    deviate = ERROR * ndtri((np.arange(DRAWS) + 0.5) / DRAWS)
    base = np.full(DRAWS, BASE)
    return optimized(
        [constant_elasticity(base, e + deviate, float(NOW), as_floats(LADDER)) for e in catalogue.estimate]
    )


def whole_posterior(catalogue: Catalogue) -> NDArray[np.intp]:
    """Expected profit over the draws that the engine would price on."""
    n = len(catalogue.truth)
    pooled = pool(catalogue.estimate, np.full(n, ERROR), credible=[True] * n, own=[True] * n).below_zero()
    names = [f"p{i:03d}" for i in range(n)]
    table = pooled.assign(product=names, segment="all", status="identified", reason="")
    offers = [Offer(name, name, "EUR", LADDER, LADDER[0], LADDER[-1], NOW, unit_cost=COST) for name in names]
    known = BaseDemand(BASE, BASE, BASE, float(NOW), "known")
    curves = demand_curves(
        offers,
        dict.fromkeys(names, known),
        pd.DataFrame(table),
        draws=DRAWS,
        rng=np.random.default_rng(0),
        version="robustness",
    )
    return optimized([curves.of(name) for name in names])


def informed(catalogue: Catalogue) -> NDArray[np.intp]:
    """Expected profit over the exact posterior of who knows where the truths come from: no rule does better."""
    grid = np.linspace(LOW, HIGH, 221)
    weight = np.exp(-0.5 * ((catalogue.estimate[:, None] - grid) / ERROR) ** 2)
    return (weight @ _profit(grid)).argmax(axis=1)


def optimized(curves: list[Array]) -> NDArray[np.intp]:
    """Steps the optimizer chooses for products with these (draws, steps) demand curves."""
    offers = tuple(Choice(f"p{i:03d}", LADDER, units, COST, NOW) for i, units in enumerate(curves))
    plan = HighsOptimizer().solve(Problem("EUR", Objective.MARGIN, offers), time_limit=60.0)
    return np.array([LADDER.index(plan.prices[offer.id]) for offer in offers])


RULES: dict[str, Rule] = {
    "keep the price": keep,
    "plug-in": plug_in,
    "own posterior alone": own_posterior,
    "whole posterior": whole_posterior,
    "best with the range known": informed,
}


def shares(catalogues: list[Catalogue], rule: Rule) -> tuple[float, float]:
    """Share of the best possible profit, and its standard error by the jackknife over catalogues."""
    earned = np.array([c.profit(rule(c)).sum() for c in catalogues])
    possible = np.array([c.profit(best(c)).sum() for c in catalogues])
    without = (earned.sum() - earned) / (possible.sum() - possible)
    n = len(catalogues)
    return float(earned.sum() / possible.sum()), float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description="What pricing on a whole posterior is worth.")
    parser.add_argument("--catalogues", type=int, default=40)
    parser.add_argument("--products", type=int, default=100, help="in each catalogue")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    catalogues = [Catalogue.draw(asked.products, rng) for _ in range(asked.catalogues)]
    print(
        f"{asked.catalogues * asked.products:,} truths in {asked.catalogues} catalogues; share of the oracle's profit"
    )
    for name, rule in RULES.items():
        share, error = shares(catalogues, rule)
        print(f"{name:<26} {share:.4f}  ({share - 1.96 * error:.4f} to {share + 1.96 * error:.4f})")


if __name__ == "__main__":
    main()
