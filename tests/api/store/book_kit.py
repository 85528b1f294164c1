"""What the tests of the price book and of serving share: a small book with three prices on it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from api.store.book import PriceBook
from api.store.database import DATABASE_NAME, Place, open_database
from api.store.migrations import upgrade
from pricing.book import Decision, Listing, Proposal, Provenance, Verdict
from pricing.demand import Evidence, Identification
from pricing.law import NO_LAW
from pricing.model import Ladder, Offer
from pricing.outcome import Alternative, Explanation, Gain, Outcome
from pricing.overrides import Kind, Override
from pricing.policy import Policy

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
LADDER = Ladder.of(["10.00", "11.00", "12.00", "13.00"], "EUR")
OFFERS = tuple(
    Offer(
        id=f"hamlet-{segment}",
        product="hamlet",
        segment=segment,
        event="friday",
        currency="EUR",
        ladder=LADDER,
        floor=Decimal("10.00"),
        ceiling=Decimal("12.00"),
        current_price=Decimal("10.00"),
    )
    for segment in ("adult", "child", "senior")
)
IDS = tuple(offer.id for offer in OFFERS)
LISTINGS = tuple(map(Listing, OFFERS))
ALL_OF_IT = Decimal(1)
POLICY = Policy(step=ALL_OF_IT, weak_step=ALL_OF_IT, daily_cap=ALL_OF_IT, cumulative_cap=ALL_OF_IT)
"""Prices here jump about; what limits a move has tests of its own."""


def outcome(price: str) -> Outcome:
    """Some expectation at a price."""
    return Outcome(Decimal(price), 40.0, 30.0, 50.0, 400.0, 300.0, 500.0)


def decision(offer: str = IDS[0], price: str = "11.00", *, now: str = "10.00", **changed: Any) -> Decision:
    """A decision that moves (or, at an equal price, keeps) one price."""
    values: dict[str, Any] = {
        "offer": offer,
        "channel": "all",
        "currency": "EUR",
        "in_force": Decimal(now),
        "wanted": Decimal(price),
        "allowed": Decimal(price),
        "floor": Decimal("10.00"),
        "ceiling": Decimal("12.00"),
        "ladder": LADDER,
        "verdict": Verdict.KEEP if Decimal(price) == Decimal(now) else Verdict.MOVE,
        "reasons": (f"because {price} earns more",),
        "evidence": Evidence(Identification.IDENTIFIED, -1.4, 0.2, "40 price changes", "poisson"),
        "now": outcome(now),
        "then": outcome(price if Decimal(price).is_finite() else now),
        "gain": Gain(20.0, -5.0, 45.0, 0.1),
        "explanation": Explanation(
            higher=Alternative(outcome("12.00"), 400.0, Gain(0.0, -9.0, 9.0, 0.5), "it is a test")
        ),
    }
    return Decision(**(values | changed))


def proposal(*decisions: Decision, name: str = "p1", base: int = 1, at: datetime = NOW, by: str = "ann") -> Proposal:
    """A proposal that lives for a day."""
    made_from = Provenance("ab12", "fit-1", "optimal by highs", sales_until=at - DAY, fitted_at=at)
    return Proposal(name, by, at, at + DAY, made_from, decisions, base)


def override(
    kind: Kind = Kind.CEILING,
    amount: str = "11.00",
    *,
    offer: str = IDS[0],
    days: float = 7,
    at: datetime = NOW,
    by: str = "Ann",
) -> Override:
    """An override for some days."""
    until = at + timedelta(days=days)
    price = Decimal(amount)
    return Override(offer=offer, kind=kind, amount=price, currency="EUR", until=until, reason="promised", by=by, at=at)


Home = Path | str
"""The folder of a file, or the URL of a PostgreSQL database."""


def place_in(home: Home) -> Place:
    """Where a home's database is."""
    return home if isinstance(home, str) else home / DATABASE_NAME


def new_book(home: Home) -> PriceBook:
    """A price book on an empty database."""
    engine = open_database(place_in(home))
    upgrade(engine)
    return PriceBook(engine)


def book_with_prices(home: Home) -> PriceBook:
    """A book at version 1: each of three offers costs 10.00."""
    book = new_book(home)
    book.import_offers(LISTINGS, by="ann", now=NOW)
    return book


def publish(book: PriceBook, *decisions: Decision, name: str = "p1", at: datetime = NOW) -> int:
    """Propose, approve and publish; returns the version."""
    book.propose(proposal(*decisions, name=name, base=book.version(), at=at))
    book.approve(name, by="bob", now=at)
    return put_in_force(book, name, at=at)


def put_in_force(book: PriceBook, name: str = "p1", *, at: datetime = NOW, begins: datetime | None = None) -> int:
    """Publish what is approved; returns the version."""
    return book.publish(name, by="bob", now=at, policy=POLICY, law=NO_LAW, at=begins)


def price_list(book: PriceBook) -> dict[str, str]:
    """The latest price of each offer, as text."""
    return {price.offer: str(price.price) for price in book.prices_in_force()}
