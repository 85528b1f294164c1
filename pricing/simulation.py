"""A market with known truth: a season of events in several venues, and a small shop.

Guarantees
----------
* The same `now` and `rng` give the same season, row for row.
* Sales never exceed what was on sale; a row that sold all it could has `quantity == available`.
* Truth is kept apart from what a user would see: nothing in the tables tells it.

Where prices come from matters as much as how buyers react. Most offers here follow a price calendar drawn before the
season, so their price moves for reasons of its own. The VIP price follows demand, and two prices never move: no method
can learn the price response of these three from sales, and an engine that claims to is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pricing.demand import DemandCurves, Evidence, Identification, constant_elasticity
from pricing.model import ALL, Offer
from pricing.money import as_floats

Vector = NDArray[np.float64]

CURRENCY = "EUR"
SALE_DAYS = 60
"""Tickets go on sale this long before the event [days]."""
HISTORY_DAYS = 540
"""The shop's history [days]."""
PAST_EVENTS, COMING_EVENTS = 28, 12


@dataclass(frozen=True, slots=True)
class Venue:
    """Seats per ticket type, and how its size and price level compare with the others."""

    name: str
    seats: dict[str, int]
    crowd: float
    price_level: float


@dataclass(frozen=True, slots=True)
class Audience:
    """Buyers of one ticket type or product: the truth an estimator must find.

    Attributes
    ----------
    demand : mean units over a whole sale (events) or a day (shop) at `price`, in a venue with crowd 1 [units]
    pricing : where its past prices came from: "calendar", "follows demand" or "constant"
    """

    product: str
    segment: str
    price: float
    elasticity: float
    demand: float
    pricing: str = "calendar"
    unit_cost: float = 0.0


VENUES = (
    Venue("Harbour Hall", {"Stalls": 260, "Balcony": 120, "VIP": 70}, crowd=1.0, price_level=1.0),
    Venue("Glass Theatre", {"Stalls": 180, "Balcony": 80, "VIP": 50}, crowd=0.75, price_level=1.15),
    Venue("Old Mill", {"Stalls": 110, "Balcony": 50, "VIP": 30}, crowd=0.45, price_level=0.85),
    Venue("Park Stage", {"Stalls": 420, "Balcony": 160, "VIP": 90}, crowd=1.4, price_level=0.9),
)
TICKETS = (
    Audience("Stalls", "adult", 42.0, -1.4, 150.0),
    Audience("Stalls", "student", 24.0, -2.4, 62.0),
    Audience("Balcony", "adult", 28.0, -1.7, 60.0),
    Audience("Balcony", "student", 18.0, -2.1, 40.0, "constant"),
    Audience("VIP", "adult", 95.0, -1.2, 40.0, "follows demand"),
)
GOODS = (
    Audience("Programme", ALL, 6.0, -1.6, 22.0, unit_cost=1.5),
    Audience("Poster", ALL, 14.0, -2.2, 9.0, unit_cost=3.0),
    Audience("T-shirt", ALL, 24.0, -2.8, 7.0, unit_cost=9.0),
    Audience("Mug", ALL, 11.0, -1.9, 8.0, unit_cost=3.5),
    Audience("Tote bag", ALL, 9.0, -2.5, 10.0, "constant", unit_cost=2.5),
)
BUZZ_LASTS, BUZZ_STEP = 0.9, 0.25
"""Day-to-day persistence and spread of the talk about an event, in logs of VIP demand."""
HOLIDAYS = ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))
"""(month, day) on which more people come."""


@dataclass(frozen=True, slots=True)
class Season:
    """What a user would upload, and beside it the truth.

    Attributes
    ----------
    sales, events, offers, resources, calendar : tables as users bring them (see `pricing.tables`)
    elasticity : (product, segment) -> true d ln(units) / d ln(price)
    appetite : offer id -> (true mean units still to come at `reference`, `reference` price)
    """

    sales: pd.DataFrame
    events: pd.DataFrame
    offers: pd.DataFrame
    resources: pd.DataFrame
    calendar: pd.DataFrame
    elasticity: dict[tuple[str, str], float]
    appetite: dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class TrueMarket:
    """The demand model that knows the truth: what the engine would do with perfect knowledge."""

    season: Season
    version: str = "truth"

    def curves(self, offers: Sequence[Offer]) -> DemandCurves:
        """True mean demand, one draw, at every step of each ladder."""
        units = np.zeros((1, len(offers), max(len(offer.ladder) for offer in offers)))
        evidence = []
        for i, offer in enumerate(offers):
            mean, reference = self.season.appetite[offer.id]
            slope = self.season.elasticity[offer.key]
            curve = constant_elasticity(
                np.array([mean]), np.array([slope]), reference, as_floats(offer.ladder).tolist()
            )
            units[0, i, : len(offer.ladder)] = curve
            evidence.append(Evidence(Identification.IDENTIFIED, slope, 0.0, "known", "truth"))
        return DemandCurves(
            tuple(offer.id for offer in offers), tuple(offer.ladder for offer in offers), units, tuple(evidence)
        )


