"""Coming events of a simulated season as a market: who wants what on a day, and what any prices would earn there.

Guarantees
----------
* Every way of pricing meets the same buyers: one random number for each offer and day, and no more units wanted at a
  higher price.
* No more is sold than was left of a room when the season began.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import poisson

from pricing.model import ALL, Offer
from pricing.money import as_floats
from pricing.simulation import SALE_DAYS, TICKETS, Season, booking_share, simulate
from pricing.tables.values import offers_from

NOW = datetime(2027, 3, 1, 6, tzinfo=UTC)
"""The season begins."""
ORDER = ("student", "adult")
"""The first never costs more than the second."""
UNLEARNABLE = {(who.product, who.segment) for who in TICKETS if who.pricing != "calendar"}
"""Their past prices followed demand or stood still: no method can learn their price response from sales."""
SHARE = booking_share()

Vector = NDArray[np.float64]
Prices = Callable[[int, str], Decimal]
"""The price on a day (0: the first) of an offer."""


@dataclass(frozen=True, eq=False, slots=True)
class Market:
    """The first of the coming events, their offers, and their buyers.

    Attributes
    ----------
    offers : what is on sale, those of a room beside each other
    leads : event -> days until it begins
    left : room -> units left when the season begins
    luck : offer -> (days,) random numbers in (0, 1)
    """

    season: Season
    offers: tuple[Offer, ...]
    leads: dict[str, int]
    left: dict[str, int]
    luck: dict[str, Vector]

    @classmethod
    def drawn(cls, seed: int, events: int) -> "Market":
        """The market of a seed."""
        season = simulate(now=NOW, rng=np.random.default_rng(seed))
        starts = season.events.set_index("event")["starts_at"].dt.tz_localize(None).dt.normalize()
        leads = (starts[starts > pd.Timestamp(NOW.date())].sort_values() - pd.Timestamp(NOW.date())).dt.days[:events]
        table = season.offers[season.offers["event"].isin(leads.index)]
        amounts = {
            name: table[name].map(Decimal).astype(object) for name in ("floor", "ceiling", "current_price", "unit_cost")
        }
        offers = sorted(
            offers_from(table.assign(channel=ALL, **amounts)), key=lambda offer: (offer.event, str(offer.resource))
        )
        sold = season.sales.groupby(["event", "product"])["quantity"].sum()
        rooms = season.resources.set_index("resource")["capacity"]
        left = {room: int(rooms[room] - sold.get(tuple(room.split(" / ")), 0)) for room in table["resource"]}
        rng = np.random.default_rng((seed, 1))
        luck = {offer.id: rng.random(int(leads.max())) for offer in offers}
        return cls(season, tuple(offers), leads.astype(int).to_dict(), left, luck)

    @property
    def days(self) -> int:
        """Until the last event begins."""
        return max(self.leads.values())

    def on_sale(self, day: int) -> Iterator[Offer]:
        """Offers of events that begin on a later day."""
        return (offer for offer in self.offers if day < self.leads[offer.event])

    def mean(self, offer: Offer, days: slice) -> float:
        """Mean units wanted on days of the season, at the price where the truth is stated."""
        before = SALE_DAYS - self.leads[offer.event]
        to_come = SHARE[before:]
        return float(self.season.appetite[offer.id][0] * to_come[days].sum() / to_come.sum())

    def response(self, offer: Offer, prices: Vector) -> Vector:
        """Factor on demand at prices."""
        return np.asarray((prices / self.season.appetite[offer.id][1]) ** self.season.elasticity[offer.key])

    def wanted(self, offer: Offer, day: int, price: Decimal) -> int:
        """Units wanted on a day at a price."""
        mean = self.mean(offer, slice(day, day + 1)) * self.response(offer, np.array([float(price)]))[0]
        return int(poisson.ppf(self.luck[offer.id][day], mean))

    def earned(self, prices: Prices, days: int) -> dict[str, Decimal]:
        """Revenue of each event at these prices, by the same buyers."""
        left, earned = dict(self.left), defaultdict[str, Decimal](Decimal)
        for day in range(days):
            for offer in self.on_sale(day):
                price = prices(day, offer.id)
                units = min(left[str(offer.resource)], self.wanted(offer, day, price))
                left[str(offer.resource)] -= units
                earned[offer.event] += price * units
        return dict(earned)

    def starting(self) -> dict[str, Decimal]:
        """Prices as the season begins."""
        return {offer.id: offer.current_price for offer in self.offers}

    def best_fixed(self, days: int, *, learnable: bool) -> dict[str, Decimal]:
        """The prices that earn most on average if none moves, by the truth, within bounds, ladder and order.

        Parameters
        ----------
        learnable : whether those whose response nobody can learn from sales stay as they are
        """
        found: dict[str, Decimal] = {}
        for _, drawing in groupby(self.offers, lambda offer: offer.resource):
            room = tuple(drawing)
            held = [learnable and offer.key in UNLEARNABLE for offer in room]
            steps = [(o.current_price,) if kept else o.ladder.prices for o, kept in zip(room, held, strict=True)]
            allowed = [prices for prices in product(*steps) if _in_order(room, prices)]
            table = np.array([as_floats(prices) for prices in allowed])
            best = int(self._expected(room, table, days).argmax())
            found |= dict(zip((offer.id for offer in room), allowed[best], strict=True))
        return found

    def _expected(self, room: tuple[Offer, ...], prices: Vector, days: int) -> Vector:
        """(n,) mean revenue of a room at (n, offers) prices; all its buyers have the same chance of a seat.

        With T Poisson of mean m and C seats, E min(T, C) = m P(T < C) + C P(T > C).
        """
        wanted = [self.mean(o, slice(days)) * self.response(o, prices[:, i]) for i, o in enumerate(room)]
        means, seats = np.stack(wanted, axis=1), self.left[str(room[0].resource)]
        total = means.sum(axis=1)
        sold = total * poisson.cdf(seats - 1, total) + seats * poisson.sf(seats, total)
        return np.asarray((prices * means).sum(axis=1) / total * sold)


def _in_order(room: tuple[Offer, ...], prices: tuple[Decimal, ...]) -> bool:
    asked = {offer.segment: price for offer, price in zip(room, prices, strict=True)}
    lower, upper = (asked.get(segment) for segment in ORDER)
    return lower is None or upper is None or lower <= upper
