"""Demand behind a sell-out: sold-out sales are a lower bound of demand, not demand.

Guarantees
----------
* Unconstrained demand is never below what was sold, and equals it where nothing sold out.
* Where too little was seen of a series, sales are left as they are, rather than raised by a guess.
* A series' numbers do not depend on which others are worked on with it.

Maximum likelihood for censored counts, many series at once: log demand is a level, a piecewise linear trend, seasons,
holidays, log price and regressors, with the normal priors of the ridge regression; counts are negative binomial, and a
sold-out one says only that demand was at least as high (Tobin 1958 for counts: Terza 1985; in revenue management
Talluri and van Ryzin 2004, section 9.4). The dispersion maximises the profile likelihood, adjusted for the effects
fitted with it (Cox and Reid 1987): without that a flexible mean makes demand look steadier, and what lies beyond a
sell-out smaller, than it is. A period of which only a share sold out is raised by that share.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, gammaln

from forecasting.features import PRICE, Calendar
from forecasting.model import History, Vector
from forecasting.ridge import Columns, Design

MINIMUM = 8
"""Fewest periods with known sales from which demand is estimated."""
LARGEST = 4.0
"""Demand is not raised above this many times the sales that sold out: the data cannot tell how much more it was."""
LEVEL = 0.5
"""Plausible deviation of mean demand from mean sales [log sales]: where all sold out, nothing else holds it."""
LEAST, MOST = 1e-4, 5.0
"""Range of the dispersion; at the lower end counts are as good as a Poisson's."""
COUNTS = 1e4
"""Larger counts are scaled to this level, as they are never as regular as a Poisson's; so is what is not counts."""
ROUNDS = 12
"""Most Newton steps for the effects and for the dispersion, in turn."""
SETTLED = 0.01
"""A series is left alone once log demand and log dispersion together move by less."""
CAUTION = 0.6
"""Effects are held to this share of the deviation that is plausible where sales are seen: long sold-out stretches say
only that demand was high, and a looser season would answer by much too high."""


def servable_all(histories: Sequence[History], coming: Sequence[float], country: str | None = None) -> list[History]:
    """Each history as it would have sold with the stock to come: demand, cut at that stock.

    Sales to come are on average E[min(D, C)], which is less than min(E[D], C): models that are to forecast sales are
    fitted to this, and to demand only where nothing limits it.

    Parameters
    ----------
    coming : (N,) most that can be sold in a coming period, infinite where there is no limit [as sales]
    """
    demands = unconstrained_all(histories, country)
    return [
        replace(demand, sales=np.minimum(demand.sales, limit)) if np.any(demand.sales > limit) else demand
        for demand, limit in zip(demands, coming, strict=True)
    ]


def unconstrained_all(histories: Sequence[History], country: str | None = None) -> list[History]:
    """Each history with demand in place of sold-out sales, in order; those of the same periods are worked on together.

    Parameters
    ----------
    histories : of any grids and lengths; those in which nothing sold out are given back as they are
    country : ISO 3166 code whose holidays count, if any
    """
    found = list(histories)
    groups: dict[tuple[Design, tuple[str, ...]], list[int]] = {}
    for place, history in enumerate(histories):
        if np.any(history.censored[history.known] > 0) and history.known.sum() >= MINIMUM:
            design = Design(Calendar.of(history, country), history.start, history.sales.size)
            groups.setdefault((design, history.names), []).append(place)
    for (design, _), places in groups.items():
        for place, demand in zip(places, _demand(design, [histories[j] for j in places]), strict=True):
            if np.all(np.isfinite(demand[histories[place].known])):
                found[place] = with_demand(histories[place], demand)
    return found


def with_demand(history: History, demand: Vector) -> History:
    """The history with demand in place of sales, nothing censored any more."""
    return replace(history, sales=demand, censored=np.zeros_like(demand), integer=False)


def demand_beyond(sold: Vector, mean: Vector, dispersion: Vector) -> Vector:
    """Expected demand given that it was at least `sold`.

    E[D | D >= c] = mu + (1 + a mu) d log P(D >= c) / d log mu for a negative binomial of variance mu + a mu^2: the
    score of what was seen is the expected score of what was not (Louis 1982).

    Parameters
    ----------
    sold : (n,) what sold before stock ran out, above 0 [units]
    mean : (n,) expected demand [units]
    dispersion : (n,) a, above 0

    Returns
    -------
    (n,) at least `sold`, at most `LARGEST` times as much [units]
    """
    _, slope, _ = _tail(sold, mean, dispersion)
    return np.clip(mean + (1 + dispersion * mean) * slope, sold, LARGEST * sold)


