"""How shops stand, in a sentence; nothing is asked of them for it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask

from api.pages import language
from api.pages.shop_standing import SENTENCES, ShopStanding, ShopState, troubled, verdict
from api.settings import ShopSettings, ShopSystem
from api.shops.model import Held
from api.shops.seen import Seen, SeenPlace
from api.shops.status import DriftedPlace, LastPush, Problem, Status
from tests.api.store.book_kit import NOW

SEEN = Seen(NOW, "pretix", (SeenPlace("1", "Adult", "EUR", Decimal(10), "10.00"),), ())
PUSHED = LastPush(NOW, "version 2", True)
GOOD = ShopStanding(
    ShopSettings(name="till", system=ShopSystem.FOLDER, address="exchange"),
    SEEN,
    Status(pushed=PUSHED),
    {"1": ("adult", "all")},
)
DRIFT = (DriftedPlace("1", "Adult", "10.00", "9.00"),)
STATES = {
    ShopState.IN_STEP: GOOD,
    ShopState.WAITING: replace(GOOD, waiting=2),
    ShopState.UNMAPPED: replace(GOOD, said={}),
    ShopState.NEW: replace(GOOD, seen=None),
    ShopState.HELD: replace(GOOD, status=Status(pushed=LastPush(NOW, "rollback of version 2", True))),
    ShopState.SHORT: replace(GOOD, status=Status(pushed=LastPush(NOW, "version 2", False))),
    ShopState.DRIFTED: replace(GOOD, status=Status(pushed=PUSHED, drifted=DRIFT)),
    ShopState.SILENT: replace(GOOD, status=Status(pushed=PUSHED, problem=Problem(NOW, "down", False))),
    ShopState.REFUSED: replace(GOOD, status=Status(pushed=PUSHED, problem=Problem(NOW, "no", True))),
}


def said(*shops: ShopStanding) -> str:
    """The verdict for an English reader."""
    app = Flask("shops")
    language.install(app)
    with app.test_request_context():
        return verdict(shops)


@pytest.mark.parametrize("state", list(ShopState))
def test_each_way_a_shop_can_stand_is_told(state: ShopState) -> None:
    """By its name, in a sentence of its own."""
    shop = STATES[state]
    assert shop.state is state
    assert said(shop).endswith(".")
    assert "till" in said(shop) or state is ShopState.IN_STEP


def test_the_verdict_counts_what_is_fine_and_names_what_is_not() -> None:
    """The gravest first; of many only some are named."""
    assert said(GOOD, STATES[ShopState.DRIFTED]) == "One shop is in step. One price was changed by hand in till."
    assert said(STATES[ShopState.NEW], STATES[ShopState.REFUSED]).startswith("till refuses what it is asked for.")
    assert said(*[STATES[ShopState.NEW]] * 6).endswith("2 more need a look.")
    assert said(STATES[ShopState.WAITING]) == "2 prices have moved since the last push to till."
    never = replace(GOOD, status=Status())
    assert said(never) == "Nothing was pushed to till yet."


def test_places_held_after_a_rollback_are_told() -> None:
    """As long as a comparison finds them so."""
    held = replace(GOOD, status=Status(pushed=PUSHED, held=(Held("1", "Adult", "version 2"),)))
    assert held.state is ShopState.HELD


def test_a_person_is_asked_for_what_does_not_mend_itself() -> None:
    """A shop that was silent once is not among it; one that is for an hour is."""
    shops = tuple(STATES.values())
    assert {each.state for each in troubled(shops, NOW)} == {ShopState.REFUSED, ShopState.DRIFTED}
    later = {each.state for each in troubled(shops, NOW + timedelta(hours=2))}
    assert later == {ShopState.REFUSED, ShopState.DRIFTED, ShopState.SILENT}


def test_a_shop_is_told_by_its_host_or_folder_and_how_much_of_it_is_priced() -> None:
    """Never by more of its address."""
    named = ShopSettings(name="books", system=ShopSystem.OSCAR, address="https://shop.example/api")
    assert (GOOD.where, replace(GOOD, settings=named).where) == ("exchange", "shop.example")
    assert (GOOD.mapped, GOOD.places, STATES[ShopState.NEW].places) == (1, 1, 0)
    assert {*SENTENCES} == {*ShopState} - {ShopState.DRIFTED}
