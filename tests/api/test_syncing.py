"""A shop and a workspace stay together: each sale once, each price as approved, nothing by hand overwritten."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from api.settings import default_text
from api.shops.journal import Journal
from api.shops.model import Movement, Outcome, amount
from api.shops.offers import Offers
from api.shops.shop import Shop
from api.store.database import open_database, reading
from api.store.tables import sales
from api.syncing import Pulled, pull, push
from api.workspace import Workspace
from pricing.errors import InputError, MismatchError
from tests.api.store.book_kit import IDS, LISTINGS, NOW, decision, proposal, publish
from tests.shops.shelf import Shelf

LATER = NOW + timedelta(hours=1)
OFFERS = Offers({"a": (IDS[0], "all"), "b": (IDS[1], "all")})


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace whose book has three offers at 10.00."""
    place = Workspace.create(tmp_path / "season", default_text())
    place.book.import_offers(LISTINGS, by="ann", now=NOW)
    return place


@pytest.fixture
def engine(place: Workspace) -> Engine:
    """Its database."""
    return open_database(place.database)


@pytest.fixture
def shelf() -> Shelf:
    """A shop that sells two of them, at 10.00 too."""
    return Shelf(prices={"a": amount(Decimal(10)), "b": amount(Decimal(10))})


@pytest.fixture
def shop(shelf: Shelf, tmp_path: Path) -> Shop:
    """Fairfare's side of it."""
    return Shop(shelf, Journal(tmp_path / "journal.jsonl"))


def moved(number: int, *, quantity: int = 1, price: str = "10.00", place: str = "a", **changed: Any) -> Movement:
    """Something that was sold, or given back."""
    values = {"id": f"m{number}", "place": place, "at": NOW, "currency": "EUR", "order": f"o{number}"}
    return Movement(**{**values, "quantity": quantity, "price": Decimal(price), **changed})


def pulled(shop: Shop, engine: Engine, tmp_path: Path) -> Pulled:
    """Pull once."""
    return pull(shop, OFFERS, engine, tmp_path / "shops" / "shelf", name="shelf", now=LATER)


def recorded(engine: Engine) -> dict[str, tuple[str, float, Decimal]]:
    """Offer, units and price of each sale the book knows."""
    with reading(engine) as db:
        rows = db.execute(select(sales.c.id, sales.c.offer, sales.c.quantity, sales.c.price))
        return {row.id: (row.offer, row.quantity, row.price) for row in rows}


def test_a_sale_in_the_shop_is_one_in_the_book_however_often_it_is_pulled(
    shop: Shop, shelf: Shelf, engine: Engine, tmp_path: Path
) -> None:
    """A cancellation is a negative sale; what comes again is known."""
    shelf.sold = [moved(1, quantity=2), moved(2, quantity=-1, price="9.00", place="b")]
    assert pulled(shop, engine, tmp_path) == Pulled(2, 0, (), ())
    shelf.sold.append(moved(3))
    assert pulled(shop, engine, tmp_path) == Pulled(1, 1, (), ())
    assert recorded(engine) == {
        "shelf/m1": (IDS[0], 2, Decimal("10.00")),
        "shelf/m2": (IDS[1], -1, Decimal("9.00")),
        "shelf/m3": (IDS[0], 1, Decimal("10.00")),
    }


def test_a_sale_that_cannot_be_used_keeps_no_other_back(
    shop: Shop, shelf: Shelf, engine: Engine, tmp_path: Path
) -> None:
    """It is written down with its reason; what is sold at a place nobody mapped is told."""
    shelf.sold = [
        moved(1),
        moved(2, price="10000.00"),
        moved(3, currency="USD"),
        moved(4, place="c"),
        moved(5, price="0"),
        moved(6),
    ]
    done = pulled(shop, engine, tmp_path)
    assert (done.new, done.unmapped) == (2, ("c",))
    assert [reason.partition(":")[0] for reason in done.refused] == ["shelf/m2", "shelf/m3", "shelf/m5"]
    assert "shelf/m3" in (tmp_path / "shops" / "shelf" / "refused.json").read_text()
    assert recorded(engine).keys() == {"shelf/m1", "shelf/m6"}


