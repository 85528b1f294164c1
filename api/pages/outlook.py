"""How events are expected to end, at today's prices and at others, from the draws kept with the fit.

Guarantees
----------
* Nothing is fitted: the draws are those that prices are decided on, read off at other prices.
* Every price of an event is looked at in the same draws, so that a difference has its own interval.
* What others sell of the same resource is looked at with it: they may leave less, and gain or lose by its prices.
* A price beyond an offer's ladder is not guessed at: it stays at the ladder's end, and that is said.
"""

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from api.gains import touched
from api.served.snapshot import Snapshot
from api.stage import STAGE_NAME, Stage, read_stage
from pricing.demand import Identification
from pricing.market import Market, Sale
from pricing.model import Offer
from pricing.money import minor_digits
from pricing.outcome import Gain, Span
from pricing.whatif import between

WIDEST = 20
"""A slider moves prices by at most so much either way [%]."""
Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Case:
    """An event at some prices, over all its offers.

    Attributes
    ----------
    percent : by which the free prices are moved; None: each as recommended
    final : units sold in the end
    revenue : of what is still to be sold [currency]
    gain : over today's prices, in what is maximised; also of other goods that draw on its resource [currency]
    full : share of draws in which nothing is left
    price : mean of the free prices, weighted by what is expected to be sold at today's, alike if nothing is [currency]
    beyond : how many prices stay at the end of their ladder
    """

    percent: int | None
    final: Span
    revenue: Span
    gain: Gain
    full: float
    price: float
    beyond: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """One event at today's prices and at others.

    Attributes
    ----------
    free : offers whose price the slider moves: those whose buyers' reaction is known and that no override fixes
    cases : from -WIDEST to WIDEST percent
    recommended : at the prices of the waiting proposal; None where none moves
    """

    currency: str
    free: tuple[str, ...]
    cases: tuple[Case, ...]
    recommended: Case | None

    @property
    def now(self) -> Case:
        """At today's prices."""
        return self.cases[WIDEST]


def current_stage(root: Path, snapshot: Snapshot, now: datetime) -> Stage | None:
    """What a what-if plays on, at the prices that are served; None if there is none for today."""
    stage = kept_stage(root, snapshot)
    return stage if stage is not None and now < stage.good_until else None


def kept_stage(root: Path, snapshot: Snapshot) -> Stage | None:
    """The same, whichever day it was made for; None if there is none at these prices."""
    try:
        changed = (root / STAGE_NAME).stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _at(root, changed, snapshot)


@functools.lru_cache(maxsize=2)
def _kept(root: Path, _changed: int) -> Stage | None:
    return read_stage(root)


@functools.lru_cache(maxsize=2)
def _at(root: Path, changed: int, snapshot: Snapshot) -> Stage | None:
    stage = _kept(root, changed)
    return None if stage is None else stage.at(snapshot)


def outlook(
    stage: Stage,
    chosen: Callable[[Offer], bool],
    on_hand: float,
    allowed: Mapping[str, Decimal],
    *,
    pinned: Collection[str] = (),
) -> Outlook | None:
    """One event, or one product; None if nothing of it is in the stage.

    Parameters
    ----------
    chosen : which offers belong to it
    on_hand : units sold so far
    allowed : what the waiting proposal would set, by offer
    pinned : offers whose price an override fixes, which the slider leaves alone
    """
    offers = [offer for offer in stage.market.offers if chosen(offer)]
    if not offers or len({offer.currency for offer in offers}) > 1:
        return None
    market = touched(stage.market, {offer.id for offer in offers})
    now = Sale.at(market, stage.curves, market.prices, stage.objective)
    free = tuple(offer.id for offer in offers if known(stage, offer) and offer.id not in pinned)
    own, events = np.array([chosen(offer) for offer in market.offers]), {offer.event for offer in offers}
    near = np.array([offer.event in events for offer in market.offers])
    look = functools.partial(_case, _Scene(stage, now, free, on_hand, own, near))
    moved = {name: price for name, price in allowed.items() if market.prices.get(name, price) != price}
    cases = tuple(look(percent, _moved(stage, market, free, percent)) for percent in range(-WIDEST, WIDEST + 1))
    return Outlook(offers[0].currency, free, cases, look(None, moved) if moved else None)


