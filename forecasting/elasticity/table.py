"""The table of elasticities: one row per group, with its status and the reason in words.

Guarantees
----------
* Every group of the sales has exactly one row, whatever its data are like.
* `elasticity`, `se`, `lower` and `upper` are of the posterior after pooling; `raw_elasticity` is before it. A group
  that is not identified hands on no number of its own, only the groups' prior with its full width.
* Same sales, same table: nothing here is random.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from forecasting.elasticity.association import by_association
from forecasting.elasticity.basis import Basis, basis
from forecasting.elasticity.cells import Panel, panels
from forecasting.elasticity.drift import Drift, drift
from forecasting.elasticity.feedback import feedback, feedback_of_instruments
from forecasting.elasticity.identification import (
    Estimate,
    Verdict,
    assess,
    assess_instrumented,
    own_variation,
    too_little,
)
from forecasting.elasticity.instruments import Instrumented, as_the_price, control_function, two_stage
from forecasting.elasticity.panel import Fit, censored, log_log, poisson
from forecasting.elasticity.shrinkage import Said, covariates_of, pool, spreads_of
from forecasting.elasticity.within import Vector
from pricing.demand import Identification

Method = Literal["ppml", "log-log"]

COLUMNS = (
    "elasticity", "se", "lower", "upper", "raw_elasticity", "status", "method", "n_obs", "n_prices", "reason",
)  # fmt: skip
"""Columns of the table after those of `by`."""

USUAL, EMPTY = 10.0, 0.05
"""Logs are consulted where half of the cells have at least so many units and at most this share sold less than one: low
counts bend logs, and cells without a sale they must leave out."""
SOLD_OUT = 0.10
"""Share of sold-out cells beyond which a slope in logs, which must leave them out, is at best weak."""


def elasticity_table(
    sales: pd.DataFrame,
    *,
    by: Sequence[str] = ("product",),
    controls: Sequence[str] = (),
    effects: Sequence[str] | None = None,
    instruments: Sequence[str] = (),
    method: Method = "ppml",
    seed: int = 0,  # noqa: ARG001  # every engine takes one; nothing here is random
    progress: Callable[[int], None] | None = None,
    witness: Callable[[Basis], None] | None = None,
) -> pd.DataFrame:
    """Estimate d ln(units) / d ln(price) per group and pool it across groups.

    Parameters
    ----------
    sales : canonical sales with `price`
    by : columns whose combinations are the groups; each has its own slope and effects
    effects, controls, instruments : as in `forecasting.elasticity.cells.panels`
    method : Poisson pseudo-likelihood (censored negative binomial where cells sold out), or least squares in logs; with
        instruments their control function, or two-stage least squares
    progress : called with 1 after each group
    witness : called with the basis of each group, in the order of the table

    Returns
    -------
    the `by` columns, then `COLUMNS`

    Raises
    ------
    InputError
        naming every column the table lacks.
    """
    found: list[_Group] = []
    with threadpool_limits(limits=1, user_api="blas"):  # more threads make small products many times slower
        for panel in panels(sales, by=by, effects=effects, controls=controls, instruments=instruments):
            group = _estimate(panel, method)
            found.append(replace(group, fit=None))  # a fit is as large as its rows
            if witness:
                witness(group.basis)
            if progress:
                progress(1)
    verdicts = by_association([g.verdict for g in found])
    pooled = pool(
        [g.said.slope for g in found],
        spreads_of([g.said for g in found]).tolist(),
        credible=[v.credible for v in verdicts],
        own=[v.status is not Identification.NOT_IDENTIFIED for v in verdicts],
        covariates=covariates_of([g.panel.key for g in found], [_dearness(g.panel) for g in found]),
    ).below_zero()
    return _as_table(found, verdicts, pooled, by)


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """One group's panel, its slope before pooling (None if there is none), and what to make of it."""

    panel: Panel
    estimate: Estimate | None
    verdict: Verdict
    method: str
    said: Said = field(default_factory=Said)
    """What the group may say to others and of itself."""
    own: float = 0.0
    fit: Fit | None = None
    """Of sales on the price; with instruments on the price as they moved it."""
    instrumented: Instrumented | None = None
    change: Drift | None = None
    rival: Estimate | None = None
    """In logs, where they were consulted."""

    @property
    def basis(self) -> Basis:
        """What the estimate rests on."""
        return basis(
            self.panel,
            self.own,
            estimate=self.estimate,
            rival=self.rival,
            test=self.verdict.test,
            instrumented=self.instrumented,
            change=self.change,
            fit=self.fit,
            logs=self.method.startswith("log-log"),
        )


def _as_table(
    found: Sequence[_Group], verdicts: Sequence[Verdict], pooled: pd.DataFrame, by: Sequence[str]
) -> pd.DataFrame:
    keys = pd.DataFrame([g.panel.key for g in found], columns=list(by), dtype="str")
    body = {
        **{name: pooled[name] for name in ("elasticity", "se", "lower", "upper")},
        "raw_elasticity": [g.estimate.slope if g.estimate else np.nan for g in found],
        "status": [str(v.status) for v in verdicts],
        "method": [g.method for g in found],
        "n_obs": [len(g.panel) for g in found],
        "n_prices": [g.panel.prices for g in found],
        "reason": [v.reason + _left_out(g.panel) for g, v in zip(found, verdicts, strict=True)],
    }
    return pd.concat([keys, pd.DataFrame(body, columns=list(COLUMNS))], axis=1)


