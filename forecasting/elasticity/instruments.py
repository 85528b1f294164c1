"""Two-stage least squares in logs: the price is moved by something that does not move demand.

Guarantees
----------
* The effects are taken out first; the slope is the one a dummy for every level would give.
* How strongly the instruments move the price is reported (first-stage F); below `STRONG` they are called weak.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from linearmodels.iv import IV2SLS

from forecasting.elasticity.within import Codes, Vector, codes_of, demean

STRONG = 10.0
"""First-stage F from which instruments count as strong (Staiger and Stock 1997)."""


@dataclass(frozen=True, slots=True)
class TwoStage:
    """Slope, its clustered standard error, the first-stage F of the instruments, and the rows and clusters used."""

    slope: float
    se: float
    first_stage: float
    rows: int
    clusters: int


def two_stage(
    quantity: Vector, columns: Vector, instruments: Vector, factors: Sequence[Codes], clusters: Codes
) -> TwoStage:
    """Two-stage least squares of ln(quantity) on log price (first of `columns`), which the instruments move.

    Parameters
    ----------
    quantity : (n,) [units]; rows without a sale have no logarithm and are left out
    columns : (n, 1 + k) log price, then regressors that are their own instruments
    instruments : (n, m)
    """
    sold = quantity > 0
    levels, groups = [codes_of(f[sold]) for f in factors], codes_of(clusters[sold])
    stacked = np.column_stack([np.log(quantity[sold]), columns[sold], instruments[sold]])
    within = demean(stacked, levels, np.ones(int(sold.sum())))
    outcome, price, rest = within[:, 0], within[:, 1], within[:, 2:]
    k = columns.shape[1] - 1
    others, moved = rest[:, :k], rest[:, k:]
    model = IV2SLS(outcome, others if k else None, price, moved)
    result = model.fit(cov_type="clustered", clusters=groups, debiased=True)
    return TwoStage(
        float(result.params.iloc[-1]),
        float(result.std_errors.iloc[-1]),
        float(result.first_stage.diagnostics["f.stat"].iloc[0]),
        len(outcome),
        int(groups.max()) + 1,
    )
