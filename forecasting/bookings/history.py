"""Bookings as arrays: what each event sold and lost at each lead, up to the moment the forecast is made.

Guarantees
----------
* No row dated later than that moment is read, whatever it says: neither a sale nor a cancellation nor an outcome.
* Units on hand at a lead are those known at the end of that day; the last ones are the final net units.
* Once an event or a room is sold out, its days count as days without an offer, never as days without demand.

A cell is the finest part that is told apart: the `by` columns, and product and segment where there are few of them.
Lead is counted in civil days from the sale to the start; sales after the start count at lead 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pricing.errors import Finding, InputError

Vector = NDArray[np.float64]
Days = NDArray[np.int64]

MOST_LEADS, MOST_PAST, MOST_CELLS, MOST_NUMBERS = 730, 1500, 24, 10_000_000
"""Leads, finished events, cells, and numbers in an array beyond which the rest is pooled or left out, for memory."""
MOST_OF_A_SALE, ENOUGH_WHOLE = 0.9, 40
"""An event that started before a tenth of sales could have been recorded is left out, where this many remain."""
SMALL = 5.0
"""Where the usual event sells no more units than this, one may well sell none."""
NEARLY_ALL = 0.995
"""An event is sold out from this share of its capacity; the last seats are often not for sale."""
PACE_PRIOR = 4.0
"""A sold-out event's pace is its sales over the expected ones, after adding as many as four units to both."""


@dataclass(frozen=True, eq=False)
class Bookings:
    """Every event by start, finished ones first.

    Attributes
    ----------
    events : event, starts_at and features, one row per event (E)
    start : (E,) civil day of the start [days]
    today : day of the last thing known [days]
    first : (E,) day of the first sale; the day after `today` where there is none yet [days]
    capacity : (E,) most that can be sold, infinite where unknown [units]
    keys : values of the `by` columns other than the event, one per group (G)
    group : (C,) group of each cell
    booked, cancelled : (E, C, L) units at each lead [units]
    lost : (E, C, L) units that would have been booked at each lead, had the event not been sold out [units]
    sells : (E, G) whether the group sells for the event: it did, or it did for several events
    """

    events: pd.DataFrame
    start: Days
    today: int
    first: Days
    capacity: Vector
    keys: tuple[tuple[str, ...], ...]
    group: Days
    booked: Vector
    cancelled: Vector
    lost: Vector
    sells: NDArray[np.bool_]

    @property
    def leads(self) -> int:
        """Length of the lead axis; an earlier sale counts at the longest lead."""
        return self.booked.shape[2]

    @cached_property
    def on_hand(self) -> Vector:
        """(E, G, L) net units at the end of each lead's day [units]."""
        return _since(self._grouped(self.booked - self.cancelled))

    @cached_property
    def unmet(self) -> Vector:
        """(E, G, L) units lost to sell-outs from each lead on, the lead itself left out [units]."""
        lost = self._grouped(self.lost)
        return np.asarray(np.cumsum(lost, axis=2) - lost)

    @cached_property
    def wanted(self) -> Vector:
        """(E, L * C) units booked or lost at each lead, cell by cell [units]."""
        return _by_lead(self.booked + self.lost)

    @cached_property
    def gone(self) -> Vector:
        """(E, L * C) units cancelled at each lead, cell by cell [units]."""
        return _by_lead(self.cancelled)

    @cached_property
    def at_risk(self) -> Vector:
        """(E, L * C) units that could be cancelled at each lead, cell by cell [units]."""
        return _by_lead(np.maximum(self.cells_on_hand, 0.0) + self.cancelled)

    @cached_property
    def cells_on_hand(self) -> Vector:
        """(E, C, L) as `on_hand`, by cell [units]."""
        return _since(self.booked - self.cancelled)

    @cached_property
    def counts(self) -> bool:
        """Whether every quantity is a whole number."""
        return bool((self.booked % 1 == 0).all() and (self.cancelled % 1 == 0).all())

    @cached_property
    def small(self) -> bool:
        """Whether the usual event sells so little that one may well sell nothing."""
        sold = self.booked[: self.finished(self.today)].sum(axis=(1, 2))
        return bool(np.median(sold) <= SMALL) if sold.size else False

    @property
    def final(self) -> Vector:
        """(E, G) net units known by now; of finished events, the final ones [units]."""
        return np.asarray(self.on_hand[:, :, 0])

    def finished(self, day: int) -> int:
        """How many events had started by the end of a day; they come first."""
        return int(np.searchsorted(self.start, day, side="right"))

    def lead_of(self, event: int, day: int) -> int:
        """Lead of an event on a day, within the lead axis."""
        return int(np.clip(self.start[event] - day, 0, self.leads - 1))

    def _grouped(self, cells: Vector) -> Vector:
        out = np.zeros((cells.shape[0], len(self.keys), cells.shape[2]))
        for cell, group in enumerate(self.group):
            out[:, group] += cells[:, cell]
        return out


