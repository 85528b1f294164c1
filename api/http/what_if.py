"""The route that says what other prices, capacities, demand or elasticities would bring.

Guarantees
----------
* Nothing is changed, fitted or solved: it is the answer of `fairfare whatif`, read off the draws of the last fit, which
  stay in memory, at the prices in force now.
* Where the draws are no longer those of the tables, the settings or the day, nothing is said but what to do about it.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from flask import Response, g
from pydantic import BaseModel, Field

from api.http.auth import Gate
from api.http.backend import Backend
from api.http.prices import Amount, GainAnswer
from api.http.problems import problems
from api.http.routes import Routes, answer
from api.served.snapshot import Snapshot
from api.stage import STAGE_NAME, Stage, read_stage, stamp
from api.store.keys import Scope
from api.strict_json import Strict
from pricing.errors import RefusedError
from pricing.whatif import Change, what_if

MOST = 1_000
"""Things that may be different at a time, of each kind."""
Named = Annotated[str, Field(min_length=1, max_length=500)]
Price = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,4})?$", examples=["12.50"])]
Number = Annotated[float, Field(allow_inf_nan=False)]
AGAIN = 'ask for a run of kind price (POST /v1/runs {"kind": "price"}), or run fairfare price'


class Question(Strict):
    """What is assumed to be different; what is left out stays as it is."""

    prices: dict[Named, Price] = Field(
        default={}, max_length=MOST, description="offer -> another price, within its ladder"
    )
    capacity: dict[Named, Number] = Field(default={}, max_length=MOST, description="resource -> units left to sell")
    demand: dict[Named, Number] = Field(
        default={}, max_length=MOST, description='offer, event or "*" (everything) -> factor on demand'
    )
    elasticity: dict[Named, Number] = Field(
        default={},
        max_length=MOST,
        description="offer -> factor on its elasticity if above 0, the elasticity itself if below",
    )


class SpanAnswer(BaseModel):
    """Mean and 80 % interval."""

    mean: float
    low: float
    high: float


class AmountsAnswer(BaseModel):
    """What is sold and earned over the horizon."""

    units: SpanAnswer
    revenue: SpanAnswer
    margin: SpanAnswer


class TotalThen(BaseModel):
    """All offers of one currency together."""

    currency: str
    now: AmountsAnswer
    then: AmountsAnswer
    gain: GainAnswer


class OfferThenAnswer(TotalThen):
    """One offer, as it is and as it would be."""

    offer: str
    event: str
    channel: str
    price_now: Amount
    price_then: Amount
    doubt: str = Field(description="why the figures cannot be relied on; empty if nothing stands against them")


class WhatIfAnswer(BaseModel):
    """What it would bring."""

    offers: list[OfferThenAnswer]
    totals: list[TotalThen]


class Stages:
    """The stage of a workspace, kept in memory while it is good."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kept: tuple[str, Stage | None] = ("", None)

    def at(self, snapshot: Snapshot, now: datetime) -> Stage:
        """It, at the prices in force.

        Raises
        ------
        RefusedError
            if there is none that is good, with what to do.
        """
        if (mark := self._mark()) != self._kept[0]:
            self._kept = mark, read_stage(self._root)
        stage = self._kept[1]
        if stage is None or not now < stage.good_until:
            raise RefusedError(f"there are no figures of today for the tables and settings as they are: {AGAIN}")
        if (moved := stage.at(snapshot)) is None:
            raise RefusedError(f"a price in force is not among those the figures were made for: {AGAIN}")
        return moved

    def _mark(self) -> str:
        """Changes whenever the stage, or what it was made from, does."""
        try:
            about = (self._root / STAGE_NAME).stat()
        except OSError:
            return ""
        return f"{about.st_ino} {about.st_size} {about.st_mtime_ns};{stamp(self._root)}"


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The route under /v1/what-if."""
    routes = Routes("what-if", "What would be sold and earned if something were different", backend, gate)
    stages = Stages(backend.root)

    @routes.reads(
        "POST",
        "/what-if",
        scope=Scope.PROPOSALS_WRITE,
        responses={200: WhatIfAnswer, **problems(409)},
        summary="What other prices, capacities, demand or elasticities would bring",
    )
    def ask_what_if(sent: Question) -> Response:
        stage = stages.at(g.view.snapshot, backend.now())
        prices = {name: Decimal(price) for name, price in sent.prices.items()}
        change = Change(prices, sent.capacity, sent.demand, sent.elasticity)
        return answer(what_if(stage.market, stage.curves, change, stage.objective))

    return routes
