"""A season in fast motion against a running pretix: what prices are worth when Fairfare sets them.

Ten coming events of a simulated season are put on sale in a pretix of their own. Each day buyers whose true price
response is known look at the prices that pretix shows them and order through its API; Fairfare pulls what was sold,
learns anew every week, proposes prices under its guard rails, and what a manager approves is pushed. The same buyers
(the same random numbers) meet the starting prices beside it. pretix's clock cannot be moved, so the day is put in
where its movements are read.

Prints one JSON line. The interval is that of the gain over all events, from 10,000 bootstrap samples of the events.

    python benchmarks/pretix_season.py [DAYS]
"""

import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
from scipy.stats import poisson
from sqlalchemy import func, select

from api import syncing
from api.logs import configure
from api.settings import default_text
from api.shops import pretix
from api.shops.addresses import Guard, GuardedTransport
from api.shops.bucket import TokenBucket
from api.shops.client import Patience
from api.shops.credentials import Secret
from api.shops.journal import Journal
from api.shops.model import Demand, Movement
from api.shops.offers import Offers
from api.shops.shop import Shop
from api.store.database import open_database, reading
from api.store.tables import sales
from api.workspace import Workspace
from optimization import HighsOptimizer
from pricing.simulation import CURRENCY, SALE_DAYS, Season, booking_share, simulate
from tests.shops.pretix_kit import PretixShop, selling

EVENTS = 10
NOW = datetime(2027, 3, 1, 6, tzinfo=UTC)
SHARE = booking_share()


@dataclass(slots=True)
class Dated:
    """pretix, whose sales are of the day on which they are first pulled."""

    shop: pretix.Pretix
    today: datetime = NOW
    days: dict[str, datetime] = field(default_factory=dict)

    def pull_demand(self, since: str | None) -> Demand:
        """What was sold, each movement on its day."""
        found = self.shop.pull_demand(since)
        return Demand(tuple(self._on_its_day(each) for each in found.movements), found.cursor)

    def _on_its_day(self, movement: Movement) -> Movement:
        return replace(movement, at=self.days.setdefault(movement.id, self.today))

    def __getattr__(self, name: str) -> object:
        return getattr(self.shop, name)


@dataclass(frozen=True, slots=True)
class Buyers:
    """Who would buy an offer: on a day, at a price, by the truth of the season; the same for every price path."""

    season: Season
    begins: dict[str, pd.Timestamp]
    luck: dict[str, np.ndarray]

    def wanted(self, offer: str, event: str, day: int, price: Decimal) -> int:
        """Units wanted on a day (0: the first)."""
        lead = (self.begins[event] - pd.Timestamp(NOW.date())).days
        sold_days = SALE_DAYS - lead
        mean, reference = self.season.appetite[offer]
        share = SHARE[sold_days + day] / SHARE[sold_days:].sum()
        product, segment = offer.split(" / ")[1:]
        factor = (float(price) / reference) ** self.season.elasticity[product, segment]
        return int(poisson.ppf(self.luck[offer][day], mean * share * factor))


def main(days: int) -> None:
    """Play, and tell what came of it."""
    configure(as_json=False)
    began = time.monotonic()
    season = simulate(now=NOW, rng=np.random.default_rng(0))
    starts = season.events.set_index("event")["starts_at"].dt.tz_localize(None).dt.normalize()
    coming = sorted(starts[starts > pd.Timestamp(NOW.date())].sort_values().index[:EVENTS])
    season = replace(season, offers=season.offers[season.offers["event"].isin(coming)].reset_index(drop=True))
    rng = np.random.default_rng(1)
    luck = {offer: rng.random(days) for offer in season.offers["offer"]}
    buyers = Buyers(season, {event: starts[event] for event in coming}, luck)
    with tempfile.TemporaryDirectory() as scratch, selling(Path(scratch)) as running:
        played = Played.begin(running, Path(scratch) / "season", season)
        for day in range(days):
            played.day(day, buyers)
            print(f"day {day + 1}: {played.units} units sold, {time.monotonic() - began:.0f} s", file=sys.stderr)
        told = played.told(buyers, days)
    print(
        json.dumps({"benchmark": "season in pretix", "days": days, **told, "seconds": round(time.monotonic() - began)})
    )