def _since(cells: Vector) -> Vector:
    """Sums from the longest lead down to each lead."""
    return np.asarray(np.cumsum(cells[:, :, ::-1], axis=2)[:, :, ::-1])


def _by_lead(cells: Vector) -> Vector:
    """Cells of one lead side by side, so that a weighted sum over events up to a lead is one matrix product."""
    return np.ascontiguousarray(cells.transpose(0, 2, 1)).reshape(len(cells), -1)


def read(
    sales: pd.DataFrame, events: pd.DataFrame, *, by: Sequence[str], moment: pd.Timestamp, time_zone: str
) -> Bookings:
    """Arrange canonical sales and events.

    Parameters
    ----------
    sales : rows dated when booked; a cancellation is a negative row dated when cancelled
    events : event, starts_at (UTC), and features
    by : columns that tell rows of the result apart, the event among them
    moment : last instant used; see `last_instant`
    time_zone : in which sales are dated (IANA)
    """
    _check(sales, by)
    today = _day(moment)
    about = _about(events, moment, time_zone)
    rows = sales[(sales["date"] <= moment) & sales["event"].isin(about["event"])]
    if rows.empty:
        raise InputError(f"no sale up to {moment:%Y-%m-%d} is of an event in the table of events")
    about = about[(about["start"] > today) | about["event"].isin(_recorded(rows, about))]
    about = about.iloc[max(int((about["start"] <= today).sum()) - MOST_PAST, 0) :].reset_index(drop=True)
    rows = rows[rows["event"].isin(about["event"])].sort_values("date", kind="stable")
    return _arrange(rows, about, tuple(name for name in by if name != "event"), today)


def last_instant(sales: pd.DataFrame, as_of: pd.Timestamp | None) -> pd.Timestamp:
    """Last instant used: the end of the day where `as_of` has no time of day; by default, of the last sale's day."""
    moment = pd.Timestamp(sales["date"].max()).normalize() if as_of is None else as_of
    return moment + pd.Timedelta(days=1) - pd.Timedelta(1, "us") if moment == moment.normalize() else moment


def _check(sales: pd.DataFrame, by: Sequence[str]) -> None:
    findings = [Finding("the sales have no such column", column=name) for name in by if name not in sales]
    if "event" not in by:
        findings.append(Finding("bookings are forecast by event: name it among the columns"))
    if findings:
        raise InputError(tuple(findings))


def _day(moment: pd.Timestamp) -> int:
    return (moment.normalize() - pd.Timestamp(0)).days


def _about(events: pd.DataFrame, moment: pd.Timestamp, time_zone: str) -> pd.DataFrame:
    """Events by start, with the civil day on which they start."""
    local = events["starts_at"].dt.tz_convert(time_zone)
    civil = local.dt.tz_localize(None)
    about = events.assign(starts_at=local, start=(civil.dt.normalize() - pd.Timestamp(0)).dt.days)
    # One that starts later on the last day used, where that day is not used whole, has not started.
    about.loc[(civil > moment) & (about["start"] <= _day(moment)), "start"] = _day(moment) + 1
    return about.sort_values(["start", "starts_at", "event"], ignore_index=True)


def _recorded(rows: pd.DataFrame, about: pd.DataFrame) -> pd.Index:
    """Events whose sale was recorded from its beginning, where there are enough of them; else those with any row.

    A past event without a single row was not recorded, unless events are so small that it may have sold nothing.
    """
    start = about.set_index("event")["start"]
    sold = rows[rows["quantity"] > 0]
    if sold.empty:
        return start.index[start.index.isin(rows["event"])]
    day = (sold["date"].dt.normalize() - pd.Timestamp(0)).dt.days
    small = sold.groupby("event")["quantity"].sum().median() <= SMALL
    start = start[start.index.isin(rows["event"]) | (small & (start >= day.min()))]
    usual = (sold["event"].map(start) - day).quantile(MOST_OF_A_SALE)
    whole = start.index[start >= day.min() + usual]
    return whole if len(whole) >= ENOUGH_WHOLE else start.index


