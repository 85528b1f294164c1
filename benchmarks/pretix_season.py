"""Seasons in fast motion against a running pretix: what prices are worth when Fairfare sets them.

Ten coming events of a simulated season (`pricing.simulation`) are put on sale in a pretix of their own. Each day buyers
whose true price response is known look at the page a buyer sees and order through pretix's API; Fairfare pulls what was
sold, learns anew every week, proposes prices every day under its guard rails as a new workspace has them, and what a
manager approves is pushed and verified. Nobody tells it the truth.

Design, fixed before any of these seasons was played
----------------------------------------------------
* Eight seasons, seeds 101 to 108, each until its last event has begun (at most 56 days): a seat kept for a later buyer
  earns nothing in a season that is cut off. What the design rests on was tried out on seed 0.
* Paired: the same buyers (one random number for each offer and day) meet (a) the starting prices, held, and (b) the
  oracle: per offer the best fixed price by the truth within the same bounds, ladder and order, and the same where only
  offers move whose price response can be learned. These are counted without pretix; that counting is right is shown by
  counting the prices that pretix asked for in the same way, which must give what pretix earned, to the cent.
* Gain: revenue over that at starting prices, per season in percent; mean over seasons with a 95 % interval of Student's
  t. Seasons are independent; the events of one are not, because what is learned from one prices the others.
* Prices out of bounds are counted in pretix's own log of changes and in what was paid; seats oversold by what pretix
  sold of each quota; orders lost by setting what buyers were confirmed, what pretix counts and what the price book
  holds against each other.

pretix's clock cannot be moved, so the day is put in where its movements are read, and events lie ten years later there.
Prints one JSON line for each season and one for all. A short one by hand: `--seeds 0 --days 3` (40 s).

    python benchmarks/pretix_season.py
"""

import argparse
import json
import logging
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from scipy import stats
from sqlalchemy import select

from api import syncing
from api.settings import default_text
from api.shops import pretix
from api.shops.addresses import Guard, GuardedTransport
from api.shops.bucket import TokenBucket
from api.shops.client import Client
from api.shops.credentials import Secret
from api.shops.journal import Journal
from api.shops.model import Demand, Movement
from api.shops.opening import folder_of
from api.shops.pretix import demand
from api.shops.shop import Shop
from api.store.database import open_database, reading
from api.store.tables import sales
from api.workspace import Workspace
from benchmarks.season_box import NAME, Box, checked, item_of, slug_of
from benchmarks.season_market import NOW, ORDER, Market
from optimization import HighsOptimizer
from pricing.simulation import CURRENCY
from tests.shops.pretix_kit import PretixShop, selling

EVENTS = 10
SEEDS = tuple(range(101, 109))
LOGGED = """
SELECT object_id, data FROM pretixbase_logentry
WHERE action_type IN ('pretix.event.item.added', 'pretix.event.item.changed') AND data LIKE '%default_price%'
"""


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


