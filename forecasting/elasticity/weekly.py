"""What a group sold week by week at its usual price: from which a price test is foreseen.

Guarantees
----------
* Price moves are taken out with the elasticity believed in, so that only what a test must contend with is left.
* Where the next weeks cannot be foreseen from the last, a sentence says why instead.
* A week without a row is one without a sale.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.elasticity.cells import UNIT
from forecasting.elasticity.seasons import told_by_date, with_seasons
from forecasting.elasticity.within import Codes, Vector

PLACES = 4
"""Channels from which halves of them can be compared."""
LEAST_WEEKS = 8
"""Weeks of sales from which the next ones are foreseen, and weeks without a sale after which none is."""
LOOKED_AT = 52
"""Weeks before the end of the table that count."""
APART = 0.01
"""Standard deviation of log price between places, beyond level and week, from which they are priced apart."""
FAR = 2.0
"""A price further than this factor from the usual one counts as that far: it is as a rule a mistake."""
COARSE = 10.0
"""Median gap between dates beyond which weeks cannot be told [days]."""
ALIKE = 0.05
"""Log ratio of dearest to cheapest up to which prices count as one."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What one group sells a week at its usual prices.

    Attributes
    ----------
    units : (places, weeks)
    revenue : of a usual week [currency]
    apart : whether places were priced apart from each other
    usual : the price half of the units of late were sold at or below [currency]
    alike : whether all that is sold in the group costs about the same
    """

    units: Vector
    revenue: float
    apart: bool
    usual: float
    alike: bool


def histories(
    sales: pd.DataFrame, keys: Sequence[tuple[str, ...]], slopes: Sequence[float], by: Sequence[str]
) -> Iterator[History | str]:
    """The history of each group of `keys`, price moves taken out with its slope, or why there is none."""
    rows = sales[np.isfinite(sales["price"]) & (sales["price"] > 0) & np.isfinite(sales["quantity"])]
    rows = with_seasons(rows.assign(date=pd.DatetimeIndex(rows["date"]).normalize()), told_by_date(rows, by))
    dates = np.unique(rows["date"].to_numpy().astype("datetime64[D]")).astype(np.int64)
    gap = float(np.median(np.diff(dates))) if len(dates) > 1 else 7.0
    groups = dict(iter(rows.groupby([rows[name].astype(str) for name in by], sort=False)))
    for key, slope in zip(keys, slopes, strict=True):
        frame = groups.get(key)
        if frame is None or not (frame["quantity"] > 0).any():
            yield "Nothing was sold at a known price."
        elif gap > COARSE:
            yield "These sales are too coarse to foresee a test of some weeks: bring daily or weekly ones."
        else:
            yield _history(frame, slope, int(dates[-1]), min(gap, 7.0))


def _history(frame: pd.DataFrame, slope: float, end: int, gap: float) -> History | str:
    ago = end - frame["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    weeks = min(int((ago.max() + gap) // 7), LOOKED_AT)
    last = int(ago[frame["quantity"] > 0].min() // 7)
    if last >= LEAST_WEEKS:
        return f"Not sold in the last {last} weeks."
    if weeks < LEAST_WEEKS:
        return f"Only {weeks} of the {LEAST_WEEKS} weeks of sales needed to foresee what a test would show."
    seen = ago // 7 < weeks
    return _weekly(frame[seen], (weeks - 1 - ago[seen] // 7).astype(np.intp), slope, weeks)


def _weekly(frame: pd.DataFrame, week: Codes, slope: float, weeks: int) -> History:
    names = [name for name in UNIT if name in frame]
    price, sold = frame["price"].to_numpy(np.float64), np.maximum(frame["quantity"].to_numpy(np.float64), 0.0)
    level = frame.groupby(names)["price"].transform("median").to_numpy(np.float64)
    moved = np.clip(np.log(price / level), -np.log(FAR), np.log(FAR))
    at_usual = sold * np.exp(-slope * moved)
    place = pd.factorize(frame["channel"], sort=True)[0] if "channel" in frame else np.zeros(len(frame), dtype=np.intp)
    places = int(place.max()) + 1
    units = np.zeros((places, weeks))
    np.add.at(units, (place, week), at_usual)
    late = week >= weeks - LEAST_WEEKS
    return History(
        units,
        float(at_usual @ level) / weeks,
        places >= PLACES and _spread_between_places(frame, week, moved) >= APART,
        round(_weighted_median(price[late], sold[late]), 2),
        bool(np.ptp(np.log(level)) < ALIKE),
    )


def _spread_between_places(frame: pd.DataFrame, week: Codes, moved: Vector) -> float:
    """Standard deviation of log price of the same thing in the same week between places, their levels taken out."""
    things = [frame[name] for name in UNIT if name in frame and name != "channel"]
    moves = pd.Series(moved, index=frame.index)
    return float(np.std(moves - moves.groupby([*things, week]).transform("mean")))


def _weighted_median(values: Vector, weights: Vector) -> float:
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)])
