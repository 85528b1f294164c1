"""What an owner offers, as the price book takes it: names that are known, prices that are in force, ends of sale."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import pandas as pd

from pricing.book import Listing
from pricing.model import ALL, Offer


def starts_of(events: pd.DataFrame) -> dict[str, datetime]:
    """When each event begins, by its name."""
    starts = [start.to_pydatetime() for start in events["starts_at"]] if len(events) else []
    return dict(zip(events["event"], starts, strict=True))


def places_of(events: pd.DataFrame) -> dict[str, float]:
    """How many places each event has, where it is told [units]."""
    if "capacity" not in events:
        return {}
    told = events.dropna(subset=["capacity"])
    return dict(zip(told["event"], told["capacity"].astype(float), strict=True))


def listings_of(offers: Iterable[Offer], events: pd.DataFrame) -> list[Listing]:
    """Offers as they are entered in the price book; those of an event leave sale when it begins."""
    starts = starts_of(events)
    return [Listing(offer, starts.get(offer.event)) for offer in offers]


def at_prices_in_force(
    offers: pd.DataFrame, before: pd.DataFrame, in_force: Mapping[tuple[str, str], Decimal]
) -> pd.DataFrame:
    """Offers whose price is not restated take the one in force, so that a file may be brought again later.

    A price that differs both from the last file and from the book is left as it is, and the book refuses it.

    Parameters
    ----------
    before : the offers as they were brought last
    """
    stated = dict(zip(before["offer"], before.get("current_price", []), strict=True))
    rows = zip(offers["offer"], offers["channel"], offers["current_price"], strict=True)
    prices = [in_force.get((o, c), price) if stated.get(o) == price else price for o, c, price in rows]
    return offers.assign(current_price=pd.Series(prices, index=offers.index, dtype=object))


def unknown_names(offers: Sequence[Offer], events: Iterable[str], resources: Iterable[str]) -> list[str]:
    """Events and resources that offers name and nobody declared; a slip there would lift a limit in silence."""
    known_events, known_resources = {ALL, *events}, {None, *resources}
    missing: list[tuple[str, str | None]] = [
        ("event", offer.event) for offer in offers if offer.event not in known_events
    ]
    missing += [("resource", offer.resource) for offer in offers if offer.resource not in known_resources]
    return [f"there is no {kind} {name}; ingest {kind}s first" for kind, name in dict.fromkeys(missing)]
