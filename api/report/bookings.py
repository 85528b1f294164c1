"""How events fill up, for drawing: what was sold by days to the event, and how similar past events stood then.

Guarantees
----------
* Only sales dated before today are read.
* A typical curve comes from at least three finished events; where there are fewer, there is none.

Time runs in whole days to the event: a path's value at lead x is what was sold when x days were left, so the last
value of a finished event, at lead 0, is its final count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from api import bookings as kept
from pricing.model import ALL

Vector = NDArray[np.float64]

LEAST_SIMILAR = 3
"""Finished events below which nothing is called typical."""
LONGEST = 365
"""Earlier sales are shown as sold at this lead [days]."""


@dataclass(frozen=True, slots=True, eq=False)
class Typical:
    """Similar finished events: median and the middle 80 % of units sold.

    Attributes
    ----------
    lead : (n,) days to the event, falling to 0
    median, low, high : (n,) [units]
    events : how many
    same_venue : whether they took place at the same venue; else all events, scaled by capacity
    """

    lead: Vector
    median: Vector
    low: Vector
    high: Vector
    events: int
    same_venue: bool

    def at(self, lead: Vector | float) -> Vector:
        """Median units at a lead [units]."""
        return np.interp(-np.asarray(lead, dtype=np.float64), -self.lead, self.median)


@dataclass(frozen=True, slots=True, eq=False)
class Bookings:
    """All events' paths: rows are leads falling to 0, columns are events [units]."""

    paths: pd.DataFrame
    about: pd.DataFrame
    today: pd.Timestamp

    @classmethod
    def of(cls, sales: pd.DataFrame, events: pd.DataFrame, today: pd.Timestamp) -> "Bookings":
        """Read the sales of every event."""
        about = events.assign(starts=_days(events["starts_at"])).set_index("event")
        for column, default in (("venue", ""), ("capacity", np.nan)):
            if column not in about:
                about[column] = default
        rows = sales[(sales["date"] < today) & sales["event"].isin(about.index)]
        lead = (rows["event"].map(about["starts"]) - rows["date"].dt.normalize()).dt.days.clip(1, LONGEST) - 1
        sums = rows.assign(lead=lead).pivot_table(index="lead", columns="event", values="quantity", aggfunc="sum")
        leads = range(int(lead.max()) if len(lead) else 0, -1, -1)
        return cls(sums.reindex(leads).fillna(0.0).cumsum(), about, today)

    def days_left(self, event: str) -> int:
        """Whole days until the event."""
        return int((self.about.loc[[event], "starts"] - self.today).dt.days.iloc[0])

    def sold(self, event: str) -> tuple[Vector, Vector]:
        """Leads from the event's first sale to today, and units sold by then."""
        now = self.days_left(event)
        if event not in self.paths:
            return np.array([float(now)]), np.zeros(1)
        path = self.paths.loc[self.paths.index >= now, event]
        first = max(int(np.argmax(path.to_numpy() > 0)) - 1, 0)
        return path.index.to_numpy(dtype=np.float64)[first:], path.to_numpy(dtype=np.float64)[first:]

    def typical(self, event: str) -> Typical | None:
        """The median of finished events at the same venue; of all of them, scaled by capacity, where these are few."""
        over = self.about.index[(self.about["starts"] < self.today) & self.about.index.isin(self.paths.columns)]
        here = over[self.about.loc[over, "venue"] == self.about.at[event, "venue"]]
        if len(here) >= LEAST_SIMILAR:
            return _summary(self.paths[list(here)], same_venue=True)
        capacity = self.about["capacity"].astype(float)
        scale = float(capacity.loc[[event]].iloc[0]) / capacity[over]
        scale = scale[np.isfinite(scale)]
        if len(scale) < LEAST_SIMILAR:
            return None
        return _summary(self.paths[list(scale.index)] * scale, same_venue=False)


def remaining_share(typical: Typical | None, now: int) -> tuple[Vector, Vector]:
    """Leads from now to 0, and the share of what is still to be sold that is typically sold by then."""
    lead = np.arange(now, -1, -1, dtype=np.float64)
    straight = (now - lead) / max(now, 1)
    if typical is None:
        return lead, straight
    path = typical.at(lead)
    rest = path[-1] - path[0]
    return lead, (path - path[0]) / rest if rest > 0 else straight


def _summary(paths: pd.DataFrame, *, same_venue: bool) -> Typical:
    low, median, high = (paths.quantile(q, axis=1).to_numpy() for q in (0.1, 0.5, 0.9))
    return Typical(paths.index.to_numpy(dtype=np.float64), median, low, high, paths.shape[1], same_venue)


def _days(instants: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    return instants.dt.tz_convert("UTC").dt.tz_localize(None).dt.normalize()


def coming(events: pd.DataFrame, now: pd.Timestamp, on_sale: Sequence[str]) -> list[str]:
    """Events not begun that something is on sale for, the next one first."""
    rows = events[(events["starts_at"] > now) & events["event"].isin(on_sale)].sort_values("starts_at")
    return [str(event) for event in rows["event"]]


def to_keep(
    sales: pd.DataFrame,
    events: pd.DataFrame,
    on_sale: Sequence[str],
    goods: tuple[kept.Shelf, ...] = (),
    *,
    today: pd.Timestamp,
    now: datetime,
) -> kept.Bookings:
    """What pages draw of the events that something is on sale for, beside the goods.

    Parameters
    ----------
    sales : daily rows
    today : first day that has not been observed
    """
    past = sales[sales["date"] < today]
    until = (past["date"].max() if len(past) else today).tz_localize("UTC").to_pydatetime()
    names = coming(events, pd.Timestamp(now), on_sale) if len(events) else []
    if not names:
        return kept.Bookings(now, until, (), goods)
    history = Bookings.of(past, events, today)
    sums = past.groupby(["event", "product", "segment"])["quantity"].sum().reset_index()
    return kept.Bookings(now, until, tuple(_filling(history, name, sums) for name in names), goods)


def _filling(history: Bookings, name: str, sums: pd.DataFrame) -> kept.Filling:
    about = history.about.loc[[name]].to_dict("records")[0]
    lead, sold = history.sold(name)
    tickets = sums.loc[sums["event"] == name, ["product", "segment", "quantity"]].itertuples(index=False, name=None)
    return kept.Filling(
        event=name,
        venue="" if about["venue"] == ALL else str(about["venue"]),
        starts_at=about["starts_at"].to_pydatetime(),
        capacity=float(about["capacity"]) if pd.notna(about["capacity"]) else None,
        lead=tuple(map(int, lead)),
        sold=tuple(map(float, sold)),
        tickets=tuple((str(product), str(segment), float(units)) for product, segment, units in tickets),
        typical=_typical(history.typical(name)),
    )


def _typical(found: Typical | None) -> kept.Typical | None:
    if found is None:
        return None
    curves = (tuple(map(float, curve.round(2))) for curve in (found.low, found.median, found.high))
    return kept.Typical(found.events, found.same_venue, tuple(map(int, found.lead)), *curves)
