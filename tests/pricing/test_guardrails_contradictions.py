"""An override that could not be kept is refused with every reason."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from pricing.book import Listing, PriceInForce
from pricing.guardrails import InForce
from pricing.guardrails.contradictions import contradictions, without_price
from pricing.model import Ladder, Offer
from pricing.overrides import Kind, Override
from pricing.policy import Policy
from tests.pricing.test_overrides import CEILING, FIXED, FLOOR, NOW

Key = tuple[str, str]
LADDER = Ladder.parse("30:60:1.00", "EUR")
FORTY = Decimal("40.00")
ORDER = Policy(segment_order=(("child", "adult"),))


def offer(name: str = "stalls", **more: Any) -> Offer:
    """An offer at 40, between 32 and 55."""
    told: dict[str, Any] = {"id": name, "product": "stalls", "currency": "EUR", "ladder": LADDER}
    return Offer(**(told | {"floor": Decimal(32), "ceiling": Decimal(55), "current_price": FORTY} | more))


def ask(
    wanted: Override,
    *,
    price: str = "40.00",
    beside: tuple[Override, ...] = (),
    begins: tuple[str, timedelta] | None = None,
    policy: Policy | None = None,
    others: Mapping[str, tuple[str, tuple[Override, ...]]] | None = None,
    ends: timedelta | None = None,
) -> str:
    """What speaks against an override on `stalls`; others are told by their price and their overrides."""
    sold_until = None if ends is None else NOW + ends
    segments = {"stalls": "adult", "child": "child"}
    listed = {n: Listing(offer(n, segment=segments[n]), sold_until) for n in ("stalls", *(others or {}))}
    known = {n: replace(InForce.steady(Decimal(p)), overrides=each) for n, (p, each) in (others or {}).items()}
    known["stalls"] = replace(InForce.steady(Decimal(price)), overrides=beside)
    coming: dict[Key, PriceInForce] = {}
    if begins is not None:
        at = NOW + begins[1]
        coming["stalls", "all"] = PriceInForce("stalls", "all", Decimal(begins[0]), "EUR", 7, at, None, {})
    keyed: dict[Key, Any] = {(n, "all"): each for n, each in listed.items()}
    now: dict[Key, InForce] = {(n, "all"): each for n, each in known.items()}
    return "; ".join(contradictions(wanted, keyed, now, coming, policy or Policy()))


@pytest.mark.parametrize("override", [FLOOR, CEILING, FIXED])
def test_an_override_within_reach_may_be_set(override: Override) -> None:
    """Also where the price in force breaks it: the next proposal can mend that."""
    assert ask(override, price="42.00") == ""
    assert ask(override, price="46.00") == ""


@pytest.mark.parametrize(
    ("wanted", "told", "why"),
    [
        (replace(FLOOR, offer="circle"), {}, "there is no offer circle"),
        (replace(FLOOR, currency="USD"), {}, "it is in USD, the offer in EUR"),
        (replace(FLOOR, amount=Decimal(31)), {}, "31 is outside 32 to 55; an override only tightens these bounds"),
        (replace(CEILING, amount=Decimal(56)), {}, "56 is outside 32 to 55"),
        (replace(FIXED, amount=Decimal("40.50")), {}, "40.50 is no step of the price ladder"),
        (FLOOR, {"ends": timedelta(days=6)}, "its sale ends at 2026-03-08 09:30 UTC"),
        (replace(FIXED, amount=Decimal(45)), {}, "leaves no price to move to from 40.00: 45.00 is refused (moves more"),
        (replace(CEILING, amount=Decimal(39)), {"beside": (replace(FLOOR, amount=FORTY),)}, "the floor of 40.00 that"),
        (CEILING, {"begins": ("45.00", timedelta(days=1))}, "45.00 begins at 2026-03-03 09:30 UTC, above the ceiling"),
        (CEILING, {"begins": ("45.00", timedelta(days=1))}, "fairfare rollback 7"),
    ],
)
def test_a_contradiction_is_named(wanted: Override, told: dict[str, Any], why: str) -> None:
    """With the owner's bounds, the ladder, the end of the sale, the caps, another override, and a scheduled price."""
    assert why in ask(wanted, **told)


def test_a_price_that_begins_after_its_end_is_no_contradiction() -> None:
    """By then the owner's own bounds hold again."""
    assert ask(CEILING, begins=("45.00", timedelta(days=7))) == ""


def test_what_forbids_a_price_today_only_is_no_contradiction() -> None:
    """A price that moved today moves on tomorrow; the override stands until then."""
    moved_today = replace(InForce.steady(Decimal(46)), lowest=Decimal(40), highest=Decimal(52))
    listed = {("stalls", "all"): Listing(offer())}
    assert list(contradictions(CEILING, listed, {("stalls", "all"): moved_today}, {}, Policy())) == []


def test_two_overrides_that_break_an_order_are_refused() -> None:
    """The second, naming the first; within the order both may stand."""
    child = replace(FIXED, offer="child", amount=Decimal(44))
    said = ask(replace(CEILING, amount=Decimal(43)), others={"child": ("40.00", (child,))}, policy=ORDER)
    assert said == f"child would cost more than stalls, against their order; there is a {child}"
    assert ask(CEILING, others={"child": ("40.00", (child,))}, policy=ORDER) == ""
    assert ask(replace(CEILING, amount=Decimal(43)), others={"child": ("40.00", (child,))}) == ""


def test_bounds_that_leave_no_price_beside_an_override_are_refused() -> None:
    """The owner's bounds may change beside it as long as some price keeps both."""
    assert without_price(offer(), (CEILING,)) == []
    assert without_price(offer(floor=Decimal(44)), (CEILING,)) == []
    (said,) = without_price(offer(floor=Decimal(45)), (CEILING,))
    assert said.startswith("offer stalls: 45 to 55 leaves no price beside the ceiling of 44.00 that Ann set")
    assert Kind.CEILING.value in said
