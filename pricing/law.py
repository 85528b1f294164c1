"""The law of the markets in which prices are shown: what must stand beside a price, and what may not be published.

Guarantees
----------
* A price belongs to one market, by the channel it is sold in. One that could belong to several is not published, and
  what is shown of a price that belongs to none is what the strictest market would allow.
* What a country's law asks for is on unless the owner has switched it off; docs/law.md names each statute, and what is
  not covered. Nothing here is legal advice.
* A disclosure follows from what a price was made from. Nobody types it in, and nobody can leave it out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Protocol

from pricing.book import Listing, Proposal, Verdict
from pricing.model import ALL
from pricing.money import minor_digits
from pricing.names import is_personal

EU = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())  # noqa: SIM905
"""ISO 3166 codes of the member states of the European Union."""
REFERENCE_DAYS = 30
"""The least of directive 98/6/EC, article 6a(2) [days]."""
NOTICE_HOURS = 24.0
"""What a seller of tickets undertook towards the UK's CMA on 25 September 2025 [hours]."""
MOST_DAYS, MOST_HOURS = 366, 24.0 * 31
SLIPS = {"UK": "GB", "EL": "GR"}
"""What is often written for an ISO 3166 code, and the code."""


class Sold(StrEnum):
    """What a market is offered; an offer for an event is a ticket in each."""

    GOODS = "goods"
    TICKETS = "tickets"


class Regime(StrEnum):
    """Whose rules a disclosure follows."""

    EU = "eu"
    NEW_YORK = "new-york"
    CONNECTICUT = "connecticut"