@dataclass(slots=True)
class Played:
    """The season as it goes on in pretix and in a workspace."""

    running: PretixShop
    place: Workspace
    connector: Dated
    shop: Shop
    season: Season
    offers: Offers
    left: dict[str, int]
    units: int = 0
    refused: int = 0
    out_of_bounds: int = 0
    moves: int = 0

    @classmethod
    def begin(cls, running: PretixShop, folder: Path, season: Season) -> "Played":
        """Bring the season's past into a workspace, and put what is coming on sale."""
        text = default_text(currency=CURRENCY, time_zone="UTC", country="DE", order=(("student", "adult"),))
        place = Workspace.create(folder, text)
        for kind in ("events", "resources", "offers", "calendar", "sales"):
            getattr(season, kind).to_csv(folder / f"{kind}.csv", index=False)
            place.ingest(kind, folder / f"{kind}.csv", by="manager", now=NOW)
        sold = season.sales.groupby(["event", "product"])["quantity"].sum()
        rooms = season.resources.set_index("resource")["capacity"]
        left = {room: int(rooms[room] - sold.get(tuple(room.split(" / ")), 0)) for room in season.offers["resource"]}
        at = dict(put_on_sale(running, season, left))
        connector = Dated(
            pretix.connect(
                running.address,
                "hosts",
                sorted({slug_of(event) for event in season.offers["event"]}),
                secret=Secret(running.secret),
                transport=GuardedTransport(Guard((ip_network("127.0.0.1/32"),))),
                bucket=TokenBucket(6e6, burst=1000),
                patience=Patience(),
            )
        )
        shop = Shop(connector, Journal(folder / "shops" / "journal.jsonl"))  # type: ignore[arg-type]  # the rest is pretix's
        return cls(running, place, connector, shop, season, Offers(at), left)

    def day(self, day: int, buyers: Buyers) -> None:
        """Price in the morning, sell, and pull in the evening."""
        morning = NOW + timedelta(days=day)
        if day % 7 == 0:
            self.place.fit(now=morning, progress=lambda *_: None)
        proposal = self.place.price(HighsOptimizer(), by="engine", now=morning)
        self.place.approve(proposal.id, by="manager", now=morning, large=True)
        self.place.publish(proposal.id, by="manager", now=morning)
        pushed = syncing.push(self.shop, self.offers, self.place.book, now=morning)
        checked(pushed.whole, pushed)
        self.moves += len(pushed.plan.steps)
        self._sell(day, buyers)
        self.connector.today = morning + timedelta(hours=12)
        engine, folder = open_database(self.place.database), self.place.root / "shops"
        pulled = syncing.pull(self.shop, self.offers, engine, folder, name="hosts", now=morning + timedelta(hours=13))
        checked(not pulled.refused and not pulled.unmapped, pulled)

    def _sell(self, day: int, buyers: Buyers) -> None:
        """Buyers look at what pretix shows them, and order there."""
        seen = self.connector.shop.read_shown(set(self.offers.at))
        asked = {shown.place: shown.price for shown in seen if shown.price is not None}
        at = {key[0]: place for place, key in self.offers.at.items()}
        for row in self.season.offers.itertuples():
            place, lead = at[row.offer], (buyers.begins[row.event] - pd.Timestamp(NOW.date())).days
            price = asked.get(place)
            if day >= lead or price is None:
                continue
            self.out_of_bounds += not Decimal(row.floor) <= price <= Decimal(row.ceiling)
            self._order(place, price, buyers.wanted(row.offer, row.event, day, price))

    def _order(self, place: str, price: Decimal, wanted: int) -> None:
        """Order as many as there are; pretix says the price, which must be the one that was seen."""
        slug, _, item = place.split("/")
        left = wanted
        while left:
            positions = [{"item": int(item)}] * left
            body = {"email": "b@shop.example", "locale": "en", "status": "p", "payment_provider": "banktransfer"}
            answer = self.running.owner("POST", f"{slug}/orders/", {**body, "positions": positions})
            if answer.is_success:
                paid = {Decimal(position["price"]) for position in answer.json()["positions"]}
                checked(paid == {price}, f"{place}: {price} was shown, {paid} was to be paid")
                self.units += left
                return
            checked(answer.status_code == 400 and "quota" in answer.text.lower(), answer.text)
            self.refused += 1
            left = left // 2

    def told(self, buyers: Buyers, days: int) -> dict[str, object]:
        """What came of it, by pretix's own count, against the starting prices."""
        paid, sold = defaultdict(Decimal), 0
        for movement in self.connector.shop.pull_demand(None).movements:
            paid[movement.place.split("/")[0]] += movement.price * movement.quantity
            sold += movement.quantity
        before = at_starting_prices(self.season, buyers, dict(self.left), days)
        gains = np.array([float(paid[slug_of(event)]) - before[event] for event in buyers.begins])
        draws = np.random.default_rng(2).choice(gains, (10_000, len(gains))).sum(axis=1)
        base = sum(before.values())
        return {
            "events": len(gains),
            "price moves": self.moves,
            "revenue": round(float(sum(paid.values())), 2),
            "at starting prices": round(base, 2),
            "gain [%]": round(100 * float(gains.sum()) / base, 1),
            "95 % interval [%]": [round(100 * float(q) / base, 1) for q in np.quantile(draws, [0.025, 0.975])],
            "prices out of bounds": self.out_of_bounds,
            "quotas oversold": sum(s.available is not None and s.available < 0 for s in self.shop.pull_inventory()),
            "orders refused as sold out": self.refused,
            "units ordered": self.units,
            "units pretix counts": sold,
            "units in the price book": self._in_the_book(),
        }

    def _in_the_book(self) -> int:
        with reading(open_database(self.place.database)) as db:
            return int(db.scalar(select(func.sum(sales.c.quantity))) or 0)