def booking_share() -> Vector:
    """(SALE_DAYS,) share of buyers who come 60, 59, ..., 1 days before the event: a first rush, then a rising end."""
    lead = np.arange(SALE_DAYS, 0, -1)
    share = 0.6 * np.exp(-(SALE_DAYS - lead) / 4.0) + np.exp(-lead / 14.0) + 0.15
    return np.asarray(share / share.sum())


def simulate(*, now: datetime, rng: np.random.Generator) -> Season:
    """Play a season whose past ends the day before `now` (UTC) and whose coming events are partly sold."""
    today = pd.Timestamp(now.date())
    nights = _nights(today, rng)
    sales: list[dict[str, object]] = []
    offers: list[dict[str, object]] = []
    appetite: dict[str, tuple[float, float]] = {}
    for night in nights:
        days = min(SALE_DAYS, (today - night.on_sale).days)
        rows = _sell_tickets(night, days, rng)
        sales += rows
        if days < SALE_DAYS:
            offers += _ticket_offers(night, rows)
            appetite |= _appetite_for(night, days)
    for item in GOODS:
        rows, still_to_come = _sell_goods(item, today, rng)
        sales += rows
        offer = _offer(item, item.price, float(str(rows[-1]["price"])), event=ALL)
        offers.append(offer)
        appetite[str(offer["offer"])] = (still_to_come, item.price)
    coming = [night for night in nights if night.day > today]
    return Season(
        sales=pd.DataFrame(sales).sort_values(["date", "event", "product", "segment"], ignore_index=True),
        events=pd.DataFrame([night.row() for night in nights]),
        offers=pd.DataFrame(offers),
        resources=pd.DataFrame(
            [{"resource": night.room(kind), "capacity": n} for night in coming for kind, n in night.venue.seats.items()]
        ),
        calendar=_calendar(today),
        elasticity={(who.product, who.segment): who.elasticity for who in (*TICKETS, *GOODS)},
        appetite=appetite,
    )


@dataclass(frozen=True, slots=True)
class _Night:
    """An event with its hidden appeal."""

    name: str
    day: pd.Timestamp
    venue: Venue
    category: str
    appeal: float

    @property
    def on_sale(self) -> pd.Timestamp:
        return self.day - pd.Timedelta(days=SALE_DAYS)

    def room(self, ticket_type: str) -> str:
        return f"{self.name} / {ticket_type}"

    def base_price(self, who: Audience) -> float:
        return who.price * self.venue.price_level

    def crowd(self, who: Audience) -> float:
        """Mean buyers over the whole sale at the base price."""
        return who.demand * self.venue.crowd * self.appeal

    def row(self) -> dict[str, object]:
        return {
            "event": self.name,
            "starts_at": self.day.tz_localize("UTC") + pd.Timedelta(hours=18, minutes=30),
            "on_sale_at": self.on_sale.tz_localize("UTC"),
            "capacity": sum(self.venue.seats.values()),
            "venue": self.venue.name,
            "category": self.category,
        }


def _nights(today: pd.Timestamp, rng: np.random.Generator) -> list[_Night]:
    """Past events over a year, and coming ones within the sale window, so that each is partly sold."""
    past = np.sort(rng.choice(np.arange(3, 330), PAST_EVENTS, replace=False))[::-1]
    coming = np.sort(rng.choice(np.arange(5, SALE_DAYS - 3), COMING_EVENTS, replace=False))
    nights = []
    for number, offset in enumerate([*(-past), *coming], start=1):
        day = today + pd.Timedelta(days=int(offset))
        venue = VENUES[int(rng.integers(len(VENUES)))]
        category = "concert" if rng.random() < 0.5 else "comedy"
        appeal = float(rng.lognormal(-0.05, 0.32)) * (1.25 if _festive(day) else 1.0)
        nights.append(_Night(f"Night {number:02d}", day, venue, category, appeal))
    return nights


def _festive(day: pd.Timestamp) -> bool:
    return day.day_of_week in {4, 5} or (day.month, day.day) in HOLIDAYS


def _sell_tickets(night: _Night, days: int, rng: np.random.Generator) -> list[dict[str, object]]:
    """The first `days` days of one event's sale, buyers of the audiences arriving in random order."""
    share, left, rows = booking_share(), dict(night.venue.seats), []
    path = {who: _price_path(who, night.venue.price_level, days, rng) for who in TICKETS}
    buzz = 0.0
    for day in range(days):
        # The VIP price chases yesterday's buzz, which lasts, and which the analyst does not see: the trap.
        chased, buzz = buzz, BUZZ_LASTS * buzz + BUZZ_STEP * float(rng.standard_normal())
        for who in (TICKETS[i] for i in rng.permutation(len(TICKETS))):
            base, mean = night.base_price(who), night.crowd(who) * share[day]
            price = float(path[who][day])
            if who.pricing == "follows demand":
                price = round(base * float(np.clip(np.exp(0.4 * chased), 0.72, 1.32)) * 2) / 2
                mean *= float(np.exp(buzz - 0.5 * BUZZ_STEP**2 / (1 - BUZZ_LASTS**2)))
            wanted = int(rng.poisson(mean * (price / base) ** who.elasticity))
            sold = min(wanted, left[who.product])
            rows.append(_row(night.on_sale + pd.Timedelta(days=day), who, night.name, price, sold, left[who.product]))
            left[who.product] -= sold
    return rows


