"""A shop and a workspace stay together: each sale once, each price as approved, nothing by hand overwritten."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from api.errands import Pulled
from api.settings import ShopSettings, ShopSystem
from api.shops.errors import ShopError
from api.shops.journal import Journal
from api.shops.model import Movement, Outcome, Stock, amount
from api.shops.offers import Mapped, Offers
from api.shops.opening import folder_of
from api.shops.seen import Seen, SeenPlace
from api.shops.shop import Shop
from api.shops.status import DriftedPlace, LastPush, Problem, Status
from api.store.database import open_database, reading
from api.store.overrides import Overrides
from api.store.tables import sales
from api.syncing import Door, Pushed, accept, compare, entered, look, pull, push, rollback, verify
from api.workspace import Workspace
from pricing.book import Listing
from pricing.errors import InputError, RefusedError
from pricing.law import NO_LAW
from tests.api.store.book_kit import (
    DAY,
    IDS,
    NOW,
    OFFERS,
    POLICY,
    decision,
    override,
    proposal,
    publish,
    put_in_force,
)
from tests.shops.shelf import Killed, Shelf

LATER = NOW + timedelta(hours=1)
ROWS = [Mapped("a", IDS[0]), Mapped("b", IDS[1])]


@pytest.fixture
def place(on_sale: Workspace) -> Workspace:
    """A workspace whose book has three offers at 10.00."""
    return on_sale


@pytest.fixture
def engine(place: Workspace) -> Engine:
    """Its database."""
    return open_database(place.database)


@pytest.fixture
def shelf() -> Shelf:
    """A shop that sells two of them, at 10.00 too."""
    return Shelf(prices={"a": amount(Decimal(10)), "b": amount(Decimal(10))})


@pytest.fixture
def door(shelf: Shelf, tmp_path: Path) -> Door:
    """Fairfare's side of it, with a table that maps both of its places."""
    folder = tmp_path / "shops" / "shelf"
    mapped(folder, *ROWS)
    return Door("shelf", Shop(shelf, Journal(folder / "journal.jsonl")), folder)


def mapped(folder: Path, *rows: Mapped) -> None:
    """Write the table of offers, whether there are such offers or not."""
    Offers.write(folder / "offers.csv", rows, sold={row.key: "EUR" for row in rows}, seen={})


def moved(number: int, *, quantity: int = 1, price: str = "10.00", place: str = "a", **changed: Any) -> Movement:
    """Something that was sold, or given back."""
    values = {"id": f"m{number}", "place": place, "at": NOW, "currency": "EUR", "order": f"o{number}"}
    return Movement(**{**values, "quantity": quantity, "price": Decimal(price), **changed})


def pulled(door: Door, engine: Engine) -> Pulled:
    """Pull once."""
    return pull(door, engine, now=LATER)


def pushed(door: Door, engine: Engine, *, digest: str = "") -> Pushed:
    """Push once, for bob."""
    return push(door, engine, by="bob", now=LATER, digest=digest)


def recorded(engine: Engine) -> dict[str, tuple[str, float, Decimal]]:
    """Offer, units and price of each sale the book knows."""
    with reading(engine) as db:
        rows = db.execute(select(sales.c.id, sales.c.offer, sales.c.quantity, sales.c.price))
        return {row.id: (row.offer, row.quantity, row.price) for row in rows}


def test_a_sale_in_the_shop_is_one_in_the_book_however_often_it_is_pulled(
    door: Door, shelf: Shelf, engine: Engine
) -> None:
    """A cancellation is a negative sale; what comes again is known."""
    shelf.sold = [moved(1, quantity=2), moved(2, quantity=-1, price="9.00", place="b")]
    assert pulled(door, engine) == Pulled(2, 0, (), ())
    shelf.sold.append(moved(3))
    assert pulled(door, engine) == Pulled(1, 1, (), ())
    assert recorded(engine) == {
        "shelf/m1": (IDS[0], 2, Decimal("10.00")),
        "shelf/m2": (IDS[1], -1, Decimal("9.00")),
        "shelf/m3": (IDS[0], 1, Decimal("10.00")),
    }


