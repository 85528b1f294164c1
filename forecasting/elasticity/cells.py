"""From sales to panels: one panel per group, one cell per unit and day, with the effects that can be told from price.

Guarantees
----------
* A cell is everything one unit sold on one date: quantity is the sum (returns taken off, never below 0), price the
  mean weighted by the units bought, and it is sold out if any of its rows was. A unit is a product, segment, event
  and channel, as far as the table tells them apart. Rows without a positive price carry no price response: left out.
* A date without a row is no cell, unless the table leaves out what was not sold; see `silence`.
* A calendar effect is a date's own (month is year and month), except where one series alone would lose its price to
  it: there month of the year and a straight trend stand in, and `Panel.effects` says so.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from forecasting.elasticity.columns import combined, flag, mixed, numeric
from forecasting.elasticity.panel import Mask
from forecasting.elasticity.seasons import NEEDS, told_by_date, with_seasons
from forecasting.elasticity.silence import with_silent_periods
from forecasting.elasticity.within import Codes, Vector, codes_of
from pricing.errors import Finding, InputError

UNIT = ("product", "segment", "event", "channel")
"""Columns that tell one unit from another, where the table has them."""

CALENDAR: Mapping[str, Callable[[pd.DatetimeIndex], pd.Index]] = {
    "date": lambda days: pd.Index(days.to_numpy().astype("datetime64[D]").astype(np.int64)),
    "week": lambda days: pd.Index(days.to_period("W").asi8),
    "month": lambda days: pd.Index(days.year * 12 + days.month),
    "quarter": lambda days: pd.Index(days.year * 4 + days.quarter),
    "year": lambda days: pd.Index(days.year),
    "weekday": lambda days: pd.Index(days.day_of_week),
    "month-of-year": lambda days: pd.Index(days.month),
}
"""Words for effects of the calendar."""

CLUSTERS = 10
"""Errors are clustered by unit from this many units on; below, by stretches of each unit's history."""

CROSS_SECTION = 1.5
"""Cells per date from which a date's own effect can be told from the price."""

_DAILY = 1.5
"""Median gap between dates up to which the table counts as daily [days]."""


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """The cells of one group, ordered by unit and date.

    Attributes
    ----------
    key : values of the `by` columns
    quantity : (n,) [units]
    price : (n,) natural logarithm of the price
    others : (n, k) further regressors: controls, and the trend where one is used
    instruments : (n, m)
    promotion : (n,) share of the cell's rows on promotion, or None
    unit, period : (n,) codes
    days : (n,) dates
    factors : (n,) each, levels of the fixed effects
    clusters : (n,) within which errors may depend on each other
    shared : (n,) stretches of dates in which all units may err alike; None where there is one unit
    sold_out : (n,)
    available : (n,) left to sell at the start, NaN where not known; None if it is known nowhere [units]
    products : number of products
    mixed : share of cells in which buyers paid different prices
    guessed : share of cells without a sale or a row, between two sales at different prices
    prices : distinct prices seen
    effects : names of the effects used
    priceless : rows left out because they have no price above 0
    """

    key: tuple[str, ...]
    quantity: Vector = field(repr=False)
    price: Vector = field(repr=False)
    others: Vector = field(repr=False)
    instruments: Vector = field(repr=False)
    promotion: Vector | None = field(repr=False)
    unit: Codes = field(repr=False)
    period: Codes = field(repr=False)
    days: pd.DatetimeIndex = field(repr=False)
    factors: tuple[Codes, ...] = field(repr=False)
    clusters: Codes = field(repr=False)
    shared: Codes | None = field(repr=False)
    sold_out: Mask = field(repr=False)
    available: Vector | None = field(repr=False)
    products: int
    mixed: float
    guessed: float
    prices: int
    effects: tuple[str, ...]
    priceless: int = 0

    def __len__(self) -> int:
        return len(self.quantity)

    @property
    def columns(self) -> Vector:
        """(n, 1 + k) log price first, then the other regressors."""
        return np.column_stack([self.price, self.others])

    @property
    def dated(self) -> bool:
        """Whether an effect takes what units share on a date."""
        dates = int(self.period.max(initial=-1)) + 1
        return any(_within_dates(factor, self.period, dates) for factor in self.factors)

    @property
    def moves(self) -> int:
        """Dates on which the price of some unit was more than half a per cent off its last."""
        return len(np.unique(self.period[1:][self._moved]))

    @property
    def own_moves(self) -> int:
        """Moves that are not of a date: of any unit where an effect takes what units share, else `moves`."""
        return int(self._moved.sum()) if self.dated else self.moves

    @property
    def _moved(self) -> Mask:
        moved: Mask = (np.abs(np.diff(self.price)) > 0.005) & (np.diff(self.unit) == 0)
        return moved


