"""The price of a dwindling stock on a ladder, as stock and time run out, and whether changing it is worth the trouble.

Guarantees
----------
* What a rule or a single price earns is exact for the chain: in each step at most one unit is asked for, with a chance
  of at most `FINEST`. Rule and single price are held against each other in the same chain.
* The value of stock is concave and rises with stock and with time left; the price never rises with stock. It falls
  towards the end where demand stays alike, and need not where late buyers would pay more.
* No way to change prices earns more than `fluid_bound`, not even one that learns which draw is true.

With draws of demand the rule is the best for their mean in each step; it does not learn on the way. What it earns is
the mean of what it earns in each draw.

Sources: Gallego and van Ryzin (1994); Bitran and Mondschein (1997) for demand that varies in time; Talluri and van
Ryzin (2004), section 5.2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from optimization.exponential import sold
from pricing.errors import Finding, InputError

Vector = NDArray[np.float64]
Steps = NDArray[np.int64]

FINEST = 0.1
"""Largest chance of a sale in a step; periods in which more is asked for are cut into as many steps as it takes."""

MOST_CELLS = 4e9
"""Updates of the value of one stock at one price in one draw: about a quarter of a minute."""

MOST_STATES = 4e7
"""Numbers of one kind that fit into memory with ease: prices of a rule, or values of stock in each draw at each price.
"""

NOTHING = 1e-9
"""Revenue that is none [currency]: no share of it means anything."""

OVERHEAD = 20_000
"""Updates that a step takes the time of besides its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Season:
    """What is on sale, at which prices, and how much is asked for until the end.

    Attributes
    ----------
    ladder : (prices,) rising [currency]
    demand : (draws, periods, prices) expected units asked for in a period at a price
    stock : units on sale

    Raises
    ------
    InputError
        with every finding.
    """

    ladder: Vector
    demand: Vector
    stock: int

    def __post_init__(self) -> None:
        rising = np.all(np.diff(self.ladder, prepend=0.0) > 0) and np.all(np.isfinite(self.ladder))
        shape = self.demand.shape
        rules = [
            ("stock", self.stock >= 1, "there is nothing to sell"),
            ("ladder", self.ladder.size and rising, "a ladder has positive prices that rise strictly"),
            (
                "demand",
                len(shape) == 3 and 0 not in shape and shape[2:] == self.ladder.shape,
                "demand has one number for each draw, period and price",
            ),
            ("demand", np.all((self.demand >= 0) & (self.demand < np.inf)), "demand is a number from 0 up"),
        ]
        if found := [Finding(reason, column=name) for name, kept, reason in rules if not kept]:
            raise InputError(found)

    def steps(self) -> Steps:
        """Steps that each period is cut into, (periods,)."""
        return np.maximum(np.ceil(self.demand.max(axis=(0, 2)) / FINEST), 1).astype(np.int64)

    def states(self) -> int:
        """The most numbers that `best_rule`, `earned` and `earned_fixed` hold of one kind."""
        draws, periods, prices = self.demand.shape
        return self.stock * max(periods, draws * prices)

    def cells(self) -> float:
        """Work of `best_rule`, `earned` and `earned_fixed` together, in updates."""
        draws, _, prices = self.demand.shape
        times = np.maximum(self.demand.max(axis=(0, 2)) / FINEST, 1)
        return float(times.sum()) * (self.stock * (prices + draws + draws * prices) + OVERHEAD)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A price for each period and number of units left.

    Attributes
    ----------
    step : (periods, stock) step of the ladder while 1..stock units are left, through the period
    value : (periods + 1, stock + 1) what 0..stock units earn from the start of each period on, at mean demand, if
        prices may change in each step [currency]
    """

    step: Steps
    value: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """What changing the price is worth.

    Attributes
    ----------
    fixed_step : step of the best price that is never changed
    fixed : (draws,) what it earns [currency]
    bound : what no way to change prices exceeds, mean over draws [currency]
    rule : the best rule; None where the season is too large to work it out
    dynamic : (draws,) what the rule earns [currency]; None as above
    """

    fixed_step: int
    fixed: Vector
    bound: float
    rule: Rule | None = None
    dynamic: Vector | None = None

    @property
    def gain(self) -> float | None:
        """What the rule earns beyond the fixed price, mean over draws [share]."""
        return None if self.dynamic is None else self._beyond(float(self.dynamic.mean()))

    @property
    def most_gain(self) -> float:
        """What no way to change prices can gain more than [share]."""
        return self._beyond(self.bound)

    def _beyond(self, revenue: float) -> float:
        fixed = float(self.fixed.mean())
        return revenue / fixed - 1 if fixed > NOTHING else 0.0


def worth(season: Season, *, most_cells: float = MOST_CELLS) -> Worth:
    """The best rule against the best single price.

    Where that takes more than `most_cells` updates, or too much memory, the single price against the bound, with
    Poisson demand: the larger a season, the nearer the best rule comes to the bound (Gallego and van Ryzin 1994).
    """
    bound = fluid_bound(season)
    if season.cells() > most_cells or season.states() > MOST_STATES:
        fixed = season.ladder * sold(season.stock, season.demand.sum(axis=1))
        best = int(fixed.mean(axis=0).argmax())
        return Worth(best, fixed[:, best], bound)
    rule, fixed = best_rule(season), earned_fixed(season)
    best = int(fixed.mean(axis=0).argmax())
    return Worth(best, fixed[:, best], bound, rule, earned(season, rule))


def best_rule(season: Season) -> Rule:
    """The price that earns most for each period and stock, by dynamic programming.

    V_t(n) = V_{t+1}(n) + max over prices of chance_t(p) (p - V_{t+1}(n) + V_{t+1}(n - 1)) in each step. A period has
    one price for each stock, the best against what a unit is worth in it on average.
    """
    mean, times = season.demand.mean(axis=0), season.steps()
    value = np.zeros((len(times) + 1, season.stock + 1))
    step = np.zeros((len(times), season.stock), dtype=np.int64)
    for t in range(len(times) - 1, -1, -1):
        value[t] = value[t + 1]
        chance, price = mean[t][:, None] / times[t], season.ladder[:, None]
        own = np.zeros(season.stock)
        for _ in range(times[t]):
            unit = np.diff(value[t])
            value[t, 1:] += (chance * (price - unit)).max(axis=0)
            own += unit / times[t]
        best = (chance * (price - own)).argmax(axis=0)
        step[t] = np.minimum.accumulate(best)  # of prices that earn alike the lower stays
    return Rule(step[_with_buyers(mean)], value)


def _with_buyers(mean: Vector) -> Steps:
    """For each period the next one in which anyone is expected, or the last: nothing else tells a price for it."""
    asked = np.flatnonzero(mean.any(axis=1))
    every = np.arange(len(mean))
    return asked[np.minimum(np.searchsorted(asked, every), asked.size - 1)] if asked.size else every


def earned(season: Season, rule: Rule) -> Vector:
    """What a rule earns in each draw when it is kept to through each period [currency], (draws,)."""
    value = np.zeros((len(season.demand), season.stock + 1))
    for t, times in reversed(list(enumerate(season.steps()))):
        _advance(value, season.demand[:, t, rule.step[t]] / times, season.ladder[rule.step[t]], times)
    return value[:, -1]


def earned_fixed(season: Season) -> Vector:
    """What each price earns in each draw when it is never changed [currency], (draws, prices)."""
    draws, _, prices = season.demand.shape
    value, price = np.zeros((draws * prices, season.stock + 1)), np.tile(season.ladder, draws)[:, None]
    for t, times in reversed(list(enumerate(season.steps()))):
        _advance(value, season.demand[:, t].reshape(-1, 1) / times, price, times)
    return value[:, -1].reshape(draws, prices)


def _advance(value: Vector, chance: Vector, price: Vector, times: int) -> None:
    """Go back some steps in which prices are given; `value` is (rows, stock + 1) and changed in place."""
    for _ in range(times):
        value[:, 1:] += chance * (price - np.diff(value))


def fluid_bound(season: Season) -> float:
    """What nobody can exceed [currency]: demand comes exactly as expected, in units as small as one likes.

    Mean over draws of min over m >= 0 of m stock + sum over periods of max over prices of demand (price - m) or 0: the
    deterministic bound of Gallego and van Ryzin (1994), on a ladder, by its dual, of which every m gives a bound.
    """
    return float(np.mean([_fluid(season, demand) for demand in season.demand]))


def _fluid(season: Season, demand: Vector) -> float:
    def dual(m: float) -> float:
        return m * season.stock + float(np.maximum(demand * (season.ladder - m), 0).max(axis=1).sum())

    top = float(season.ladder[-1])
    found = minimize_scalar(dual, bounds=(0.0, top), method="bounded", options={"xatol": 1e-9 * top})
    return min(float(found.fun), dual(0.0))  # the search comes near the ends of its range, not to them
