"""What is known of the coming periods: given, or else as it was last.

Guarantees
----------
* Coming values that would change nothing (no date in the coming periods, no column that can be used, a series that the
  sales do not have) are refused, every reason at once; they are never passed over in silence. So are values that
  cannot be: what is not a finite number, a negative capacity.
* A period nobody gives a value for keeps the one before: the last price, the last regressor, the usual capacity. Only a
  promotion ends by itself.
* A value far outside the range seen is cut to the history's reach.

A row holds for the series it names; a name left blank, or "all", holds for every one that has no row of its own.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd

from forecasting.features import PRICE
from forecasting.grid import Grid, Periods
from forecasting.model import Future, History, Vector
from pricing.errors import Finding, InputError

CELL = ("product", "segment", "event", "channel")
"""What is on sale is one stock per combination of these and a date."""
PROMOTION = "promotion"
NOT_REGRESSORS = {*CELL, "date", "quantity", "customer", "currency", "available", "list_price", "unit_cost", PRICE}
EVERY = ("", "all")
"""Names that stand for every series."""
CAPACITY_WINDOW = 8
FREE = 0.01
"""What is given away counts as this share of the usual price, whose logarithm is finite."""


def indicator(column: pd.Series) -> pd.Series:
    """A promotion as a number: as given, or 1 for any text that does not say no."""
    number = pd.to_numeric(column, errors="coerce")
    text = column.astype("str").str.strip().str.lower()
    named = column.notna() & ~text.isin(["", "0", "no", "none", "false", "nan", "<na>"])
    return number.astype(np.float64).where(number.notna(), named.astype(np.float64))


def log_price(price: Vector) -> Vector:
    """Log price; what is given away counts as a hundredth of the usual price."""
    paid = price[price > 0]
    least = FREE * float(np.median(paid)) if paid.size else 1.0
    return np.log(np.maximum(price, least))


def regressor_names(rows: pd.DataFrame, future: pd.DataFrame | None) -> tuple[str, ...]:
    """Price, if there is one, and the numbers of the sales whose coming values are given."""
    price = [PRICE] if PRICE in rows and rows[PRICE].notna().any() else []
    if future is None:
        return tuple(price)
    shared = [name for name in future.columns if name in rows.columns and name not in NOT_REGRESSORS]
    usable = [name for name in shared if name == PROMOTION or pd.api.types.is_numeric_dtype(rows[name])]
    return (*price, *(name for name in usable if future[name].notna().any()))


@dataclass(frozen=True, eq=False)
class Ahead:
    """Known coming values.

    Attributes
    ----------
    regressors : names of the histories' regressors, in order
    given : those whose coming values are given
    tables : values by the key columns a table names (their positions among the `by` columns) and the period; tables
        that name more come first
    """

    regressors: tuple[str, ...]
    given: tuple[str, ...] = ()
    tables: tuple[tuple[tuple[int, ...], pd.DataFrame], ...] = ()

    @classmethod
    def of(
        cls, future: pd.DataFrame, by: Sequence[str], grid: Grid, regressors: tuple[str, ...], capacity: str | None
    ) -> "Ahead":
        """Read the coming values: the mean of rows that say the same period, the sum of capacities."""
        if found := unsound(future, regressors, capacity):
            raise InputError(found)
        given = tuple(name for name in regressors if name in future and future[name].notna().any())
        frame = future[[*given]].apply(lambda c: indicator(c) if c.name == PROMOTION else c.astype(np.float64))
        if capacity is not None and capacity in future:
            frame["capacity"] = future[capacity].astype(np.float64)
        rules = {name: {PROMOTION: "max", "capacity": _added}.get(name, "mean") for name in frame}
        period = pd.Series(grid.period(future["date"].to_numpy()), future.index, name="period")
        tables = []
        for named, rows in _by_named(future, by):
            keys = [*(future.loc[rows, by[j]].astype(str) for j in named), period[rows]]
            if rules:
                tables.append((named, frame[rows].groupby(keys).agg(rules)))
        return cls(regressors, given, tuple(tables))

    def future(self, key: tuple[str, ...], history: History, horizon: int) -> Future:
        """The coming periods of one series: what is given, then what was last."""
        periods = history.following(horizon)
        regressors = np.tile(history.regressors[-1:], (horizon, 1)) if self.regressors else np.empty((0, 0))
        usual = np.full(horizon, history.capacity[-CAPACITY_WINDOW:].max())
        for name in self.given:
            j = self.regressors.index(name)
            values = self._values(name, key, periods)
            if name == PRICE:
                values = np.log(np.maximum(values, FREE * np.exp(np.median(history.regressors[:, j]))))
            regressors[:, j] = np.nan_to_num(values) if name == PROMOTION else _or_last(values, regressors[0, j])
        capacity = self._values("capacity", key, periods)
        return Future(periods, history.reach(regressors), np.where(np.isfinite(capacity), capacity, usual))

    def _values(self, name: str, key: tuple[str, ...], periods: Periods) -> Vector:
        """(h,) what the most telling table says of each period; NaN where none does."""
        values = np.full(periods.size, np.nan)
        for named, table in self.tables:
            if name not in table:
                continue
            own = [(*(key[j] for j in named), int(period)) for period in periods]
            said = table[name].reindex(pd.Index(own) if named else pd.Index(periods)).to_numpy(np.float64)
            values = np.where(np.isfinite(values), values, said)
        return values


def check(
    future: pd.DataFrame, sales: pd.DataFrame, by: Sequence[str], capacity: str | None, coming: tuple[Grid, Periods]
) -> None:
    """Refuse coming values of which nothing, or nothing of a series, could be used.

    Parameters
    ----------
    future : rows with `date`, any of the `by` columns, and regressors of coming dates
    sales : the sales forecast from, later ones included: a series may begin after the last one used
    coming : the periods to forecast
    """
    if "date" not in future or not pd.api.types.is_datetime64_any_dtype(future["date"]):
        raise InputError(Finding("the coming values have no dates", column="date"))
    found = [*_unusable(future, sales, capacity), *unsound(future, regressor_names(sales, future), capacity)]
    found += [*_outside(future, *coming), *_strangers(future, sales, by)]
    if found:
        raise InputError(found)


def unsound(future: pd.DataFrame, names: Collection[str], capacity: str | None) -> list[Finding]:
    """Values that cannot be: of the regressors called `names`, or of the coming capacity."""
    found = []
    for name in sorted({*names, *([capacity] if capacity else [])} & {*future.columns} - {PROMOTION}):
        if not pd.api.types.is_numeric_dtype(future[name]) or np.isinf(future[name].astype(np.float64)).any():
            found.append(Finding("a coming value is not a finite number", column=name))
        elif name == capacity:
            below = future[future[name] < 0]
            found += [
                Finding("a coming capacity is negative", column=name, value=f"{units:g} on {str(day)[:10]}")
                for units, day in zip(below[name], below["date"], strict=True)
            ]
    return found


def _unusable(future: pd.DataFrame, sales: pd.DataFrame, capacity: str | None) -> Iterator[Finding]:
    """Nothing but names and dates, or columns that the sales do not have."""
    names = {*regressor_names(sales, future), *([capacity] if capacity else [])}
    if not any(name in future and future[name].notna().any() for name in names):
        others = [name for name in future.columns if name not in NOT_REGRESSORS - {PRICE}]
        said = f"it gives {', '.join(others)}, which the sales lack" if others else "it gives only names and dates"
        yield Finding(f"no coming value can be used: {said}; give price, promotion or a number that the sales hold too")


def _outside(future: pd.DataFrame, grid: Grid, periods: Periods) -> Iterator[Finding]:
    """No date in any coming period."""
    dates = future["date"].dropna()
    if not np.isin(grid.period(dates.to_numpy()), periods).any():
        first, last = grid.label(periods[[0, -1]])
        span = f"they are of {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}" if len(dates) else "there are none"
        yield Finding(f"no coming value is of the periods to forecast, {first} to {last}: {span}", column="date")


def _strangers(future: pd.DataFrame, sales: pd.DataFrame, by: Sequence[str]) -> Iterator[Finding]:
    """Series that the sales do not have."""
    for named, rows in _by_named(future, by):
        columns = [by[j] for j in named]
        if not columns:
            continue
        known = set(sales[columns].drop_duplicates().astype(str).itertuples(index=False, name=None))
        asked = future.loc[rows, columns].drop_duplicates().astype(str).itertuples(index=False, name=None)
        for key in asked:
            if key not in known:
                reason = "the coming values name a series that the sales do not have"
                yield Finding(reason, column=", ".join(columns), value=", ".join(key))


def _by_named(future: pd.DataFrame, by: Sequence[str]) -> list[tuple[tuple[int, ...], pd.Series]]:
    """Which of the `by` columns rows name (their positions), and which rows do; those that name more come first."""
    columns = [j for j, name in enumerate(by) if name in future]
    if not columns:
        return [((), pd.Series(data=True, index=future.index))]
    blank = [future[by[j]].isna() | future[by[j]].astype(str).str.strip().str.lower().isin(EVERY) for j in columns]
    named = ~np.column_stack(blank)
    patterns = sorted({tuple(row) for row in named.tolist()}, key=lambda row: (-sum(row), row))
    return [
        (
            tuple(j for j, yes in zip(columns, pattern, strict=True) if yes),
            pd.Series((named == np.array(pattern)).all(axis=1), future.index),
        )
        for pattern in patterns
    ]


def _added(values: pd.Series) -> float:
    """Sum, unless nothing is known."""
    return float(values.sum(min_count=1))


def _or_last(values: Vector, last: float) -> Vector:
    """Values with gaps filled by the one before, and `last` before the first."""
    filled: list[float] = reduce(lambda seen, v: [*seen, v if np.isfinite(v) else seen[-1]], values.tolist(), [last])
    return np.array(filled[1:])