def panels(
    sales: pd.DataFrame,
    *,
    by: Sequence[str],
    effects: Sequence[str] | None = None,
    controls: Sequence[str] = (),
    instruments: Sequence[str] = (),
) -> Iterator[Panel]:
    """One panel per group of `by`, in the order of their keys; groups without a usable row come with no cell.

    Parameters
    ----------
    effects : names of columns or words of `CALENDAR`; `product:channel` is one effect per pair. None chooses: the
        unit, and the date where several units share dates, else month of the year (and weekday) and a trend
    controls, instruments : numeric columns, or text (one dummy per level but the first)

    Raises
    ------
    InputError
        naming every column the table lacks, and price and quantity where they cannot stand.
    """
    told = told_by_date(sales, by)
    sales = with_seasons(sales, told)
    _check(sales, by, effects, controls, instruments)
    priced = np.isfinite(sales["price"]) & (sales["price"] > 0)
    rows = sales[priced & np.isfinite(sales["quantity"])]
    table = _Cells.of(rows, by, controls, instruments, told)
    found = {tuple(key): span for key, span in table.spans()}
    keys = sales[list(by)].drop_duplicates().sort_values(list(by)).astype(str)
    priceless = Counter(sales.loc[~priced, list(by)].astype(str).itertuples(index=False, name=None))
    for key in keys.itertuples(index=False, name=None):
        start, stop, prices = found.get(key, (0, 0, 0))
        yield replace(table.panel(key, slice(start, stop), prices, effects), priceless=priceless[key])


def _check(
    sales: pd.DataFrame,
    by: Sequence[str],
    effects: Sequence[str] | None,
    controls: Sequence[str],
    instruments: Sequence[str],
) -> None:
    wanted = {"--controls": controls, "--instruments": instruments, "--by": by, "needed": ("price", "quantity", "date")}
    findings = [
        Finding(f"no such column in the table ({option}){_instead(sales, option, name)}", column=name)
        for option, names in wanted.items()
        for name in names
        if name not in sales
    ]
    findings += [
        Finding(f"neither a column of the table nor one of {', '.join(CALENDAR)} (--effects)", column=name)
        for effect in effects or ()
        for name in effect.split(":")
        if name not in sales and name not in CALENDAR
    ]
    parts = [part for effect in effects or () for part in effect.split(":")]
    findings += [
        Finding(f"is what is estimated from: it cannot stand in {option} too", column=name)
        for option, names in {"--controls": controls, "--by": by, "--effects": parts}.items()
        for name in names
        if name in {"price", "quantity"}
    ]
    findings += [
        Finding("is what is explained: it cannot stand in --instruments too", column=name)
        for name in instruments
        if name == "quantity"
    ]
    findings += [
        Finding("has one value throughout, so it moves no price (--instruments)", column=name)
        for name in instruments
        if name in sales and len(sales) > 1 and sales[name].nunique(dropna=False) == 1
    ]
    findings += [
        Finding("has missing or infinite values: fill them or leave the column out", column=name)
        for name in (*controls, *instruments)
        if name in sales and (sales[name].isna() | sales[name].isin([np.inf, -np.inf])).any()
    ]
    if findings:
        raise InputError(findings)


