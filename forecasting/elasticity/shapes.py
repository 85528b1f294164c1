"""Four shapes of demand, each with one number: its elasticity at the usual price.

Guarantees
----------
* All shapes share the same effects and regressors, which multiply sales; they differ in the price alone, so that one
  comparison compares nothing but shapes.
* The parameter of every shape is d ln(units) / d ln(price) at the unit's usual price: numbers compare as they are.
* Expected sales are never below 0; where a straight line would cross it, `LEAST` of usual sales stand in.

With r the price over the unit's usual one and e the elasticity there, sales over those at r = 1 are r^e (constant
elasticity), exp(e (r - 1)) (exponential), 1 + e (r - 1) (linear) and, s being the share of those who come that buy at
the usual price and S the logistic function, S(logit(s) + e (r - 1) / (1 - s)) / s (logit; Phillips 2021, chapter 3).
The second derivatives of their logarithms at r = 1 are -e, 0, -e^2 and -e^2 s / (1 - s).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from forecasting.elasticity.panel import Fit, Mask, informative
from forecasting.elasticity.within import Codes, Vector, codes_of, demean

MARKET = 3.0
"""Buyers the logit takes to be in the market, as a multiple of usual sales. Sales cannot tell it from the shape; at 3
the logit is bent half as much as the straight line."""
LEAST = 0.05
"""Least expected sales of the straight line, as a share of usual ones."""

_ITERATIONS, _SETTLED, _HALVINGS = 200, 1e-10, 12
_STRIDE = 1.0
"""Longest step of an elasticity in one iteration."""
_LARGEST = 40.0


@dataclass(frozen=True, slots=True)
class Shape:
    """Sales over those at the usual price.

    Attributes
    ----------
    name : as it stands in tables
    log : ln of them at relative prices (n,), for an elasticity at the usual price
    slope : its derivative in the elasticity
    """

    name: str
    log: Callable[[Vector, float], Vector] = field(repr=False)
    slope: Callable[[Vector, float], Vector] = field(repr=False)


def _line(r: Vector, e: float) -> Vector:
    return np.maximum(1 + e * (r - 1), LEAST)


def _others(r: Vector, e: float) -> Vector:
    """Those who do not buy, per buyer."""
    return np.asarray((MARKET - 1) * np.exp(np.clip(-e * (r - 1) / (1 - 1 / MARKET), -_LARGEST, _LARGEST)))


SHAPES = (
    Shape("constant elasticity", lambda r, e: e * np.log(r), lambda r, _: np.log(r)),
    Shape("exponential", lambda r, e: e * (r - 1), lambda r, _: r - 1),
    Shape(
        "logit",
        lambda r, e: np.log(MARKET) - np.log1p(_others(r, e)),
        lambda r, e: (r - 1) / (1 - 1 / MARKET) * _others(r, e) / (1 + _others(r, e)),
    ),
    Shape(
        "linear",
        lambda r, e: np.log(_line(r, e)),
        lambda r, e: np.where(_line(r, e) > LEAST, (r - 1) / _line(r, e), 0.0),
    ),
)
"""The shapes compared."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A fitted shape.

    Attributes
    ----------
    fit : its slope is the elasticity at the usual price
    others : (k,) coefficients of the further regressors
    """

    shape: Shape
    fit: Fit
    others: Vector

    def base(self, relative: Vector, others: Vector) -> Vector:
        """(n,) sales expected at these prices and regressors, over what the effects make of them."""
        return np.asarray(np.exp(np.clip(self.shape.log(relative, self.fit.slope) + others @ self.others, -40.0, 40.0)))


def fitted(shape: Shape, quantity: Vector, relative: Vector, others: Vector, factors: Sequence[Codes]) -> Curve:
    """Poisson pseudo-likelihood of a shape: Gauss-Newton steps in the elasticity, effects projected out of each.

    Parameters
    ----------
    quantity : (n,) [units]
    relative : (n,) price over the unit's usual one
    others : (n, k) further regressors
    factors : (n,) each, levels of the effects
    """
    kept = informative(quantity, factors)
    levels = [codes_of(factor[kept]) for factor in factors]
    data = _Rows(quantity[kept], relative[kept], others[kept], shape)
    if not kept.any():
        none = np.zeros(0)
        nothing = Fit(np.nan, kept, none, none, none, none, np.zeros((0, 1)), (), converged=False)
        return Curve(shape, nothing, np.zeros(others.shape[1]))
    at, coefficients = data.step(_Point(0.0, np.log((data.y + data.y.mean()) / 2)), levels)
    for _ in range(_ITERATIONS):
        aim, coefficients = data.step(at, levels)
        before, at = data.loss(at), data.towards(at, aim)
        if settled := bool(before - data.loss(at) <= _SETTLED * abs(before)):
            break
    return Curve(shape, data.fit(at, levels, kept, settled=settled), coefficients)


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """Where the steps are: the elasticity, and what effects and regressors make of each row, in logs."""

    slope: float
    rest: Vector


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows kept, and the shape fitted to them."""

    y: Vector
    r: Vector
    x: Vector
    shape: Shape

    def mean(self, at: _Point) -> Vector:
        """(n,) expected sales [units]."""
        return np.asarray(np.exp(np.clip(at.rest + self.shape.log(self.r, at.slope), -_LARGEST, _LARGEST)))

    def loss(self, at: _Point) -> float:
        """Half the deviance, up to a constant."""
        mu = self.mean(at)
        return float(np.sum(mu - self.y * np.log(mu)))

    def step(self, at: _Point, levels: Sequence[Codes]) -> tuple[_Point, Vector]:
        """Where weighted least squares on the effects, the regressors and the bend at this point lead."""
        mu, bend = self.mean(at), self.shape.slope(self.r, at.slope)
        z = at.rest + (self.y - mu) / mu + at.slope * bend
        free, root = demean(np.column_stack([z, bend, self.x]), levels, mu, tolerance=1e-9), np.sqrt(mu)[:, None]
        found = np.asarray(
            np.linalg.lstsq(root * free[:, 1:], root[:, 0] * free[:, 0], rcond=1e-9)[0], dtype=np.float64
        )
        left = free[:, 0] - free[:, 1:] @ found
        return _Point(float(found[0]), z - left - found[0] * bend), found[1:]

    def towards(self, at: _Point, aim: _Point) -> _Point:
        """The first of the full step, half of it, and so on, that fits no worse; where none does, the point itself."""
        start, share = self.loss(at), min(1.0, _STRIDE / max(abs(aim.slope - at.slope), 1e-12))
        for _ in range(_HALVINGS):
            near = _Point(at.slope + share * (aim.slope - at.slope), at.rest + share * (aim.rest - at.rest))
            if self.loss(near) <= start:
                return near
            share /= 2
        return at

    def fit(self, at: _Point, levels: Sequence[Codes], kept: Mask, *, settled: bool) -> Fit:
        """What an error is made from, where the steps ended."""
        mu = self.mean(at)
        columns = np.column_stack([self.shape.slope(self.r, at.slope), self.x])
        free, root = demean(columns, levels, mu), np.sqrt(mu)[:, None]
        own = free[:, 0] - free[:, 1:] @ np.linalg.lstsq(root * free[:, 1:], root[:, 0] * free[:, 0], rcond=1e-9)[0]
        return Fit(at.slope, kept, mu, own, mu, (self.y - mu) / mu, columns, tuple(levels), settled)
