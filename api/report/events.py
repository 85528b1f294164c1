"""The coming events of a report: how each sells, where it is expected to end, and what is proposed for it.

Guarantees
----------
* Sorted by what is at stake; an event nothing is proposed for is there too.
* What is typical is said only where enough similar events are over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from api.report import charts
from api.report.bookings import Bookings, Typical, coming, remaining_share
from api.report.charts import Chart, Fan
from api.report.numbers import percent, units
from api.report.rows import Priced
from pricing.book import Decision
from pricing.model import ALL


@dataclass(frozen=True, slots=True)
class Span:
    """A mean with its 80 % interval [units]."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class EventView:
    """One coming event.

    Attributes
    ----------
    sold, typical : units sold, and what similar events had sold this long before (None: too few of them)
    final : expected final units at the recommended prices
    """

    id: str
    name: str
    venue: str
    starts_at: datetime
    days: int
    capacity: float | None
    sold: float
    typical: float | None
    final: Span
    priced: Priced
    chart: Chart

    @property
    def stake(self) -> float:
        """What the event's decisions are expected to be worth [currency]."""
        return sum(abs(gain.expected) for gain in self.priced.gains)

    @property
    def pace(self) -> float | None:
        """Sold against typical, as a relative difference."""
        return self.sold / self.typical - 1 if self.typical else None

    @property
    def scale(self) -> float:
        """What the bar of sold and expected units is drawn against [units]."""
        return max(self.capacity or 0.0, self.final.high, self.typical or 0.0, 1.0)

    @property
    def verdict(self) -> str:
        """How it sells and what is proposed, in one or two sentences."""
        if self.pace is None:
            selling = "There are too few finished events like it to say what is typical."
        elif abs(self.pace) < 0.05:
            selling = "It sells about as such events usually do."
        else:
            selling = f"It sells {percent(abs(self.pace))} {'faster' if self.pace > 0 else 'slower'} than typical."
        if self.capacity and self.final.mean >= 0.99 * self.capacity:
            selling += " It probably sells out."
        return selling


def event_views(priced: Priced, sales: pd.DataFrame, events: pd.DataFrame, now: datetime) -> tuple[EventView, ...]:
    """Every event not begun that something is on sale for."""
    names = coming(events, pd.Timestamp(now), [offer.event for offer in priced.offers]) if len(events) else []
    if not names:
        return ()
    bookings = Bookings.of(sales, events, pd.Timestamp(now.date()))
    views = [_view(number, name, priced, bookings) for number, name in enumerate(names, start=1)]
    return tuple(sorted(views, key=lambda view: (-round(view.stake), view.starts_at)))


def _view(number: int, name: str, season: Priced, bookings: Bookings) -> EventView:
    about = bookings.about.loc[[name]].to_dict("records")[0]
    capacity = float(about["capacity"]) if pd.notna(about["capacity"]) else None
    priced = season.of_event(name)
    lead, path = bookings.sold(name)
    typical, days = bookings.typical(name), bookings.days_left(name)
    on_hand = float(path[-1])
    final = _final(on_hand, priced.decisions, capacity)
    ahead, share = remaining_share(typical, days)
    fan = Fan(ahead, *(on_hand + (end - on_hand) * share for end in (final.mean, final.low, final.high)))
    return EventView(
        id=f"event-{number}",
        name=name,
        venue="" if about["venue"] == ALL else str(about["venue"]),
        starts_at=about["starts_at"].to_pydatetime(),
        days=days,
        capacity=capacity,
        sold=on_hand,
        typical=float(typical.at(days)) if typical is not None else None,
        final=final,
        priced=priced,
        chart=charts.booking_curve(
            f"chart-{number}",
            (lead, path),
            typical,
            fan,
            capacity,
            label=f"Units sold by days before the event. Sold so far {units(on_hand)}, expected final "
            f"{units(final.mean)}, 80 percent {units(final.low)} to {units(final.high)}.",
            caption="The blue band should hold the final count 80 times in 100, at the recommended prices. "
            + _likeness(typical),
        ),
    )


def _likeness(typical: Typical | None) -> str:
    if typical is None:
        return "Too few events like it are over to draw what is typical."
    where = "at this venue" if typical.same_venue else "scaled by capacity"
    return f"Typical: median and middle 80% of {typical.events} finished events {where}."


def _final(sold: float, decisions: Sequence[Decision], capacity: float | None) -> Span:
    """Sold so far and still expected; the ends are summed as if all tickets erred together, so never too narrow."""
    ends = (
        sold + sum(float(getattr(decision.then, name)) for decision in decisions)
        for name in ("units", "units_low", "units_high")
    )
    return Span(*(end if capacity is None else min(end, max(capacity, sold)) for end in ends))
