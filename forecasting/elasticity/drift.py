"""Whether buyers of a group react otherwise now than they did.

Guarantees
----------
* Where the reaction stayed the same, a change is said in at most five groups of a hundred, with shocks that persist
  and few clusters too (nominally `ALARM`).
* Each half of the dates has its own effects, trend and controls: a change of level or season is no change of reaction.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr

from forecasting.elasticity.cells import Panel
from forecasting.elasticity.identification import MIN_OWN, Estimate
from forecasting.elasticity.panel import Fit
from forecasting.elasticity.within import codes_of

ALARM = 0.01
"""Size of the two-sided test."""
LARGE = 0.2
"""Least change that is said, as a share of the earlier slope: long tables tell far smaller ones."""
LEAST = 50
"""Cells of each half below which a change is not looked for."""


@dataclass(frozen=True, slots=True)
class Drift:
    """The slopes before and since a day, and the p-value of their being one."""

    before: float
    since: float
    day: str
    p: float

    @property
    def large(self) -> bool:
        """Whether the change is beyond chance and worth saying."""
        return self.p < ALARM and abs(self.since - self.before) > LARGE * abs(self.before)

    def __str__(self) -> str:
        return (
            f"The reaction changed: {self.before:+.2f} before {self.day}, {self.since:+.2f} since; the number given is "
            "of the whole time, the sales since then alone tell today's."
        )


def drift(panel: Panel, fit: Callable[[Panel], Fit]) -> Drift | None:
    """Compare the slopes of the first and the second half of the dates; None where a half cannot tell.

    One fit holds both halves, so that the error of the difference counts that clusters reach across them: the slope
    of price in the second half beside price (Chow 1960, with the jackknife's error and degrees of freedom).

    Parameters
    ----------
    fit : the estimator of the panel's slope
    """
    late = panel.period >= np.median(panel.period)
    if min(late.sum(), (~late).sum()) < LEAST:
        return None
    factors = tuple(codes_of(2 * factor + late) for factor in panel.factors)
    others = np.column_stack([panel.others, panel.others * late[:, None]])
    both = replace(panel, factors=factors, others=np.column_stack([panel.price, others]), price=panel.price * late)
    change = fit(both)
    if not change.usable or change.information < MIN_OWN**2 / 4 * change.weight.sum():  # a quarter, of two like halves
        return None
    found = Estimate.of(change, panel.clusters, panel.shared)
    if not 0 < found.se < np.inf:
        return None
    p = 2 * float(stdtr(found.freedom, -abs(found.slope) / found.se))
    before = fit(replace(both, price=panel.price, others=np.column_stack([both.price, others]))).slope
    return Drift(before, before + found.slope, str(panel.days[late].min().date()), p)
