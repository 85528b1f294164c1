"""From sales rows to regular series.

Guarantees
----------
* Nothing dated after `as_of` is used, not even to infer the frequency.
* Every series that sold anything has exactly one history and one future; all futures cover the same periods.
* A period that the rows do not cover whole, at either end of the table, is not taken for a whole one.

A period without a row is zero sold, unless zero is not credible: where a series sells at least 10 units in 19 of 20 of
its periods, a gap means closed or not reported, and is left unknown, save on a weekday that never sold anything. If
such a series has been silent for more than 4 periods at the end, it has ended, and the silence is zeros. Returns that
exceed sales leave a period at zero.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.ahead import CELL, PROMOTION, Ahead, check, indicator, log_price, regressor_names
from forecasting.features import PRICE
from forecasting.grid import Dates, Frequency, Grid, Periods, infer_grid
from forecasting.model import SILENCE, Future, History, Vector
from pricing.errors import Finding, InputError

CREDIBLE_ZERO = 10.0
YEAR = 12
"""Dates, all on the first (or last) day of a month, from which they are taken for months."""
WEEKS = 4
"""Weeks after which a weekday without a sale is one on which the shop is closed."""
LARGEST = 1e15
"""Beyond it a quantity or a price is a slip of the pen, and sums of squares lose their digits."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Periods that a table covers whole: length of a period, and the first and the last of them."""

    grid: Grid
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Request:
    """What to forecast.

    Attributes
    ----------
    by : columns whose values name a series
    horizon : periods to forecast
    frequency : length of a period; None reads it from the dates
    target : "quantity", or "revenue" (price times quantity)
    as_of : last instant to use
    capacity : column with the most that can be sold
    calendar : periods of a larger table that the rows are a part of; None reads them from the rows
    """

    by: tuple[str, ...]
    horizon: int
    frequency: Frequency | None = None
    target: str = "quantity"
    as_of: pd.Timestamp | None = None
    capacity: str | None = None
    calendar: Calendar | None = None

    def __post_init__(self) -> None:
        problems = [
            (self.horizon < 1, f"the horizon is {self.horizon}; it must be at least 1 period"),
            (not self.by, "name at least one column to forecast by"),
            (self.target not in ("quantity", "revenue"), f"the target is quantity or revenue, not {self.target}"),
            (
                self.target == "revenue" and self.capacity is not None,
                "capacity caps units: forecast the quantity, not revenue",
            ),
        ]
        if found := [Finding(text) for wrong, text in problems if wrong]:
            raise InputError(found)

    def check(self, sales: pd.DataFrame) -> None:
        """Refuse a table that lacks what was asked for, or holds what is no date or no number."""
        asked = ["date", "quantity", *self.by, *([self.capacity] if self.capacity else [])]
        asked += [PRICE] if self.target == "revenue" else []
        missing = [
            Finding(f"no such column among {', '.join(sales.columns)}", column=c) for c in asked if c not in sales
        ]
        if missing:
            raise InputError(missing)
        if not isinstance(sales["date"].dtype, np.dtype) or sales["date"].dtype.kind != "M":
            raise InputError(
                Finding("holds no dates, or dates with a time zone: give those of one place", column="date")
            )
        units = pd.to_numeric(sales["quantity"], errors="coerce").to_numpy(np.float64)
        price = pd.to_numeric(sales[PRICE], errors="coerce") if PRICE in sales else pd.Series(dtype=np.float64)
        wrong = {
            "date": ("is missing", sales["date"].isna().to_numpy()),
            "quantity": (f"is no number, or beyond {LARGEST:g},", ~(np.abs(units) <= LARGEST)),
            PRICE: (f"is beyond {LARGEST:g}", np.abs(price.to_numpy(np.float64)) > LARGEST),
        }
        found = [Finding(f"{what} in {rows.sum():,} rows", column=c) for c, (what, rows) in wrong.items() if rows.any()]
        if found:
            raise InputError(found)


@dataclass(frozen=True, eq=False)
class Panel:
    """Many series on one grid.

    Attributes
    ----------
    by : columns whose values name a series
    keys : (n,) their values
    histories, futures : (n,)
    """

    by: tuple[str, ...]
    grid: Grid
    keys: tuple[tuple[str, ...], ...]
    histories: tuple[History, ...]
    futures: tuple[Future, ...]


