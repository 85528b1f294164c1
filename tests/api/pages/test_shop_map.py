"""What is sold where: what a person said, what is guessed, and what is open."""

from dataclasses import replace
from decimal import Decimal

import pytest

from api.pages.shop_map import MOST_CHOICES, Choices, Row, changed, rows_of, typed, with_guesses
from api.shops.offers import Mapped
from api.shops.seen import SeenPlace
from pricing.book import Listing
from pricing.errors import InputError
from pricing.model import ALL
from tests.api.store.book_kit import IDS, LISTINGS, OFFERS

CHOICES = Choices({(listing.offer.id, ALL): listing for listing in LISTINGS})


def place(name: str, title: str = "") -> SeenPlace:
    """A place at 10.00."""
    return SeenPlace(name, title or name, "EUR", Decimal(10), "10.00")


def test_what_is_open_comes_first_and_what_the_shop_lost_next() -> None:
    """Each place once; what is said of a place that is gone is still there."""
    rows = rows_of([place("1"), place("2")], {"1": (IDS[0], ALL), "gone": (IDS[1], ALL)})
    assert [(row.id, row.offer) for row in rows] == [("2", ""), ("gone", IDS[1]), ("1", IDS[0])]
    assert [row.place is None for row in rows] == [False, True, False]


def test_a_guess_is_marked_and_made_for_open_places_only() -> None:
    """Where names agree; what somebody said stays said."""
    rows = rows_of([place("1", "Hamlet child"), place("2", "Cloakroom"), place("3", "Hamlet adult")], {"3": ("x", ALL)})
    found = {row.id: (row.offer, row.guessed) for row in with_guesses(rows, CHOICES)}
    assert found == {"1": ("hamlet-child", True), "2": ("", False), "3": ("x", False)}


def test_an_offer_with_a_place_is_not_guessed_for_another() -> None:
    """Whoever priced the others by hand would else name them with the next save."""
    said = {"1": ("hamlet-child", ALL)}
    rows = rows_of([place("1", "Hamlet child"), place("2", "Child, on tour"), place("3", "Hamlet adult")], said)
    found = {row.id: row.offer for row in with_guesses(rows, CHOICES, said.values())}
    assert found == {"1": "hamlet-child", "2": "", "3": "hamlet-adult"}
    assert {row.id: row.offer for row in with_guesses(rows, CHOICES)}["2"] == "hamlet-child"


def test_places_that_are_not_shown_keep_what_was_said_of_them() -> None:
    """One that is shown is given another offer, or none."""
    said = {"1": (IDS[0], ALL), "2": (IDS[1], ALL), "3": (IDS[2], ALL)}
    rows = [Row("1", None, "other", "web", was=said["1"]), Row("2", None, was=said["2"])]
    assert changed(said, rows) == [Mapped("3", IDS[2]), Mapped("1", "other", "web")]


def test_two_who_choose_at_a_time_lose_nothing_of_each_other() -> None:
    """What one left as it was shown is as the other saved it; where both chose differently, the later one is told."""
    said = {"1": (IDS[0], ALL), "2": (IDS[1], ALL)}
    seen = [Row("1", None, IDS[0], was=(IDS[0], ALL)), Row("2", None)]
    assert {(each.place, each.offer) for each in changed(said, seen)} == {("1", IDS[0]), ("2", IDS[1])}
    mine = [Row("1", None, IDS[2]), Row("2", None, IDS[1])]
    with pytest.raises(InputError) as told:
        changed(said, mine)
    assert [each.value for each in told.value.findings] == ["1"], "the other is what was saved anyway"
    assert [row.offer for row in typed(rows_of([], said), [*mine, Row("2", None)])] == [IDS[2], IDS[1]]


def test_what_was_filled_in_is_shown_again() -> None:
    """In place of what was guessed or said."""
    rows = [Row("1", None, "a", guessed=True), Row("2", None, "b")]
    assert [(row.offer, row.guessed) for row in typed(rows, [Row("1", None, "c")])] == [("c", False), ("b", False)]


def test_an_offer_is_chosen_from_a_list_or_typed_where_there_are_too_many() -> None:
    """It is called by its name, and by what it is where that does not tell."""
    assert CHOICES.offers[IDS[0]] == "hamlet-adult (friday)"
    assert (CHOICES.listed, CHOICES.channels) == (True, [ALL])
    many = [Listing(replace(OFFERS[0], id=f"o{i}")) for i in range(MOST_CHOICES + 1)]
    assert not Choices({(each.offer.id, "web"): each for each in many}).listed


def test_a_place_is_sought_by_name_number_or_offer() -> None:
    """Whatever the case."""
    row = Row("gala/item/1", place("gala/item/1", "Parkett"), "stalls")
    assert [row.matches(text) for text in ("PARK", "item", "Stalls", "", "rang")] == [True, True, True, True, False]
