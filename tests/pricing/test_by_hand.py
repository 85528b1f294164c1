"""A person's own price is one the offer may have, and says what is known of it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.book import Decision, Verdict
from pricing.by_hand import by_hand
from tests.api.store.book_kit import LADDER, decision


def own(price: str, *, proposed: str = "11.00") -> Decision:
    """Ann's own price instead of a proposed one."""
    return by_hand(decision(price=proposed), Decimal(price), by="ann", reason="full house")


@pytest.mark.parametrize("price", ["9.00", "12.50", "13.00", "NaN", "Infinity", "-10.00"])
def test_a_price_outside_its_bounds_is_refused(price: str) -> None:
    """What is no number too."""
    with pytest.raises(ValueError, match="outside"):
        own(price)


def test_a_price_off_the_ladder_is_refused() -> None:
    """Between two steps."""
    with pytest.raises(ValueError, match="not a step of the ladder"):
        own("10.50")


def test_of_a_price_the_proposal_looked_at_it_says_what_the_proposal_knew() -> None:
    """The price that was wanted, its neighbour, and the one in force, which gains nothing."""
    same, higher, kept = own("11.00"), own("12.00"), own("10.00")
    assert (same.then, same.gain) == (decision().then, decision().gain)
    neighbour = decision().explanation.higher
    assert neighbour is not None
    assert (higher.then, higher.gain) == (neighbour.outcome, neighbour.gain)
    assert (kept.verdict, kept.then, kept.gain.expected) == (Verdict.KEEP, decision().now, 0.0)
    assert all(each.reasons == ("ann set this price: full house",) for each in (same, higher, kept))


def test_of_another_price_what_is_expected_is_carried_over_and_said_to_be() -> None:
    """With the estimated elasticity: ten per cent dearer at -1.4 sells 12.5 per cent less."""
    made = own("11.00", proposed="12.00")
    assert made.then.units == pytest.approx(40 * 1.1**-1.4)
    assert made.then.revenue == pytest.approx(11 * 40 * 1.1**-1.4)
    assert made.reasons[1] == "what is expected is carried over from 10.00 with the elasticity -1.40"
    assert made.gain.low < made.gain.expected < made.gain.high
    assert made.gain.expected == pytest.approx(made.then.revenue - made.now.revenue)


@given(price=st.sampled_from([p for p in LADDER if p <= 12]), cost=st.decimals("0", "9", places=2))
def test_whatever_is_chosen_can_be_published(price: Decimal, cost: Decimal) -> None:
    """The decision holds together: the price is allowed, moves or is kept, and its odds are a probability."""
    made = by_hand(decision(unit_cost=cost), price, by="ann", reason="x")
    assert (made.wanted, made.allowed) == (price, price)
    assert made.set_by == "ann"
    assert made.verdict is (Verdict.KEEP if price == made.in_force else Verdict.MOVE)
    assert made.then.price == price
    assert 0 <= made.gain.loss_probability <= 1