def panel_of(
    sales: pd.DataFrame, request: Request, future: pd.DataFrame | None = None, *, covering: bool = True
) -> Panel:
    """Regular series of the target, with what is known of the coming periods.

    Parameters
    ----------
    sales : one row per sale, or per period; columns as in the table `sales`
    future : rows with `date`, any of the `by` columns, and regressors of coming dates
    covering : whether to refuse a `future` of which the coming periods could use nothing; a back-test only reads from
        it what is known ahead
    """
    request.check(sales)
    rows = _until(sales, request.as_of)
    if rows.empty:
        raise InputError("no sales to forecast from" + (f" up to {request.as_of}" if request.as_of is not None else ""))
    dates = rows["date"].to_numpy().astype("datetime64[D]")
    calendar = request.calendar or calendar_of(dates, request)
    grid, last = calendar.grid, calendar.last
    if future is not None and covering and request.calendar is None:  # another part may use what this one cannot
        check(future, sales, request.by, request.capacity, (grid, last + 1 + np.arange(request.horizon)))
    names = regressor_names(rows, future)
    totals = _totals(rows, grid.period(dates), names, request)
    ahead = Ahead(names) if future is None else Ahead.of(future, request.by, grid, names, request.capacity)
    keys, histories, futures = [], [], []
    for key, part in totals.groupby(level=list(range(len(request.by))), sort=True):
        history = _history(
            part.droplevel(list(range(len(request.by)))), grid, (calendar.first, last), names, ahead.given
        )
        if history is None:
            continue
        key_text = tuple(str(value) for value in key)
        keys.append(key_text)
        histories.append(history)
        futures.append(ahead.future(key_text, history, request.horizon))
    return Panel(request.by, grid, tuple(keys), tuple(histories), tuple(futures))


def calendar_of(dates: Dates, request: Request) -> Calendar:
    """Periods covered whole by rows of these dates, none of them after the request's `as_of`."""
    grid = infer_grid(dates, request.frequency)
    if request.frequency and not grid.frequency.months and np.unique(dates).size > YEAR:
        told = infer_grid(dates).frequency
        if told.months:
            raise InputError(f"the rows are dated by months ({told}): they do not tell periods of {grid.frequency}")
    return Calendar(grid, *_whole_periods(grid, dates, request.as_of))


def _until(sales: pd.DataFrame, as_of: pd.Timestamp | None) -> pd.DataFrame:
    """Rows up to an instant; a date without a time counts whole."""
    if as_of is None:
        return sales
    whole_day = as_of == as_of.normalize()
    return sales[sales["date"] < as_of + pd.Timedelta(days=1)] if whole_day else sales[sales["date"] <= as_of]


def _whole_periods(grid: Grid, dates: Dates, as_of: pd.Timestamp | None) -> tuple[int, int]:
    """First and last period that the rows cover whole.

    The last period is whole once it is over (by `as_of`), or once as few of its days are left as usually are after the
    last day with a sale; the first, when it starts as early as usual. Of two periods or fewer all are kept.
    """
    days = np.unique(dates)
    periods = grid.period(days)
    left = grid.days_left(days)
    breaks = np.flatnonzero(np.diff(periods)) + 1
    ends, starts = np.append(breaks - 1, days.size - 1), np.append(0, breaks)
    first, last = int(periods[0]), int(periods[-1])
    if ends.size < 3:
        return first, last
    over = as_of is not None and grid.days_left(np.array([as_of.to_datetime64()]))[0] == 0
    ended = over or (as_of is not None and grid.period(np.array([as_of.to_datetime64()]))[0] > last)
    partial_last = not ended and left[ends[-1]] > np.median(left[ends[:-1]])
    length = (grid.label(periods + 1) - grid.label(periods)).astype(np.int64)
    since = length - left
    partial_first = since[starts[0]] > np.median(since[starts[1:]])
    return first + int(partial_first), last - int(partial_last)


def _prepared(rows: pd.DataFrame, period: Periods, names: Collection[str], request: Request) -> pd.DataFrame:
    """Key, period, and numbers that can be added up."""
    frame = pd.DataFrame({name: rows[name].astype(str) for name in dict.fromkeys([*request.by, *CELL]) if name in rows})
    frame["period"], frame["day"] = period, rows["date"].dt.normalize()
    frame["units"] = rows["quantity"].astype(np.float64)
    frame["sales"] = frame["units"] * rows[PRICE] if request.target == "revenue" else frame["units"]
    if PRICE in names:
        frame["weight"] = frame["units"].clip(lower=0).where(rows[PRICE].notna(), 0.0)
        frame[PRICE] = rows[PRICE]
        frame["worth"] = (rows[PRICE] * frame["weight"]).fillna(0.0)
    for name in names:
        if name != PRICE:
            frame[name] = indicator(rows[name]) if name == PROMOTION else rows[name].astype(np.float64)
    for name, column in (("limit", "available"), ("cap", request.capacity)):
        values = rows[column].astype(np.float64) if column in rows else pd.Series(np.nan, rows.index)
        frame[name] = values.where(values > 0)
    frame["limit"] = frame["limit"].fillna(frame["cap"])
    return frame