def _tail(sold: Vector, mean: Vector, dispersion: Vector) -> tuple[Vector, Vector, Vector]:
    """Log P(D >= c) of a negative binomial, its first derivative by log mu, and its second with the sign changed.

    P(D >= c) is the regularised incomplete beta function I_q(c, 1/a) at q = a mu / (1 + a mu) (Johnson, Kemp and Kotz
    2005, section 5.6), which also serves sales that are not whole. It is log-concave in log mu. Where it is too small
    for a number, demand is taken to have been just what sold.
    """
    size, odds = 1 / dispersion, dispersion * mean
    chance = betainc(sold, size, odds / (1 + odds))
    density = sold * np.log(odds) - (sold + size) * np.log1p(odds) - betaln(sold, size)
    just = (sold - mean) / (1 + odds)
    ratio = np.exp(np.minimum(density - np.log(np.maximum(chance, 1e-290)), 600.0))
    slope = np.where(chance > 1e-250, np.maximum(ratio, just), np.maximum(just, 0.0))
    return np.log(np.maximum(chance, 1e-250)), slope, slope * np.maximum(slope - just, 0.0)


@dataclass(frozen=True, eq=False)
class _Sold:
    """Sales of N series of the same periods, some of them lower bounds of demand.

    Attributes
    ----------
    sales : (N, n) 0 where not known [scaled units]
    open, out : (N, n) weights: of what was all that was wanted, and of what sold out
    series, period : (m,) places that sold out
    """

    sales: Vector
    open: Vector
    out: Vector
    series: NDArray[np.intp]
    period: NDArray[np.intp]

    @classmethod
    def of(cls, histories: Sequence[History], scale: Vector) -> "_Sold":
        sales = np.stack([history.sales for history in histories])
        known = np.isfinite(sales)
        sales = np.where(known, sales, 0.0) * scale
        out = np.where(sales > 0, np.stack([history.censored for history in histories]), 0.0)
        return cls(sales, known - out, out, *np.nonzero(out))

    def of_series(self, places: NDArray[np.intp]) -> "_Sold":
        """Some of the series."""
        out = self.out[places]
        return _Sold(self.sales[places], self.open[places], out, *np.nonzero(out))

    def tail(self, mean: Vector, dispersion: Vector) -> tuple[Vector, Vector, Vector]:
        """(m,) each: see `_tail`."""
        at = self.series, self.period
        return _tail(self.sales[at], mean[at], dispersion[self.series, 0])

    def likelihood(self, mean: Vector, dispersion: Vector) -> Vector:
        """(N,) log-likelihood, but for what depends on sales alone."""
        size, odds = 1 / dispersion, dispersion * mean
        counts = gammaln(self.sales + size) - gammaln(size) + self.sales * np.log(odds)
        seen = np.sum(self.open * (counts - (self.sales + size) * np.log1p(odds)), axis=1)
        at = self.series, self.period
        hidden = self.out[at] * self.tail(mean, dispersion)[0]
        return np.asarray(seen + np.bincount(self.series, hidden, mean.shape[0]), dtype=np.float64)

    def slopes(self, mean: Vector, dispersion: Vector) -> tuple[Vector, Vector]:
        """(N, n) first derivative of the log-likelihood by log mean, and second with the sign changed."""
        odds = dispersion * mean
        first = self.open * (self.sales - mean) / (1 + odds)
        second = self.open * mean * (1 + dispersion * self.sales) / (1 + odds) ** 2
        at = self.series, self.period
        _, slope, bend = self.tail(mean, dispersion)
        first[at] += self.out[at] * slope
        second[at] += self.out[at] * bend
        return first, second

    def unserved(self, mean: Vector, dispersion: Vector) -> Vector:
        """(N, n) demand beyond what sold, by the share that sold out."""
        at = self.series, self.period
        found = np.zeros_like(self.sales)
        found[at] = self.out[at] * (
            demand_beyond(self.sales[at], mean[at], dispersion[self.series, 0]) - self.sales[at]
        )
        return found


@dataclass(frozen=True, eq=False)
class _Curve:
    """Mean demand of N series as a function of effects.

    Attributes
    ----------
    columns : what the effects multiply
    level : (N, 1) log of mean sales, in scaled units
    precision : (q,) of the normal priors of the effects
    """

    columns: Columns
    level: Vector
    precision: Vector

    def of_series(self, places: NDArray[np.intp]) -> "_Curve":
        """Some of the series."""
        return _Curve(Columns(self.columns.shared, self.columns.own[places]), self.level[places], self.precision)

    def mean(self, effects: Vector) -> Vector:
        """(N, n) expected demand: within e^8 of mean sales either way."""
        return np.asarray(np.exp(self.level + np.clip(self.columns.times(effects), -8.0, 8.0)), dtype=np.float64)


