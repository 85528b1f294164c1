"""What a part of a proposal is expected to gain, from the draws it was decided on.

Guarantees
----------
* Ranges are never added up: a gain is read off joint draws, or was recorded for just these moves; else it is not known.
* Draws count only if they give again what was recorded of the whole proposal.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from math import isclose

from api.settings import Settings
from api.stage import Stage
from api.store.book import PriceBook
from api.store.checks import Key
from pricing.book import Decision, Listing, Proposal, Verdict
from pricing.errors import RefusedError
from pricing.market import Market, Prices, Sale, Vector
from pricing.outcome import TotalGain, total_gains

Gains = tuple[TotalGain, ...]


def part_gains(
    whole: Proposal,
    keys: AbstractSet[Key],
    stage: Stage | None,
    listings: Mapping[Key, Listing],
    *,
    follows: bool = False,
) -> Gains:
    """What the moves among these decisions gain together, by currency and event; empty where that is not known.

    Parameters
    ----------
    stage : the draws that are kept, at the prices in force; None if there are none
    follows : the other moves of the proposal are in force before these; else the prices of today are
    """
    moves = [decision for decision in whole.decisions if decision.verdict is Verdict.MOVE]
    chosen = [decision for decision in moves if decision.key in keys]
    if len(chosen) == len(moves):
        return whole.gains
    if stage is None or not _decided_on(whole, moves, stage):
        return tuple(_recorded(whole, moves, chosen, listings))
    before = {each.offer: each.allowed for each in moves if follows and each.key not in keys}
    return tuple(drawn(stage, before, before | {each.offer: each.allowed for each in chosen}))


def gains_instead(whole: Proposal, made: Proposal, stage: Stage | None) -> Gains:
    """What a proposal gains that takes the place of another with other prices; empty where that is not known."""
    moves = [decision for decision in whole.decisions if decision.verdict is Verdict.MOVE]
    if stage is None or (moves and not _decided_on(whole, moves, stage)):
        return ()
    return tuple(
        drawn(stage, {}, {each.offer: each.allowed for each in made.decisions if each.verdict is Verdict.MOVE})
    )


def _decided_on(whole: Proposal, moves: list[Decision], stage: Stage) -> bool:
    """Whether these are the draws that the proposal was decided on."""
    now = stage.market.in_force
    if not all(each.offer in now and now[each.offer].price == each.in_force for each in moves):
        return False
    again = tuple(drawn(stage, {}, {each.offer: each.allowed for each in moves}))
    return bool(again) and len(again) == len(whole.gains) and all(map(_same, again, whole.gains))


def _same(one: TotalGain, other: TotalGain) -> bool:
    ends = ("expected", "low", "high", "loss_probability")
    pairs = ((getattr(one.gain, end), getattr(other.gain, end)) for end in ends)
    return (one.currency, one.event) == (other.currency, other.event) and all(
        isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) for a, b in pairs
    )


def drawn(stage: Stage, before: Prices, after: Prices) -> Iterator[TotalGain]:
    """What moving prices from `before` to `after` gains; empty if a price is no step of its curve."""
    ladders = dict(zip(stage.curves.offers, stage.curves.ladders, strict=True))
    if not all(
        name in ladders and price in ladders[name] for prices in (before, after) for name, price in prices.items()
    ):
        return iter(())
    moved = {name for name, price in after.items() if price != before.get(name, stage.market.in_force[name].price)}
    return total_gains(
        change
        for market in touched(stage.market, moved).currencies()
        for change in _changes(market, stage, before, after)
    )


def touched(market: Market, moved: AbstractSet[str]) -> Market:
    """The offers that move, and those that share a resource with one."""
    shared = {offer.resource for offer in market.offers if offer.id in moved} - {None, ""}
    return market.of(offer for offer in market.offers if offer.id in moved or offer.resource in shared)


def _changes(market: Market, stage: Stage, before: Prices, after: Prices) -> Iterator[tuple[str, str, Vector]]:
    """(currency, event, (draws,) change of what its offers earn) for events in which a price moves."""
    if not market.offers:
        return
    start: dict[str, Decimal] = {**market.prices, **_of(market, before)}
    end = {**start, **_of(market, after)}
    one, two = (Sale.at(market, stage.curves, prices, stage.objective).earned for prices in (start, end))
    change = two - one
    for event in sorted({offer.event for offer in market.offers if start[offer.id] != end[offer.id]}):
        yield (
            market.offers[0].currency,
            event,
            change[:, [offer.event == event for offer in market.offers]].sum(axis=1),
        )


def _of(market: Market, prices: Prices) -> dict[str, Decimal]:
    return {offer.id: prices[offer.id] for offer in market.offers if offer.id in prices}


def _recorded(
    whole: Proposal, moves: list[Decision], chosen: list[Decision], listings: Mapping[Key, Listing]
) -> Iterator[TotalGain]:
    """What was recorded of events all of whose moves are chosen; of all of a currency, if they are one event's."""
    events = {each.key: listings[each.key].offer.event for each in moves if each.key in listings}
    keys = {each.key for each in chosen}
    if len(events) < len(moves) or _shared(moves, listings, events):
        return
    split = {events[each.key] for each in moves if each.key not in keys}
    for total in whole.gains:
        own = {events[each.key] for each in chosen if each.currency == total.currency} - split
        if total.event in own:
            if {events[each.key] for each in chosen if each.currency == total.currency} == {total.event}:
                yield TotalGain(total.currency, None, total.gain)
            yield total


def _shared(moves: list[Decision], listings: Mapping[Key, Listing], events: Mapping[Key, str]) -> bool:
    """Whether two events draw on one resource, so that what one gains depends on the prices of the other."""
    drawn: dict[str, str] = {}
    for each in moves:
        resource = listings[each.key].offer.resource
        if resource and drawn.setdefault(resource, events[each.key]) != events[each.key]:
            return True
    return False


def only(whole: Proposal, keys: AbstractSet[Key]) -> Proposal:
    """A proposal as it would be with its decisions about these offers alone."""
    return replace(whole, decisions=tuple(each for each in whole.decisions if each.key in keys), gains=())


def of_event(whole: Proposal, event: str, listings: Mapping[Key, Listing]) -> set[Key]:
    """What a proposal decides about an event (RefusedError if that is nothing)."""
    about = {key for key, listing in listings.items() if listing.offer.event == event}
    if not (keys := about & {each.key for each in whole.decisions}):
        raise RefusedError(f"proposal {whole.id} decides nothing about event {event}")
    return keys


def take_part(
    book: PriceBook,
    whole: Proposal,
    keys: AbstractSet[Key],
    stage: Stage | None,
    *,
    by: str,
    now: datetime,
    settings: Settings,
    follows: bool = True,
) -> tuple[str, str | None]:
    """The proposal with these decisions only, and the one with the rest; the whole and None if that is all it decides.

    Parameters
    ----------
    follows : the rest is decided about when these are in force, as far as what it is expected to gain goes
    """
    decided, listings = {each.key for each in whole.decisions}, book.listings()
    if decided == keys:
        return whole.id, None
    rest = decided - keys
    gains = part_gains(whole, keys, stage, listings), part_gains(whole, rest, stage, listings, follows=follows)
    return book.split(whole.id, keys, by=by, now=now, policy=settings.policy, law=settings.law, gains=gains)
