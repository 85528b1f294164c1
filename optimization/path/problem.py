"""A pricing problem over several periods, as data.

Guarantees
----------
* A path that exists is well posed: periods follow each other in time, and what it tells of them names ones it has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pricing.errors import Finding, InputError
from pricing.problem import Choice, Objective, Risk, Shared
from pricing.rules import Rule

NOTICE = timedelta(hours=24)
"""How long before it takes effect a price must be announced (UK CMA undertakings for ticket sellers)."""


class Direction(StrEnum):
    """How prices may move from period to period."""

    UP = "up"
    DOWN = "down"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time with one price per offer; it ends where the next one starts."""

    id: str
    starts_at: datetime


@dataclass(frozen=True, eq=False)
class Staged:
    """One offer over all periods.

    Attributes
    ----------
    choice : its ladder, cost and price in force before the first period; its own demand is never looked at
    demand : (draws, periods, steps) units demanded in each whole period at each step [units]
    announced : period -> price buyers were told
    """

    choice: Choice
    demand: NDArray[np.float64] = field(repr=False)
    announced: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The offer's name."""
        return self.choice.id


@dataclass(frozen=True, slots=True)
class Cap:
    """What the offers of one period share, on top of what all periods share."""

    period: str
    shared: Shared


@dataclass(frozen=True, slots=True)
class Path:
    """A problem over several periods; prices in `currency`, major units.

    Attributes
    ----------
    ends_at : when the last period ends: the event, or the end of the season
    resources : what all periods share, with the whole capacity before anything was sold
    rules : rules about prices hold in every period, those about units over all periods together
    move : dearer of two neighbouring periods' prices at most `amount`, or the share `fraction` of the cheaper, above it
    sold : period -> offer -> units sold so far
    """

    currency: str
    objective: Objective
    offers: tuple[Staged, ...]
    periods: tuple[Period, ...]
    ends_at: datetime
    direction: Direction = Direction.FREE
    amount: Decimal | None = None
    fraction: Decimal | None = None
    resources: tuple[Shared, ...] = ()
    caps: tuple[Cap, ...] = ()
    rules: tuple[Rule, ...] = ()
    risk: Risk = field(default_factory=Risk)
    notice: timedelta = NOTICE
    sold: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if found := [*self._about_periods(), *self._about_offers()]:
            raise InputError([Finding(text) for text in found])

    def _about_periods(self) -> Iterator[str]:
        times = [*(period.starts_at for period in self.periods), self.ends_at]
        names = {period.id for period in self.periods}
        if not names or len(names) < len(self.periods) or any("@" in name for name in names):
            yield "periods need ids of their own, without @"
        if any(time.tzinfo is None for time in times):
            yield "a period's time has no time zone"
        else:
            said = [*(f"period {period.id} starts" for period in self.periods), "the last period ends"]
            for (before, early), (after, late) in pairwise(zip(said, times, strict=True)):
                if late <= early:
                    yield f"{after} at {late}, which is not after {early}, when {before}"
        told = [*(cap.period for cap in self.caps), *self.sold, *(name for o in self.offers for name in o.announced)]
        yield from (f"there is no period {name}" for name in dict.fromkeys(told) if name not in names)

    def _about_offers(self) -> Iterator[str]:
        shape = len(self.periods)
        for offer in self.offers:
            if offer.demand.ndim != 3 or offer.demand.shape[1:] != (shape, len(offer.choice.ladder)):
                yield f"offer {offer.id}: demand {offer.demand.shape} is not draws by {shape} periods by steps"
        known = {offer.id for offer in self.offers}
        for period, units in self.sold.items():
            yield from (f"sold in {period}: there is no offer {name}" for name in units if name not in known)
            if not all(0 <= amount < float("inf") for amount in units.values()):
                yield f"sold in {period}: not a number of units"