def _arrange(rows: pd.DataFrame, about: pd.DataFrame, names: tuple[str, ...], today: int) -> Bookings:
    event = pd.Index(about["event"]).get_indexer(rows["event"])
    start = about["start"].to_numpy(np.int64)
    day = (rows["date"].dt.normalize() - pd.Timestamp(0)).dt.days.to_numpy(np.int64)
    lead = np.clip(start[event] - day, 0, MOST_LEADS)
    size = len(about) * (int(lead.max()) + 1)
    keys, cell_keys, cell = _cells(rows, names, most=max(MOST_NUMBERS // size, 1))
    group = np.array([keys.index(key[: len(names)]) for key in cell_keys], np.int64)
    shape = (len(about), len(cell_keys), int(lead.max()) + 1)
    quantity = rows["quantity"].to_numpy(np.float64)
    booked, cancelled = np.zeros(shape), np.zeros(shape)
    np.add.at(booked, (event, cell, lead), np.maximum(quantity, 0.0))
    np.add.at(cancelled, (event, cell, lead), np.maximum(-quantity, 0.0))
    first = np.full(len(about), today + 1)
    np.minimum.at(first, event, day)
    capacity = _capacity(about)
    closed = _full(booked - cancelled, capacity)
    if "product" in names or rows["product"].nunique() == 1:
        closed = closed | _closed(rows, event, cell, lead, shape)
    lost = _lost(booked, closed, start, today) if closed.any() else np.zeros((1, 1, 1))
    sold = np.zeros((len(about), len(keys)), bool)
    sold[event, group[cell]] = True
    return Bookings(
        about.drop(columns="start"),
        start,
        today,
        first,
        capacity,
        keys,
        group,
        booked,
        cancelled,
        np.broadcast_to(lost, shape),
        _sells(sold),
    )


def _cells(
    rows: pd.DataFrame, names: tuple[str, ...], *, most: int
) -> tuple[tuple[tuple[str, ...], ...], list[tuple[str, ...]], Days]:
    """Groups, cells, and each row's cell: as fine as numbers allow."""
    extra = [name for name in ("product", "segment") if name not in names and name in rows]
    keys = _distinct(rows, list(names))
    for finer in (extra, [n for n in extra if n == "segment"], []):
        columns = [*names, *finer]
        cells = _distinct(rows, columns)
        if not finer or len(cells) <= min(MOST_CELLS * len(keys), most):
            break
    if not columns:
        return keys, [()], np.zeros(len(rows), np.int64)
    index = pd.MultiIndex.from_tuples(cells, names=columns)
    return keys, list(cells), index.get_indexer(pd.MultiIndex.from_frame(rows[columns].astype("object")))


def _distinct(rows: pd.DataFrame, columns: list[str]) -> tuple[tuple[str, ...], ...]:
    if not columns:
        return ((),)
    return tuple(
        rows[columns].drop_duplicates().sort_values(columns).astype("object").itertuples(index=False, name=None)
    )


def _capacity(about: pd.DataFrame) -> Vector:
    if "capacity" not in about:
        return np.full(len(about), np.inf)
    return np.asarray(about["capacity"].astype("float64").fillna(np.inf), np.float64)


def _closed(rows: pd.DataFrame, event: Days, cell: Days, lead: Days, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(E, C, L) whether a cell was sold out, by `available`; it stays so until it is seen on sale again.

    Only asked where a group holds one product. Where it holds several, that one of them sells out before the others is
    part of how such an event fills up.
    """
    if "available" not in rows:
        return np.zeros((1, 1, 1), bool)
    known = rows["available"].notna().to_numpy() | (rows["quantity"] > 0).to_numpy()
    gone = (rows["quantity"] >= rows["available"]).to_numpy()
    state = np.full(shape, np.nan)
    state[event[known], cell[known], lead[known]] = gone[known]  # the last row of a day counts
    table = pd.DataFrame(state.reshape(-1, shape[2])[:, ::-1].T).ffill().fillna(0.0).to_numpy()
    return np.asarray(table.T[:, ::-1].reshape(shape) > 0)


def _full(net: Vector, capacity: Vector) -> NDArray[np.bool_]:
    """(E, 1, L) whether the event as a whole had reached its capacity."""
    total = _since(net).sum(axis=1, keepdims=True)
    return np.asarray(total >= NEARLY_ALL * capacity[:, None, None])


def _lost(booked: Vector, closed: NDArray[np.bool_], start: Days, today: int) -> Vector:
    """Units not booked for want of places: the usual bookings of the lead, times the event's pace before it sold out.

    Usual bookings are averaged over events open at that lead, so that a full house does not lower them.
    """
    past = np.arange(booked.shape[2])[None, None, :] >= (start - today)[:, None, None]
    closed = np.broadcast_to(closed, booked.shape) & past
    open_ = ~closed & past
    usual = (booked * open_).sum(axis=0) / np.maximum(open_.sum(axis=0), 1)
    sold, expected = (booked * open_).sum(axis=2), (usual * open_).sum(axis=2)
    pace = (sold + PACE_PRIOR) / (expected + PACE_PRIOR)
    return np.asarray(np.where(closed, np.maximum(usual * pace[:, :, None] - booked, 0.0), 0.0))


def _sells(sold: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(E, G) groups with a row for an event: those it sold, and those that recur from event to event."""
    recurs = sold.sum(axis=0) > 1
    recurs = recurs if recurs.any() else np.ones_like(recurs)
    return np.asarray(sold | recurs[None, :])