def _left_out(panel: Panel) -> str:
    """What is said of rows without a price where there are others."""
    rows = "1 row has" if panel.priceless == 1 else f"{panel.priceless} rows have"
    left = "was" if panel.priceless == 1 else "were"
    return f" {rows} no price above 0 and {left} left out." if panel.priceless and len(panel) else ""


def _dearness(panel: Panel) -> float:
    """Mean log price; NaN without a cell."""
    return float(panel.price.mean()) if len(panel) else np.nan


def _estimate(panel: Panel, method: Method) -> _Group:
    own = own_variation(panel)
    if verdict := too_little(panel, own):
        return _Group(panel, None, verdict, _named(method, panel), _hint(panel, verdict, method), own)
    if panel.instruments.shape[1]:
        return replace(_instrumented(panel, method), own=own)
    fit, used = _fit(panel, method)
    estimate, rival = Estimate.of(fit, panel.clusters, panel.shared), _rival(panel, used)
    verdict = assess(panel, estimate, feedback(panel, fit) if fit.usable else None, rival)
    if method == "log-log":
        verdict = _beware_of_sold_out(panel, verdict)
    change = None if verdict.status is Identification.NOT_IDENTIFIED else drift(panel, lambda p: _fit(p, method)[0])
    if change and change.large:
        verdict = replace(verdict, reason=f"{verdict.reason} {change}")
    said = _said(fit, estimate)
    return _Group(panel, estimate, verdict, _named(used, panel), said, own, fit, change=change, rival=rival)


def _said(fit: Fit, estimate: Estimate | None) -> Said:
    if not fit.usable:
        return Said()
    known = (np.nan, 0.0) if estimate is None else (estimate.se, estimate.freedom)
    return Said(fit.slope, *known, fit.information, fit.size)


def _hint(panel: Panel, verdict: Verdict, method: Method) -> Said:
    """What too few rows for a number of their own still tell others."""
    few = verdict.credible and len(panel) and not panel.instruments.shape[1]
    return _said(_fit(panel, method)[0], None) if few else Said()


def _rival(panel: Panel, used: str) -> Estimate | None:
    """Least squares in logs beside the pseudo-likelihood; None where counts are too low for logs, or cells sold out.

    Both find a slope that all rows share; where rows differ the one weighs them by units, the other alike (Santos Silva
    and Tenreyro 2006), so that a gap between the two shows that no single number holds.
    """
    if used != "ppml" or _low(panel.quantity):
        return None
    fit = log_log(panel.quantity, panel.columns, panel.factors)
    return Estimate.of(fit, panel.clusters, panel.shared) if fit.usable else None


def _low(quantity: Vector) -> bool:
    """Whether counts are too low for logs."""
    return bool(np.median(quantity) < USUAL or np.mean(quantity < 1) > EMPTY)


def _two_stage(panel: Panel, sold: Vector) -> Instrumented:
    shared = None if panel.dated else panel.shared
    return two_stage(sold, panel.columns, panel.instruments, panel.factors, panel.clusters, shared=shared)


def _instrumented(panel: Panel, method: Method) -> _Group:
    rival = None
    if method == "log-log":
        sold = np.where(panel.sold_out, 0.0, panel.quantity)
        found, used = _two_stage(panel, sold), "log-log-iv"
    else:
        used = "censored-nb2-iv" if panel.sold_out.any() else "ppml-iv"
        rival = None if panel.sold_out.any() or _low(panel.quantity) else _two_stage(panel, panel.quantity)
        panel = replace(panel, instruments=as_the_price(panel.instruments))
        given = panel.columns, panel.instruments, panel.factors, panel.clusters
        shared = None if panel.dated else panel.shared
        found = control_function(panel.quantity, *given, shared=shared, sold_out=panel.sold_out)
    test = feedback_of_instruments(panel, found.pull) if np.isfinite(found.se) else None
    verdict, estimate = assess_instrumented(found, test, rival)
    if method == "log-log":
        verdict = _beware_of_sold_out(panel, verdict)
    said = Said() if estimate is None else Said(estimate.slope, estimate.spread, np.inf)
    moved = replace(panel, price=panel.instruments @ found.pull) if len(found.pull) else panel
    return _Group(panel, estimate, verdict, _named(used, panel), said, fit=_fit(moved, method)[0], instrumented=found)


def _fit(panel: Panel, method: Method) -> tuple[Fit, str]:
    if method == "log-log":
        seen = ~panel.sold_out
        fit = log_log(np.where(seen, panel.quantity, 0.0), panel.columns, panel.factors)
        return fit, method
    if panel.sold_out.any():
        return censored(panel.quantity, panel.columns, panel.factors, panel.sold_out), "censored-nb2"
    return poisson(panel.quantity, panel.columns, panel.factors), method


def _beware_of_sold_out(panel: Panel, verdict: Verdict) -> Verdict:
    """A slope in logs leaves sold-out cells out, which bends it towards 0: at most weak where they are many."""
    share = float(panel.sold_out.mean())
    if share <= SOLD_OUT or verdict.status is Identification.NOT_IDENTIFIED:
        return verdict
    doubt = f"{share:.0%} of the rows sold out and were left out, so buyers look less price sensitive than they are"
    return Verdict(Identification.WEAK, f"{verdict.reason} Use with care: {doubt}.", credible=False)


def _named(method: str, panel: Panel) -> str:
    return f"{method}; effects: {', '.join(panel.effects) or 'none'}"
