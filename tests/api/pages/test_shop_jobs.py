"""What came of errands at a shop, and its journal, as they are shown."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from flask import Flask

from api.errands import Compared, Difference, Ended, Errand, Looked, Order
from api.http.backend import Backend
from api.pages.shop_jobs import Decision, Deed, Work, by_size, change, short, work_of
from api.shops.journal import Journal
from api.shops.model import Outcome, Result, Write, amount
from api.store.runs import Kind, ask
from tests.api.pages.conftest import Office
from tests.api.pages.shop_kit import TILL, told
from tests.api.store.book_kit import NOW

EMPTY = Compared(digest="d", decision="version 2", steps=(), kept=3, drifted=(), held=(), refused=(), frozen=False)


def work(office: Office, shop: str = TILL) -> Work:
    """The jobs of a shop."""
    desk = office.desk
    backend = Backend(desk.root, desk.follower, now=lambda: desk.now, refresh=desk.follower.refresh)
    with Flask("jobs").app_context():
        return work_of(backend, shop, desk.now)


def step(place: str, shown: str | None, after: str) -> Difference:
    """A difference."""
    return Difference(
        place=place,
        name=place,
        offer="o",
        channel="all",
        before="nothing",
        shown=None if shown is None else Decimal(shown),
        after=Decimal(after),
        currency="EUR",
        floor=Decimal(1),
        ceiling=Decimal(99),
        lowest=None,
    )


def test_a_comparison_is_out_of_date_once_something_was_done(office: Office) -> None:
    """A push, a rollback, prices taken for right: also where that failed."""
    desk = office.desk
    told(desk, Order(shop=TILL, step=Errand.COMPARE), EMPTY)
    assert work(office).compared == EMPTY
    told(desk, Order(shop=TILL, step=Errand.PUSH, digest="d"), "another push to this shop is running")
    found = work(office)
    assert (found.compared, found.failed("compare")) == (None, None)
    assert found.failed("push") is not None


def test_each_shop_has_its_own_jobs(office: Office) -> None:
    """What is under way at one holds up no other."""
    ask(
        office.desk.engine,
        Kind.SHOP,
        by="x",
        now=office.desk.now,
        arguments=Order(shop="b", step=Errand.LOOK).arguments,
    )
    assert (work(office).open, work(office).doing) == (None, None)
    assert work(office, "b").doing is Errand.LOOK


def test_a_result_of_another_version_is_taken_for_unknown(office: Office) -> None:
    """No page fails of it."""
    told(office.desk, Order(shop=TILL, step=Errand.PUSH, digest="d"), Looked(1, 1))
    told(office.desk, Order(shop=TILL, step=Errand.COMPARE), EMPTY)
    assert (work(office).pushed, work(office).checks, work(office).compared) == (None, None, EMPTY)


def test_the_largest_changes_come_first() -> None:
    """Where no price holds there is none to change."""
    steps = [step("a", "10.00", "11.00"), step("b", "10.00", "8.00"), step("c", None, "50.00")]
    assert [each.place for each in by_size(steps)] == ["b", "a", "c"]
    assert [round(change(each), 2) for each in steps] == [0.1, -0.2, 0.0]
    results = [Ended(each, each, each, "") for each in ("done", "already", "drifted", "failed", "refused")]
    assert [each.place for each in short(results)] == ["drifted", "failed", "refused"]


def test_what_was_pushed_can_be_taken_back_while_some_of_it_stands(tmp_path: Path) -> None:
    """Not what was taken back already, nor what somebody took for right."""
    journal, at = Journal(tmp_path / "journal.jsonl"), NOW
    for decision, places in (("version 1", "ab"), ("version 2", "abc"), ("rollback of version 2", "c")):
        at += timedelta(hours=1)
        journal.begin(
            [Write(each, amount(Decimal(1)), amount(Decimal(2))) for each in places], decision, now=at, by="Petra"
        )
        journal.end([Result(each, Outcome.DONE, "") for each in places[:2]], decision, now=at)
    journal.accept("d", amount(Decimal(1)), amount(Decimal(2)), by="Ada", now=at)
    deeds = [Deed.of(each) for each in journal.history()]
    assert [(deed.decision.text, deed.returns) for deed in deeds] == [
        ("accepted", False),
        ("rollback of version 2", False),
        ("version 2", True),
        ("version 1", False),
    ]
    assert (deeds[2].written, deeds[2].unknown, deeds[2].places, deeds[2].by) == (2, 1, 3, "Petra")


def test_decisions_are_told_by_their_version() -> None:
    """Others by their name."""
    assert Decision.of("rollback of version 7") == Decision("rollback of version 7", 7, back=True)
    assert Decision.of("version 7x") == Decision("version 7x", None, back=False)
