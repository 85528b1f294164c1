"""The report of price response: what the data can tell about each group, what they cannot, and why.

Guarantees
----------
* The verdict comes first, in words; every group is counted, and each listed says why it has its status.
* What sales data can never show is said on the page.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from babel.numbers import get_currency_symbol

from api.report import charts
from api.report.charts import Chart, Response
from api.report.forest import Group, by_columns, groups
from api.report.numbers import LOCALE, decimal, percent, price
from api.report.page import render
from pricing.demand import Identification

MOST_PICTURES = 6
"""Groups whose sales at each price are drawn: those that sold most."""
MOST_DOTS = 14
"""Dots of one picture; neighbouring prices are put together beyond it."""
UNIT = ("product", "segment", "event", "channel")
STRETCHES = {"month": "M", "quarter": "Q", "year": "Y"}
LEAST_ALIKE = 4
"""Rows of a unit in a stretch of time below which a longer one is taken."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Sales at each price of one group, with what they say."""

    group: Group
    sentence: str
    chart: Chart


@dataclass(frozen=True, slots=True)
class Shares:
    """How many groups have each status."""

    identified: int
    weak: int
    not_identified: int

    @property
    def total(self) -> int:
        """All groups."""
        return self.identified + self.weak + self.not_identified


@dataclass(frozen=True, slots=True)
class ElasticityView:
    """All an elasticity report says."""

    made_at: datetime
    shares: Shares
    forest: tuple[Group, ...]
    pictures: tuple[Picture, ...]
    first: pd.Timestamp | None
    last: pd.Timestamp | None

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Every chart of the page."""
        return tuple(picture.chart for picture in self.pictures)


def elasticity_report(table: pd.DataFrame, sales: pd.DataFrame, *, now: datetime) -> str:
    """Write the report of an elasticity table as one HTML file.

    Parameters
    ----------
    table : as `fairfare elasticity` gives it
    sales : the canonical sales it was estimated from
    """
    view = elasticity_view(table, sales, now=now)
    return render("elasticity.html", view, view.charts)


def elasticity_view(table: pd.DataFrame, sales: pd.DataFrame, *, now: datetime) -> ElasticityView:
    """Build what the report says; parameters as in `elasticity_report`."""
    forest = groups(table)
    counted = [sum(group.status is status for group in forest) for status in Identification]
    return ElasticityView(
        made_at=now,
        shares=Shares(*counted),
        forest=forest,
        pictures=tuple(_pictures(table, sales)),
        first=sales["date"].min() if len(sales) else None,
        last=sales["date"].max() if len(sales) else None,
    )


def _pictures(table: pd.DataFrame, sales: pd.DataFrame) -> list[Picture]:
    """Pictures of the groups that sold most, as far as something was sold at a price."""
    by, made = by_columns(table), list[Picture]()
    known = {_names(key): rows for key, rows in sales.groupby(by)}
    for names in sorted(known, key=lambda names: -float(known[names]["quantity"].sum())):
        rows = table[(table[by].astype(str) == list(names)).all(axis=1)]
        seen = sales_at_each_price(known[names])
        if len(rows) and seen is not None and (group := groups(rows)[0]).known:
            made.append(_picture(len(made) + 1, group, seen, _currency(sales)))
        if len(made) == MOST_PICTURES:
            break
    return made


def _names(key: object) -> tuple[str, ...]:
    return tuple(str(part) for part in key) if isinstance(key, tuple) else (str(key),)


def _currency(sales: pd.DataFrame) -> str:
    return str(sales["currency"].iloc[0]) if "currency" in sales and len(sales) else ""


def sales_at_each_price(rows: pd.DataFrame) -> Response | None:
    """Units sold at each price, against the same unit's mean in the same stretch of time; None without any sale.

    Prices are relative to the unit's own level in that stretch, put back on the group's usual price.
    """
    rows = rows[(rows["price"] > 0) & (rows["quantity"] >= 0)]
    keys, within = _alike(rows)
    means = rows.groupby(keys)[["price", "quantity"]].transform("mean")
    rows = rows[means["quantity"] > 0]
    if not len(rows):
        return None
    means = means.loc[rows.index]
    usual = float(np.average(rows["price"], weights=rows["quantity"]))
    seen = pd.DataFrame(
        {
            "price": (rows["price"] / means["price"] * usual).round(2),
            "sales": 100 * rows["quantity"] / means["quantity"],
        }
    )
    if seen["price"].nunique() > MOST_DOTS:
        seen["bin"] = pd.cut(seen["price"], MOST_DOTS, labels=False)
    else:
        seen["bin"] = seen["price"]
    dots = seen.groupby("bin").agg(price=("price", "mean"), sales=("sales", "mean"), rows=("sales", "size"))
    return Response(
        dots["price"].to_numpy(dtype=np.float64),
        dots["sales"].to_numpy(dtype=np.float64),
        dots["rows"].to_numpy(dtype=np.float64),
        usual,
        within,
    )


def _alike(rows: pd.DataFrame) -> tuple[list["pd.Series[Any]"], str]:
    """What rows are compared within: the unit, and the shortest stretch of time that holds a few of its rows."""
    unit = [rows[column] for column in UNIT if column in rows]
    for name, code in STRETCHES.items():
        keys = [*unit, rows["date"].dt.to_period(code)]
        if len(rows) and rows.groupby(keys).size().median() >= LEAST_ALIKE:
            return keys, name
    return unit, ""


def _picture(number: int, group: Group, seen: Response, currency: str) -> Picture:
    solid = group.status is not Identification.NOT_IDENTIFIED
    low, high = (price(float(edge), currency) for edge in (seen.prices.min(), seen.prices.max()))
    chart = charts.response(
        f"response-{number}",
        seen,
        group.slope,
        (group.low, group.high),
        solid=solid,
        symbol=get_currency_symbol(currency, locale=LOCALE) if currency else "",
        label=f"Sales at each of {len(seen.prices)} prices between {low} and {high}, and what an elasticity of "
        f"{decimal(group.slope)} expects.",
        caption=f"Compared within the same {seen.within or 'unit'}. Blue band: 95%. Grey strip: prices really charged.",
    )
    return Picture(group, _in_words(group), chart)


def _in_words(group: Group) -> str:
    """What a price 10 % higher would do."""
    if group.status is Identification.NOT_IDENTIFIED:
        return (
            "These sales cannot show how buyers react. The dashed line is what similar groups do; no price moves on it."
        )
    ends = sorted(1.1**slope - 1 for slope in (group.low, group.high))
    mean = 1.1**group.slope - 1
    return (
        f"A price 10% higher should sell {percent(abs(mean))} {_fewer(mean)} "
        f"(95%: {percent(abs(ends[1]))} {_fewer(ends[1])} to {percent(abs(ends[0]))} {_fewer(ends[0])})."
    )


def _fewer(share: float) -> str:
    return "fewer" if share < 0 else "more"