def _totals(rows: pd.DataFrame, period: Periods, names: Collection[str], request: Request) -> pd.DataFrame:
    """One row per series and period."""
    frame = _prepared(rows, period, names, request)
    keys = [*request.by, "period"]
    grouped = frame.groupby(keys, sort=True)
    totals = grouped[["sales", "units"]].sum()
    for name in names:
        totals[name] = grouped[name].max() if name == PROMOTION else grouped[name].mean()
    if PRICE in names:
        sums = grouped[["worth", "weight"]].sum()
        totals[PRICE] = (sums["worth"] / sums["weight"].where(sums["weight"] > 0)).fillna(totals[PRICE])
    return totals.join(_stock(frame, keys))


def _stock(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Capacity of each series and period, and the share of its sales that sold out.

    The rows of one cell (product, segment, event, channel, day) repeat its stock; if together they sold more than that,
    they are stocks of their own, which add up. Cells add up to the period.
    """
    if not frame[["limit", "cap"]].notna().any(axis=None):
        index = frame.groupby(keys, sort=True).size().index
        return pd.DataFrame({"capacity": np.inf, "censored": 0.0}, index=index)
    cell = list(dict.fromkeys([*keys, *(name for name in CELL if name in frame), "day"]))
    cells = frame.groupby(cell, sort=False)
    sold, largest, added = cells["units"].sum(), cells[["limit", "cap"]].max(), cells[["limit", "cap"]].sum(min_count=1)
    stock = largest.where(largest.ge(sold, axis=0), added)
    out = (sold >= stock["limit"]) & (sold > 0)
    parts = pd.DataFrame({"capacity": stock["cap"], "out": sold.where(out, 0.0), "sold": sold.clip(lower=0)})
    sums = parts.groupby(level=keys, sort=True).sum(min_count=1)
    share = (sums["out"] / sums["sold"].where(sums["sold"] > 0)).fillna(0.0).clip(0, 1)
    return pd.DataFrame({"capacity": sums["capacity"].where(sums["capacity"] > 0), "censored": share})


def _history(
    part: pd.DataFrame, grid: Grid, span: tuple[int, int], names: tuple[str, ...], given: Collection[str]
) -> History | None:
    """The series from its first whole period to the last one of the table."""
    first, last = span
    inside = part[(part.index >= first) & (part.index <= last)]
    if inside.empty:  # sold only in a period that is not whole: the little there is stands for one
        inside = part.tail(1).set_axis([last])
    start = int(inside.index[0])
    regular = inside.reindex(np.arange(start, last + 1))
    sales = _gaps_filled(grid, start, regular["sales"].to_numpy(np.float64), regular["units"].to_numpy(np.float64))
    capacity = regular["capacity"].ffill().bfill().fillna(np.inf).to_numpy(np.float64)
    return History(
        grid,
        start,
        np.maximum(sales, 0.0),
        regular["censored"].fillna(0.0).to_numpy(np.float64),
        capacity,
        names,
        _regressor_values(regular, names) if names else np.empty((0, 0)),
        integer=bool(np.all(np.mod(sales[np.isfinite(sales)], 1) == 0)),
        carried=(PRICE,) if PRICE in names and PRICE not in given else (),
    )


def _gaps_filled(grid: Grid, start: int, sales: Vector, units: Vector) -> Vector:
    """Zero, or not known, where a period has no row; see the module's rule."""
    seen = np.isfinite(units)
    if np.quantile(units[seen], 0.05) < CREDIBLE_ZERO:
        return np.where(seen, sales, 0.0)
    silent = units.size - 1 - int(np.flatnonzero(seen)[-1])
    filled = sales.copy()
    if grid.frequency is Frequency.D:
        filled[_closed(start, seen)] = 0.0
    if silent > SILENCE:
        filled[-silent:] = 0.0
    return filled


def _closed(start: int, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n,) whether a day is of a weekday on which nothing was ever sold, and which came often enough to tell."""
    weekday = (start + np.arange(seen.size)) % 7
    days, sold = np.bincount(weekday, minlength=7), np.bincount(weekday, weights=seen, minlength=7)
    return ((days >= WEEKS) & (sold == 0))[weekday] & ~seen


def _regressor_values(regular: pd.DataFrame, names: tuple[str, ...]) -> Vector:
    """(n, k) values with gaps filled: the last one stays, save a promotion, which does not."""
    columns = {name: regular[name].fillna(0.0) if name == PROMOTION else regular[name] for name in names}
    values = pd.DataFrame(columns).ffill().bfill().fillna(0.0)
    if PRICE in names:
        values[PRICE] = log_price(values[PRICE].to_numpy(np.float64))
    return values.to_numpy(np.float64)
