"""Later sales foretold from earlier ones by each shape of demand.

Guarantees
----------
* Every forecast rests on dates before its block alone; several origins, each with its own fit.
* Effects are carried forward honestly: each unit's level of late and the season it had; what a coming date does to all
  is not known and not used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.elasticity.cells import Panel
from forecasting.elasticity.identification import own_variation, too_little
from forecasting.elasticity.panel import Mask
from forecasting.elasticity.shapes import SHAPES, fitted
from forecasting.elasticity.within import Codes, Vector, codes_of

FOLDS, STRETCHES = 5, 4
"""Origins, over the last half of the dates, and stretches into which the dates after each are cut."""
LEAST_DATES = 20
"""Dates below which no shape is tried out of sample."""
YEAR, DAILY, WEEKLY = 365.0, 1.5, 10.0
"""History from which a season is foretold, median gaps of dates up to which tables are daily and weekly [days]."""
RISE = 0.005
"""Change of log price that counts as a rise."""


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The dates of a table, its blocks, and how fine it is."""

    dates: NDArray[np.datetime64]
    edges: NDArray[np.intp]
    """(FOLDS * STRETCHES + 1,) places in `dates` where stretches start, and the end."""
    gap: float

    @classmethod
    def of(cls, days: pd.DatetimeIndex) -> "Calendar":
        """From the dates of all rows."""
        dates = np.unique(days.to_numpy().astype("datetime64[D]"))
        gaps = np.diff(dates).astype(np.float64)
        edges = np.linspace(len(dates) / 2, len(dates), FOLDS * STRETCHES + 1).astype(np.intp)
        return cls(dates, edges, float(np.median(gaps)) if len(gaps) else np.inf)

    def place(self, panel: Panel) -> NDArray[np.intp]:
        """(n,) each cell's date as a place in `dates`."""
        return np.searchsorted(self.dates, panel.days.to_numpy().astype("datetime64[D]"))

    def seasons(self, days: pd.DatetimeIndex) -> list[Codes]:
        """Levels of the season that recur: month of the year, and weekday where the table is daily."""
        weekday = [days.dayofweek.to_numpy().astype(np.intp)] if self.gap <= DAILY else []
        return [days.month.to_numpy().astype(np.intp), *weekday]

    def alike(self, days: pd.DatetimeIndex) -> Codes:
        """(n,) dates whose predicted sales may be compared: of the same month, and weekday; all where coarse."""
        month = days.month.to_numpy().astype(np.intp)
        if self.gap > WEEKLY:
            return np.zeros_like(month)
        return month * 7 + (days.dayofweek.to_numpy().astype(np.intp) if self.gap <= DAILY else 0)


@dataclass(frozen=True, slots=True, eq=False)
class Foretold:
    """Cells foretold from before their block, and rises of the price among them.

    Attributes
    ----------
    actual, expected : (n,) and (n, shapes) [units]
    stretch : (n,) of dates
    falls : (m, shapes) whether predicted sales fall at each rise of the price
    fell : (m,) whether sales fell
    when : (m,) stretch of each rise
    """

    actual: Vector = field(repr=False)
    expected: Vector = field(repr=False)
    stretch: Codes = field(repr=False)
    falls: Vector = field(repr=False)
    fell: Vector = field(repr=False)
    when: Codes = field(repr=False)

    @classmethod
    def nothing(cls) -> "Foretold":
        """No cell."""
        none, codes = np.zeros(0), np.zeros(0, dtype=np.intp)
        return cls(none, np.zeros((0, len(SHAPES))), codes, np.zeros((0, len(SHAPES))), none, codes)

    @classmethod
    def together(cls, pieces: Sequence["Foretold"]) -> "Foretold":
        """All of them as one."""
        names = ("actual", "expected", "stretch", "falls", "fell", "when")
        return cls(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in names))


def taken(panel: Panel, rows: Mask) -> Panel:
    """Some cells of a panel."""
    return replace(
        panel,
        quantity=panel.quantity[rows],
        price=panel.price[rows],
        others=panel.others[rows],
        instruments=panel.instruments[rows],
        promotion=None,
        unit=codes_of(panel.unit[rows]),
        period=codes_of(panel.period[rows]),
        days=panel.days[rows],
        factors=tuple(codes_of(factor[rows]) for factor in panel.factors),
        clusters=codes_of(panel.clusters[rows]),
        shared=None if panel.shared is None else codes_of(panel.shared[rows]),
        sold_out=panel.sold_out[rows],
        available=None,
    )


def without_sold_out(panel: Panel) -> Panel:
    """The cells whose demand was seen."""
    return panel if not panel.sold_out.any() else taken(panel, ~panel.sold_out)