PLAIN = "This price was personalised on the basis of automated decision-making."
"""In the words of directive 2011/83/EU, article 6(1)(ea); stands wherever no other words are asked for."""
WORDS = {
    Regime.EU: PLAIN,
    Regime.NEW_YORK: "THIS PRICE WAS SET BY AN ALGORITHM USING YOUR PERSONAL DATA",
    Regime.CONNECTICUT: PLAIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A fee no buyer can avoid, on top of each price (docs/decisions/0007).

    Attributes
    ----------
    name : as buyers read it
    amount : for each unit, in the currency of the workspace [currency]
    share : of the price, rounded half up to the currency's decimals
    """

    name: str
    amount: Decimal = Decimal(0)
    share: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("a fee has no name")
        if not (
            self.amount.is_finite() and self.share.is_finite() and 0 <= self.amount < 10**9 and 0 <= self.share < 1
        ):
            raise ValueError(f"fee {self.name}: amount is not negative, and share lies in [0, 1)")

    def on(self, price: Decimal, currency: str) -> Decimal:
        """What it comes to."""
        cent = Decimal(1).scaleb(-minor_digits(currency))
        return (self.amount + price * self.share).quantize(cent, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketLaw:
    """The law of one market.

    Attributes
    ----------
    name : what it is called beside a price
    country : ISO 3166 code; none: no country's law is known to apply
    region : part of the country with a law of its own, by its ISO 3166-2 code without the country: NY of US-NY. Without
        it, every region's law is taken to apply
    channels : where its prices are sold; empty: every channel that no other market names
    sells : "goods" or "tickets"; an offer for an event is a ticket in either
    fees : fees no buyer can avoid, each with its name
    lowest_price_days : a former price is shown beside a lower one only if it is the lowest of so many days before the
        reduction [days]; 0: no such rule; left out: 30 for goods in the European Union
    tier_notice_hours : a rise is announced so long before it begins, and the range of prices is shown [hours]; 0: no
        such rule; left out: 24 for tickets in GB
    disclosures : whose words stand beside a price made from personal data: "eu", "new-york", "connecticut"; left out:
        those of the country and region. Without any, a plain sentence stands there
    competitor_prices : whether tables with prices of competitors may be brought, each row with its source and when
        it was observed
    """

    name: str
    country: str | None = None
    region: str | None = None
    channels: tuple[str, ...] = ()
    sells: Sold = Sold.GOODS
    fees: tuple[Fee, ...] = ()
    lowest_price_days: int | None = None
    tier_notice_hours: float | None = None
    disclosures: tuple[Regime, ...] | None = None
    competitor_prices: bool = False

    def __post_init__(self) -> None:
        days, hours = self.lowest_price_days or 0, self.tier_notice_hours or 0.0
        names = [fee.name for fee in self.fees]
        problems = {
            "it has no name": not self.name.strip(),
            f"country {self.country} is written {SLIPS.get(self.country or '')}": self.country in SLIPS,
            f"country {self.country!r} is no ISO 3166 code (for example DE)": self.country is not None
            and not re.fullmatch("[A-Z]{2}", self.country),
            f"region {self.region!r} is no part of a country (for example NY)": self.region is not None
            and not (self.country and re.fullmatch("[A-Z0-9]{1,3}", self.region)),
            "a channel is named twice": len(set(self.channels)) < len(self.channels),
            f'"{ALL}" is no channel of one market': ALL in self.channels,
            "two fees have one name": len(set(names)) < len(names),
            f"lowest_price_days {days} is not 0 to {MOST_DAYS}": not 0 <= days <= MOST_DAYS,
            f"lowest_price_days {days} is less than the {REFERENCE_DAYS} of the law": self.country in EU
            and 0 < days < REFERENCE_DAYS,
            f"tier_notice_hours {hours} is not 0 to {MOST_HOURS:.0f}": not 0 <= hours <= MOST_HOURS,
        }
        if found := [f"market {self.name}: {text}" for text, wrong in problems.items() if wrong]:
            raise ValueError("; ".join(found))

    def sells_tickets(self, event: str) -> bool:
        """Whether an offer is a ticket here."""
        return self.sells is Sold.TICKETS or event != ALL

    def reference_days(self, event: str) -> int:
        """How far back the lowest price counts that may stand beside a lower one [days]; 0: no such rule."""
        if self.lowest_price_days is not None:
            return self.lowest_price_days
        return REFERENCE_DAYS if self.country in EU and not self.sells_tickets(event) else 0

    def notice(self, event: str) -> timedelta:
        """How long before it begins a rise is announced; zero: no such rule."""
        if self.tier_notice_hours is not None:
            return timedelta(hours=self.tier_notice_hours)
        return timedelta(hours=NOTICE_HOURS if self.country == "GB" and self.sells_tickets(event) else 0.0)

    def fees_on(self, price: Decimal, currency: str) -> tuple[tuple[str, Decimal], ...]:
        """Name and amount of each fee on a price."""
        return tuple((fee.name, fee.on(price, currency)) for fee in self.fees)

    def total(self, price: Decimal, currency: str) -> Decimal:
        """What a buyer pays in the end."""
        return price + sum((amount for _, amount in self.fees_on(price, currency)), Decimal(0))

    @property
    def regimes(self) -> tuple[Regime, ...]:
        """Whose words stand beside a price made from personal data."""
        if self.disclosures is not None:
            return self.disclosures
        states = {"NY": Regime.NEW_YORK, "CT": Regime.CONNECTICUT}
        if self.country == "US":
            return tuple(regime for state, regime in states.items() if self.region in {None, state})
        return (Regime.EU,) if self.country in EU else ()


NOWHERE = MarketLaw(name="none", lowest_price_days=REFERENCE_DAYS)
"""What holds for a channel that is in no market: nothing is shown that some market would not allow."""


class Priced(Protocol):
    """Anything that says which price is in force."""

    @property
    def price(self) -> Decimal:
        """The price."""


@dataclass(frozen=True, slots=True)
class Law:
    """The markets of an owner, and what counts as personal data there.

    Attributes
    ----------
    markets : none: no law is known to apply
    personal : columns with personal data, besides those that are always taken for it (docs/law.md)
    time_zone : IANA zone in which days begin
    currency : of the amounts of fees (ISO 4217)
    """

    markets: tuple[MarketLaw, ...] = ()
    personal: tuple[str, ...] = ()
    time_zone: str = "UTC"
    currency: str = "EUR"

    def __post_init__(self) -> None:
        names = [market.name for market in self.markets]
        channels = [channel for market in self.markets for channel in market.channels]
        problems = {
            "two markets have one name": len(set(names)) < len(names),
            "a channel is in two markets": len(set(channels)) < len(channels),
            "two markets name no channels": sum(not market.channels for market in self.markets) > 1,
        }
        if found := [text for text, wrong in problems.items() if wrong]:
            raise ValueError("; ".join(found))

    def market(self, channel: str) -> MarketLaw:
        """The market of a channel; `NOWHERE` if it has none, or could have several."""
        if not self.markets:
            return UNKNOWN
        rest = next((market for market in self.markets if not market.channels), NOWHERE)
        if channel == ALL:
            return rest if len(self.markets) == 1 else NOWHERE
        return next((market for market in self.markets if channel in market.channels), rest)

    def shown_as(self, channel: str) -> str | None:
        """What the market is called beside a price; None where there are not several, or it is in none."""
        market = self.market(channel)
        return market.name if len(self.markets) > 1 and market is not NOWHERE else None

    def disclosures(self, channel: str, inputs: Iterable[str]) -> tuple[str, ...]:
        """What must stand beside a price made from these columns."""
        if not any(column in self.personal or is_personal(column) for column in inputs):
            return ()
        return tuple(dict.fromkeys(WORDS[regime] for regime in self.market(channel).regimes)) or (PLAIN,)

    @property
    def competitor_prices(self) -> bool:
        """Whether tables may hold prices of competitors: one market's estimate is every market's."""
        return bool(self.markets) and all(market.competitor_prices for market in self.markets)


UNKNOWN = MarketLaw(name="any")
"""What holds where the owner has named neither market nor country."""
NO_LAW = Law()


def objections(
    proposal: Proposal,
    listings: Mapping[tuple[str, str], Listing],
    in_force: Mapping[tuple[str, str], Priced],
    law: Law,
    *,
    now: datetime,
    at: datetime | None = None,
) -> list[str]:
    """Every reason of law why the proposal may not be published.

    Parameters
    ----------
    listings : what is on sale, by offer and channel
    in_force : what is in force when the proposed prices begin
    at : when they begin; None: now
    """
    moved = [decision for decision in proposal.decisions if decision.verdict is Verdict.MOVE]
    found = unclear(((decision.offer, decision.channel, decision.currency) for decision in moved), law)
    for decision in moved:
        listing, before = listings.get(decision.key), in_force.get(decision.key)
        market = law.market(decision.channel)
        notice = market.notice(ALL if listing is None else listing.offer.event)
        if before is not None and decision.allowed > before.price and (at or now) < now + notice:
            first = now + notice + timedelta(minutes=1)
            found.append(
                f"{decision.offer} rises to {decision.allowed}, which market {market.name} wants announced "
                f"{notice / timedelta(hours=1):g} hours ahead: let it begin at {first:%Y-%m-%dT%H:%MZ} or later"
            )
    return found


def unclear(priced: Iterable[tuple[str, str, str]], law: Law) -> list[str]:
    """Say where it is not clear what the law makes of an offer in a channel and currency."""
    names = ", ".join(market.name for market in law.markets)
    found = []
    for offer, channel, currency in priced:
        market = law.market(channel)
        if market is NOWHERE:
            place = "every channel" if channel == ALL else f"channel {channel}"
            found.append(
                f"whose law holds for {offer} in {place} is not clear: give it a channel of one of the markets {names}"
            )
        if currency != law.currency and (fees := [fee.name for fee in market.fees if fee.amount]):
            found.append(f"{offer} is in {currency}, but the amount of the fee {fees[0]} in {law.currency}")
    return found
