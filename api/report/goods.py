"""What is sold without an event: prices by stake, and forecasts beside what was sold.

Guarantees
----------
* What is not listed or drawn is counted.
* History is drawn in the forecast's own periods, whole ones only; a period in which something sold out is marked.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.tseries.offsets import BaseOffset

from api.bookings import Shelf
from api.report import charts
from api.report.charts import Chart, Fan
from api.report.gain import Gain
from api.report.numbers import count, units
from api.report.rows import Priced, PriceRow, Tally
from pricing.model import ALL

MOST_GOODS, MOST_CHARTS = 60, 9
"""Goods listed and drawn."""
PERIODS_SHOWN, LEAST_SHOWN = 3, 20
"""Periods of history drawn for each period forecast, and at least."""
STEP_SHOWN = 10
"""Dates of the past that show how long a period is, where the forecast has too few."""
PERIOD_NAMES = {"D": "day", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}


@dataclass(frozen=True, slots=True)
class GoodsView:
    """Rows by stake, charts of the first of them, and how many rows are not listed; `period` names a chart's step."""

    rows: tuple[PriceRow, ...]
    unlisted: int
    charts: tuple[tuple[str, Chart], ...]
    period: str
    gains: tuple[Gain, ...]
    tally: Tally


def goods_view(priced: Priced, sales: pd.DataFrame, forecast: pd.DataFrame) -> GoodsView:
    """Build the view; `forecast` as in `api.fitting.Fit`."""
    pairs = zip(priced.offers, priced.rows, strict=True)
    ranked = sorted(pairs, key=lambda pair: (pair[1].recommended is None, -abs(pair[1].gain)))
    drawn = list(dict.fromkeys(offer.key for offer, _ in ranked))[:MOST_CHARTS]
    goods = sales[sales["event"] == ALL]
    made = [_chart(number, key, goods, forecast) for number, key in enumerate(drawn, start=1)]
    return GoodsView(
        rows=tuple(row for _, row in ranked[:MOST_GOODS]),
        unlisted=max(0, len(ranked) - MOST_GOODS),
        charts=tuple(chart for chart in made if chart is not None),
        period=_period(forecast),
        gains=priced.gains,
        tally=priced.tally,
    )


def _chart(number: int, key: tuple[str, str], sales: pd.DataFrame, forecast: pd.DataFrame) -> tuple[str, Chart] | None:
    product, segment = key
    ahead = forecast[(forecast["product"] == product) & (forecast["segment"] == segment)]
    if not len(ahead):
        return None
    past = by_period(sales[(sales["product"] == product) & (sales["segment"] == segment)], ahead["date"])
    fan = Fan(
        [f"{date:%Y-%m-%d}" for date in ahead["date"]],
        *(ahead[column].to_numpy(dtype=np.float64) for column in ("mean", "lower", "upper")),
    )
    hidden = int(past["gone"].sum())
    chart = charts.forecast(
        f"goods-{number}",
        [f"{date:%Y-%m-%d}" for date in past.index],
        past["quantity"].to_numpy(dtype=np.float64),
        past["gone"].to_numpy(dtype=bool),
        fan,
        label=f"Units sold by period, and the forecast: {units(fan.mean.sum())} in all over {len(ahead)} periods.",
        caption=f"Model: {ahead['model'].iloc[0]}. The band should hold 8 of 10 periods."
        + (f" Hollow: sold out at times in {count(hidden, 'period')}, so demand was higher." if hidden else ""),
    )
    return " · ".join(part for part in key if part != ALL), chart


def _period(forecast: pd.DataFrame) -> str:
    """What a forecast's periods are called."""
    step = _step(forecast["date"].drop_duplicates().sort_values())
    return PERIOD_NAMES.get(step.freqstr[0], "period") if step else "period"


def _step(dates: "pd.Series[pd.Timestamp]") -> BaseOffset | None:
    """The offset between dates, where they show one."""
    return pd.DatetimeIndex(dates.to_numpy(), freq="infer").freq if len(dates) > 2 else None


def by_period(sales: pd.DataFrame, ahead: "pd.Series[pd.Timestamp]") -> pd.DataFrame:
    """Units sold in the whole periods before a forecast, as long as its own, and whether something sold out in each.

    Parameters
    ----------
    ahead : first days of the periods forecast, rising

    Returns
    -------
    quantity [units] and gone, by the first day of the period
    """
    starts = _starts(sales, ahead)
    period = starts.searchsorted(sales["date"], side="right") - 1
    gone = sales["quantity"] >= sales["available"] if "available" in sales else np.zeros(len(sales), dtype=bool)
    rows = pd.DataFrame({"period": period, "quantity": sales["quantity"], "gone": gone})
    past = (
        rows.groupby("period").agg(quantity=("quantity", "sum"), gone=("gone", "max")).reindex(range(len(starts) - 1))
    )
    past = past.assign(quantity=past["quantity"].fillna(0.0), gone=past["gone"].eq(True)).set_axis(starts[:-1])
    return past[past.index >= sales["date"].min()] if len(sales) else past[:0]


def _starts(sales: pd.DataFrame, ahead: "pd.Series[pd.Timestamp]") -> pd.DatetimeIndex:
    """First days of the periods before a forecast, and of its own first one."""
    own = sales["date"].drop_duplicates().sort_values().tail(STEP_SHOWN)
    step = _step(ahead) or _step(own) or pd.DateOffset(days=_gap(ahead))
    shown = max(PERIODS_SHOWN * len(ahead), LEAST_SHOWN)
    return pd.DatetimeIndex([ahead.iloc[0] - k * step for k in range(shown, -1, -1)])


def shelves(sales: pd.DataFrame, forecast: pd.DataFrame) -> tuple[Shelf, ...]:
    """What pages draw of what is sold without an event; parameters as of `goods_view`, `sales` before today only."""
    goods = sales[sales["event"] == ALL]
    past = dict(iter(goods.groupby(["product", "segment"])))
    coming = forecast.sort_values("date").groupby(["product", "segment"])
    return tuple(_shelf(past.get(key, goods[:0]), ahead) for key, ahead in coming)


def _shelf(sales: pd.DataFrame, ahead: pd.DataFrame) -> Shelf:
    past, product, segment = by_period(sales, ahead["date"]), ahead["product"].iloc[0], ahead["segment"].iloc[0]
    return Shelf(
        str(product),
        str(segment),
        tuple(day.date() for day in [*past.index, *ahead["date"]]),
        tuple(map(float, past["quantity"])),
        tuple(map(bool, past["gone"])),
        *(tuple(map(float, ahead[column].round(2))) for column in ("mean", "lower", "upper")),
    )


def _gap(dates: "pd.Series[pd.Timestamp]") -> int:
    return int((dates.iloc[-1] - dates.iloc[0]).days / (len(dates) - 1)) if len(dates) > 1 else 1