def _demand(design: Design, histories: Sequence[History]) -> Vector:
    """(N, n) demand of series of the same periods and regressors; NaN where sales are not known."""
    level = np.array([[history.level] for history in histories])
    counts = np.array([[history.integer] for history in histories])
    scale = np.where(counts, np.minimum(1.0, COUNTS / level), COUNTS / level)
    sold = _Sold.of(histories, scale)
    price = np.array([name == PRICE for name in histories[0].names], dtype=bool)
    precision = np.concatenate([design.precision, np.where(price, 2.0, 0.5) ** -2.0]) / CAUTION**2
    precision[0] = LEVEL**-2.0
    columns = Columns(design.matrix(histories[0].periods), _regressors(histories))
    mean, dispersion = _estimated(sold, _Curve(columns, np.log(level * scale), precision))
    return np.stack([history.sales for history in histories]) + sold.unserved(mean, dispersion) / scale


def _regressors(histories: Sequence[History]) -> Vector:
    """(N, n, k) regressors less their means; all but the log price in units of their deviation."""
    if not histories[0].names:
        return np.empty((len(histories), histories[0].sales.size, 0))
    values = np.stack([history.regressors for history in histories])
    spread = values.std(axis=1, keepdims=True)
    unit = np.where(np.array(histories[0].names) == PRICE, 1.0, np.maximum(spread, 1e-9))
    return np.asarray((values - values.mean(axis=1, keepdims=True)) / unit, dtype=np.float64)


def _estimated(sold: _Sold, curve: _Curve) -> tuple[Vector, Vector]:
    """(N, n) mean demand and (N, 1) dispersion with the highest posterior density, in scaled units."""
    effects = np.zeros((curve.level.size, curve.precision.size))
    dispersion = np.full((curve.level.size, 1), 0.1)
    live = np.arange(curve.level.size)
    for _ in range(ROUNDS):
        seen, own, spread = sold.of_series(live), curve.of_series(live), dispersion[live]
        step, freedom = _newton(seen, own, effects[live], spread)
        effects[live] += step
        dispersion[live] = _dispersion(seen, own.mean(effects[live]), spread, freedom)
        moved = np.abs(own.columns.times(step)).max(axis=1) + np.abs(np.log(dispersion[live] / spread))[:, 0]
        live = live[moved > SETTLED]
        if not live.size:
            break
    return curve.mean(effects), dispersion


def _newton(sold: _Sold, curve: _Curve, effects: Vector, dispersion: Vector) -> tuple[Vector, Vector]:
    """(N, q) change of the effects, no period moved by more than e-fold, and (N,) effective number of effects."""
    first, second = sold.slopes(curve.mean(effects), dispersion)
    weight = np.maximum(second, 1e-12)
    gram, moment = curve.columns.products(weight, curve.columns.times(effects) + first / weight)
    inverse = np.linalg.inv(gram + np.diag(curve.precision + 1e-9))
    step = (inverse @ moment[:, :, None])[:, :, 0] - effects
    farthest = np.abs(curve.columns.times(step)).max(axis=1, keepdims=True)
    freedom = np.einsum("nij,nji->n", inverse, gram)
    return step / np.maximum(farthest, 1.0), np.asarray(freedom, dtype=np.float64)


def _dispersion(sold: _Sold, mean: Vector, dispersion: Vector, freedom: Vector, width: float = 0.4) -> Vector:
    """(N, 1) dispersion nearer to the highest adjusted profile likelihood: the top of a parabola in its logarithm.

    The adjustment is half the log determinant of the effects' information, which falls with log a by about a mu / (1 +
    a mu) per effect.
    """
    least, same, most = (sold.likelihood(mean, dispersion * np.exp(by)) for by in (-width, 0.0, width))
    adjusted = freedom * np.mean(dispersion * mean / (1 + dispersion * mean), axis=1) / 2
    slope, bend = (most - least) / (2 * width) + adjusted, (2 * same - least - most) / width**2
    step = np.where(bend > 1e-9, slope / np.maximum(bend, 1e-9), np.sign(slope))
    return np.clip(dispersion * np.exp(np.clip(step, -1.5, 1.5))[:, None], LEAST, MOST)
