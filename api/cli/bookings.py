"""`fairfare bookings`: final net units of coming events, from what is booked so far.

Guarantees
----------
* One row per event not yet started, and value of the other columns; a result is written whole or not at all.
* Nothing dated later than `--as-of` is used; the same files and options give the same bytes.
"""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from api.cli.main import app
from api.cli.options import AsOf, By, Currency, Map, Out, Quarantine, SalesFile, TimeZone, stages

EventsFile = Annotated[
    Path,
    typer.Option(
        "--events",
        metavar="FILE",
        help="Past and coming events: event and starts_at, and where known on_sale_at, capacity, venue, category and "
        "other features.",
    ),
]
Level = Annotated[
    float, typer.Option("--level", min=1, max=99, help="Share of outcomes the interval is to hold, in percent.")
]


@app.command()
def bookings(
    sales: SalesFile,
    *,
    events: EventsFile,
    by: By = ("event",),
    as_of: AsOf = None,
    level: Level = 80.0,
    mapping: Map = None,
    currency: Currency = "EUR",
    zone: TimeZone = "UTC",
    quarantine: Quarantine = None,
    out: Out = None,
) -> None:
    """Forecast the final net units of every event that has not started.

    Sales are dated when booked; a cancellation is a negative row dated when cancelled. The last day used is --as-of, or
    the last one with a sale; it is used whole, so an event of that day has started.

    Example: fairfare bookings sales.csv --events events.csv --by event,segment --as-of 2025-04-03 --out bookings.csv
    """
    from api.tabular import read_table, write_table
    from forecasting.bookings import bookings_table
    from pricing.tables import TABLES

    renamed = mapping or {}
    theirs = {name: column for name, column in renamed.items() if TABLES["events"].column(name)}
    ours = {name: column for name, column in renamed.items() if TABLES["sales"].column(name) or name not in theirs}
    sold = read_table(
        sales, "sales", mapping=ours, needed=["event"], currency=currency, time_zone=zone, quarantine=quarantine
    )
    about = read_table(events, "events", mapping=theirs, time_zone=zone)
    with stages() as report:
        table = bookings_table(
            sold,
            about,
            by=by,
            as_of=None if as_of is None else as_of.isoformat(),
            level=level / 100,
            time_zone=zone,
            progress=partial(report, "Foreseeing past events again"),
        )
    write_table(table, out)
