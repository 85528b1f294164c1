"""Bid-price control: sell to whoever pays at least what the resources are worth, and rehearse what that earns.

Guarantees
----------
* A request is accepted only if its fare covers the bid prices of all it uses and all of it is still there.
* All policies meet the same requests, so that what one earns more than another is not chance in demand.
* No policy earns more in expectation than the value of the deterministic linear program (Talluri and van Ryzin 1998).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from optimization.account import SolverError
from optimization.network.deterministic import allocate
from optimization.network.values import IndependentDemand, Indices, Mask, Network, Vector
from pricing.problem import TOLERANCE

Prices = Callable[[Vector, float], Vector]
"""Bid prices (m,) given what is left of each resource (m,) and the share of the horizon that is left."""


def open_to_sale(network: Network, bid_prices: Vector) -> Mask:
    r"""(n,) products whose fare covers what they use: :math:`f_j \ge \sum_r a_{rj} \pi_r`, rounding aside."""
    return network.fare >= (network.uses.T @ bid_prices) * (1 - TOLERANCE)


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """What policies earned on the same requests.

    Attributes
    ----------
    bound : value of the deterministic linear program [currency]
    revenue : policy -> (runs,) [currency]
    """

    bound: float
    revenue: dict[str, Vector] = field(repr=False)

    def earned(self, policy: str) -> tuple[float, float, float]:
        """Mean, and the ends of its 95 % interval [currency]."""
        return _interval(self.revenue[policy])

    def gain(self, policy: str, over: str) -> tuple[float, float, float]:
        """What a policy earns more than another: mean, and the ends of its 95 % interval [currency]."""
        return _interval(self.revenue[policy] - self.revenue[over])


def _interval(values: Vector) -> tuple[float, float, float]:
    mean, margin = float(values.mean()), 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5
    return mean, mean - margin, mean + margin


def rehearse(problem: IndependentDemand, *, rng: np.random.Generator, runs: int = 200, resolves: int = 10) -> Rehearsal:
    """Sell to random requests first come first served, at fixed bid prices, and at bid prices solved anew.

    Requests for each product are Poisson with its demand as the mean, at instants spread evenly over the horizon.

    Parameters
    ----------
    runs : horizons to play, at least 2
    resolves : how often the last policy solves in a horizon, at equal distances
    """
    first = allocate(problem)
    if first.bid_prices is None or first.report.objective is None:
        raise SolverError("the deterministic linear program was not solved: there are no bid prices to rehearse")
    fixed = first.bid_prices
    policies: dict[str, Prices] = {
        "first come first served": lambda left, _share: np.zeros_like(left),
        "fixed bid prices": lambda _left, _share: fixed,
        "re-solved bid prices": partial(_solved_anew, problem, fixed),
    }
    seasons = [[_requests(problem.demand / resolves, rng) for _ in range(resolves)] for _ in range(runs)]
    revenue = {
        name: np.array([_played(problem.network, season, policy) for season in seasons])
        for name, policy in policies.items()
    }
    return Rehearsal(first.report.objective, revenue)


def _solved_anew(problem: IndependentDemand, otherwise: Vector, left: Vector, share: float) -> Vector:
    network = replace(problem.network, capacity=left.copy())
    answer = allocate(IndependentDemand(network, problem.demand * share))
    return otherwise if answer.bid_prices is None else answer.bid_prices


def _requests(mean: Vector, rng: np.random.Generator) -> Indices:
    """Products asked for, in the order of arrival."""
    return rng.permutation(np.repeat(np.arange(len(mean)), rng.poisson(mean)))


def _played(network: Network, season: Sequence[Indices], prices: Prices) -> float:
    """What a policy earns in one horizon [currency]."""
    left, earned, need = network.capacity.copy(), 0.0, network.uses.toarray().T
    for stage, requests in enumerate(season):
        sells = open_to_sale(network, prices(left, 1 - stage / len(season)))
        for j in requests[sells[requests]]:
            if (need[j] <= left).all():
                left -= need[j]
                earned += float(network.fare[j])
    return earned
