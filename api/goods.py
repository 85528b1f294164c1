"""Demand of goods over the horizon: the forecast's total, and the price it was made at, by product and channel.

Guarantees
----------
* The price is the one the forecast was made at, whatever the last rows of the table say.
* All channels together have a row ("all"), and each channel the sales name has its own.
* Goods that sell rarely have the mean of what they sold: a forecast that is right as often as not is 0 for them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import nbinom

from api.settings import Settings
from forecasting.features import PRICE
from forecasting.fleet import Task
from forecasting.grid import Frequency
from forecasting.model import Vector
from forecasting.series import Request, panel_of
from forecasting.table import forecast_table
from pricing.model import ALL

KEY = ["product", "segment"]
"""Buyers of one product and segment are taken to react alike to a price."""
LEVEL = 0.8
RARE = "mean of rare sales"
RARELY = 2.0
"""A forecast of goods that sell rarely gives way where what they usually sold is more than so many times as much."""

Progress = Callable[[str, int, int], None]


def goods_demand(goods: pd.DataFrame, settings: Settings, progress: Progress) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecast by period, and the total over the horizon with the price it was forecast at."""
    if not len(goods):
        forecast = pd.DataFrame(columns=[*KEY, "date", "mean", "lower", "upper", "model"])
        return forecast, pd.DataFrame(
            columns=["event", *KEY, "channel", "mean", "lower", "upper", "reference", "model"]
        )
    plan = _Plan.of(goods, settings)
    forecast, totals = plan.totals(goods, KEY, progress)
    together = totals.assign(channel=ALL)
    if goods.loc[goods["channel"] != ALL, "channel"].nunique() > 1:
        _, apart = plan.totals(goods, [*KEY, "channel"], progress)
        demand = pd.concat([together, apart[apart["channel"] != ALL]], ignore_index=True)
    else:
        demand = also_by_channel(together, goods)
    return forecast, demand.assign(event=ALL)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How goods are forecast.

    Attributes
    ----------
    freq : length of a period; None reads it from the dates
    horizon : periods that cover the horizon
    share : of them that lies inside it
    """

    freq: str | None
    horizon: int
    share: float
    settings: Settings

    @classmethod
    def of(cls, goods: pd.DataFrame, settings: Settings) -> "_Plan":
        return cls(*_periods(goods, settings.policy.horizon_days), settings)

    def totals(self, goods: pd.DataFrame, by: list[str], progress: Progress) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Forecast by period, and its total with the price it was forecast at, for each combination of `by`."""
        task = Task(
            horizon=self.horizon,
            freq=self.freq,
            by=tuple(by),
            country=self.settings.country,
            level=LEVEL,
            seed=self.settings.seed,
        )
        forecast = forecast_table(goods, task, progress=lambda done, total: progress("fitting forecasts", done, total))
        # Ends are summed as if the periods were high or low together. That is wider than independent periods give,
        # save for counts so small that most periods are 0, where the ends of each say little of those of the sum.
        totals = forecast.groupby(by, as_index=False).agg(
            {"mean": "sum", "lower": "sum", "upper": "sum", "model": "first"}
        )
        totals = totals.merge(self._seen(goods, by), on=by)
        rare = totals["usual"] * self.horizon > RARELY * totals["mean"]
        usual, spread = totals["usual"] * self.horizon, totals["variance"] * self.horizon
        low, high = count_interval(usual.to_numpy(), spread.to_numpy())
        totals["mean"] = totals["mean"].mask(rare, usual)
        totals["lower"] = totals["lower"].mask(rare, np.minimum(low, usual))
        totals["upper"] = totals["upper"].mask(rare, np.maximum(high, usual))
        totals["model"] = totals["model"].mask(rare, RARE)
        totals[["mean", "lower", "upper"]] *= self.share
        return forecast, totals.drop(columns=["usual", "variance"])

    def _seen(self, goods: pd.DataFrame, by: list[str]) -> pd.DataFrame:
        """By series: the price forecasts are made at, and mean and variance of what it usually sold per period.

        The price is the mean one of the last whole period, which `forecasting.series` carries forward. `usual` is
        missing save for goods that sell rarely and have not been silent twice as long as ever before: a forecast
        that is right as often as not is 0 for those, and what is earned hangs on the mean.
        """
        panel = panel_of(goods, Request(tuple(by), self.horizon, Frequency(self.freq) if self.freq else None))
        rows = [
            (*key, float(np.exp(history.regressors[-1, history.names.index(PRICE)])), *_rare_sales(history.sales))
            for key, history in zip(panel.keys, panel.histories, strict=True)
        ]
        return pd.DataFrame(rows, columns=[*by, "reference", "usual", "variance"])


def _rare_sales(sales: Vector) -> tuple[float, float]:
    """Mean and variance per period [units] of a series that is 0 in most periods and goes on; else not a number."""
    known = sales[np.isfinite(sales)]
    at = np.flatnonzero(known > 0)
    if len(at) < 2 or 2 * len(at) >= len(known) or len(known) - 1 - at[-1] > 2 * np.diff(at).max():
        return np.nan, np.nan
    since = known[at[0] :]
    return float(since.mean()), float(since.var())


def count_interval(mean: Vector, variance: Vector) -> tuple[Vector, Vector]:
    """Ends of the interval of a count with this mean and variance: negative binomial, or Poisson where it is narrow."""
    excess = np.maximum(variance - mean, 1e-6 * mean)
    shape = mean**2 / excess
    low, high = (nbinom.ppf(tail, shape, shape / (shape + mean)) for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return low, high


def _periods(goods: pd.DataFrame, horizon_days: int) -> tuple[str | None, int, float]:
    """Length of a period, periods that cover the horizon, and the share of them that lies inside it.

    Daily sales are planned in weeks where the horizon has two: chance evens out within a week, so the total is surer.
    """
    gaps = goods["date"].drop_duplicates().sort_values().diff().dt.days.dropna()
    length = float(gaps.median()) if len(gaps) else 1.0
    weekly = length == 1.0 and horizon_days >= 14
    length = 7.0 if weekly else length
    periods = max(1, int(np.ceil(horizon_days / length)))
    return "W" if weekly else None, periods, min(1.0, horizon_days / (periods * length))


def also_by_channel(together: pd.DataFrame, sales: pd.DataFrame) -> pd.DataFrame:
    """Where there is one channel at most, its demand is that of all."""
    names = sales.loc[sales["channel"] != ALL, [*KEY, "channel"]].drop_duplicates()
    same = together.drop(columns="channel").merge(names, on=KEY)
    return pd.concat([together, same], ignore_index=True) if len(same) else together