def finals(stage: Stage, on_hand: Mapping[str, float]) -> dict[str, Span]:
    """How many units each of these events is expected to have sold in the end, at today's prices."""
    market = touched(stage.market, {offer.id for offer in stage.market.offers if offer.event in on_hand})
    own: dict[str, list[int]] = {}
    for i, offer in enumerate(market.offers):
        own.setdefault(offer.event, []).append(i)
    if not own:
        return {}
    sold = Sale.at(market, stage.curves, market.prices, stage.objective).sold
    return {event: Span.of(on_hand[event] + sold[:, own[event]].sum(axis=1)) for event in on_hand if event in own}


def known(stage: Stage, offer: Offer) -> bool:
    """Whether sales tell how buyers of an offer react to its price."""
    evidence = stage.curves.evidence[stage.curves.place[offer.id]]
    return evidence.status is not Identification.NOT_IDENTIFIED


def _moved(stage: Stage, market: Market, free: tuple[str, ...], percent: int) -> dict[str, Decimal]:
    """The free prices, all moved by so much, within their ladders."""
    found = {}
    for offer in market.offers:
        if offer.id in free:
            ladder = stage.curves.ladders[stage.curves.place[offer.id]]
            digits = Decimal(1).scaleb(-minor_digits(offer.currency))
            wanted = (market.prices[offer.id] * (100 + percent) / 100).quantize(digits)
            found[offer.id] = min(max(wanted, ladder[0]), ladder[-1])
    return found


@dataclass(frozen=True, slots=True)
class _Scene:
    """An event as it is.

    Attributes
    ----------
    now : its sale at today's prices, with all that draw on the same resource
    free : offers whose price may be tried
    on_hand : units sold
    own, near : (n,) which offers belong to it, and to events it is about
    """

    stage: Stage
    now: Sale
    free: tuple[str, ...]
    on_hand: float
    own: Flags
    near: Flags


def _case(scene: _Scene, percent: int | None, moved: Mapping[str, Decimal]) -> Case:
    now, market = scene.now, scene.now.market
    prices = {**market.prices, **moved}
    wanted = [
        now.wanted[:, i] if prices[offer.id] == market.prices[offer.id] else _demand(scene, offer, prices[offer.id])
        for i, offer in enumerate(market.offers)
    ]
    then = replace(now, prices=prices, wanted=np.column_stack(wanted))
    each = np.array([float(prices[offer.id]) for offer in market.offers])
    left = sum(resource.capacity for resource in market.used)
    return Case(
        percent=percent,
        final=Span.of(scene.on_hand + then.sold[:, scene.own].sum(axis=1)),
        revenue=Span.of(then.sold[:, scene.own] @ each[scene.own]),
        gain=Gain.of((then.earned - now.earned)[:, scene.near].sum(axis=1)),
        full=float((then.sold.sum(axis=1) >= left - 0.5).mean()) if market.used else 0.0,
        price=_mean_price(scene, each),
        beyond=0 if percent is None else _beyond(scene, percent),
    )


def _demand(scene: _Scene, offer: Offer, price: Decimal) -> Vector:
    curves = scene.stage.curves
    return between(curves.of(offer.id), curves.ladders[curves.place[offer.id]], price)


def _mean_price(scene: _Scene, prices: Vector) -> float:
    free = np.array([offer.id in scene.free for offer in scene.now.market.offers], dtype=np.float64)
    weight = free * scene.now.sold.mean(axis=0)
    if not weight.any():  # nothing of theirs is expected to be sold any more: each counts alike
        weight = free
    return float(weight @ prices / weight.sum()) if scene.free else 0.0


def _beyond(scene: _Scene, percent: int) -> int:
    curves, factor = scene.stage.curves, Decimal(100 + percent) / 100
    ladders = ((scene.now.market.prices[name] * factor, curves.ladders[curves.place[name]]) for name in scene.free)
    return sum(not ladder[0] <= wanted <= ladder[-1] for wanted, ladder in ladders)
