"""What an estimate rests on, as data: for reports and for those who check.

Guarantees
----------
* Nothing is estimated twice: the numbers are those the status was decided with.
* Dots are sales net of everything but the price, against the price net of the same, so that the fitted curve runs
  through them; where nothing could be fitted they are as sold, and `Dots.kind` says so.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from forecasting.elasticity.cells import Panel
from forecasting.elasticity.drift import Drift
from forecasting.elasticity.feedback import Feedback
from forecasting.elasticity.identification import Estimate, freedom, robustness
from forecasting.elasticity.instruments import Instrumented
from forecasting.elasticity.panel import Fit
from forecasting.elasticity.within import Codes, Vector

MOST, FEWEST = 12, 8
"""Dots of a group at most, and cells in each at least."""
OUTER = 0.01
"""Share of the cells on either side whose prices do not count as tried: single odd ones."""
ALIKE = 0.15
"""Standard deviation of the units' usual log prices up to which they count as one price."""


@dataclass(frozen=True, slots=True, eq=False)
class Dots:
    """Mean sales of cells with about the same price; 100 is usual sales at the usual price.

    Attributes
    ----------
    prices : (n,) [currency]
    sales, se : (n,) index and its standard error
    cells : (n,) behind each
    kind : net of effects and regressors; the same with the price as the instruments moved it; or as sold, against the
        unit's own mean
    """

    prices: Vector
    sales: Vector
    se: Vector
    cells: Codes
    kind: Literal["net", "instrumented", "raw"]


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What the estimate of one group rests on.

    Attributes
    ----------
    key : values of the `by` columns
    cells, units, dates : how many
    sold : units sold in all
    usual : mean price, geometric, weighted by units sold [currency]
    alike : whether that is about the usual price of each unit
    tried : least and highest price charged, with each unit's usual price put at `usual`, all but `OUTER` on each side
    moves : dates on which the price changed
    own : standard deviation of log price beyond effects and regressors
    sold_out, mixed, guessed : shares of the cells, as in `forecasting.elasticity.cells.Panel`
    estimate : before pooling
    rival : the same by least squares in logs, where it was consulted
    clustered : whether clusters are units; else stretches of time
    both_ways : whether errors count stretches of dates too
    test : whether the price followed demand
    robustness : share of what is left of price and demand that explains the estimate away; None with instruments
    change : between the halves of the dates
    """

    key: tuple[str, ...]
    cells: int
    units: int
    dates: int
    sold: float
    usual: float
    alike: bool
    tried: tuple[float, float]
    moves: int
    own: float
    sold_out: float
    mixed: float
    guessed: float
    estimate: Estimate | None
    rival: Estimate | None
    clustered: bool
    both_ways: bool
    test: Feedback | None = field(repr=False)
    robustness: float | None
    instrumented: Instrumented | None
    change: Drift | None
    dots: Dots | None


def basis(
    panel: Panel,
    own: float,
    *,
    estimate: Estimate | None = None,
    rival: Estimate | None = None,
    test: Feedback | None = None,
    instrumented: Instrumented | None = None,
    change: Drift | None = None,
    fit: Fit | None = None,
    logs: bool = False,
) -> Basis:
    """Gather what an estimate rests on.

    Parameters
    ----------
    own : as `identification.own_variation` has it
    fit : of units, or (`logs`) of their logarithm, on the price, or on the price as the instruments moved it
    """
    known = estimate is not None and np.isfinite(estimate.se) and instrumented is None
    usual, tried = _prices(panel)
    return Basis(
        panel.key,
        len(panel),
        _count(panel.unit),
        _count(panel.period),
        float(panel.quantity.sum()),
        usual,
        _alike(panel),
        tried,
        panel.moves if len(panel) else 0,
        own,
        _share(panel.sold_out),
        panel.mixed,
        panel.guessed,
        estimate,
        rival,
        np.array_equal(panel.clusters, panel.unit),
        estimate is not None and estimate.both_ways,
        test,
        robustness(estimate, freedom(panel)) if known and estimate is not None else None,
        instrumented,
        change,
        _dots(panel, fit, usual, moved=instrumented is not None, logs=logs) if panel.quantity.any() else None,
    )


def _count(codes: Codes) -> int:
    return int(codes.max(initial=-1)) + 1


def _share(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _prices(panel: Panel) -> tuple[float, tuple[float, float]]:
    """The usual price, and between which prices nearly all lie once each unit's usual price is put there."""
    if not len(panel):
        return np.nan, (np.nan, np.nan)
    weight = panel.quantity if panel.quantity.any() else None
    usual = float(np.average(panel.price, weights=weight))
    moved = panel.price - (np.bincount(panel.unit, panel.price) / np.bincount(panel.unit))[panel.unit]
    low, high = np.exp(usual + np.quantile(moved, [OUTER, 1 - OUTER]))
    return float(np.exp(usual)), (float(low), float(high))


def _alike(panel: Panel) -> bool:
    counts = np.bincount(panel.unit)
    return not len(panel) or float(np.std(np.bincount(panel.unit, panel.price) / counts)) <= ALIKE


def _dots(panel: Panel, fit: Fit | None, usual: float, *, moved: bool, logs: bool) -> Dots:
    """Sales over what is expected at the usual price, cells of about the same price together."""
    if fit is None or not fit.usable:
        units = np.bincount(panel.unit)
        own = panel.price - (np.bincount(panel.unit, panel.price) / units)[panel.unit]
        return _binned(own, panel.quantity, (np.bincount(panel.unit, panel.quantity) / units)[panel.unit], usual, "raw")
    sold = _sold(fit, logs=logs)
    expected = fit.mean * np.exp(-fit.slope * fit.own) * (sold.sum() / fit.mean.sum())  # in logs: Duan (1983)
    return _binned(fit.own, sold, expected, usual, "instrumented" if moved else "net")


def _sold(fit: Fit, *, logs: bool) -> Vector:
    """(m,) units sold; of cells that sold out what the model expects would have sold."""
    if logs:
        return np.asarray(fit.mean * np.exp(fit.residual))
    return np.asarray(fit.mean + (1 + fit.dispersion * fit.mean) * fit.weight * fit.residual)


def _binned(
    own: Vector, sold: Vector, expected: Vector, usual: float, kind: Literal["net", "instrumented", "raw"]
) -> Dots:
    """Bins of equally many cells along the price."""
    bins = max(1, min(MOST, len(own) // FEWEST, len(np.unique(np.round(own, 3)))))
    parts = np.array_split(np.argsort(own, kind="stable"), bins)
    ratio = np.array([sold[at].sum() / max(expected[at].sum(), 1e-300) for at in parts])
    errors = [np.sqrt(np.sum((sold[at] - r * expected[at]) ** 2)) for at, r in zip(parts, ratio, strict=True)]
    se = np.array([e / max(expected[at].sum(), 1e-300) for e, at in zip(errors, parts, strict=True)])
    prices = np.array([usual * np.exp(np.average(own[at], weights=expected[at] + 1e-12)) for at in parts])
    return Dots(prices, 100 * ratio, 100 * se, np.array([len(at) for at in parts]), kind)
