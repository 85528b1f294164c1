"""Everything is chosen by default; what is left out is in the address alone, and filters find what they say."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from api.pages.choosing import CAPPED, HELD, MOVES, STAYS, Choice, Fact, Sift, fact_of, named_in
from pricing.book import Decision, Verdict
from pricing.demand import Evidence, Identification
from pricing.outcome import Explanation, Gain
from tests.api.store.book_kit import OFFERS, decision

KEYS = tuple((f"offer {number}", "all") for number in range(300))
LEFT = st.frozensets(st.integers(0, len(KEYS) - 1))


@given(LEFT)
def test_what_is_left_out_is_read_back_from_the_address(left: frozenset[int]) -> None:
    """In a short text that a browser need not escape."""
    code = Choice(KEYS, left).code
    assert Choice.asked(KEYS, MultiDict({"left": code})).left == left
    assert len(code) < 80
    assert set(code) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=40), st.text(max_size=20), st.lists(st.text(max_size=9), max_size=4))
def test_an_address_that_cannot_be_read_breaks_nothing(left: str, seen: str, pick: list[str]) -> None:
    """Whatever is in it, places of the proposal come out."""
    asked = Choice.asked(KEYS[:9], MultiDict([("left", left), ("seen", seen), *(("pick", each) for each in pick)]))
    assert asked.left <= set(range(9))


@given(LEFT, st.frozensets(st.integers(0, 49)), st.integers(0, 49))
def test_ticks_of_one_page_change_nothing_of_the_others(
    left: frozenset[int], ticked: frozenset[int], size: int
) -> None:
    """What a page showed and did not tick is left out; what other pages left out stays so."""
    seen = range(size)
    sent = [("left", Choice(KEYS, left).code), ("seen", ".".join(map(str, seen)))]
    asked = Choice.asked(KEYS, MultiDict([*sent, *(("pick", str(place)) for place in ticked if place in seen)]))
    assert {place for place in asked.left if place >= size} == {place for place in left if place >= size}
    assert {place for place in asked.left if place < size} == set(seen) - ticked


@pytest.mark.parametrize(("step", "left"), [("leave", {0, 1, 2}), ("take", {2}), ("only", {2, 3, 4}), ("", {1, 2})])
def test_a_step_is_about_all_that_matches(step: str, left: set[int]) -> None:
    """Leave them out, choose them, or choose them alone."""
    made = Choice(KEYS[:5], frozenset({1, 2})).after(step, [KEYS[0], KEYS[1], ("nobody", "all")])
    assert made.left == left
    assert [made.takes(key) for key in KEYS[:5]] == [place not in left for place in range(5)]


def of(place: int, price: str, *, moves: bool = True, **changed: Any) -> Fact:
    """A fact about one of three offers."""
    made: Decision = decision(OFFERS[place].id, price, **changed)
    return fact_of(OFFERS[place], made, moves=moves)


RISEN = of(0, "11.00", gain=Gain(5.0, -1.0, 9.0, 0.22), explanation=Explanation(acted=("step",)))
SUNK = of(1, "10.30", now="10.50", gain=Gain(5.0, 1.0, 9.0, 0.1))
KEPT = of(
    2,
    "10.00",
    moves=False,
    verdict=Verdict.HELD,
    evidence=Evidence(Identification.NOT_IDENTIFIED, -1.0, 1.0, "it never moved", "none"),
    explanation=Explanation(acted=("evidence",)),
)


@pytest.mark.parametrize(
    ("sift", "found"),
    [
        (Sift(), [RISEN, SUNK, KEPT]),
        (Sift(q="HAMLET adult"), [RISEN]),
        (Sift(event="saturday"), []),
        (Sift(change="up"), [RISEN]),
        (Sift(change="down"), [SUNK]),
        (Sift(change="large"), [RISEN]),
        (Sift(risk="some"), [RISEN, SUNK]),
        (Sift(risk="high"), [RISEN]),
        (Sift(evidence="not-identified"), [KEPT]),
        (Sift(rail="step"), [RISEN]),
        (Sift(rail="evidence", evidence="identified"), []),
        (Sift(change="sideways", risk="none"), [RISEN, SUNK, KEPT]),
    ],
)
def test_a_filter_finds_what_it_says(sift: Sift, found: list[Fact]) -> None:
    """Several together find what fits all of them; one that is not known filters nothing."""
    assert sift.found([RISEN, SUNK, KEPT]) == found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Gold: no price in force", "Gold"),
        ("Gold card: no price in force", "Gold card"),
        ("Gold card (web): no price in force", "Gold card (web)"),
        ("offer Gold would cost 3.00", "Gold"),
        ("Golden: no price in force", ""),
        ("prices are frozen", ""),
    ],
)
def test_an_objection_is_about_one_offer(text: str, name: str) -> None:
    """Also where the names of others begin alike: leaving it out leaves out no other."""
    assert named_in(text, ["Gold", "Gold card", "Gold card (web)"]) == name


def test_a_price_tells_all_that_is_the_matter_with_it() -> None:
    """It may move and be stopped on its way; what is decided no longer neither moves nor is capped."""
    assert (RISEN.states, SUNK.states, KEPT.states) == ((MOVES, CAPPED), (MOVES,), (HELD,))
    assert fact_of(OFFERS[0], decision(), moves=False).states == (STAYS,)
    assert fact_of(OFFERS[0], None, moves=False).states == (STAYS,)
    bounded = replace(decision(), wanted=Decimal("12.00"))
    assert fact_of(OFFERS[0], bounded, moves=True).stake == bounded.gain.expected