def test_a_sale_that_cannot_be_used_keeps_no_other_back(door: Door, shelf: Shelf, engine: Engine) -> None:
    """It is written down with its reason; what is sold at a place nobody mapped is told."""
    shelf.sold = [
        moved(1),
        moved(2, price="10000.00"),
        moved(3, currency="USD"),
        moved(4, place="c"),
        moved(5, price="0"),
        moved(6),
    ]
    done = pulled(door, engine)
    assert (done.new, done.unmapped) == (2, ("c",))
    assert [reason.partition(":")[0] for reason in done.refused] == ["shelf/m2", "shelf/m3", "shelf/m5"]
    assert "shelf/m3" in (door.folder / "refused.json").read_text()
    assert recorded(engine).keys() == {"shelf/m1", "shelf/m6"}


def test_a_sale_that_could_not_be_used_is_tried_again_until_it_can(door: Door, shelf: Shelf, engine: Engine) -> None:
    """A clock that lay behind, or an offer not in the book yet, costs no sale; what never can be is told once."""
    shelf.sold = [replace(moved(1), at=LATER + timedelta(hours=1)), moved(2, price="0")]
    first = pull(door, engine, now=LATER)
    assert [reason.partition(":")[0] for reason in first.refused] == ["shelf/m1", "shelf/m2"]
    shelf.sold += [moved(3), moved(4)]
    assert [reason.partition(":")[0] for reason in pull(door, engine, now=LATER).refused] == ["shelf/m1", "shelf/m2"]
    shelf.sold.append(moved(5))
    assert [reason.partition(":")[0] for reason in pull(door, engine, now=LATER).refused] == ["shelf/m1"]
    set_right = pull(door, engine, now=LATER + timedelta(hours=1))
    assert (set_right.new, set_right.refused) == (1, ())
    assert recorded(engine).keys() == {f"shelf/m{number}" for number in (1, 3, 4, 5)}
    assert pull(door, engine, now=LATER + timedelta(hours=2)).refused == ()
    assert "shelf/m2" in (door.folder / "refused.json").read_text()


