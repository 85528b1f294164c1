"""What is planned is never more than the owner's tables and the shops have left."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from api.available import Available, within
from api.shopstock import Supplies, Supply
from pricing.guardrails import InForce
from pricing.market import Market, Sale
from pricing.model import Offer, Resource
from pricing.problem import Objective
from tests.api.store.book_kit import IDS, OFFERS

ADULT, CHILD, SENIOR = ((name, "all") for name in IDS)
HALL, HONOUR = Supply("tickets: Hall", 500.0), Supply("tickets: Honour", 20.0)


def offers(*resources: str | None) -> tuple[Offer, ...]:
    """Adult, child and senior, each with the resource its owner declared."""
    return tuple(replace(offer, resource=name) for offer, name in zip(OFFERS, resources, strict=False))


def drawn(found: Available) -> dict[str, tuple[str | None, float | None]]:
    """What each offer draws on, and what is left of it."""
    left = {resource.id: resource.capacity for resource in found.resources}
    return {offer.segment: (offer.resource, left.get(offer.resource or "")) for offer in found.offers}


@st.composite
def markets(draw: st.DrawFn) -> tuple[tuple[Offer, ...], tuple[Resource, ...], Supplies]:
    """Offers with and without a resource, and what shops have left for some of them."""
    stocks = [Supply(f"s{n}", float(draw(st.integers(0, 60)))) for n in range(4)]
    resources = tuple(Resource(name, float(draw(st.integers(0, 60)))) for name in ("r", "t"))
    made = [replace(OFFERS[0], id=f"o{n}", resource=draw(st.sampled_from([None, "r", "t"]))) for n in range(5)]
    chosen = {(o.id, o.channel): frozenset(draw(st.sets(st.sampled_from(stocks), max_size=2))) for o in made}
    return tuple(made), resources, {key: stock for key, stock in chosen.items() if stock}


@given(markets(), st.lists(st.floats(0, 200), min_size=5, max_size=5))
def test_no_more_is_planned_than_is_left(
    market: tuple[tuple[Offer, ...], tuple[Resource, ...], Supplies], wanted: list[float]
) -> None:
    """Whatever is wanted: of what an owner declared, of stocks that offers share, and of each offer's own places."""
    before, resources, supplies = market
    found = within(before, resources, supplies)
    in_force = {offer.id: InForce.steady(offer.current_price) for offer in before}
    made = Market(found.offers, in_force, found.resources)
    sold = Sale(made, made.prices, np.array([wanted]), Objective.REVENUE).sold[0]
    units = {offer.id: float(count) for offer, count in zip(before, sold, strict=True)}
    for resource in resources:
        assert sum(units[o.id] for o in before if o.resource == resource.id) <= resource.capacity + 1e-6
    for room in found.resources[len(resources) :]:
        assert sum(units[o.id] for o in found.offers if o.resource == room.id) <= room.capacity + 1e-6
    for (name, _), stock in supplies.items():
        if next(o for o in before if o.id == name).resource is None:
            assert units[name] <= sum(supply.left for supply in stock) + 1e-6


def test_offers_that_draw_on_one_stock_share_it() -> None:
    """Adult and child draw on the hall, seniors on something of their own."""
    supplies = {ADULT: frozenset({HALL}), CHILD: frozenset({HALL}), SENIOR: frozenset({HONOUR})}
    assert drawn(within(offers(None, None, None), (), supplies)) == {
        "adult": ("tickets: Hall", 500.0),
        "child": ("tickets: Hall", 500.0),
        "senior": ("tickets: Honour", 20.0),
    }


def test_of_a_resource_and_a_stock_of_the_same_offers_the_tighter_holds() -> None:
    """Whichever it is; nothing of it is left out."""
    supplies = {ADULT: frozenset({HALL}), CHILD: frozenset({HALL})}
    for capacity, expected in ((600.0, ("tickets: Hall", 500.0)), (30.0, ("room", 30.0))):
        found = within(offers("room", "room", None), (Resource("room", capacity),), supplies)
        assert drawn(found) == {"adult": expected, "child": expected, "senior": (None, None)}
        assert found.unused == ()


def test_a_resource_that_others_draw_on_too_stands_and_what_is_tighter_is_said() -> None:
    """Children are sold at the door, where nobody tells a stock: the room holds for all, and the 20 are not used."""
    found = within(offers("room", "room", None), (Resource("room", 30.0),), {ADULT: frozenset({HONOUR})})
    assert drawn(found) == {"adult": ("room", 30.0), "child": ("room", 30.0), "senior": (None, None)}
    said = "tickets: Honour has 20, room 30 left; other offers draw on room too, so only that is reckoned with."
    assert found.unused == (said,)
    assert within(offers("room", "room"), (Resource("room", 10.0),), {ADULT: frozenset({HONOUR})}).unused == ()


def test_a_resource_gives_way_to_stocks_that_have_no_more_together() -> None:
    """Stalls and balcony in a room of 500 that have 40 and 30 left; of 60, the room holds."""
    supplies = {ADULT: frozenset({Supply("stalls", 40.0)}), CHILD: frozenset({Supply("balcony", 30.0)})}
    apart = within(offers("room", "room"), (Resource("room", 500.0),), supplies)
    assert drawn(apart) == {"adult": ("stalls", 40.0), "child": ("balcony", 30.0)}
    together = within(offers("room", "room"), (Resource("room", 60.0),), supplies)
    assert {resource for resource, _ in drawn(together).values()} == {"room"}
    assert [text.split()[0] for text in together.unused] == ["balcony", "stalls"]


def test_an_offer_that_is_sold_at_several_places_has_what_they_have_together() -> None:
    """The same stock counts once."""
    stock = frozenset({HALL, HONOUR})
    found = within(offers(None), (), {ADULT: stock, CHILD: frozenset({HALL})})
    assert drawn(found) == {"adult": ("tickets: Hall + tickets: Honour", 520.0)}