def _instead(sales: pd.DataFrame, option: str, name: str) -> str:
    missing = [need for need in NEEDS.get(name, ()) if need not in sales]
    return f", and without {', '.join(missing)} it cannot be told from dates" if option == "--by" and missing else ""


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """All groups' cells, ordered by group, unit and date."""

    by: tuple[str, ...]
    apart: tuple[str, ...]
    """Columns of `UNIT` that tell cells apart."""
    frame: pd.DataFrame
    """First row of each cell."""
    group: Codes
    unit: Codes
    days: pd.DatetimeIndex
    quantity: Vector
    price: Vector
    controls: Vector
    instruments: Vector
    promotion: Vector | None
    sold_out: Mask
    available: Vector | None
    mixed: Mask
    """Whether buyers in the cell paid prices more than half a per cent apart."""
    guessed: Mask
    """Whether the cell has no row and its price changed between the sales around it."""
    prices: Vector
    """Distinct prices of each group."""
    daily: bool
    levels: dict[str, Codes] = field(default_factory=dict, repr=False)
    """Codes of the effects asked for so far, over all cells."""

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        by: Sequence[str],
        controls: Sequence[str],
        instruments: Sequence[str],
        told: Sequence[str],
    ) -> "_Cells":
        """Cells of rows; `told` are the columns of `by` that follow from the date."""
        apart = tuple(name for name in UNIT if name in rows and (name == "product" or rows[name].nunique() > 1))
        names = [*by, *(name for name in apart if name not in by)]
        whole = [[name for name in some if name not in told] for some in (by, names)]
        rows, guessed = with_silent_periods(rows, *(combined(rows, some) for some in whole))
        rows = with_seasons(rows, told)
        days, group, unit = pd.DatetimeIndex(rows["date"]).normalize(), combined(rows, by), combined(rows, names)
        dates, day = np.unique(days.to_numpy(), return_inverse=True)
        _, first, cell = np.unique(
            unit.astype(np.int64) * max(len(dates), 1) + day, return_index=True, return_inverse=True
        )

        def mean(columns: Vector) -> Vector:
            count = np.bincount(cell).astype(float)
            sums = [np.bincount(cell, column) / count for column in columns.T]
            return np.column_stack(sums) if sums else np.zeros((len(count), 0))

        quantity, price = rows["quantity"].to_numpy(np.float64), rows["price"].to_numpy(np.float64)
        bought = np.maximum(quantity, 0.0)
        units = np.bincount(cell, bought)
        paid = np.divide(np.bincount(cell, bought * price), units, out=mean(price[:, None])[:, 0], where=units > 0)
        gone = (quantity >= rows["available"].to_numpy(np.float64)) if "available" in rows else np.zeros(len(rows))
        distinct = np.unique(np.column_stack([group, np.round(price, 4)]), axis=0)[:, 0].astype(np.intp)
        gaps = np.diff(dates.astype("datetime64[D]")).astype(np.float64)
        return cls(
            tuple(by),
            apart,
            rows.take(first),
            group[first],
            codes_of(unit[first]),
            days[first],
            np.maximum(np.bincount(cell, quantity), 0.0),
            np.log(paid),
            mean(numeric(rows, controls)),
            mean(numeric(rows, instruments)),
            mean(flag(rows["promotion"])[:, None])[:, 0] if "promotion" in rows else None,
            np.bincount(cell, gone) > 0,
            mean(rows[["available"]].to_numpy(np.float64))[:, 0] if "available" in rows else None,
            mixed(np.log(price), cell),
            np.bincount(cell, guessed) > 0,
            np.bincount(distinct).astype(float),
            bool(len(gaps) and np.median(gaps) <= _DAILY),
        )

    def spans(self) -> Iterator[tuple[list[str], tuple[int, int, int]]]:
        """Key, first and last cell, and distinct prices of each group."""
        starts = np.flatnonzero(np.diff(self.group, prepend=-1))
        stops = np.append(starts, len(self.group))[1:]
        keys = self.frame.iloc[starts][list(self.by)].astype(str).to_numpy().tolist()
        for key, start, stop in zip(keys, starts, stops, strict=True):
            yield key, (int(start), int(stop), int(self.prices[self.group[start]]))

    def panel(self, key: tuple[str, ...], span: slice, prices: int, effects: Sequence[str] | None) -> Panel:
        unit, period = codes_of(self.unit[span]), codes_of(self._level("date")[span])
        names, trend = self._effects(span, unit, period, effects)
        others = self.controls[span]
        if trend:
            others = np.column_stack([others, _trend(self._level("date")[span])])
        factors = [codes_of(self._level(name)[span]) for name in names]
        return Panel(
            key,
            self.quantity[span],
            self.price[span],
            others,
            self.instruments[span],
            None if self.promotion is None else self.promotion[span],
            unit,
            period,
            self.days[span],
            _telling(factors),
            _clusters(unit),
            _stretches(unit, period),
            self.sold_out[span],
            None if self.available is None else self.available[span],
            len(np.unique(self._level("product")[span])),
            float(self.mixed[span].mean()) if len(unit) else 0.0,
            float(self.guessed[span].mean()) if len(unit) else 0.0,
            prices,
            (*names, "trend") if trend else tuple(names),
        )

    def _effects(
        self, span: slice, unit: Codes, period: Codes, effects: Sequence[str] | None
    ) -> tuple[list[str], bool]:
        """Names of the effects of one group, and whether it gets a trend."""
        cells, dates, units = len(unit), int(period.max(initial=0)) + 1, int(unit.max(initial=0)) + 1
        crossed = cells >= CROSS_SECTION * dates and units > 1
        season = ["month-of-year", "weekday"] if self.daily else ["month-of-year"]
        if effects is None:
            return ([":".join(self.apart), "date"], False) if crossed else ([":".join(self.apart), *season], True)
        if crossed:
            return list(effects), False
        absorbing = [name for name in effects if name in CALENDAR and self._absorbs(name, span)]
        if not absorbing:
            return list(effects), False
        kept = [name for name in effects if name not in absorbing]
        return [*kept, *(name for name in season if name not in kept)], True

    def _absorbs(self, name: str, span: slice) -> bool:
        """Whether a calendar effect has so many levels that one series alone would lose its price to it."""
        level = self._level(name)[span]
        return 2 * len(np.unique(level)) > len(level) > 1

    def _level(self, name: str) -> Codes:
        """(cells,) levels of one effect; `a:b` has one level for each pair that occurs."""
        if name not in self.levels:
            codes = np.zeros(len(self.group), dtype=np.int64)
            for part in name.split(":"):
                own = part in self.frame and part not in CALENDAR
                level = codes_of(pd.factorize(self.frame[part])[0] if own else CALENDAR[part](self.days).to_numpy())
                codes = codes_of(codes * (int(level.max(initial=0)) + 1) + level).astype(np.int64)
            self.levels[name] = codes.astype(np.intp)
        return self.levels[name]