def foretold(panel: Panel, calendar: Calendar) -> Foretold:
    """What each shape foretells of each block, fitted on what was before it."""
    if len(calendar.dates) < LEAST_DATES:
        return Foretold.nothing()
    place = calendar.place(panel)
    blocks = zip(calendar.edges[:-1:STRETCHES], calendar.edges[STRETCHES::STRETCHES], strict=True)
    made = [
        piece
        for start, stop in blocks
        if (piece := _block(panel, place < start, (place >= start) & (place < stop), calendar)) is not None
    ]
    return Foretold.together(made) if made else Foretold.nothing()


def _block(panel: Panel, past: Mask, coming: Mask, calendar: Calendar) -> Foretold | None:
    """One block; None where no shape can be fitted before it, or no unit goes on."""
    coming = coming & np.isin(panel.unit, panel.unit[past])
    if not coming.any():
        return None
    train = taken(panel, past)
    if too_little(train, own_variation(train)) is not None:
        return None
    relative = np.exp(panel.price - usual(panel, past)[panel.unit])
    expected = np.empty((int(coming.sum()), len(SHAPES)))
    for k, shape in enumerate(SHAPES):
        curve = fitted(shape, train.quantity, relative[past], train.others, train.factors)
        if not curve.fit.usable:
            return None
        base = curve.base(relative, panel.others)
        expected[:, k] = _carried_forward(panel, base, past, coming, calendar)
    stretch = np.searchsorted(calendar.edges, calendar.place(panel)[coming], side="right")
    later, earlier = _rises(panel, coming, calendar)
    sold = panel.quantity[coming]
    return Foretold(
        sold,
        expected,
        stretch,
        (expected[later] < expected[earlier]).astype(np.float64),
        (sold[later] < sold[earlier]).astype(np.float64),
        stretch[later],
    )


def usual(panel: Panel, past: Mask) -> Vector:
    """(units,) mean log price so far."""
    counts = np.bincount(panel.unit[past], minlength=int(panel.unit.max()) + 1)
    return np.bincount(panel.unit[past], panel.price[past], len(counts)) / np.maximum(counts, 1)


def _carried_forward(panel: Panel, base: Vector, past: Mask, coming: Mask, calendar: Calendar) -> Vector:
    """Expected sales of the coming cells: what price and regressors say, times the unit's level and the season.

    Both are what makes past sales and their expectations agree in total (Poisson likelihood); the level is that of a
    stretch before the origin as long as the block.
    """
    y, days = panel.quantity, panel.days
    span = float((days[coming].max() - days[coming].min()).days) + calendar.gap
    long_enough = (days[past].max() - days[past].min()).days + calendar.gap >= YEAR
    season = _season(y[past], base[past], panel.unit[past], _at(calendar.seasons(days), past)) if long_enough else []
    whole = base.copy()
    for level, codes in zip(season, calendar.seasons(days), strict=False):
        whole *= level[codes]
    late = past & np.asarray((days[coming].min() - days).days <= span)
    return whole[coming] * _levels(y, whole, panel.unit, late, past)[panel.unit[coming]]


def _at(factors: Sequence[Codes], rows: Mask) -> list[Codes]:
    return [factor[rows] for factor in factors]


def _levels(y: Vector, base: Vector, unit: Codes, late: Mask, past: Mask) -> Vector:
    """(units,) sales over their base of late, where nothing was expected of late since ever."""
    units = int(unit.max()) + 1

    def sums(values: Vector, rows: Mask) -> Vector:
        return np.bincount(unit[rows], values[rows], units).astype(np.float64)

    ever = sums(y, past) / np.maximum(sums(base, past), 1e-300)
    recent = sums(base, late)
    return np.divide(sums(y, late), recent, out=ever, where=recent > 0)


def _season(y: Vector, base: Vector, unit: Codes, seasons: Sequence[Codes]) -> list[Vector]:
    """Each season's factor by level; levels not seen so far stand at 1."""
    factors = [unit, *seasons]
    levels = [np.ones(int(code.max()) + 1 if code is unit else 13) for code in factors]
    for _ in range(20):
        for k, code in enumerate(factors):
            rest = base.copy()
            for j, other in enumerate(factors):
                if j != k:
                    rest *= levels[j][other]
            expected = np.bincount(code, rest, len(levels[k]))
            levels[k] = np.divide(
                np.bincount(code, y, len(levels[k])), expected, out=np.ones(len(levels[k])), where=expected > 0
            )
    return levels[1:]


def _rises(panel: Panel, coming: Mask, calendar: Calendar) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places among the coming cells of each rise of a unit's price against the last comparable date, and of that."""
    days, unit = panel.days[coming], panel.unit[coming].astype(np.int64)
    order = np.lexsort((days.to_numpy(), unit * 100 + calendar.alike(days)))
    key = (unit * 100 + calendar.alike(days))[order]
    rise = (np.diff(panel.price[coming][order]) > RISE) & (np.diff(key) == 0)
    return order[1:][rise], order[:-1][rise]