def test_the_cursor_stays_where_recording_failed(
    shop: Shop, shelf: Shelf, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between pulling and recording, the next round pulls the same again."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    shelf.sold = [moved(1), moved(2)]
    with monkeypatch.context() as patched:
        patched.setattr("api.syncing.record", killed)
        with pytest.raises(KeyboardInterrupt):
            pulled(shop, engine, tmp_path)
    assert pulled(shop, engine, tmp_path).new == 2


def test_a_price_that_was_approved_reaches_the_shop_and_its_buyers(place: Workspace, shop: Shop, shelf: Shelf) -> None:
    """Within bounds, with the lowest price of 30 days beside it; again there is nothing to do."""
    version = publish(place.book, decision(IDS[0], "11.00"))
    done = push(shop, OFFERS, place.book, now=LATER)
    assert done.report is not None
    assert (done.whole, done.report.decision) == (True, f"version {version}")
    [step] = done.plan.steps
    assert (step.floor, step.ceiling, step.lowest) == (Decimal("10.00"), Decimal("12.00"), Decimal("10.00"))
    assert [(check.place, check.shown, check.problems) for check in done.checks] == [
        ("a", Decimal("11.00"), ()),
        ("b", Decimal(10), ()),
    ]
    assert shelf.prices == {"a": amount(Decimal("11.00")), "b": amount(Decimal(10))}
    again = push(shop, OFFERS, place.book, now=LATER)
    assert (again.plan.steps, again.report, len(shelf.keys)) == ((), None, 1)


def test_a_proposal_that_nobody_approved_is_not_pushed(place: Workspace, shop: Shop, shelf: Shelf) -> None:
    """What goes out is what is in force."""
    place.book.propose(proposal(decision(IDS[0], "11.00")))
    assert push(shop, OFFERS, place.book, now=LATER).plan.steps == ()
    assert shelf.keys == []


def test_a_dry_run_pushes_nothing(place: Workspace, shop: Shop, shelf: Shelf) -> None:
    """It says what would be written."""
    publish(place.book, decision(IDS[0], "11.00"))
    done = push(shop, OFFERS, place.book, now=LATER, dry=True)
    assert ([step.after for step in done.plan.steps], done.report) == ([Decimal("11.00")], None)
    assert (shelf.keys, shop.journal.entries()) == ([], ())


def test_frozen_prices_are_not_pushed(place: Workspace, shop: Shop, shelf: Shelf) -> None:
    """A freeze stops what was published and has not reached the shop, too."""
    publish(place.book, decision(IDS[0], "11.00"))
    place.book.freeze(by="ann", now=LATER, reason="look first")
    done = push(shop, OFFERS, place.book, now=LATER)
    assert (done.frozen, done.report, shelf.keys) == (True, None, [])


def test_what_somebody_changed_in_the_shop_is_told_and_left_alone(place: Workspace, shop: Shop, shelf: Shelf) -> None:
    """The other prices are pushed; the drifted one is once a person took it for right."""
    publish(place.book, decision(IDS[0], "11.00"))
    push(shop, OFFERS, place.book, now=LATER)
    shelf.prices["a"] = amount(Decimal("11.50"))
    done = push(shop, OFFERS, place.book, now=LATER)
    assert [(drift.place, drift.found) for drift in done.plan.drifted] == [("a", amount(Decimal("11.50")))]
    assert shelf.prices["a"] == amount(Decimal("11.50"))
    shop.accept(["a"], by="ann", now=LATER)
    assert push(shop, OFFERS, place.book, now=LATER).whole
    assert shelf.prices["a"] == amount(Decimal("11.00"))


def test_an_offer_that_the_book_does_not_know_is_named(place: Workspace, shop: Shop) -> None:
    """A slip in the table of offers is said before anything is sent."""
    with pytest.raises(InputError, match="nothing-like-it"):
        push(shop, Offers({"a": ("nothing-like-it", "all")}), place.book, now=LATER)


def test_a_place_that_the_shop_does_not_have_is_named(place: Workspace, shop: Shop, shelf: Shelf) -> None:
    """And nothing is pushed to the others."""
    publish(place.book, decision(IDS[0], "11.00"))
    with pytest.raises(MismatchError, match="no price at z"):
        push(shop, Offers({"a": (IDS[0], "all"), "z": (IDS[1], "all")}), place.book, now=LATER)
    assert shelf.keys == []


def test_a_push_that_is_not_whole_says_so(place: Workspace, shop: Shop, shelf: Shelf) -> None:
    """A shop that says yes and does nothing is no success."""
    publish(place.book, decision(IDS[0], "11.00"))
    shelf.deaf = True
    done = push(shop, OFFERS, place.book, now=LATER)
    assert done.report is not None
    assert [result.outcome for result in done.report.results] == [Outcome.FAILED]
    assert not done.whole
