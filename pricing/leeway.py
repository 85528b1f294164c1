"""Which prices offers that are decided together may be given today, whatever would be best.

Guarantees
----------
* Every rail has been asked about each price; keeping the price in force is left where nothing else is.
* A declared order that the caps make impossible today may only be mended; one is never broken for an override, and the
  two that cannot both be kept are named.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pricing.demand import DemandCurves
from pricing.guardrails import Choices, Rail, declared
from pricing.guardrails.rails import Refusal
from pricing.links import roots
from pricing.market import Market
from pricing.model import Ladder
from pricing.policy import Policy
from pricing.problem import Order

TIED = Refusal(Rail.ORDER, "an offer that an order ties to it has a price scheduled")


@dataclass(frozen=True, slots=True)
class Leeway:
    """What the owner allows for offers that are decided together.

    Attributes
    ----------
    too_old : why nothing may move at all; empty if it may
    acted : offer id -> the rails that took away a price within reach
    allowed : offer id -> prices it may be given
    orders : declared orders between segments that can be kept today
    mending : offers that break a bound or an order now, and those tied to them by orders: they may have to move
        whether or not that earns more
    """

    too_old: Sequence[Refusal]
    acted: Mapping[str, Sequence[Refusal]]
    allowed: Mapping[str, Ladder]
    orders: tuple[Order, ...]
    mending: frozenset[str]

    @classmethod
    def of(cls, market: Market, curves: DemandCurves, policy: Policy, too_old: Sequence[Refusal]) -> "Leeway":
        """Ask every rail and every order, as things are.

        Parameters
        ----------
        too_old : why nothing may move at all; empty if it may
        """
        orders, kept = [Order(low.id, high.id) for low, high in declared(market.offers, policy)], market.prices
        choices = dict(_choices(market, curves, policy, too_old, orders))
        acted = {name: choice.acted for name, choice in choices.items()}
        allowed = {name: choice.ladder for name, choice in choices.items()}
        # Both ends of an order that the caps make impossible today may only move towards each other.
        while apart := [o for o in orders if min(allowed[o.lower]) > max(allowed[o.upper])]:
            for order in apart:
                allowed[order.lower] = _part_of(allowed[order.lower], high=kept[order.lower])
                allowed[order.upper] = _part_of(allowed[order.upper], low=kept[order.upper])
                for name, why in _impossible(market, order, allowed):
                    allowed[name], acted[name] = Ladder((kept[name],)), (*acted[name], why)
            orders = [order for order in orders if order not in apart]
        broken_now = {n for o in orders if kept[o.lower] > kept[o.upper] for n in (o.lower, o.upper)}
        broken_now |= {name for name, ladder in allowed.items() if kept[name] not in ladder}
        tied = roots(list(kept), [(order.lower, order.upper) for order in orders])
        start = {tied[name] for name in broken_now}
        return cls(too_old, acted, allowed, tuple(orders), frozenset(name for name in kept if tied[name] in start))


def _choices(
    market: Market, curves: DemandCurves, policy: Policy, too_old: Sequence[Refusal], orders: Sequence[Order]
) -> Iterator[tuple[str, Choices]]:
    """What each offer may choose from; a declared order is not decided over while one of its prices is to change."""
    waiting = {offer.id for offer in market.offers if market.in_force[offer.id].coming is not None}
    tied = {name for o in orders if waiting & {o.lower, o.upper} for name in (o.lower, o.upper)} - waiting
    for offer, evidence in zip(market.offers, curves.evidence, strict=True):
        in_force = market.in_force[offer.id]
        stays = [*too_old, *([TIED] if offer.id in tied else [])]
        if stays:
            yield offer.id, Choices(Ladder((in_force.price,)), tuple(stays))
        else:
            yield offer.id, Choices.of(offer, in_force, evidence, policy)


def _impossible(market: Market, order: Order, allowed: Mapping[str, Ladder]) -> Iterator[tuple[str, Refusal]]:
    """Ends of an order whose overrides ask for what would break it, or break it further."""
    now = market.prices
    for name in (order.lower, order.upper):
        asks, ladder = market.in_force[name].demanded, allowed[name]
        away = min(ladder) > now[name] if name == order.lower else max(ladder) < now[name]
        if asks and away:
            said = f"the {asks} and the order that {order.lower} never costs more than {order.upper}"
            yield name, Refusal(Rail.ORDER, f"{said} cannot both be kept today")


def _part_of(ladder: Ladder, *, low: Decimal | None = None, high: Decimal | None = None) -> Ladder:
    """The steps from `low` to `high`; all of them if none lies there."""
    kept = tuple(p for p in ladder if (low is None or p >= low) and (high is None or p <= high))
    return Ladder(kept) if kept else ladder