@dataclass(slots=True)
class Played:
    """A season as it goes on in pretix and in a workspace."""

    market: Market
    box: Box
    place: Workspace
    everything: pretix.Pretix
    connector: Dated
    door: syncing.Door

    @classmethod
    def begin(cls, running: PretixShop, folder: Path, market: Market, transport: GuardedTransport) -> "Played":
        """Bring the season's past into a workspace, and put what is coming on sale."""
        place = Workspace.create(folder, default_text(currency=CURRENCY, time_zone="UTC", country="DE", order=(ORDER,)))
        season, chosen = market.season, [offer.id for offer in market.offers]
        season = replace(season, offers=season.offers[season.offers["offer"].isin(chosen)])
        for kind in ("events", "resources", "offers", "calendar", "sales"):
            getattr(season, kind).to_csv(folder / f"{kind}.csv", index=False)
            place.ingest(kind, folder / f"{kind}.csv", by="manager", now=NOW)
        box = Box.open(running, market)
        everything = pretix.connect(
            Client(address=running.address, bucket=TokenBucket(6e6, burst=1000), transport=transport),
            NAME,
            [slug_of(event) for event in market.leads],
            secret=Secret(running.secret),
        )
        connector, kept = Dated(everything), folder_of(folder, NAME)
        shop = Shop(connector, Journal(kept / "journal.jsonl"))  # type: ignore[arg-type]  # the rest is pretix's
        kept.mkdir(parents=True)
        rows = [f"{slug_of(offer.event)}/item/{box.items[offer.id]},{offer.id},all" for offer in market.offers]
        (kept / "offers.csv").write_text("\n".join(["place,offer,channel", *rows]), encoding="utf-8")
        return cls(market, box, place, everything, connector, syncing.Door(NAME, shop, kept))

    def day(self, day: int) -> None:
        """Price in the morning, sell, and pull in the evening."""
        morning = NOW + timedelta(days=day)
        to_come = tuple(slug_of(event) for event, lead in self.market.leads.items() if day <= lead)
        self.connector.shop = replace(self.everything, events=to_come)
        if day % 7 == 0:
            self.place.fit(now=morning, progress=lambda *_: None)
        proposal = self.place.price(HighsOptimizer(), by="engine", now=morning)
        self.place.approve(proposal.id, by="manager", now=morning, large=True)
        self.place.publish(proposal.id, by="manager", now=morning)
        engine = open_database(self.place.database)
        pushed = syncing.push(self.door, engine, by="manager", now=morning)
        checked(pushed.whole and not pushed.plan.drifted, pushed)
        self.box.sell(self.market, day)
        self.connector.today = morning + timedelta(hours=12)
        pulled = syncing.pull(self.door, engine, now=morning + timedelta(hours=13))
        checked(not pulled.refused and not pulled.unmapped, pulled)

    def told(self, days: int) -> dict[str, object]:
        """What came of it, by pretix's own count, against other prices."""
        sold = self.everything.pull_demand(None).movements
        revenue = sum((each.price * each.quantity for each in sold), Decimal())
        counted = sum(self.market.earned(lambda day, offer: self.box.asked[day, offer], days).values())
        checked(revenue == counted, f"pretix earned {revenue}, and {counted} by the count of the other prices")
        return {
            "days": days,
            "events": len(self.market.leads),
            "offers": len(self.market.offers),
            **self._compared(float(revenue), days),
            **self._in_bounds(sold),
            **self._kept(sold, revenue),
        }

    def _compared(self, revenue: float, days: int) -> dict[str, object]:
        market = self.market
        oracle, learnable = (market.best_fixed(days, learnable=only) for only in (False, True))
        held, best, learned = (self._earned(prices, days) for prices in (market.starting(), oracle, learnable))
        return {
            "revenue": revenue,
            "at starting prices": held,
            "gain [%]": round(100 * (revenue / held - 1), 2),
            "oracle [%]": round(100 * (best / held - 1), 2),
            "oracle where it can be learned [%]": round(100 * (learned / held - 1), 2),
        }

    def _earned(self, prices: dict[str, Decimal], days: int) -> float:
        return float(sum(self.market.earned(lambda _, offer: prices[offer], days).values()))

    def _in_bounds(self, sold: Sequence[Movement]) -> dict[str, object]:
        """By pretix's own log of what was changed, and by what was paid."""
        bounds = {self.box.items[offer.id]: (offer.floor, offer.ceiling) for offer in self.market.offers}
        file = f"file:{self.box.running.server.folder}/data/db.sqlite3?mode=ro"
        with closing(sqlite3.connect(file, uri=True)) as log:
            rows = [(item, Decimal(json.loads(data)["default_price"])) for item, data in log.execute(LOGGED)]
        written = [(item, price) for item, price in rows if item in bounds]
        paid = [(item_of(each), each.price) for each in sold]
        outside = [p for item, p in (*written, *paid) if not bounds[item][0] <= p <= bounds[item][1]]
        return {"prices in pretix's log": len(written), "prices paid": len(paid), "out of bounds": len(outside)}

    def _kept(self, sold: Sequence[Movement], revenue: Decimal) -> dict[str, object]:
        """Whether nothing was oversold or lost."""
        room = {self.box.items[offer.id]: str(offer.resource) for offer in self.market.offers}
        taken = Counter[str]()
        for each in sold:
            taken[room[item_of(each)]] += each.quantity
        with reading(open_database(self.place.database)) as db:
            book = {row.id: row for row in db.execute(select(sales.c.id, sales.c.quantity, sales.c.price))}
        in_book = sum((row.price * int(row.quantity) for row in book.values()), Decimal())
        orders = {each.order for each in sold}
        return {
            "orders": len(orders),
            "units": sum(taken.values()),
            "seats oversold": sum(max(0, units - self.market.left[name]) for name, units in taken.items()),
            "orders refused as sold out": self.box.refused,
            "orders lost": len(orders ^ self.box.orders) + len({f"{NAME}/{each.id}" for each in sold} ^ book.keys()),
            "units lost": abs(self.box.units - sum(taken.values()))
            + abs(int(sum(row.quantity for row in book.values())) - sum(taken.values())),
            "money lost": str(abs(in_book - revenue)),
        }


