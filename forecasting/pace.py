"""How the demand of a horizon spreads over its days, and how much days differ beyond chance.

Guarantees
----------
* Shares of a horizon are never negative and add up to 1.
* Days that err together count: what whole weeks differ by is never taken for less than what they differ by.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Vector = NDArray[np.float64]

LEAST_NOISE = 0.02
"""No single kind of buyer has days that are foreseen better than to 14 % (0.02 = 0.14 ** 2)."""
UNKNOWN_NOISE = 0.5
"""Where sales are not told by day: days differ by 70 % (0.5 = 0.7 ** 2)."""
LOCAL = 29
"""Days around a day that tell its usual level [days]."""
PROFILE_WEEKS = 26
"""The newest weeks tell what a weekday is worth; each counts as if one average week had been seen beside them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How demand spreads over the days from `first` on.

    Attributes
    ----------
    shares : share of demand on each day; they add up to 1
    noise : squared coefficient of variation of a day's demand around its mean, beyond chance in counting
    """

    first: pd.Timestamp
    shares: Vector
    noise: float


def overdispersion(units: Vector, mean: Vector, week: NDArray[np.int64]) -> float:
    """How much days differ beyond chance, from E[(y - m)^2 - m] = noise * m^2 by days, and by weeks if that is more.

    Independent days give the same noise by week; where it is more, days of a week err together, and a test of many days
    would be too sure.
    """
    _, code = np.unique(week, return_inverse=True)
    units_of, mean_of, square_of = (np.bincount(code, each).astype(np.float64) for each in (units, mean, mean**2))
    return max(_noise(units, mean, mean**2), _noise(units_of, mean_of, square_of), LEAST_NOISE)


def _noise(units: Vector, mean: Vector, square: Vector) -> float:
    return float(((units - mean) ** 2 - mean).sum() / max(square.sum(), 1e-12))


def goods_pace(
    sales: pd.DataFrame,
    forecast: pd.DataFrame,
    elasticity: Mapping[tuple[str, str], float],
    *,
    today: pd.Timestamp,
    days: int,
) -> Mapping[tuple[str, str], Pace]:
    """How the demand of goods spreads over the coming days, by product and segment.

    Parameters
    ----------
    sales : daily rows of goods up to yesterday, each with a price above 0
    forecast : product, segment, date (first day of a period), mean [units per period]
    elasticity : (product, segment) -> d ln(units) / d ln(price), to compare days sold at different prices
    days : length of the horizon [days]
    """
    by = ["product", "segment"]
    ahead = pd.date_range(today, periods=days)
    sold = dict(list(sales.groupby(by)))
    made: dict[tuple[str, str], Pace] = {}
    for key, periods in forecast.groupby(by):
        product, segment = str(key[0]), str(key[1])
        past = _by_day(sold[product, segment], elasticity[product, segment], today)
        weekday = np.ones(7) if past is None else _weekdays(past["usual"])
        rate = _rates(periods.sort_values("date"), ahead) * weekday[ahead.day_of_week]
        noise = UNKNOWN_NOISE if past is None else _noise_around(past, weekday)
        made[product, segment] = Pace(today, rate / rate.sum(), noise)
    return made


def _by_day(rows: pd.DataFrame, slope: float, today: pd.Timestamp) -> pd.DataFrame | None:
    """By day up to yesterday: units, effect of the price, and units it would have been at the usual price (`usual`).

    None where the rows are not of days.
    """
    days = rows.groupby(rows["date"].dt.normalize()).agg(units=("quantity", "sum"), price=("price", "mean"))
    if len(days) < 2 or days.index.to_series().diff().dt.days.median() != 1:
        return None
    past = days.reindex(pd.date_range(days.index.min(), today - pd.Timedelta(days=1)))
    units, price = past["units"].fillna(0.0).clip(lower=0), past["price"].ffill()
    effect = (price / days["price"].median()) ** slope
    return pd.DataFrame({"units": units, "effect": effect, "usual": units / effect})


def _weekdays(past: "pd.Series[float]") -> Vector:
    """(7,) what each weekday is worth, Monday first; their mean is 1."""
    newest = past.iloc[-7 * PROFILE_WEEKS :]
    usual = max(float(newest.mean()), 1e-12)
    groups = newest.groupby(pd.DatetimeIndex(newest.index).day_of_week)
    total, count = groups.sum().reindex(range(7), fill_value=0.0), groups.size().reindex(range(7), fill_value=0)
    worth = ((total + usual) / (count + 1) / usual).to_numpy(np.float64)
    return np.asarray(worth / worth.mean())


def _noise_around(past: pd.DataFrame, weekday: Vector) -> float:
    """Noise around the level of the days before and after."""
    level = past["usual"].rolling(LOCAL, center=True, min_periods=7).mean()
    days = pd.DatetimeIndex(past.index)
    mean = (level * past["effect"]).fillna(0.0).to_numpy(np.float64) * weekday[days.day_of_week]
    week = days.to_numpy().astype("datetime64[W]").astype(np.int64)
    return overdispersion(past["units"].to_numpy(np.float64), mean, week)


def _rates(periods: pd.DataFrame, ahead: pd.DatetimeIndex) -> Vector:
    """Units a day on each day ahead; beyond the last period as in it; even where nothing is expected."""
    starts = periods["date"].to_numpy().astype("datetime64[D]")
    length = np.diff(starts).astype(np.float64)
    length = np.append(length, length[-1] if len(length) else 1.0)
    at = np.clip(np.searchsorted(starts, ahead.to_numpy().astype("datetime64[D]"), side="right") - 1, 0, None)
    rate = np.asarray((periods["mean"].to_numpy(np.float64) / length)[at])
    return rate if rate.sum() > 0 else np.ones(len(ahead))
