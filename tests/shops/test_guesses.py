"""Guesses of which offer a place sells: likely ones, and none by chance."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.shops.guesses import guesses
from api.shops.seen import SeenPlace
from pricing.book import Listing
from pricing.model import Ladder, Offer

FRIDAY = Offer(
    id="friday-adult",
    product="hamlet",
    segment="adult",
    event="friday",
    currency="EUR",
    ladder=Ladder.of(["10.00", "12.00"], "EUR"),
    floor=Decimal("10.00"),
    ceiling=Decimal("12.00"),
    current_price=Decimal("10.00"),
)
OFFERS = (
    FRIDAY,
    replace(FRIDAY, id="friday-child", segment="child"),
    replace(FRIDAY, id="saturday-adult", event="saturday"),
    replace(FRIDAY, id="saturday-child", event="saturday", segment="child", current_price=Decimal("12.00")),
    replace(FRIDAY, id="10017", product="mug", segment="all", event="all"),
)
LISTINGS = tuple(map(Listing, OFFERS))


def place(name: str, *, at: str = "gala/item/3", price: str | None = "10.00", currency: str = "EUR") -> SeenPlace:
    """Something a shop sells."""
    return SeenPlace(at, name, currency, None if price is None else Decimal(price), "10.00")


def guessed(seen: SeenPlace) -> str | None:
    """The offer that a place is taken to sell."""
    found = guesses([seen], LISTINGS).get(seen.place)
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("seen", "offer"),
    [
        (place("Hamlet, Friday: Adults"), "friday-adult"),
        (place("HAMLET (Saturday) – Child"), "saturday-child"),
        (place("Adult", at="friday/hamlet/adult"), "friday-adult"),
        (place("Mug"), "10017"),
        (place("Friday"), None),
        (place("A mug", at="10017"), "10017"),
        (place("Mug 10017"), "10017"),
    ],
)
def test_an_offer_is_known_by_its_words(seen: SeenPlace, offer: str | None) -> None:
    """In name or id, whatever stands between them; half of them, by weight, are needed."""
    assert guessed(seen) == offer


def test_of_offers_that_fit_alike_the_price_decides() -> None:
    """Two nights have the same child's ticket; one costs what stands there."""
    assert guessed(place("Hamlet child", price="12.00")) == "saturday-child"
    assert guessed(place("Hamlet child", price="10.00")) == "friday-child"
    assert guessed(place("Hamlet child", price="11.00")) is None


def test_an_offer_is_not_guessed_where_another_place_fits_it_better() -> None:
    """A tour sells "Adult" too, at another price; where two nights fit alike both are told."""
    seen = [place("Hamlet, Friday: Adult", at="a"), place("Hamlet, Adult", at="b"), place("Mug", at="c")]
    listings = [listing for listing in LISTINGS if listing.offer.id in {"friday-adult", "10017"}]
    assert guesses(seen, listings) == {"a": ("friday-adult", "all"), "c": ("10017", "all")}
    again = replace(seen[0], place="d")
    assert set(guesses([*seen, again], listings)) == {"a", "c", "d"}


def test_nothing_is_guessed_by_price_or_chance() -> None:
    """A price that fits, a number of the shop's own, and another currency say nothing."""
    assert guessed(place("Poster")) is None
    assert guessed(place("Poster", at="gala/item/10017")) is None
    assert guessed(place("Hamlet, Friday: Adults", currency="USD")) is None
    assert guesses([place("Hamlet")], ()) == {}


@given(st.permutations(LISTINGS), st.permutations(["Hamlet Friday adult", "Hamlet child", "Mug 10017", "Poster"]))
def test_guesses_hang_on_no_order(listings: list[Listing], names: list[str]) -> None:
    """The same shop and offers give the same."""
    seen = [place(name, at=name) for name in [*names, "Friday adult"]]
    assert guesses(seen, listings) == guesses(sorted(seen, key=lambda each: each.name), LISTINGS)