def test_the_cursor_stays_where_recording_failed(
    door: Door, shelf: Shelf, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between pulling and recording, the next round pulls the same again."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    shelf.sold = [moved(1), moved(2)]
    with monkeypatch.context() as patched:
        patched.setattr("api.unrecorded.record", killed)
        with pytest.raises(KeyboardInterrupt):
            pulled(door, engine)
    assert pulled(door, engine).new == 2


def test_a_price_that_was_approved_reaches_the_shop_and_its_buyers(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """Within bounds, with the lowest price of 30 days beside it; again there is nothing to do."""
    version = publish(place.book, decision(IDS[0], "11.00"))
    done = pushed(door, engine)
    assert done.report is not None
    assert (done.whole, done.report.decision) == (True, f"version {version}")
    [step] = done.plan.steps
    assert (step.floor, step.ceiling, step.lowest) == (Decimal("10.00"), Decimal("12.00"), Decimal("10.00"))
    assert [(check.place, check.shown, check.problems) for check in done.checks] == [
        ("a", Decimal("11.00"), ()),
        ("b", Decimal(10), ()),
    ]
    assert shelf.prices == {"a": amount(Decimal("11.00")), "b": amount(Decimal(10))}
    again = pushed(door, engine)
    assert (again.plan.steps, again.report, len(shelf.keys)) == ((), None, 1)


def test_a_clock_that_went_back_pushes_no_price_from_before(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """What was published last is in force."""
    publish(place.book, decision(IDS[0], "11.00"))
    pushed(door, engine)
    assert push(door, engine, by="bob", now=NOW - DAY).plan.steps == ()
    assert shelf.prices["a"] == amount(Decimal("11.00"))


def test_a_proposal_that_nobody_approved_is_not_pushed(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """What goes out is what is in force."""
    place.book.propose(proposal(decision(IDS[0], "11.00")))
    assert pushed(door, engine).plan.steps == ()
    assert shelf.keys == []


def test_a_dry_run_pushes_nothing(place: Workspace, engine: Engine, door: Door, shelf: Shelf) -> None:
    """It says what would be written."""
    publish(place.book, decision(IDS[0], "11.00"))
    done = compare(door, engine, now=LATER)
    assert ([step.after for step in done.plan.steps], done.report) == ([Decimal("11.00")], None)
    assert (shelf.keys, door.shop.journal.entries()) == ([], ())


def test_frozen_prices_are_not_pushed(place: Workspace, engine: Engine, door: Door, shelf: Shelf) -> None:
    """A freeze stops what was published and has not reached the shop, too."""
    publish(place.book, decision(IDS[0], "11.00"))
    place.book.freeze(by="ann", now=LATER, reason="look first")
    done = pushed(door, engine)
    assert (done.frozen, done.report, shelf.keys) == (True, None, [])


def test_what_somebody_changed_in_the_shop_is_told_and_left_alone(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """The other prices are pushed; the drifted one is once a person took it for right."""
    publish(place.book, decision(IDS[0], "11.00"))
    pushed(door, engine)
    shelf.prices["a"] = amount(Decimal("11.50"))
    done = pushed(door, engine)
    assert [(drift.place, drift.found) for drift in done.plan.drifted] == [("a", amount(Decimal("11.50")))]
    assert shelf.prices["a"] == amount(Decimal("11.50"))
    accept(door, ["a"], by="ann", now=LATER)
    assert pushed(door, engine).whole
    assert shelf.prices["a"] == amount(Decimal("11.00"))


def test_a_place_that_cannot_be_priced_keeps_no_other_back(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """A slip in the table, a place that is gone: each is told with its reason, and the rest is pushed."""
    publish(place.book, decision(IDS[0], "11.00"))
    mapped(door.folder, ROWS[0], Mapped("b", "nothing-like-it"), Mapped("z", IDS[1]))
    done = pushed(door, engine)
    assert [(each.place, each.reason) for each in done.plan.refused] == [
        ("b", "no price is in force for offer nothing-like-it in all"),
        ("z", "the shop has no price there"),
    ]
    assert (shelf.prices["a"], done.arrived, done.whole) == (amount(Decimal("11.00")), True, False)
    assert Status.read(door.folder).refused == done.plan.refused


def test_a_price_that_its_bounds_forbid_by_now_is_not_pushed(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """Its owner lowered the ceiling after it was published; the other place gets its price."""
    publish(place.book, decision(IDS[0], "12.00"), decision(IDS[1], "11.00"))
    lower = replace(OFFERS[0], ceiling=Decimal("11.00"), current_price=Decimal("12.00"))
    place.book.import_offers([Listing(lower)], by="ann", now=LATER)
    done = pushed(door, engine)
    assert [(each.place, each.reason) for each in done.plan.refused] == [("a", "12.00 is not between 10.00 and 11.00")]
    assert shelf.prices == {"a": amount(Decimal(10)), "b": amount(Decimal("11.00"))}


def test_a_price_that_an_override_forbids_by_now_is_not_pushed(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """A promise made after it was published keeps it out of the shop, until another price is in force or it ends."""
    publish(place.book, decision(IDS[0], "12.00"), decision(IDS[1], "11.00"))
    Overrides(engine).set(override(at=LATER, days=1), policy=POLICY, law=NO_LAW)
    done = pushed(door, engine)
    assert [each.place for each in done.plan.refused] == ["a"]
    assert done.plan.refused[0].reason.startswith("12.00 is above the ceiling of 11.00 that Ann set until")
    assert shelf.prices == {"a": amount(Decimal(10)), "b": amount(Decimal("11.00"))}
    assert push(door, engine, by="bob", now=LATER + 2 * DAY).whole
    assert shelf.prices["a"] == amount(Decimal("12.00"))


def test_a_push_that_is_not_whole_says_so(place: Workspace, engine: Engine, door: Door, shelf: Shelf) -> None:
    """A shop that says yes and does nothing is no success."""
    publish(place.book, decision(IDS[0], "11.00"))
    shelf.deaf = True
    done = pushed(door, engine)
    assert done.report is not None
    assert [result.outcome for result in done.report.results] == [Outcome.FAILED]
    assert not done.whole


def test_a_push_names_who_wanted_it(place: Workspace, engine: Engine, door: Door) -> None:
    """The journal tells it years later, decision by decision."""
    version = publish(place.book, decision(IDS[0], "11.00"))
    pushed(door, engine)
    [sent] = Journal(door.shop.journal.path).history()
    assert (sent.first.by, sent.first.decision, sent.standing) == ("bob", f"version {version}", True)
    assert sent.outcomes == {Outcome.DONE: 1}


def test_what_was_rolled_back_is_pushed_again_only_with_a_later_version(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """Nor where versions of other offers follow; the place says so meanwhile."""
    version = publish(place.book, decision(IDS[0], "11.00"))
    pushed(door, engine)
    report, checks = rollback(door, f"version {version}", by="bob", now=LATER)
    assert (report.whole, [check.problems for check in checks]) == (True, [()])
    for number in range(2):
        done = pushed(door, engine)
        assert [(held.place, held.decision) for held in done.plan.held] == [("a", f"version {version}")]
        assert Status.read(door.folder).held == done.plan.held
        assert shelf.prices["a"] == amount(Decimal(10))
        publish(place.book, decision(IDS[1], f"1{number + 1}.00", now=f"1{number}.00"), name=f"other {number}")
    publish(place.book, decision(IDS[0], "12.00", now="11.00"), name="later")
    assert pushed(door, engine).plan.held == ()
    assert shelf.prices["a"] == amount(Decimal("12.00"))


def test_what_was_rolled_back_is_pushed_again_once_a_person_accepts_the_place(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """Who did is in the journal."""
    version = publish(place.book, decision(IDS[0], "11.00"))
    pushed(door, engine)
    rollback(door, f"version {version}", by="bob", now=LATER)
    assert compare(door, engine, now=LATER).plan.held
    assert [taken.place for taken in accept(door, ["a", "b"], by="cyd", now=LATER)] == ["a"]
    assert Status.read(door.folder).held == ()
    assert pushed(door, engine).whole
    assert shelf.prices["a"] == amount(Decimal("11.00"))
    assert [each.first.by for each in door.shop.journal.history()] == ["bob", "cyd", "bob", "bob"]


def test_a_version_that_is_scheduled_gives_no_push_its_name(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """Taking the push back holds the price that was in force, not the one that is to come."""
    version = publish(place.book, decision(IDS[0], "11.00"))
    coming = proposal(decision(IDS[0], "12.00", now="11.00"), name="coming", base=version)
    place.book.propose(coming)
    place.book.approve("coming", by="bob", now=NOW)
    put_in_force(place.book, "coming", begins=LATER + DAY)
    assert pushed(door, engine).decision == f"version {version}"
    rollback(door, f"version {version}", by="bob", now=LATER)
    assert pushed(door, engine).plan.held
    push(door, engine, by="bob", now=LATER + 2 * DAY)
    assert shelf.prices["a"] == amount(Decimal("12.00"))


def test_a_push_writes_the_comparison_that_was_seen_or_nothing(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """A version published meanwhile, and a price changed in the shop, ask for another look."""
    publish(place.book, decision(IDS[0], "11.00"))
    seen = compare(door, engine, now=LATER).digest
    publish(place.book, decision(IDS[0], "12.00", now="11.00"), name="later")
    with pytest.raises(RefusedError, match="no longer what was shown"):
        pushed(door, engine, digest=seen)
    seen = compare(door, engine, now=LATER).digest
    shelf.prices["a"] = amount(Decimal("9.50"))
    with pytest.raises(RefusedError, match="no longer what was shown"):
        pushed(door, engine, digest=seen)
    assert (shelf.keys, door.shop.journal.entries()) == ([], ())
    assert pushed(door, engine, digest=compare(door, engine, now=LATER).digest).whole
    assert shelf.prices["a"] == amount(Decimal("12.00"))


def test_a_write_whose_end_nobody_saw_is_found_out_by_the_next_round(
    place: Workspace, engine: Engine, door: Door, shelf: Shelf
) -> None:
    """Then somebody who takes the price back by hand is not overruled."""
    publish(place.book, decision(IDS[0], "11.00"))

    def killed(after: bool) -> None:
        if after:
            raise Killed

    shelf.accident = killed
    with pytest.raises(Killed):
        pushed(door, engine)
    shelf.accident = lambda _: None
    pushed(door, engine)
    assert [entry.outcome for entry in door.shop.journal.entries()] == [Outcome.DONE]
    shelf.prices["a"] = amount(Decimal(10))
    assert [drift.place for drift in pushed(door, engine).plan.drifted] == ["a"]
    assert len(shelf.written) == 1


def test_its_status_tells_what_happened_last(place: Workspace, engine: Engine, door: Door, shelf: Shelf) -> None:
    """Sales, pushes, drift; a problem stands until something succeeds, and what the book forbids is none."""
    version = publish(place.book, decision(IDS[0], "11.00"))
    shelf.sold = [moved(1), moved(2, price="0")]
    pulled(door, engine)
    pushed(door, engine)
    shelf.prices["a"] = amount(Decimal("11.50"))
    compare(door, engine, now=LATER)
    told = Status.read(door.folder)
    assert told.pulled is not None
    assert (told.pulled.new, len(told.pulled.problems), told.problem) == (1, 1, None)
    assert told.pushed == LastPush(LATER, f"version {version}", whole=True)
    assert told.drifted == (DriftedPlace("a", "A", "11.00", "11.50"),)
    shelf.down = True
    with pytest.raises(ShopError):
        compare(door, engine, now=LATER)
    assert Status.read(door.folder).problem == Problem(LATER, "down", permanent=False)
    shelf.down = False
    with pytest.raises(RefusedError, match="nothing of decision"):
        rollback(door, "version 99", by="bob", now=LATER)
    assert Status.read(door.folder).problem is not None
    look(door, now=LATER)
    assert Status.read(door.folder) == told


def test_a_shop_that_cannot_be_opened_says_so_in_its_status(place: Workspace) -> None:
    """Without its secret, nothing can be done there."""
    shop = ShopSettings(name="tickets", system=ShopSystem.OSCAR, address="https://tickets.example")
    with (
        pytest.raises(InputError, match="FAIRFARE_SHOP_TICKETS"),
        entered(place.root, replace(place.settings, shops=(shop,)), "tickets", {}, now=LATER),
    ):
        raise AssertionError
    told = Status.read(folder_of(place.root, "tickets")).problem
    assert told is not None
    assert (told.permanent, "FAIRFARE_SHOP_TICKETS" in told.text) == (True, True)


def test_a_look_keeps_what_it_saw(door: Door, shelf: Shelf) -> None:
    """For whoever maps places later, without talking to the shop."""
    shelf.stock = (Stock(id="hall", name="Hall", places=("a", "b"), size=9, available=4, waiting=1),)
    seen = look(door, now=LATER)
    assert Seen.read(door.folder) == seen
    assert (seen.at, seen.system, seen.stock) == (LATER, "shelf", shelf.stock)
    assert seen.places[0] == SeenPlace("a", "A", "EUR", Decimal(10), "10")
    assert (door.folder / "seen.json").stat().st_mode & 0o077 == 0


def test_every_mapped_place_is_verified(place: Workspace, engine: Engine, door: Door, shelf: Shelf) -> None:
    """Also one that drifted, and one that the shop no longer has."""
    publish(place.book, decision(IDS[0], "11.00"))
    pushed(door, engine)
    shelf.prices = {"a": amount(Decimal("11.50"))}
    assert [(check.place, check.name, check.problems) for check in verify(door, engine, now=LATER)] == [
        ("a", "A", ("the shop has 11.50, not 11.00", "a buyer is asked for 11.50, not 11.00")),
        ("b", "b", ("the shop has None, not 10.00",)),
    ]


def test_frozen_prices_are_told_before_a_push(place: Workspace, engine: Engine, door: Door) -> None:
    """A comparison says so, and shows what would be written."""
    publish(place.book, decision(IDS[0], "11.00"))
    place.book.freeze(by="ann", now=LATER, reason="look first")
    assert (compare(door, engine, now=LATER).frozen, len(compare(door, engine, now=LATER).plan.steps)) == (True, 1)


def test_a_price_that_is_taken_back_during_a_push_is_not_written(
    door: Door, shelf: Shelf, engine: Engine, place: Workspace
) -> None:
    """A push takes minutes where a shop takes one price at a time; the next one brings what is in force then."""
    taken_back = publish(place.book, decision(IDS[0], "11.00"), decision(IDS[1], "12.00"))

    def meanwhile(arrived: bool) -> None:
        if arrived and len(shelf.keys) == 1:
            place.book.rollback(taken_back, by="ann", now=LATER, policy=POLICY)

    shelf.accident = meanwhile
    before = shelf.prices["b"]
    report = pushed(door, engine).report
    assert report is not None
    assert [result.outcome for result in report.results] == [Outcome.DONE, Outcome.FAILED]
    assert ("taken back meanwhile" in report.results[1].reason, shelf.prices["b"]) == (True, before)
    assert pushed(door, engine).arrived
    assert {*shelf.prices.values()} == {amount(Decimal("10.00"))}
