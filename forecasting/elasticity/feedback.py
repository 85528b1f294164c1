"""Did the price follow demand? Tests of strict exogeneity (Wooldridge 2010, section 10.7; Su, Zhang and Wei 2016).

Guarantees
----------
* Both directions are tested, own past prices held fixed: does today's demand foretell tomorrow's price, and tomorrow's
  price today's demand. Errors are two-way, by cluster and by date.
* Where what is left to sell is known, so is tested whether the price followed it, beyond what had been expected to be
  left: a plan that raises prices as a date nears is no alarm, a price that follows how it sells is.
* What the user names as controls is held fixed on the coming date too: a promotion that is planned where demand is
  strong is no alarm once it is told apart. Without that it is.
* Instruments are tested too: whether the part of the price that they move follows demand.
* Groups of one table are also tested together: what each one is too short to show, many show. No single group weighs
  more there than one that is just found alone, and what groups share on a date counts once, not once per group.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr

from forecasting.elasticity.cells import Panel
from forecasting.elasticity.errors import two_way
from forecasting.elasticity.panel import Fit, censored, linear, poisson
from forecasting.elasticity.within import Codes, Vector, codes_of

MIN_TESTED = 40
"""Cells with a past and a future below which the test is not run."""
LAGS = 4
"""Own prices, the current one and those before it, that the test holds fixed."""
ALARM_SINGLE, ALARM_POOLED = 0.01, 0.001
"""Level of the test of one product, and of many together."""
CLIPPED = 2.576
"""Most that one group counts among many: as much as raises the alarm alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """One direction of the test.

    Attributes
    ----------
    coefficient : on tomorrow's log price (lead), or on today's demand (lag)
    p : two-sided p-value
    z : the normal quantile it stands for, with the sign of the coefficient
    days : (d,) dates
    weight : (d,) share of each date in the test's own error; squares sum to about 1
    """

    coefficient: float = 0.0
    p: float = 1.0
    z: float = 0.0
    days: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    weight: Vector = field(default_factory=lambda: np.zeros(0), repr=False)

    @classmethod
    def of(cls, fit: Fit, clusters: Codes, days: NDArray[np.int64]) -> "Direction":
        """Test of the first coefficient, with t(fewer of the two kinds of clusters - 1)."""
        if not fit.usable:
            return cls()
        first, second = codes_of(clusters[fit.kept]), codes_of(days[fit.kept])
        error = two_way(fit, first, second)
        if not 0 < error < np.inf:
            return cls()
        df = max(min(int(first.max()), int(second.max())), 1)
        p = float(2 * stdtr(df, -abs(fit.slope) / error))
        z = float(np.sign(fit.slope)) * -float(ndtri(max(p, 1e-15) / 2))
        by_date = np.bincount(second, fit.score) / (fit.information * error)
        return cls(fit.slope, p, z, np.unique(days[fit.kept]), by_date)


@dataclass(frozen=True, slots=True)
class Feedback:
    """Whether the price followed demand.

    Attributes
    ----------
    rows : cells with a past and a future that could be used
    lag : today's demand in tomorrow's price
    lead : tomorrow's price in today's demand
    level : at which any of them fires
    left : what is left to sell tomorrow, over what was expected to be, in tomorrow's price
    """

    rows: int
    lag: Direction
    lead: Direction
    level: float = ALARM_SINGLE
    left: Direction = field(default_factory=Direction)

    @property
    def alarm(self) -> bool:
        """Whether the price followed demand."""
        return min(self.lag.p, self.lead.p, self.left.p) < self.level

    @property
    def stock(self) -> bool:
        """Whether the price was raised where less was left to sell than expected."""
        return self.left.p < self.level and self.left.coefficient < 0

    @property
    def raised(self) -> bool:
        """Whether the price rose where demand was strong, as what shows most clearly has it; else it fell there."""
        return self.stock or max(self.lag.z, self.lead.z, -self.left.z, key=abs) >= 0

    def swamps(self, slope: float) -> bool:
        """Whether the lead coefficient alone is larger than half the slope."""
        return self.lead.p < self.level and abs(self.lead.coefficient) > 0.5 * abs(slope)


