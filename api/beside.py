"""What must stand beside a price, and what may: its total and fees, a reduction, disclosures, notice of a rise.

Guarantees
----------
* The total, mandatory fees included, is made from the price by the fees of the market; each fee is listed by its name.
* Where the market's law asks for it, no former price is shown that the history of prices does not bear out.
* A disclosure follows from the columns the price was made from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pricing.book import PriceInForce
from pricing.law import Law, MarketLaw
from pricing.lowest import Reduction, reduction
from pricing.model import ALL


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of how a price came about.

    Attributes
    ----------
    before : prices of the offer and channel that a reduction is measured by
    later : prices of the offer and channel that are known to come
    inputs : columns it was made from
    """

    before: Sequence[PriceInForce] = ()
    later: Sequence[PriceInForce] = ()
    inputs: frozenset[str] = frozenset()


def beside(price: PriceInForce, past: Past, law: Law) -> dict[str, Any]:
    """Fields of a price's answer that the law decides about."""
    market, currency = law.market(price.channel), price.currency
    fees = market.fees_on(price.price, currency)
    lowered = _reduction(price, past, market, law.time_zone)
    return {
        "total_price": f"{market.total(price.price, currency):f}",
        "fees": [{"name": name, "amount": f"{amount:f}"} for name, amount in fees],
        "market": law.shown_as(price.channel),
        "list_price": _list_price(price, lowered, market),
        "reduction": None if lowered is None else _told(lowered),
        "disclosures": law.disclosures(price.channel, sorted(past.inputs)),
        **_announced(price, past, market),
    }


def event_of(price: PriceInForce) -> str:
    """The event a price is for; "all" for goods."""
    return price.terms.get("event") or ALL


def _reduction(price: PriceInForce, past: Past, market: MarketLaw, time_zone: str) -> Reduction | None:
    """The reduction that this price is, in totals, as that is what buyers compare."""
    if not (days := market.reference_days(event_of(price))):
        return None
    rows = {
        (row.valid_from, row.valid_until, market.total(row.price, row.currency))
        for row in (*past.before, price)
        if row.currency == price.currency
    }
    return reduction(rows, price.valid_from, days=days, zone=ZoneInfo(time_zone))


def _told(lowered: Reduction) -> dict[str, Any]:
    return {
        "lowest_price": f"{lowered.lowest_price:f}",
        "since": lowered.since,
        "percent": lowered.percent,
        "days": lowered.days,
    }


def _list_price(price: PriceInForce, lowered: Reduction | None, market: MarketLaw) -> str | None:
    """The total before any discount: as the owner says, or as history bears it out where the law asks for that."""
    if (said := price.terms.get("list_price")) is None:
        return None
    total = market.total(Decimal(said), price.currency)
    if market.reference_days(event_of(price)) and (lowered is None or total != lowered.lowest_price):
        return None
    return f"{total:f}"


def _announced(price: PriceInForce, past: Past, market: MarketLaw) -> dict[str, Any]:
    """Prices that are known to come, and between which the price lies from now on, where the market asks for notice."""
    if not (notice := market.notice(event_of(price))):
        return {"tier_notice": None, "price_range": None}
    totals = [market.total(row.price, row.currency) for row in (price, *past.later)]
    coming = [
        {"price": f"{row.price:f}", "total_price": f"{total:f}", "valid_from": row.valid_from}
        for row, total in zip(past.later, totals[1:], strict=True)
    ]
    return {
        "tier_notice": {"hours": notice / timedelta(hours=1), "coming": coming},
        "price_range": {"lowest": f"{min(totals):f}", "highest": f"{max(totals):f}"},
    }
