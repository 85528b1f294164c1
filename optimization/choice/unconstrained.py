r"""Best prices under one segment's multinomial or nested logit, any price allowed.

Guarantees
----------
* The prices maximise expected profit per buyer over all prices: every stationary point is looked at, whatever the
  price sensitivities and nests, without conditions on them.
* Within a nest :math:`p_i - c_i - 1/b_i` is the same for every offer: the nest's adjusted markup.

The model is that of `pricing.choice`; :math:`m_i = p_i - c_i`, :math:`q_i` offer i's share within its nest,
:math:`w_g = \sum_{i \in g} q_i / b_i`, :math:`\Pi` the profit per buyer. Setting the derivative of the profit by
:math:`p_i` to 0 gives (Li and Huh 2011, theorem 1; Gallego and Wang 2014, equations 4 to 6)

.. math:: m_i - 1/b_i = \theta_g, \qquad \theta_g - \frac{1 - \gamma_g}{\gamma_g} w_g(\theta_g) = \Pi.

These prices are no ladder steps and never leave as they are: they say what the rules and the ladder cost.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, wrightomega

from pricing.choice import ChoiceDemand
from pricing.errors import InputError

Floats = NDArray[np.float64]

PRECISE = 1e-13
"""Width, as a share of the markup, to which a stationary point is found."""

ROUNDS = 200


@dataclass(frozen=True, slots=True, eq=False)
class FreePrices:
    """Best unconstrained prices, draw by draw.

    Attributes
    ----------
    prices : (draws, n) [currency]
    profit : (draws,) expected profit per buyer who comes to choose [currency]
    """

    prices: Floats = field(repr=False)
    profit: Floats = field(repr=False)


def best_prices(demand: ChoiceDemand, unit_cost: ArrayLike) -> FreePrices:
    """Best prices of one segment, if any price may be asked; `unit_cost` (n,) [currency].

    Raises
    ------
    InputError
        if there are several segments, whose profit has many peaks, or a cost is not one per offer.
    """
    cost = np.asarray(unit_cost, dtype=np.float64)
    if len(demand.segments) > 1:
        raise InputError("unconstrained prices are for one segment; several segments need ladders")
    if cost.shape != (len(demand.offers),) or not np.all(np.isfinite(cost)):
        raise InputError("unit costs are one finite number per offer")
    found = [_of_draw(demand, cost, draw) for draw in range(demand.draws)]
    return FreePrices(np.array([prices for prices, _ in found]), np.array([profit for _, profit in found]))


def _of_draw(demand: ChoiceDemand, cost: Floats, draw: int) -> tuple[Floats, float]:
    utility, sensitivity = demand.utility[draw, 0], demand.sensitivity[draw, 0]
    outside, gamma = float(demand.outside[draw, 0]), demand.gamma[draw]
    if np.all(gamma == 1) and np.all(sensitivity == sensitivity[0]):
        profit = logit_profit(utility, float(sensitivity[0]), cost, outside)
        return cost + 1 / sensitivity + profit, profit
    nests = [
        _Nest(utility[members], sensitivity[members], cost[members], float(gamma[g]))
        for g in range(len(gamma))
        for members in [demand.nest_of == g]
    ]
    markups, profit = _search(nests, outside)
    return cost + 1 / sensitivity + markups[demand.nest_of], profit


def logit_profit(utility: Floats, sensitivity: float, cost: Floats, outside: float) -> float:
    r"""Profit per buyer of a multinomial logit with one price sensitivity, in closed form [currency].

    :math:`\Pi = W(\sum_i e^{a_i - b c_i - 1 - a_0}) / b` with Lambert's W, and :math:`p_i = c_i + 1/b + \Pi` (Li and
    Huh 2011, corollary 1). Wright's omega is W of an exponential, which does not overflow.
    """
    return float(wrightomega(logsumexp(utility - sensitivity * cost) - 1 - outside)) / sensitivity


@dataclass(frozen=True, slots=True, eq=False)
class _Nest:
    """One nest's offers (n,), as in `ChoiceDemand`; `gamma` its parameter."""

    utility: Floats
    sensitivity: Floats
    cost: Floats
    gamma: float

    def at(self, markups: Floats) -> tuple[Floats, Floats]:
        """(k,) log of the nest's sum of attractions, and w, at adjusted markups (k,)."""
        worth = self.utility - 1 - self.sensitivity * (self.cost + markups[:, None])
        total = logsumexp(worth, axis=1)
        return total, np.exp(worth - total[:, None]) @ (1 / self.sensitivity)

    def best(self, profit: float) -> float:
        r"""The adjusted markup that earns most where every buyer costs `profit`: max of :math:`A^\gamma (R - \Pi)`.

        Its stationary points solve :math:`\theta - \kappa w(\theta) = \Pi`. As w rises with :math:`\theta` and lies
        between the least and the greatest 1/b, all of them are found by halving intervals and leaving out those whose
        ends prove that they hold none. There :math:`R - \Pi = w / \gamma`.
        """
        kappa = (1 - self.gamma) / self.gamma
        low, high = (profit + kappa / b for b in (self.sensitivity.max(), self.sensitivity.min()))
        left, width = np.array([low]), high - low
        precise = PRECISE * max(abs(low), abs(high))
        slack = precise * (1 + kappa)  # rounding must not lose a root
        while width > precise:
            width /= 2
            left = np.concatenate([left, left + width])
            below, above = self.at(left)[1], self.at(left + width)[1]
            left = left[(left - kappa * above <= profit + slack) & (profit - slack <= left + width - kappa * below)]
        total, slope = self.at(left + width / 2)
        return float((left + width / 2)[np.argmax(self.gamma * total + np.log(slope))])


def _search(nests: list[_Nest], outside: float) -> tuple[Floats, float]:
    """(nests,) adjusted markups, and the profit per buyer.

    The profit is a ratio; the best ratio is the root of the best numerator less ratio times denominator, in which the
    nests part (Dinkelbach 1967). From below its steps only rise.
    """
    profit = 0.0
    for _ in range(ROUNDS):
        markups = np.array([nest.best(profit) for nest in nests])
        if (better := _profit(nests, markups, outside)) <= profit * (1 + 1e-15):
            break
        profit = better
    return markups, profit


def _profit(nests: list[_Nest], markups: Floats, outside: float) -> float:
    found = [nest.at(markup[None]) for nest, markup in zip(nests, markups, strict=True)]
    value = np.array([nest.gamma * total[0] for nest, (total, _) in zip(nests, found, strict=True)])
    earned = markups + [slope[0] for _, slope in found]
    return float(np.exp(value - logsumexp([*value, outside])) @ earned)
