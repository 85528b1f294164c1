"""Willingness to pay: how much dearer an alternative may be for one more unit of an attribute, utility unchanged.

Guarantees
----------
* It is a number only where the price coefficient is negative and its 95 % interval excludes 0.
* The interval is Fieller's (1954): it holds at its level however weak the price coefficient, where the delta method's
  does not (Bolduc, Khalaf and Yelou 2010); where the price is strong the two agree (Hole 2007).
"""

from dataclasses import dataclass

import numpy as np

from forecasting.choice.fit import Fit
from pricing.demand import Identification

WIDE = 0.5
"""Half-width of the price coefficient's interval, as a share of the coefficient, from which it is weak."""

FEW = 30
"""People below which robust errors are too small, even with limits of t (Cameron and Miller 2015)."""

CAVEAT = (
    "Whether prices were set by what buyers like beyond the columns given, choices alone cannot show; where they were, "
    "buyers look less price sensitive than they are, and as if they would pay more for what they like."
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the choices can tell how buyers react to the price, and why."""

    status: Identification
    reason: str


def judge(found: Fit, price: int) -> Verdict:
    """Judge the price coefficient that stands at `price`."""
    slope, half = found.theta[price], found.critical * found.se[price]
    told = f"coefficient {slope:+.4g}, 95 % interval {slope - half:+.4g} to {slope + half:+.4g}"
    if not slope < 0:
        return Verdict(
            Identification.NOT_IDENTIFIED,
            f"Dearer was chosen more, not less ({told}): the price stands for something that buyers like.",
        )
    if not slope + half < 0:
        return Verdict(Identification.NOT_IDENTIFIED, f"The choices fit with no reaction to the price at all ({told}).")
    if not half <= WIDE * -slope:
        return Verdict(Identification.WEAK, f"Dearer is chosen less, but how much less is uncertain ({told}).")
    if found.people < FEW:
        who = "choices" if found.clusters is None else "people"
        few = f"only {found.people} {who}, of which errors come out too small"
        return Verdict(Identification.WEAK, f"Dearer is chosen less ({told}), but there are {few}.")
    return Verdict(Identification.IDENTIFIED, f"Dearer is chosen less ({told}), if nothing unseen moved the price.")


@dataclass(frozen=True, slots=True)
class Ratio:
    """A willingness to pay [currency per unit of the attribute], its delta-method error and Fieller's 95 % limits."""

    value: float
    se: float
    lower: float
    upper: float


def willingness(found: Fit, term: int, price: int) -> Ratio:
    """Minus the coefficient at `term` over that at `price`, which must not be able to be 0."""
    a, b = found.theta[term], -found.theta[price]
    cov = found.covariance
    vaa, vbb, vab = cov[term, term], cov[price, price], -cov[term, price]
    value = a / b
    se = float(np.sqrt(max(vaa - 2 * value * vab + value**2 * vbb, 0.0)) / b)
    lower, upper = fieller(a, b, vaa=vaa, vbb=vbb, vab=vab, critical=found.critical)
    return Ratio(float(value), se, lower, upper)


def fieller(a: float, b: float, *, vaa: float, vbb: float, vab: float, critical: float) -> tuple[float, float]:
    """Limits of all r with (a - r b)^2 <= critical^2 Var(a - r b) (Fieller 1954); without end where b may be 0.

    Parameters
    ----------
    a, b : numerator and denominator
    vaa, vbb, vab : their variances and covariance
    """
    square, half, rest = b**2 - critical**2 * vbb, a * b - critical**2 * vab, a**2 - critical**2 * vaa
    if not square > 0:
        return -np.inf, np.inf
    width = float(np.sqrt(max(half**2 - square * rest, 0.0)))
    return float((half - width) / square), float((half + width) / square)