def _ticket_offers(night: _Night, rows: list[dict[str, object]]) -> list[dict[str, object]]:
    last = {(row["product"], row["segment"]): float(str(row["price"])) for row in rows}
    return [
        _offer(
            who,
            night.base_price(who),
            last[who.product, who.segment],
            event=night.name,
            resource=night.room(who.product),
        )
        for who in TICKETS
    ]


def _appetite_for(night: _Night, days: int) -> dict[str, tuple[float, float]]:
    rest = float(booking_share()[days:].sum())
    return {_offer_id(who, night.name): (night.crowd(who) * rest, night.base_price(who)) for who in TICKETS}


def _sell_goods(item: Audience, today: pd.Timestamp, rng: np.random.Generator) -> tuple[list[dict[str, object]], float]:
    """The shop's daily sales of one product, and its true mean demand of the coming 28 days at the usual price."""
    dates = pd.date_range(today - pd.Timedelta(days=HISTORY_DAYS), periods=HISTORY_DAYS + 28, freq="D")
    season = 1 + 0.25 * np.cos(2 * np.pi * (dates.day_of_year.to_numpy() - 350) / 365.25)
    weekday = np.array([0.8, 0.8, 0.9, 1.0, 1.3, 1.5, 0.7])[dates.day_of_week]
    festive = np.where([(day.month, day.day) in HOLIDAYS for day in dates], 1.6, 1.0)
    mean = item.demand * season * weekday * festive
    past = slice(HISTORY_DAYS)
    price = _price_path(item, 1.0, HISTORY_DAYS, rng)
    wanted = rng.poisson(mean[past] * (price / item.price) ** item.elasticity * rng.gamma(12, 1 / 12, HISTORY_DAYS))
    stock = np.where(rng.random(HISTORY_DAYS) < 0.04, rng.integers(0, 8, HISTORY_DAYS), 200)
    rows = [
        _row(day, item, ALL, float(p), int(min(w, s)), int(s))
        for day, p, w, s in zip(dates[past], price, wanted, stock, strict=True)
    ]
    return rows, float(mean[HISTORY_DAYS:].sum())


def _price_path(who: Audience, level: float, days: int, rng: np.random.Generator) -> Vector:
    """(days,) prices charged: constant, or a calendar drawn beforehand that moves every one to two weeks."""
    base = who.price * level
    if who.pricing != "calendar":
        return np.full(max(days, 1), round(base * 2) / 2)
    moves = np.repeat(rng.normal(0.0, 0.13, days // 7 + 2), rng.integers(7, 15, days // 7 + 2))[: max(days, 1)]
    return np.asarray(np.round(base * np.exp(np.clip(moves, -0.28, 0.24)) * 2) / 2)


def _row(  # noqa: PLR0917  # the columns of a sales row, in their order
    day: pd.Timestamp, who: Audience, event: str, price: float, sold: int, available: int
) -> dict[str, object]:
    return {
        "date": day,
        "product": who.product,
        "segment": who.segment,
        "event": event,
        "quantity": sold,
        "price": price,
        "currency": CURRENCY,
        "available": available,
    }


def _offer_id(who: Audience, event: str) -> str:
    return f"Shop / {who.product}" if event == ALL else f"{event} / {who.product} / {who.segment}"


def _offer(who: Audience, base: float, price: float, *, event: str, resource: str = "") -> dict[str, object]:
    """An offer row as a user would upload it: bounds 30 % around the usual price, steps of 50 cents."""
    low, high = (Decimal(round(base * factor * 2)) / 2 for factor in (0.7, 1.35))
    return {
        "offer": _offer_id(who, event),
        "product": who.product,
        "segment": who.segment,
        "event": event,
        "currency": CURRENCY,
        "unit_cost": f"{who.unit_cost:.2f}",
        "floor": f"{low:.2f}",
        "ceiling": f"{high:.2f}",
        "current_price": f"{price:.2f}",
        "ladder": f"{low:.2f}:{high:.2f}:0.50",
        "resource": resource,
    }


def _calendar(today: pd.Timestamp) -> pd.DataFrame:
    days = pd.date_range(today - timedelta(days=HISTORY_DAYS), today + timedelta(days=SALE_DAYS), freq="D")
    return pd.DataFrame({"date": [d for d in days if (d.month, d.day) in HOLIDAYS], "name": "public holiday"})