def feedback(panel: Panel, fit: Fit, *, lead: bool = True) -> Feedback | None:
    """Test both directions, or the lag only; None where too few cells have a past and a future."""
    at = _with_past_and_future(panel.unit)
    demand = np.full(len(panel), np.nan)
    demand[fit.kept] = np.log((panel.quantity[fit.kept] + 0.5) / (fit.mean + 0.5))
    at = at[np.isfinite(demand[at])]
    if len(at) < MIN_TESTED:
        return None
    factors, ahead = [codes_of(f[at]) for f in panel.factors], panel.price[at + 1]
    held = [*(panel.price[at - k] for k in range(LAGS)), panel.others[at], panel.others[at + 1]]
    lag = linear(ahead, np.column_stack([demand[at], *held]), factors)
    fits = [lag]
    if panel.promotion is not None:
        held.append(panel.promotion[at + 1])
    if lead:
        fits.append(poisson(panel.quantity[at], np.column_stack([ahead, *held]), factors))
    days = _civil(panel)[at]
    lagged, *leading = (Direction.of(f, panel.clusters[at], days) for f in fits)
    level = ALARM_SINGLE if panel.products == 1 else ALARM_POOLED
    return Feedback(len(at), lagged, leading[0] if lead else Direction(), level, _left(panel, fit))


def _left(panel: Panel, fit: Fit) -> Direction:
    """Test of what is left in the price, given own past prices, effects and other regressors."""
    if panel.available is None:
        return Direction()
    known = np.where(np.isfinite(panel.available), panel.available, np.nan)
    at, more = _with_past_and_future(panel.unit) + 1, _more_left(panel, fit, known)
    at = at[np.isfinite(more[at])]
    if len(at) < MIN_TESTED or 2 * np.count_nonzero(more[at]) < len(at):  # filled up on most dates: nothing to follow
        return Direction()
    held = [more[at], *(panel.price[at - k] for k in range(1, LAGS + 1)), panel.others[at]]
    found = linear(panel.price[at], np.column_stack(held), [codes_of(factor[at]) for factor in panel.factors])
    return Direction.of(found, panel.clusters[at], _civil(panel)[at])


def _more_left(panel: Panel, fit: Fit, left: Vector) -> Vector:
    """(n,) log of what is left to sell over what was expected to be; NaN where nothing is left or it is not known.

    Expected is what is left and what sold beyond the mean since the stock was last filled up, at least one unit.
    """
    mean = np.full(len(panel), np.nan)
    mean[fit.kept] = fit.mean
    beyond = np.nancumsum(panel.quantity - mean)
    follows = np.zeros(len(panel), dtype=bool)
    follows[1:] = (np.diff(panel.unit) == 0) & (left[1:] <= left[:-1] - panel.quantity[:-1] + 0.5)
    start = np.maximum.accumulate(np.where(follows, 0, np.arange(len(panel))))
    sold = np.concatenate([[0.0], beyond[:-1]]) - np.concatenate([[0.0], beyond])[start]
    known = (left > 0) & np.isfinite(mean)
    return np.where(known, np.log(np.maximum(left, 1.0)) - np.log(np.maximum(left + sold, 1.0)), np.nan)


def _civil(panel: Panel) -> NDArray[np.int64]:
    return panel.days.to_numpy().astype("datetime64[D]").astype(np.int64)


def feedback_of_instruments(panel: Panel, pull: Vector) -> Feedback | None:
    """Test whether the price as the instruments move it follows demand; None where too few cells have a future.

    Only today's demand in tomorrow's price is asked for: the instruments must not answer to demand, whatever else the
    price does.

    Parameters
    ----------
    pull : (m,) as in `forecasting.elasticity.instruments.Instrumented`
    """
    moved = replace(panel, price=panel.instruments @ pull)
    if panel.sold_out.any():
        fit = censored(panel.quantity, moved.columns, panel.factors, panel.sold_out)
    else:
        fit = poisson(panel.quantity, moved.columns, panel.factors)
    return feedback(moved, fit, lead=False) if fit.usable else None


def alarm_together(tests: Sequence[Feedback]) -> bool:
    """Whether groups of one table show feedback together: sum of z-values (Stouffer 1949), each at most `CLIPPED`."""
    if len(tests) < 2:
        return False
    ways = [t.lag for t in tests], [t.lead for t in tests], [t.left for t in tests if len(t.left.days)]
    return any(_together(directions) < ALARM_POOLED for directions in ways if directions)


def _together(directions: Sequence[Direction]) -> float:
    """P-value of the sum; its variance is the number of groups, more where groups err alike on the same dates."""
    days = np.concatenate([d.days for d in directions])
    shared = np.bincount(codes_of(days), np.concatenate([d.weight for d in directions])) if len(days) else np.zeros(1)
    variance = max(float(len(directions)), float(shared @ shared))
    total = float(np.sum(np.clip([d.z for d in directions], -CLIPPED, CLIPPED)))
    return float(2 * ndtr(-abs(total) / np.sqrt(variance)))


def _with_past_and_future(unit: Codes) -> NDArray[np.intp]:
    """Places that have a cell of the same unit after them and LAGS - 1 before them."""
    at = np.arange(LAGS - 1, max(len(unit) - 1, LAGS - 1))
    return at[(unit[at - (LAGS - 1)] == unit[at]) & (unit[at + 1] == unit[at])] if len(at) else at
