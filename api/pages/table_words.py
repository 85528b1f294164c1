"""What the tables a user brings, and their columns, are called on the pages, and what such a file looks like.

Guarantees
----------
* Every column of a table that can be brought through the pages has a name, a meaning and an example.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from pricing.tables import TABLES, Table

BROUGHT = ("sales", "events", "offers", "resources")
"""Tables that are brought through the pages, the usual first."""
ALSO_NEEDED: Mapping[str, Sequence[str]] = {"sales": ("price",)}
"""What a workspace cannot do without besides what the declaration needs (`api.workspace.NEEDED`)."""
NAMES: Mapping[str, LazyString] = {
    "sales": _("Sales"),
    "events": _("Events"),
    "offers": _("What you sell"),
    "resources": _("Places and stock"),
}
MEANINGS: Mapping[str, LazyString] = {
    "sales": _("What was sold, when, and at which price: one row per sale, or one per day and product."),
    "events": _("Past events too, for they show how events fill up: one row each, with its beginning and its places."),
    "offers": _("Each price you want set: one row per ticket type or product, with the lowest and highest you allow."),
    "resources": _("What several offers draw on: a room's places, or a stock. One row each."),
}
COLUMNS: Mapping[str, Mapping[str, tuple[LazyString, LazyString]]] = {
    "sales": {
        "date": (_("Date of sale"), _("the day, or the moment")),
        "product": (_("Product"), _("ticket type, or article")),
        "segment": (_("Audience"), _("who buys: adult, child, trade")),
        "event": (_("Event"), _("what the ticket is for")),
        "channel": (_("Sales channel"), _("where it was sold")),
        "customer": (_("Buyer"), _("a number that stands for the buyer, never a name")),
        "quantity": (_("Units"), _("how many; a return is negative")),
        "price": (_("Price paid"), _("for one unit, as the buyer paid it")),
        "currency": (_("Currency"), _("its three letters, such as EUR")),
        "available": (_("Units on sale"), _("when the period began: tells what was sold out")),
        "list_price": (_("List price"), _("before any discount")),
        "unit_cost": (_("Cost of a unit"), _("what it costs you")),
        "promotion": (_("Promotion"), _("yes or no, or its name")),
    },
    "events": {
        "event": (_("Event"), _("the name your sales and offers use")),
        "starts_at": (_("Beginning"), _("day and time")),
        "on_sale_at": (_("Start of presale"), _("day and time")),
        "capacity": (_("Places"), _("how many can be sold in all")),
        "venue": (_("Venue"), _("where it takes place")),
        "category": (_("Kind of event"), _("concert, talk, match")),
    },
    "offers": {
        "offer": (_("Offer"), _("a name of its own for each price")),
        "product": (_("Product"), _("as it is called in your sales")),
        "segment": (_("Audience"), _("as it is called in your sales")),
        "event": (_("Event"), _("as in your table of events; goods need none")),
        "channel": (_("Sales channel"), _("as it is called in your sales")),
        "currency": (_("Currency"), _("its three letters, such as EUR")),
        "unit_cost": (_("Cost of a unit"), _("what it costs you; no price goes below it")),
        "floor": (_("Lowest price"), _("no price ever goes below it")),
        "ceiling": (_("Highest price"), _("no price ever goes above it")),
        "current_price": (_("Price now"), _("what it costs today")),
        "ladder": (_("Possible prices"), _("from, to and step, such as 10:60:2.50")),
        "resource": (_("Draws on"), _("a name from your table of places and stock")),
        "list_price": (_("List price"), _("before any discount")),
    },
    "resources": {
        "resource": (_("Name"), _("of the room or the stock")),
        "capacity": (
            _("Places, or stock"),
            _("of a room all places, sold ones too; of goods what is in stock now"),
        ),
    },
}
"""Table -> column -> what it is called, and what it holds."""


def needed_of(table: Table) -> frozenset[str]:
    """Columns a workspace cannot do without."""
    return frozenset({column.name for column in table.columns if column.needed} | set(ALSO_NEEDED.get(table.name, ())))


def example(table: str, today: date) -> tuple[tuple[str, ...], ...]:
    """A small file of a table: its header, and rows as they might be."""
    past, soon = (today - timedelta(days=1)).isoformat(), (today + timedelta(days=30)).isoformat()
    later = (today + timedelta(days=37)).isoformat()
    files: Mapping[str, tuple[tuple[str, ...], ...]] = {
        "sales": (
            ("date", "product", "segment", "event", "quantity", "price"),
            (past, "Stalls", "adult", "Spring concert", "2", "39.00"),
            (past, "Stalls", "child", "Spring concert", "1", "19.50"),
            (past, "Mug", "", "", "3", "12.90"),
        ),
        "events": (
            ("event", "starts_at", "capacity", "venue"),
            ("Spring concert", f"{soon}T19:30Z", "420", "Town hall"),
            ("Summer night", f"{later}T20:00Z", "650", "Town hall"),
        ),
        "offers": (
            ("offer", "product", "segment", "event", "floor", "ceiling", "current_price", "ladder"),
            ("Stalls, adult", "Stalls", "adult", "Spring concert", "29.00", "59.00", "39.00", "29:59:1"),
            ("Stalls, child", "Stalls", "child", "Spring concert", "14.50", "29.50", "19.50", "14.5:29.5:1"),
            ("Mug", "Mug", "", "", "9.90", "16.90", "12.90", "9.9:16.9:0.5"),
        ),
        "resources": (("resource", "capacity"), ("Spring concert, stalls", "260"), ("Mugs in stock", "85")),
    }
    return files[table]


def template(table: str, today: date) -> str:
    """The example as a file, with every column that may be left blank."""
    names, *rows = example(table, today)
    columns = [each.name for each in TABLES[table].columns if each.name in names or each.blanks or each.default]
    text = io.StringIO(newline="")
    out = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    out.writeheader()
    out.writerows(dict(zip(names, row, strict=True)) for row in rows)
    return text.getvalue()