def at_starting_prices(season: Season, buyers: Buyers, left: dict[str, int], days: int) -> dict[str, float]:
    """Revenue of each event had no price moved."""
    earned: dict[str, float] = defaultdict(float)
    for day in range(days):
        for row in season.offers.itertuples():
            if day < (buyers.begins[row.event] - pd.Timestamp(NOW.date())).days:
                price = Decimal(row.current_price)
                sold = min(left[row.resource], buyers.wanted(row.offer, row.event, day, price))
                left[row.resource] -= sold
                earned[row.event] += float(price) * sold
    return dict(earned)


def put_on_sale(running: PretixShop, season: Season, left: dict[str, int]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Make each event with its tickets and quotas, as an owner would; gives the place of each offer."""
    starts = season.events.set_index("event")["starts_at"]
    for event, rows in season.offers.groupby("event"):
        slug = slug_of(str(event))
        made = {"name": {"en": event}, "slug": slug, "date_from": starts[event].isoformat(), "live": False}
        posted(running, "gala/clone/", made)  # how it is paid for is no matter of the API, and is copied
        items: dict[str, list[int]] = defaultdict(list)
        for row in rows.itertuples():
            name = {"en": f"{row.product}, {row.segment}"}
            item = posted(running, f"{slug}/items/", {"name": name, "default_price": row.current_price})["id"]
            items[row.resource].append(item)
            yield f"{slug}/item/{item}", (row.offer, "all")
        for room, drawn in items.items():
            posted(running, f"{slug}/quotas/", {"name": room, "size": left[room], "items": drawn, "variations": []})
        patched(running, f"{slug}/", {"live": True})


def posted(running: PretixShop, path: str, body: object) -> dict[str, int]:
    """What was made."""
    return succeeded(running.owner("POST", path, body)).json()


def patched(running: PretixShop, path: str, body: object) -> None:
    """Change what is there."""
    succeeded(running.owner("PATCH", path, body))


def succeeded(answer: httpx.Response) -> httpx.Response:
    """The answer, if it is one."""
    checked(answer.is_success, answer.text)
    return answer


def checked(fine: bool, said: object) -> None:
    """Stop where something did not go as it must."""
    if not fine:
        raise RuntimeError(said)


def slug_of(event: str) -> str:
    """The short name of an event."""
    return event.lower().replace(" ", "-")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 14)
