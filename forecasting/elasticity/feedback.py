"""Did the price follow demand? Tests of strict exogeneity (Wooldridge 2010, section 10.7; Su, Zhang and Wei 2016).

Guarantees
----------
* Both directions are tested, own past prices held fixed: does today's demand foretell tomorrow's price, and tomorrow's
  price today's demand. Errors are two-way, by cluster and by date.
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
from forecasting.elasticity.panel import Fit, censored, linear, poisson, two_way
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
    level : at which either fires
    """

    rows: int
    lag: Direction
    lead: Direction
    level: float = ALARM_SINGLE

    @property
    def alarm(self) -> bool:
        """Whether the price followed demand."""
        return min(self.lag.p, self.lead.p) < self.level

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
    days = panel.days.to_numpy().astype("datetime64[D]").astype(np.int64)[at]
    lagged, *leading = (Direction.of(f, panel.clusters[at], days) for f in fits)
    level = ALARM_SINGLE if panel.products == 1 else ALARM_POOLED
    return Feedback(len(at), lagged, leading[0] if lead else Direction(), level)


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
    return any(_together(directions) < ALARM_POOLED for directions in ([t.lag for t in tests], [t.lead for t in tests]))


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
