"""Periods without a sale, where the table has no row for them.

Guarantees
----------
* A table with a row per sale gives the same slope as one with a row per period: what was not sold counts.
* Nothing is added where zero is not credible: where rows are as many as their counts foretell, where a unit sells at
  least `CREDIBLE_ZERO` in 19 of 20 periods, while it is sold out, or on dates on which a whole busy table is silent.
* Nothing is added before a unit's first or after its last sale, where nobody knows whether it was on sale.

The price of a silent period is that of the sales around it. Where they differ, it changed somewhere between, and not
half-way: silence is longer at the dearer price, and giving all of it to one of them would draw the slope towards 0. The
change is put where it is to be expected given the slope, the slope is estimated anew, and so on (expectation-
maximisation; Dempster, Laird and Rubin 1977). `guessed` says how much rests on this.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.elasticity.panel import Mask, poisson
from forecasting.elasticity.within import Codes, Vector, codes_of
from forecasting.grid import infer_grid

CREDIBLE_ZERO = 10.0
"""Units sold in 19 of 20 periods from which none is not credible; `forecasting.series` takes the same."""
EXPECTED, PLENTY = 0.001, 0.05
"""Share of periods without a sale from which their absence from a table is noticed, and from which gaps may be more
than counts foretell: where there are many, they differ by more than chance."""
TOO_MANY = 10.0
"""Below `PLENTY`, gaps so many times as frequent as counts foretell are closed days, not days without demand."""
STEPS = 12
"""Rounds of placing the price changes and estimating the slope; they settle to about a hundredth."""
_SAME = 0.005
"""Prices no further apart than this share are one price."""
_GOLDEN = 0.6180339887498949

Periods = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Sold:
    """Units, prices and stock by unit and period, in that order.

    Attributes
    ----------
    first : position of the first row of each
    quantity, price : units; mean price paid, as a logarithm
    gone : whether it sold out
    """

    group: Codes
    unit: Codes
    period: Periods
    first: NDArray[np.intp]
    quantity: Vector
    price: Vector
    gone: Mask


def with_silent_periods(rows: pd.DataFrame, group: Codes, unit: Codes) -> tuple[pd.DataFrame, Mask]:
    """Rows with one of zero units for each silent period that the table leaves out.

    Parameters
    ----------
    rows : sales with a positive price
    group, unit : (n,) codes; each unit belongs to one group

    Returns
    -------
    the rows, then those added, which carry the columns of the sale before them; and (m,) whether the price of a row is
    a guess because it changed meanwhile
    """
    if len(rows) < 2:
        return rows, np.zeros(len(rows), dtype=bool)
    dates = rows["date"].to_numpy().astype("datetime64[D]")
    grid = infer_grid(dates)
    period = grid.period(dates)
    sold = _sold(rows, group, unit, period)
    at = np.flatnonzero(_silent(sold, _gaps(sold)))
    length = np.zeros(len(sold.unit), dtype=np.int64)
    length[at] = _gaps(sold)[at]
    _, where, total = np.unique(period, return_index=True, return_inverse=True)
    units = np.bincount(total, np.maximum(rows["quantity"].to_numpy(np.float64), 0.0))
    before = np.repeat(np.arange(len(length)), length)
    step = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + 1
    price = _prices(sold, length)
    when = sold.period[before] + step
    known = dict(zip(period[where].tolist(), dates[where], strict=True))
    if np.quantile(units, 0.05) >= CREDIBLE_ZERO:
        open_then = np.isin(when, period)
        before, step, price, when = before[open_then], step[open_then], price[open_then], when[open_then]
    added = rows.take(sold.first[before]).assign(quantity=0.0, price=np.exp(price))
    label = grid.label(when)
    added["date"] = pd.DatetimeIndex([known.get(p, d) for p, d in zip(when.tolist(), label, strict=True)])
    if "available" in added:
        added["available"] = np.nan
    if "promotion" in added:
        added["promotion"] = 0 if pd.api.types.is_numeric_dtype(rows["promotion"]) else ""
    guess = np.abs(sold.price[before] - sold.price[np.minimum(before + 1, len(sold.price) - 1)]) > _SAME
    together = pd.concat([rows, added], ignore_index=True) if len(added) else rows
    return together, np.concatenate([np.zeros(len(rows), dtype=bool), guess])


def _sold(rows: pd.DataFrame, group: Codes, unit: Codes, period: Periods) -> _Sold:
    span = int(np.ptp(period)) + 1
    key = unit.astype(np.int64) * span + (period - period.min())
    _, first, cell = np.unique(key, return_index=True, return_inverse=True)
    quantity, price = rows["quantity"].to_numpy(np.float64), rows["price"].to_numpy(np.float64)
    bought = np.maximum(quantity, 0.0)
    units, count = np.bincount(cell, bought), np.bincount(cell)
    mean = np.bincount(cell, price) / count
    paid = np.divide(np.bincount(cell, bought * price), units, out=mean, where=units > 0)
    gone = (quantity >= rows["available"].to_numpy(np.float64)) if "available" in rows else np.zeros(len(rows))
    return _Sold(
        group[first],
        unit[first],
        period[first],
        first,
        np.maximum(np.bincount(cell, quantity), 0.0),
        np.log(paid),
        np.bincount(cell, gone) > 0,
    )


def _gaps(sold: _Sold) -> Periods:
    """(cells,) periods without a row between each cell and the next one of its unit."""
    following = np.append(np.diff(sold.period) - 1, 0)
    same = np.append(np.diff(sold.unit) == 0, False)
    return np.where(same, following, 0)


def _silent(sold: _Sold, gaps: Periods) -> Mask:
    """(cells,) whether the gap after a cell is silence, by the rules of the module."""
    missing = _missing(sold, gaps)
    order = np.lexsort((sold.quantity, sold.unit))
    starts = np.flatnonzero(np.diff(sold.unit, prepend=-1))
    counts = np.bincount(sold.unit)
    low = sold.quantity[order][starts + (0.05 * (counts[counts > 0] - 1)).astype(np.intp)]
    busy = np.zeros(len(counts), dtype=bool)
    busy[np.flatnonzero(counts)] = low >= CREDIBLE_ZERO
    silent: Mask = (gaps > 0) & ~sold.gone & ~busy[sold.unit] & missing[sold.group]
    return silent


def _missing(sold: _Sold, gaps: Periods) -> Mask:
    """(groups,) whether periods without a sale must have been many and hardly any of them has a row.

    How many is told by the periods with a sale: counts that are never zero are Poisson given that they are not zero.
    """
    some = sold.quantity > 0
    cells = np.bincount(sold.unit, some).astype(np.float64)
    mean = np.divide(np.bincount(sold.unit, sold.quantity), cells, out=np.ones_like(cells), where=cells > 0)
    rate = mean - 1 + 1e-6
    for _ in range(60):  # solves rate / (1 - exp(-rate)) = mean; a contraction from below
        rate = np.maximum(mean * -np.expm1(-rate), 1e-6)
    foretold = cells * np.exp(-rate) / -np.expm1(-rate)
    absent = np.bincount(sold.unit, gaps)
    group_of = np.zeros(len(cells), dtype=np.intp)
    group_of[sold.unit] = sold.group
    zeros, seen, gone, told = (
        np.bincount(group, count)
        for group, count in (
            (group_of, np.minimum(foretold, absent + np.bincount(sold.unit, ~some))),
            (group_of, cells),
            (group_of, absent),
            (sold.group, ~some),
        )
    )
    many = zeros > PLENTY * (zeros + seen)
    noticed: Mask = (zeros > EXPECTED * (zeros + seen)) & (told < 0.5 * zeros) & (many | (gone < TOO_MANY * zeros))
    return noticed


def _prices(sold: _Sold, length: Periods) -> Vector:
    """(silent periods,) log price of each."""
    before = np.repeat(np.arange(len(length)), length)
    step = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + 1
    old, new = sold.price, np.append(sold.price[1:], sold.price[-1:])
    price = old[before]
    for group in np.unique(sold.group[before]):
        mine = sold.group[before] == group
        moved = np.abs(new - old)[before[mine]] > _SAME
        if moved.any():
            price[mine] = _placed(sold, sold.group == group, before[mine], step[mine], length)
    return price


def _placed(sold: _Sold, cells: Mask, before: NDArray[np.intp], step: Periods, length: Periods) -> Vector:
    """Log prices of one group's silent periods, changes put where they are to be expected."""
    unit = codes_of(np.concatenate([sold.unit[cells], sold.unit[before]]))
    quantity = np.concatenate([sold.quantity[cells], np.zeros(len(before))])
    old, new, n = sold.price[before], sold.price[before + 1], length[before]
    spread = np.mod(_GOLDEN * before, 1.0)  # rounds expectations so that they hold on the average
    own, price, slope = unit[-len(before) :], old, 0.0
    for _ in range(STEPS):
        level = np.bincount(unit, quantity) / np.bincount(
            unit, np.exp(slope * np.concatenate([sold.price[cells], price]))
        )
        stay = _expected_stay(level[own] * (np.exp(slope * old) - np.exp(slope * new)), n)
        price = np.where(step <= np.floor(stay + spread), old, new)
        fit = poisson(quantity, np.concatenate([sold.price[cells], price])[:, None], [unit])
        if not fit.usable:
            break
        slope = float(np.clip(fit.slope, -10.0, 0.0))
    return price


def _expected_stay(excess: Vector, n: Periods) -> Vector:
    """Mean of k in 0..n with probability proportional to exp(-k excess): periods until the price changed.

    Parameters
    ----------
    excess : mean sales at the old price less those at the new [units per period]
    """
    x = np.clip(excess, -30.0, 30.0)
    flat = np.abs(x) * (n + 1) < 1e-3
    x = np.where(flat, 1.0, x)
    mean = 1 / np.expm1(x) - (n + 1) / np.expm1(np.clip(x * (n + 1), -500.0, 500.0))
    return np.where(flat, n / 2, mean)