def played(seed: int, *, events: int = EVENTS, days: int | None = None) -> dict[str, Any]:
    """Play the season of a seed, and tell what came of it."""
    began, market = time.monotonic(), Market.drawn(seed, events)
    last = min(market.days, days or market.days)
    guard = Guard((ip_network("127.0.0.1/32"),))
    with (
        tempfile.TemporaryDirectory() as scratch,
        selling(Path(scratch)) as running,
        GuardedTransport(guard) as transport,
    ):
        season = Played.begin(running, Path(scratch) / "season", market, transport)
        for day in range(last):
            season.day(day)
            print(f"{seed}, day {day + 1} of {last}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        told = season.told(last)
    return {"season": seed, **told, "seconds": round(time.monotonic() - began)}


def interval(gains: Sequence[float]) -> tuple[float, float]:
    """95 % interval of a mean over seasons, Student's t."""
    low, high = stats.t.interval(0.95, len(gains) - 1, loc=np.mean(gains), scale=stats.sem(gains))
    return round(float(low), 2), round(float(high), 2)


def summary(seasons: Sequence[dict[str, Any]]) -> dict[str, object]:
    """All seasons together."""
    gains = [each["gain [%]"] for each in seasons]
    means = {name: float(np.mean([each[name] for each in seasons])) for name in seasons[0] if name.endswith("[%]")}
    counts = (
        "orders",
        "units",
        "prices in pretix's log",
        "out of bounds",
        "seats oversold",
        "orders lost",
        "units lost",
    )
    return {
        "benchmark": "seasons in pretix",
        "seasons": len(seasons),
        **{name: round(mean, 2) for name, mean in means.items()},
        **({"95 % interval [%]": interval(gains)} if len(gains) > 1 else {}),
        "share of oracle": round(means["gain [%]"] / means["oracle [%]"], 2),
        "share of what can be learned": round(means["gain [%]"] / means["oracle where it can be learned [%]"], 2),
        **{name: sum(each[name] for each in seasons) for name in counts},
        "money lost": str(sum(Decimal(each["money lost"]) for each in seasons)),
        "seconds": sum(each["seconds"] for each in seasons),
    }


def main() -> None:
    """Play the seasons of some seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--days", type=int, help="so many only, instead of until the last event has begun")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    demand.OVERLAP = timedelta(seconds=10)  # ten minutes of this pretix are most of a season, read again every day
    seasons = []
    for seed in asked.seeds:
        seasons.append(played(seed, days=asked.days))
        print(json.dumps(seasons[-1]), flush=True)
    print(json.dumps(summary(seasons)))


if __name__ == "__main__":
    main()
