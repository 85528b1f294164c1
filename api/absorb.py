"""Sales that came over the API become part of the history, before anything is fitted or priced.

Guarantees
----------
* Each sale is taken over once: a batch is a file named by the numbers of the sales it holds, and goes on where the last
  one ended. A crash leaves a batch there or not; nothing is lost and nothing is there twice, however many do this at
  the same time.
* What a file that was uploaded covers already (the same product, segment, event, channel and day) is not added again.
* The day on which a room was emptied, or a shop's stock, says so (`available`): demand went on where sales could not.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pandas as pd
from sqlalchemy import Connection, Engine, select

from api.history import API, KEY, History, write_parquet
from api.store.database import reading, writing
from api.store.sales import latest_number
from api.store.tables import prices, sales
from pricing.model import ALL

BATCH = re.compile(rf"{API}(\d+)-(\d+)\.parquet")
"""Numbers of the first and the last sale of a batch."""
LARGEST_BATCH = 100_000
NOTICED = timedelta(days=1)
"""A stock of which nothing is left so long after a sale was emptied by it; later, by something else."""
ROOM = ["event", "product", "segment"]
"""What tells the room that a ticket takes a place in."""


def absorb(
    history: History, engine: Engine, *, time_zone: str, sold_out: Mapping[tuple[str, str], datetime] | None = None
) -> int:
    """Take over what came since the last time; returns how many sales that is.

    Parameters
    ----------
    sold_out : offer and channel -> since when its shops have had nothing left
    """
    taken = 0
    while count := _next_batch(history, engine, time_zone, sold_out or {}):
        taken += count
    return taken


def _next_batch(history: History, engine: Engine, time_zone: str, sold_out: Mapping[tuple[str, str], datetime]) -> int:
    with reading(engine) as db:
        if latest_number(db) <= absorbed(history.folder):
            return 0
    with writing(engine) as db:  # nothing is written to it: whoever holds its lock is alone in taking sales over
        rows = _received(db, absorbed(history.folder))
        if len(rows):
            frame, last = _as_history(rows, time_zone), _emptying(rows, sold_out)
            fresh = ~history.in_files(frame)
            frame = _marked(frame[fresh].reset_index(drop=True), last[fresh].reset_index(drop=True), history)
            first, last = rows["number"].iloc[[0, -1]]
            write_parquet(frame, history.folder / "sales" / f"{API}{first:012d}-{last:012d}.parquet")
        return len(rows)


def absorbed(folder: Path) -> int:
    """Number of the last sale that was taken over; 0 before there is one."""
    found = (BATCH.fullmatch(file.name) for file in (folder / "sales").glob(f"{API}*.parquet"))
    return max((int(match[2]) for match in found if match), default=0)


def _received(db: Connection, after: int) -> pd.DataFrame:
    """The next sales in the order they came, with the terms of their offers."""
    columns = ["number", "offer", "channel", "sold_at", "quantity", "price", "currency"]
    query = select(*(sales.c[name] for name in columns)).where(sales.c.number > after).order_by(sales.c.number)
    rows, terms = [tuple(row) for row in db.execute(query.limit(LARGEST_BATCH))], _terms(db)
    about = [terms[row[1], row[2]] for row in rows]
    made = [(*row, *(of[name] or ALL for name in ROOM)) for row, of in zip(rows, about, strict=True)]
    return pd.DataFrame(made, columns=[*columns, *ROOM])


def _terms(db: Connection) -> dict[tuple[str, str], dict[str, str | None]]:
    """What each offer is, as of its latest price."""
    rows = db.execute(select(prices.c.offer, prices.c.channel, prices.c.terms).order_by(prices.c.number))
    return {(row.offer, row.channel): msgspec.json.decode(row.terms) for row in rows}


def _as_history(rows: pd.DataFrame, time_zone: str) -> pd.DataFrame:
    """Rows as `api.tabular.read_table` gives them: dated in the owner's zone."""
    dates = pd.to_datetime(rows["sold_at"], utc=True).dt.tz_convert(time_zone).dt.tz_localize(None)
    text = {name: rows[name].astype("str") for name in (*KEY[1:], "currency")}
    numbers = {name: rows[name].astype("float64") for name in ("quantity", "price")}
    return pd.DataFrame({"date": dates.astype("datetime64[us]"), **text, **numbers})


def _emptying(rows: pd.DataFrame, sold_out: Mapping[tuple[str, str], datetime]) -> "pd.Series[bool]":
    """Sales of offers of which their shops had nothing left within `NOTICED`."""
    since = pd.Series([sold_out.get(key) for key in zip(rows["offer"], rows["channel"], strict=True)], rows.index)
    after = pd.to_datetime(since, utc=True) - pd.to_datetime(rows["sold_at"], utc=True)
    return after.abs() <= NOTICED


def _marked(frame: pd.DataFrame, emptying: "pd.Series[bool]", history: History) -> pd.DataFrame:
    """Sales with `available` on the day that emptied a room or a shop's stock: no more than was sold; else unknown."""
    days = frame["date"].dt.normalize()
    last = days == days.groupby([frame[name] for name in KEY[1:]]).transform("max")
    emptied = (emptying & last) | _last_of_empty_rooms(frame, days, history)
    total = frame.groupby([days, *KEY[1:]])["quantity"].transform("sum")
    return frame.assign(available=total.clip(lower=0).where(emptied).astype("float64"))


def _last_of_empty_rooms(frame: pd.DataFrame, days: "pd.Series[pd.Timestamp]", history: History) -> "pd.Series[bool]":
    """Sales on the last day of each room that is empty now."""
    offers, resources = history.table("offers"), history.table("resources")
    if not len(frame) or "resource" not in offers or not len(resources):
        return pd.Series(data=False, index=frame.index)
    rooms = offers.loc[offers["event"] != ALL, [*ROOM, "resource"]].dropna().drop_duplicates(ROOM)
    before = history.daily_sales()[[*ROOM, "quantity"]] if history.currency() else frame.iloc[:0]
    sold = pd.concat([before, frame])[[*ROOM, "quantity"]].merge(rooms, on=ROOM).groupby("resource")["quantity"].sum()
    left = resources.set_index("resource")["capacity"] - sold
    own = frame[ROOM].merge(rooms, on=ROOM, how="left")["resource"].set_axis(frame.index)
    return own.map(left).le(0) & (days == days.groupby(own).transform("max"))