def _telling(factors: Sequence[Codes]) -> tuple[Codes, ...]:
    """The factors that tell cells apart; of those with a single level one is enough, and only if no other is there."""
    several = tuple(factor for factor in factors if factor.max(initial=0) > 0)
    return several or tuple(factors[:1])


def _trend(dates: Codes) -> Vector:
    age = dates.astype(np.float64)
    return (age - age.mean()) / max(float(np.ptp(age)), 1.0) if len(age) else age


def _clusters(unit: Codes) -> Codes:
    """Units where there are at least `CLUSTERS`; else stretches of each unit's history, sqrt(n) cells long."""
    counts = np.bincount(unit)
    if len(counts) >= CLUSTERS:
        return unit
    place = np.arange(len(unit)) - np.repeat(np.cumsum(counts) - counts, counts)
    stretch = place // np.ceil(np.sqrt(counts[unit])).astype(np.intp)
    return codes_of(unit * (len(unit) + 1) + stretch)


def _stretches(unit: Codes, period: Codes) -> Codes | None:
    """Stretches of sqrt(dates) dates; None with one unit or date."""
    dates = int(period.max(initial=-1)) + 1
    return codes_of(period // int(np.ceil(np.sqrt(dates)))) if unit.any() and dates > 1 else None


def _within_dates(factor: Codes, period: Codes, dates: int) -> bool:
    return len(np.unique(factor.astype(np.int64) * dates + period)) == int(factor.max()) + 1
