"""Which drivers a series has, as columns of a regression beside season and trend.

Guarantees
----------
* Every column depends on the calendar or on given regressors, never on sales.
* No column repeats another: the eve of a holiday that is mostly another holiday is left to that one.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecasting.ahead import PROMOTION
from forecasting.features import PRICE, Calendar, holidays_in
from forecasting.grid import Frequency, Grid, Periods
from forecasting.model import History, Vector

OBSERVED = " (observed)"
BEND = {Frequency.D: 60, Frequency.W: 13, Frequency.MS: 9, Frequency.QS: 8, Frequency.YS: 8}
"""Periods between places where the trend may bend: what lasts longer is trend, not an effect."""

WAVES = 3
"""Pairs of yearly waves at most: shorter ones would take a holiday that falls on one date for season."""


@dataclass(frozen=True, eq=False)
class Driver:
    """One driver of one series.

    Attributes
    ----------
    name : what it is called in the table
    values : (n,) log price, share on promotion, 0 or 1 for a holiday, or the regressor
    step : change of `values` whose effect is reported
    per : that change in words
    seen : periods with known sales that tell of it
    """

    name: str
    values: Vector
    step: float
    per: str
    seen: int


def backdrop(history: History) -> tuple[Vector, Vector]:
    """(n, p) level, bending trend and seasons, and (p,) plausible deviations of their effects on log sales."""
    n = history.sales.size
    knots = np.linspace(0, n - 1, max(n // BEND[history.grid.frequency], 1) + 1)
    hats = np.column_stack([np.interp(np.arange(n), knots, row) for row in np.eye(knots.size)])
    calendar = Calendar.of(history)
    calendar = replace(calendar, harmonics=min(calendar.harmonics, WAVES))
    seasonal, deviation = calendar.columns(history.periods)
    return np.hstack([hats, seasonal]), np.concatenate([np.full(knots.size, np.inf), deviation])


def drivers_of(history: History, country: str | None, *, ends: bool) -> list[Driver]:
    """Every driver of a series; `ends` says that weekly rows are dated by the last day of their week."""
    return [*_holidays(history, country, ends=ends), *(_regressor(history, name) for name in history.names)]


def _holidays(history: History, country: str | None, *, ends: bool) -> list[Driver]:
    """Holidays of days and weeks, and the days (weeks) before them."""
    weekly = history.grid.frequency is Frequency.W
    if not country or history.grid.frequency not in (Frequency.D, Frequency.W):
        return []
    on = _occurrences(history.grid, history.periods, country, ends=ends)
    taken = np.unique(np.concatenate([*on.values(), np.empty(0, dtype=np.int64)]))
    eves = {name: at - 1 for name, at in on.items() if np.isin(at - 1, taken).mean() < 0.5}
    before = "week before" if weekly else "eve of"
    named = {**on, **{f"{before} {name}": at for name, at in eves.items()}}
    columns = {name: np.isin(history.periods, at).astype(np.float64) for name, at in named.items()}
    every = {values.tobytes(): (name, values) for name, values in reversed(columns.items()) if values.any()}
    return [
        Driver(name, values, 1.0, "period with it", int((values[history.known] > 0).sum()))
        for name, values in reversed(every.values())
    ]


def _occurrences(grid: Grid, periods: Periods, country: str, *, ends: bool) -> dict[str, NDArray[np.int64]]:
    """Periods of each holiday around a history, by name."""
    years = grid.label(np.array([periods[0], periods[-1] + 1])).astype("datetime64[Y]").astype(int) + 1970
    found: dict[str, list[np.datetime64]] = {}
    for year in range(int(years[0]), int(years[1]) + 1):
        for day, name in holidays_in(country, year):
            plain = name.removesuffix(OBSERVED) if grid.frequency is Frequency.W else name
            found.setdefault(plain, []).append(np.datetime64(day))
    shift = 6 if ends else 0  # a week called by its last day began six days earlier
    return {name: grid.period(np.array(days, dtype="datetime64[D]") + shift) for name, days in sorted(found.items())}


def _regressor(history: History, name: str) -> Driver:
    """The price, promotion, or another regressor, with the step that a reader would think in."""
    values = history.regressors[:, history.names.index(name)]
    known = values[history.known]
    if name == PROMOTION:
        return Driver(name, values, 1.0, "period on promotion", int((known > 0).sum()))
    changes = int((np.abs(np.diff(known)) > 1e-9).sum())
    if name == PRICE:
        return Driver(name, values, float(np.log(1.1)), "price 10 % up", changes)
    if np.isin(known, (0.0, 1.0)).all():
        return Driver(name, values, 1.0, "period with it", int((known > 0).sum()))
    step = _round_step(float(known.std()))
    return Driver(name, values, step, f"{name} {step:g} up", changes)


def _round_step(deviation: float) -> float:
    """1, or the power of ten below a deviation that is much smaller or larger."""
    if 0.1 <= deviation <= 100 or deviation <= 0:
        return 1.0
    return float(10.0 ** np.floor(np.log10(deviation)))
