"""Price feeds: every price in force, in the forms that advertising platforms, shops and search engines read.

Guarantees
----------
* A feed is made from the snapshot that the API answers from: at one version of the book they agree, price for price.
* What stands in a feed is text, never markup, and never a formula to a spreadsheet.
* Its price is the total, mandatory fees included.
* A former price stands beside a lower one only where the history of prices bears it out (docs/decisions/0013).
* A price that needs a disclosure is left out of the feeds that have no place for one.

The feeds of Google and Meta are supplemental: they join the shop's own product feed by `id` and carry what changes.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from xml.etree import ElementTree as ET

import msgspec

from api.served.snapshot import Entry, View
from api.spreadsheet import as_csv
from pricing.law import REFERENCE_DAYS

GOOGLE = "http://base.google.com/ns/1.0"
UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold (section 2.2), written or escaped."""


class Lowered(msgspec.Struct, frozen=True):
    """A reduction, as the API says it."""

    lowest_price: str
    days: int


class Listed(msgspec.Struct, frozen=True):
    """A price in force, as the API says it."""

    offer: str
    channel: str
    total_price: str
    price: str
    currency: str
    version: int
    valid_from: str
    valid_until: str | None
    product: str
    segment: str
    event: str
    market: str | None = None
    reduction: Lowered | None = None
    disclosures: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What is sold, to whom and for what: the parts that say something."""
        return ", ".join(part for part in (self.product, self.event, self.segment) if part not in {"", "all"})

    @property
    def cost(self) -> str:
        """What a buyer pays, the way both platforms write money."""
        return f"{self.total_price} {self.currency}"

    @property
    def former_cost(self) -> str | None:
        """What buyers paid at least in all of the days that count; None if there is nothing to compare with."""
        if self.reduction is None or self.reduction.days < REFERENCE_DAYS:
            return None
        return f"{self.reduction.lowest_price} {self.currency}"

    @property
    def row(self) -> dict[str, object]:
        """What stands in a row of a table."""
        lowest = None if self.reduction is None else self.reduction.lowest_price
        beside = {"lowest_price": lowest, "disclosures": "; ".join(self.disclosures)}
        return {name: value for name, value in msgspec.structs.asdict(self).items() if name != "reduction"} | beside


class Form(StrEnum):
    """The feeds there are, by the last part of their address."""

    GOOGLE = "google.xml"
    META = "meta.csv"
    JSON = "prices.json"
    CSV = "prices.csv"
    JSON_LD = "offers.jsonld"


@dataclass(frozen=True, slots=True)
class Feed:
    """How one feed is written: its media type, and its bytes made from prices."""

    media_type: str
    write: Callable[[View, Sequence[Entry]], bytes]


def feed(form: Form, view: View, channel: str | None = None) -> bytes:
    """The feed of this form for one version of the book.

    Parameters
    ----------
    channel : where it is sold. Left out: every channel of every offer in `prices.json` and `prices.csv`; in the others,
        which hold an offer once, the price for all channels or the only one there is, and no offer that has several.
    """
    entries = view.snapshot.entries
    if channel is not None or form not in {Form.JSON, Form.CSV}:
        offers = dict.fromkeys(entry.offer for entry in entries)
        entries = tuple(entry for offer in offers if (entry := view.snapshot.find(offer, channel)) is not None)
    return FEEDS[form].write(view, entries)


def _listed(entries: Sequence[Entry]) -> Iterator[Listed]:
    return (msgspec.json.decode(entry.price, type=Listed) for entry in entries)


def _advertised(entries: Sequence[Entry]) -> Iterator[Listed]:
    """Prices that may stand alone, where there is no place for a disclosure."""
    return (price for price in _listed(entries) if not price.disclosures)


def _google(view: View, entries: Sequence[Entry]) -> bytes:
    """RSS 2.0 with the attributes of Google's product data specification."""
    ET.register_namespace("g", GOOGLE)
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    _text(channel, "title", "Prices in force")
    _text(channel, "description", f"Version {view.snapshot.content.version} of the price book")
    for price in _advertised(entries):
        item = ET.SubElement(channel, "item")
        former = price.former_cost
        amounts = {"price": price.cost} if former is None else {"price": former, "sale_price": price.cost}
        for name, text in ({"id": price.offer, "title": price.title} | amounts).items():
            _text(item, f"{{{GOOGLE}}}{name}", text)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = UNPRINTABLE.sub("\ufffd", text)


def _meta(_view: View, entries: Sequence[Entry]) -> bytes:
    prices = _advertised(entries)
    return as_csv(META, ({"id": price.offer, "title": price.title, "price": price.cost} for price in prices))


def _prices_csv(_view: View, entries: Sequence[Entry]) -> bytes:
    return as_csv(TABLE, (price.row for price in _listed(entries)))


def _json(view: View, entries: Sequence[Entry]) -> bytes:
    prices = [entry.price for entry in entries]
    return msgspec.json.encode({"version": view.snapshot.content.version, "stale": view.stale, "items": prices})


def _json_ld(_view: View, entries: Sequence[Entry]) -> bytes:
    """A list of schema.org Offers, to be joined to a page's own Event or Product by `sku`."""
    offers = [
        {
            "@type": "Offer",
            "sku": price.offer,
            "name": price.title,
            "price": price.total_price,
            "priceCurrency": price.currency,
            "validFrom": price.valid_from,
        }
        | ({} if price.valid_until is None else {"priceValidUntil": price.valid_until})
        | ({} if not price.disclosures else {"description": " ".join(price.disclosures)})
        for price in _listed(entries)
    ]
    return msgspec.json.encode({"@context": "https://schema.org", "@graph": offers})


META = ("id", "title", "price")
TABLE = (
    *("offer", "channel", "total_price", "price", "currency", "version", "valid_from", "valid_until"),
    *("product", "segment", "event", "market", "lowest_price", "disclosures"),
)
FEEDS: Mapping[Form, Feed] = {
    Form.GOOGLE: Feed("application/rss+xml", _google),
    Form.META: Feed("text/csv", _meta),
    Form.JSON: Feed("application/json", _json),
    Form.CSV: Feed("text/csv", _prices_csv),
    Form.JSON_LD: Feed("application/ld+json", _json_ld),
}
