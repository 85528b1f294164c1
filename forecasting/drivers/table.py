"""A table of drivers: what each does to sales, how sure that is, and in plain words why it is not told.

Guarantees
----------
* One row per series and driver, in the order of the series, and one per driver over all series; none missing.
* An effect that cannot be told is blank, and `reason` says why; an effect is never below -100 %.
* Nothing dated after `as_of` is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.drivers.columns import Driver, drivers_of
from forecasting.drivers.regression import Effects, effects_of
from forecasting.features import PRICE
from forecasting.fleet import Progress, Task
from forecasting.grid import Frequency
from forecasting.model import History, Vector
from forecasting.series import Panel, panel_of
from pricing.model import ALL

FEWEST = 3
"""Periods a driver must have been seen in to be told."""
SAMPLE = 20
"""Best-selling series by which it is decided which day a week is called by."""
COLUMNS = ("driver", "effect", "lower", "upper", "per", "units", "lower_units", "upper_units", "n", "reason")
FOLLOWED = "price followed demand: not an effect; see fairfare elasticity"
CAUSE = "as prices and sales went together; fairfare elasticity says whether the price was the cause"
UNSURE = "no clear effect: more and less are both possible"
SHORT = "too few periods with known sales to tell"


def driver_table(
    sales: pd.DataFrame, task: Task, *, future: pd.DataFrame | None = None, progress: Progress | None = None
) -> pd.DataFrame:
    """Effect of every driver on every series, and on all of them together.

    Parameters
    ----------
    sales : one row per sale, or per period
    task : what is forecast, and how
    future : names promotion and regressors that are known ahead
    progress : called as series are done

    Returns
    -------
    the `by` columns ("all" for the mean over series), driver, effect, lower, upper (95 %) [% of expected sales], per
    (which change of the driver), units, lower_units, upper_units (of a period at the series' usual level) [units or
    currency], n (periods it was seen), reason
    """
    panel = panel_of(sales, task.request, future)
    ends = _named_by_last_day(panel, task.country)
    every: list[_Told] = []
    for done, (key, history) in enumerate(zip(panel.keys, panel.histories, strict=True), start=1):
        alive = _alive(history)
        every += _told(key, alive, drivers_of(alive, task.country, ends=ends))
        if progress:
            progress(done, len(panel.keys))
    rows = [(*told.key, *told.row()) for told in every]
    if len(panel.keys) > 1:
        rows += [((*(ALL for _ in panel.by), *row)) for row in _over_all(every)]
    return pd.DataFrame(rows, columns=[*panel.by, *COLUMNS])


@dataclass(frozen=True, eq=False)
class _Told:
    """What is told of one driver of one series; `log` and `error` are of its step, NaN where not estimated."""

    key: tuple[str, ...]
    driver: Driver
    usual: float
    shares: tuple[float, float, float]
    log: float
    error: float
    reason: str
    residual: Vector
    end: int

    def row(self) -> tuple[object, ...]:
        return _row(self.driver, self.shares, self.usual, self.driver.seen, self.reason)


def _row(
    driver: Driver, shares: tuple[float, float, float], usual: float, seen: int, reason: str
) -> tuple[object, ...]:
    percent, units = [100 * share for share in shares], [usual * share for share in shares]
    return (driver.name, *percent, driver.per, *units, seen, reason)


UNKNOWN = (float("nan"),) * 3


def _alive(history: History) -> History:
    """Up to the last period that sold anything: what has ended is no effect."""
    sold = np.flatnonzero(np.nan_to_num(history.sales) > 0)
    return history.head(int(sold[-1]) + 1) if sold.size else history


def _told(key: tuple[str, ...], history: History, drivers: Sequence[Driver]) -> list[_Told]:
    """Every driver of a series; a price that followed demand is left out, and the others are told without it."""
    known = history.sales[history.known]
    usual = float(known[-round(history.grid.frequency.year) :].mean())
    fitted = [driver for driver in drivers if driver.seen >= FEWEST and np.ptp(driver.values) > 0]
    effects = effects_of(history, fitted) if fitted else None
    priced = next((j for j, driver in enumerate(fitted) if driver.name == PRICE), None)
    followed: tuple[float, float] | None = None
    if effects is not None and priced is not None and not effects.apart[priced] and effects.log[priced] >= 0:
        followed = (effects.log[priced], effects.error[priced])
        fitted = [driver for driver in fitted if driver.name != PRICE]
        effects = effects_of(history, fitted) if fitted else None
    places = {driver.name: j for j, driver in enumerate(fitted)}
    told = []
    for driver in drivers:
        shares, log, error, reason = UNKNOWN, float("nan"), float("nan"), _unfit(driver)
        if driver.name == PRICE and followed is not None:
            reason, (log, error) = FOLLOWED, (driver.step * each for each in followed)
        elif not reason and effects is None:
            reason = SHORT
        elif not reason and effects is not None:
            place = places[driver.name]
            reason = _confounded(effects.apart[place])
            if not reason:
                shares = effects.interval(place, driver.step)
                log, error = driver.step * effects.log[place], driver.step * effects.error[place]
                reason = _words(driver.name, shares)
        residual = np.empty(0) if effects is None else effects.residual
        told.append(_Told(key, driver, usual, shares, log, error, reason, residual, int(history.periods[-1])))
    return told


def _unfit(driver: Driver) -> str:
    """Why a driver cannot be told at all."""
    if np.ptp(driver.values) == 0 or driver.seen == 0:
        return "never changed"
    periods = f"only {driver.seen} period{'s' if driver.seen > 1 else ''}"
    return f"seen in {periods}: too few to tell" if driver.seen < FEWEST else ""


def _confounded(by: str) -> str:
    return f"moves with {by}: their effects cannot be told apart" if by else ""


def _words(name: str, shares: tuple[float, float, float]) -> str:
    if shares[1] <= 0 <= shares[2]:
        return UNSURE
    return CAUSE if name == PRICE else "sells more" if shares[0] > 0 else "sells less"


def _over_all(every: Sequence[_Told]) -> list[tuple[object, ...]]:
    """A row per driver: its mean effect over series that tell it, by precision (DerSimonian and Laird 1986)."""
    rows = []
    names = dict.fromkeys(told.driver.name for told in every)
    for name in names:
        those = [told for told in every if told.driver.name == name]
        telling = [told for told in those if np.isfinite(told.log) and told.error > 0]
        seen = sum(told.driver.seen for told in those)
        driver, usual = those[0].driver, float(np.mean([told.usual for told in those]))
        if len({told.driver.per for told in telling}) > 1:
            telling, reason = [], "its steps differ from series to series"
        elif telling:
            mean, error = _random_effects(telling)  # prices that followed demand are among them: all, or a chosen few
            if name == PRICE and mean >= 0:
                rows.append(_row(driver, UNKNOWN, usual, seen, FOLLOWED))
                continue
            shares = tuple(float(np.expm1(np.clip(v, -30, 30))) for v in (mean, mean - error, mean + error))
            rows.append(_row(driver, shares, usual, seen, _words(name, shares)))  # type: ignore[arg-type]  # three
            continue
        else:
            reason = next(told.reason for told in those)
        rows.append(_row(driver, UNKNOWN, usual, seen, reason))
    return rows


def _random_effects(telling: Sequence[_Told]) -> tuple[float, float]:
    """Mean over series, and half its 95 % interval; series that err together count as fewer."""
    log, variance = np.array([told.log for told in telling]), np.array([told.error**2 for told in telling])
    weight = 1 / variance
    centre = float(weight @ log / weight.sum())
    excess = float(weight @ (log - centre) ** 2) - (log.size - 1)
    between = max(excess / float(weight.sum() - (weight**2).sum() / weight.sum()), 0.0) if log.size > 1 else 0.0
    weight = 1 / (variance + between)
    weight /= weight.sum()
    alone, common = weight**2 @ (variance + between), float(weight @ np.sqrt(variance)) ** 2 - weight**2 @ variance
    return float(weight @ log), 1.96 * float(np.sqrt(alone + _togetherness(telling) * max(common, 0.0)))


def _togetherness(telling: Sequence[_Told]) -> float:
    """Mean correlation of residuals between series, 0 or above; periods are those that end together."""
    sums, squares, counts = (np.zeros(max(told.residual.size for told in telling)) for _ in range(3))
    last = max(told.end for told in telling)
    for told in telling:
        aligned = told.residual[::-1][: sums.size]
        window = slice(last - told.end, last - told.end + aligned.size)
        known = np.isfinite(aligned[: sums[window].size])
        values = np.nan_to_num(aligned[: known.size])
        sums[window] += values
        squares[window] += values**2
        counts[window] += known
    pairs = float(np.sum(counts * (counts - 1)))
    scale = float(squares.sum() / max(counts.sum(), 1))
    return float(np.clip(np.sum(sums**2 - squares) / (pairs * scale), 0, 1)) if pairs > 0 and scale > 0 else 0.0


def _named_by_last_day(panel: Panel, country: str | None) -> bool:
    """Whether weekly rows are dated by the last day of their week: where holidays then explain more."""
    if not country or panel.grid.frequency is not Frequency.W:
        return False
    largest = sorted(panel.histories, key=lambda history: -float(np.nansum(history.sales)))[:SAMPLE]
    first, last = (
        sum(_explained(_alive(history), country, ends=ends) for history in largest) for ends in (False, True)
    )
    return last > first


def _explained(history: History, country: str, *, ends: bool) -> float:
    """Sum of squared effects of holidays over their errors."""
    fitted = [d for d in drivers_of(history, country, ends=ends) if d.seen >= FEWEST and d.name not in history.names]
    effects = effects_of(history, fitted) if fitted else None
    return 0.0 if effects is None else _chi_square(effects)


def _chi_square(effects: Effects) -> float:
    return float(np.sum(np.minimum((effects.log / np.maximum(effects.error, 1e-9)) ** 2, 25.0)))
