"""What `Shop` promises, whatever system is behind it and whenever it fails."""

import itertools
import tempfile
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.shops.errors import ShopError
from api.shops.journal import Journal, digest_of
from api.shops.model import ABSENT, EMPTY, Outcome, Plan, Report, Shown, Step, Written, amount
from api.shops.shop import Shop
from pricing.errors import RefusedError
from tests.shops.shelf import NOW, Killed, Shelf, change

WRITTEN = st.one_of(st.just(ABSENT), st.just(EMPTY), st.integers(1, 80).map(lambda n: amount(Decimal(n))))
SHELVES = st.dictionaries(st.sampled_from("abcdefg"), WRITTEN, min_size=1)


@pytest.fixture
def shelf() -> Shelf:
    """Two places, at 20 and 30."""
    return Shelf()


@pytest.fixture
def shop(shelf: Shelf, tmp_path: Path) -> Shop:
    """A shop whose journal is empty."""
    return Shop(shelf, Journal(tmp_path / "shops" / "shelf" / "journal.jsonl"))


def killed(at: int) -> Callable[[bool], None]:
    """The process dies at the n-th moment: before or after a write takes effect."""
    left = itertools.count(at, -1)

    def accident(_: bool) -> None:
        if next(left) == 1:
            raise Killed

    return accident


def until_it_survives(shelf: Shelf, kills: list[int], step: Callable[[], Report]) -> Report:
    """Take a step again after each kill."""
    for at in kills:
        shelf.accident = killed(at)
        with suppress(Killed):
            step()
    shelf.accident = lambda _: None
    return step()


@given(SHELVES, st.integers(1, 3), st.lists(st.integers(1, 8), max_size=4), st.data())
def test_a_push_killed_at_any_moment_loses_nothing_and_writes_nothing_twice(
    prices: dict[str, Written], per_batch: int, kills: list[int], data: st.DataObject
) -> None:
    """However often it is killed, in the end each price is as decided and took effect once; then all goes back."""
    before, shelf = dict(prices), Shelf(prices=dict(prices), per_batch=per_batch)
    wanted = {place: Decimal(data.draw(st.integers(5, 90), place)) for place in prices}
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(shelf, Journal(Path(folder) / "journal.jsonl"))
        plan = shop.plan([change(place, str(price)) for place, price in wanted.items()])
        assert until_it_survives(shelf, kills, lambda: shop.push(plan, "v1", now=NOW)).whole
        assert {each.place: each.price for each in shop.read_prices()} == wanted
        assert sorted(write.place for write in shelf.written) == sorted(step.place for step in plan.steps)
        assert all(entry.outcome is not None for entry in shop.journal.entries())
        if plan.steps:
            assert until_it_survives(shelf, kills, lambda: shop.rollback("v1", now=NOW)).whole
        assert shelf.prices == before


def test_a_plan_sends_and_records_nothing(shop: Shop, shelf: Shelf) -> None:
    """What would change, from what to what, within which bounds; and what is as decided already."""
    plan = shop.plan([replace(change("a", "22"), lowest=Decimal(18)), change("b", "30.00")])
    assert [(s.place, s.before, s.shown, s.after, s.floor, s.ceiling, s.lowest) for s in plan.steps] == [
        ("a", amount(Decimal(20)), Decimal(20), Decimal("22.00"), Decimal("5.00"), Decimal("90.00"), Decimal(18))
    ]
    assert [step.place for step in plan.kept] == ["b"]
    assert (shelf.keys, shop.journal.path.exists()) == ([], False)


def test_everything_wrong_with_a_plan_is_said_at_once(shop: Shop) -> None:
    """No place, another currency, out of bounds, no bounds, too many decimals, twice."""
    wrong = [
        change("nowhere", "20"),
        change("a", "22", currency="USD"),
        change("a", "NaN"),
        change("b", "-5.00"),
        change("b", "20", floor="0", ceiling="0"),
        change("b", "20.001"),
    ]
    made = shop.plan(wrong)
    said = " ".join(each.reason for each in made.refused)
    for text in (
        "the shop has no price there",
        "not in USD",
        "NaN",
        "-5.00",
        "do not enclose",
        "more decimals",
        "two prices",
    ):
        assert text in said
    assert (made.steps, made.kept) == ((), ())


@pytest.mark.parametrize("price", ["-5", "0", "4.99", "90.01", "NaN", "Infinity", "1e12"])
def test_a_step_out_of_bounds_cannot_be_made(price: str) -> None:
    """Not even around `plan`."""
    with pytest.raises(ValueError, match="not between"):
        Step(
            place="a",
            name="A",
            currency="EUR",
            before=ABSENT,
            shown=None,
            after=Decimal(price),
            floor=Decimal(5),
            ceiling=Decimal(90),
        )


def test_a_price_changed_since_the_plan_is_left_alone(shop: Shop, shelf: Shelf) -> None:
    """The plan said from 20; somebody made it 21; the other price is written."""
    plan = shop.plan([change("a", "22"), change("b", "33")])
    shelf.prices["a"] = amount(Decimal(21))
    report = shop.push(plan, "v1", now=NOW)
    assert [(r.place, r.outcome) for r in report.results] == [("a", Outcome.DRIFTED), ("b", Outcome.DONE)]
    assert shelf.prices == {"a": amount(Decimal(21)), "b": amount(Decimal(33))}


def test_a_price_changed_during_a_long_push_is_left_alone(
    shop: Shop, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of prices take minutes, in which others work in the shop, too."""
    monkeypatch.setattr("api.shops.shop.FRESH", 0.0)

    def meanwhile(arrived: bool) -> None:
        if arrived and len(shelf.keys) == 1:
            shelf.prices["b"] = amount(Decimal(31))
            time.sleep(0.1)

    shelf.accident = meanwhile
    report = shop.push(shop.plan([change("a", "22"), change("b", "33")]), "v1", now=NOW)
    assert [(r.place, r.outcome) for r in report.results] == [("a", Outcome.DONE), ("b", Outcome.DRIFTED)]
    assert (shelf.prices["b"], len(shelf.keys)) == (amount(Decimal(31)), 1)


def test_a_price_changed_by_hand_back_to_what_it_was_is_drift_too(shop: Shop, shelf: Shelf) -> None:
    """Somebody took our price back: pushing the same decision again does not overrule them."""
    plan = shop.plan([change("a", "22")])
    shop.push(plan, "v1", now=NOW)
    shelf.prices["a"] = amount(Decimal(20))
    assert [result.outcome for result in shop.push(plan, "v1", now=NOW).results] == [Outcome.DRIFTED]
    assert [drift.place for drift in shop.plan([change("a", "22")]).drifted] == ["a"]
    assert shop.plan([change("a", "22")]).steps == ()


def test_drift_is_priced_again_once_a_person_accepts_it(shop: Shop, shelf: Shelf) -> None:
    """Who accepted is recorded; a rollback of the older decision leaves the place alone."""
    shop.push(shop.plan([change("a", "22")]), "v1", now=NOW)
    shelf.prices["a"] = amount(Decimal(25))
    [drift] = shop.plan([change("a", "22")]).drifted
    assert (drift.ours, drift.found) == (amount(Decimal(22)), amount(Decimal(25)))
    assert shop.accept(["b"], by="Ada", now=NOW) == ()
    assert [drift.place for drift in shop.accept(["a"], by="Ada", now=NOW)] == ["a"]
    assert shop.plan([change("a", "22")]).drifted == ()
    assert [entry.sent.by for entry in shop.journal.entries()] == [None, "Ada"]
    [left] = shop.rollback("v1", now=NOW).results
    assert (left.outcome, left.reason) == (Outcome.DRIFTED, "a price set by hand was taken for right there")
    assert shop.push(shop.plan([change("a", "26")]), "v2", now=NOW).whole
    assert shop.rollback("v2", now=NOW).whole
    assert shelf.prices["a"] == amount(Decimal(25))


def test_a_rollback_leaves_alone_what_a_later_decision_priced(shop: Shop, shelf: Shelf) -> None:
    """Even where the later price happens to be the same again."""
    for decision, price in [("v1", "22"), ("v2", "25"), ("v3", "22")]:
        shop.push(shop.plan([change("a", price)]), decision, now=NOW)
    report = shop.rollback("v1", now=NOW)
    assert [(result.outcome, result.reason) for result in report.results] == [(Outcome.DRIFTED, "v3 is in force")]
    assert shelf.prices["a"] == amount(Decimal(22))


def test_a_decision_that_was_rolled_back_can_be_pushed_again(shop: Shop, shelf: Shelf) -> None:
    """It is sent anew, under another key; a rollback repeated does nothing."""
    plan = shop.plan([change("a", "22")])
    for _ in range(2):
        assert shop.push(plan, "v1", now=NOW).whole
        assert shop.rollback("v1", now=NOW).whole
        assert {result.outcome for result in shop.rollback("v1", now=NOW).results} == {Outcome.ALREADY}
    assert len(shelf.keys) == len(set(shelf.keys)) == 4
    assert shelf.prices["a"] == amount(Decimal(20))


def test_what_was_never_pushed_cannot_be_rolled_back(shop: Shop) -> None:
    """A slip of the decision's name is said."""
    with pytest.raises(RefusedError, match="nothing of decision v9"):
        shop.rollback("v9", now=NOW)


def test_a_shop_that_says_yes_and_does_nothing_is_found_out(shop: Shop, shelf: Shelf) -> None:
    """What counts is what stands there afterwards."""
    shelf.deaf = True
    report = shop.push(shop.plan([change("a", "22")]), "v1", now=NOW)
    assert [(r.outcome, r.reason) for r in report.results] == [(Outcome.FAILED, "the shop took 22.00 and shows 20")]
    assert not report.whole


@pytest.mark.parametrize(
    ("error", "outcomes", "sent"),
    [
        (ShopError("no such item", permanent=True, status=404), [Outcome.REFUSED, Outcome.REFUSED], 2),
        (ShopError("key revoked", permanent=True, status=401), [Outcome.REFUSED, Outcome.REFUSED], 1),
        (ShopError("overloaded", permanent=False, status=503), [Outcome.FAILED, Outcome.FAILED], 1),
    ],
    ids=["one item", "every item", "for now"],
)
def test_an_error_says_whether_trying_again_helps(
    shop: Shop, shelf: Shelf, error: ShopError, outcomes: list[Outcome], sent: int
) -> None:
    """What holds for one place does not keep the others back; what holds for the whole shop ends the push."""

    def refuse(_: bool) -> None:
        raise error

    shelf.accident = refuse
    report = shop.push(shop.plan([change("a", "22"), change("b", "33")]), "v1", now=NOW)
    assert [result.outcome for result in report.results] == outcomes
    assert len(shelf.keys) == sent
    shelf.accident = lambda _: None
    assert shop.push(shop.plan([change("a", "22"), change("b", "33")]), "v1", now=NOW).whole


def test_a_write_whose_answer_was_lost_counts_by_what_stands_there(shop: Shop, shelf: Shelf) -> None:
    """The connection broke after the price took effect: done, not failed."""

    def lost(after: bool) -> None:
        if after:
            raise ShopError("connection lost", permanent=False)

    shelf.accident = lost
    assert shop.push(shop.plan([change("a", "22")]), "v1", now=NOW).whole


def test_a_shop_that_went_down_meanwhile_leaves_the_end_open(shop: Shop, shelf: Shelf) -> None:
    """Whether a price arrived is not known, and said so, until the shop answers again."""

    def goes_down(after: bool) -> None:
        shelf.down = after

    shelf.accident = goes_down
    plan = shop.plan([change("a", "22")])
    report = shop.push(plan, "v1", now=NOW)
    assert [result.outcome for result in report.results] == [Outcome.FAILED]
    assert "not known" in report.results[0].reason
    assert [entry.outcome for entry in shop.journal.entries()] == [None]
    shelf.down, shelf.accident = False, lambda _: None
    assert [result.outcome for result in shop.push(plan, "v1", now=NOW).results] == [Outcome.DONE]
    assert len(shelf.keys) == 1


def test_a_place_that_the_shop_does_not_have_keeps_no_other_from_being_looked_at(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slip in the table of offers is no name that such a shop would know."""
    shown = Shelf.read_shown

    def strict(shelf: Shelf, places: Collection[str]) -> tuple[Shown, ...]:
        if not {*places} <= shelf.prices.keys():
            raise ShopError("this is no place of a shelf", permanent=True)
        return shown(shelf, places)

    monkeypatch.setattr(Shelf, "read_shown", strict)
    checks = shop.check({"a": Decimal(20), "slip": Decimal(5)})
    assert [(each.place, each.problems) for each in checks] == [("a", ()), ("slip", ("the shop has None, not 5",))]


def test_a_place_that_is_gone_is_refused(shop: Shop, shelf: Shelf) -> None:
    """A ticket was taken off sale between plan and push."""
    plan = shop.plan([change("a", "22")])
    del shelf.prices["a"]
    assert [result.outcome for result in shop.push(plan, "v1", now=NOW).results] == [Outcome.REFUSED]
    assert shop.verify(plan)[0].problems


def test_only_one_push_runs_at_a_time(shop: Shop) -> None:
    """A second one, or a rollback, is refused while the first holds the journal."""
    plan = shop.plan([change("a", "22")])
    with shop.journal.held(), pytest.raises(RefusedError, match="running"):
        shop.push(plan, "v1", now=NOW)
    assert shop.push(plan, "v1", now=NOW).whole


def test_one_wrong_change_keeps_no_other_back(shop: Shop, shelf: Shelf) -> None:
    """Each is told with its reason; the rest is a plan that can be pushed."""
    made = shop.plan([change("a", "-5.00"), change("b", "33"), change("nowhere", "20"), change("nowhere", "21")])
    assert [(each.place, each.reason) for each in made.refused] == [
        ("a", "-5.00 is not between 5.00 and 90.00"),
        *[("nowhere", text) for text in ("it is to be given two prices", "the shop has no price there")] * 2,
    ]
    assert shop.push(made, "v1", now=NOW).whole
    assert shelf.prices == {"a": amount(Decimal(20)), "b": amount(Decimal("33.00"))}


def test_what_a_rollback_put_back_is_held_until_a_later_version(shop: Shop, shelf: Shelf) -> None:
    """The version taken back, and any before it; a price that stands there anyhow is none to write."""

    def drafted(version: int, price: str = "22") -> Plan:
        return shop.plan([replace(change("a", price), version=version)])

    shop.push(drafted(7), "version 7", now=NOW)
    assert drafted(7).held == ()
    shop.rollback("version 7", now=NOW, by="Ada")
    assert [(held.place, held.name, held.decision) for held in drafted(7).held] == [("a", "A", "version 7")]
    assert (drafted(7).steps, drafted(5).steps, len(drafted(5).held)) == ((), (), 1)
    assert (len(drafted(7, "20").kept), drafted(7, "20").held) == (1, ())
    assert (len(drafted(8).steps), drafted(8).held) == (1, ())
    shelf.prices["a"] = amount(Decimal(21))
    assert (len(drafted(7).drifted), drafted(7).held) == (1, ())


def test_a_held_place_is_priced_again_once_a_person_accepts_it(shop: Shop, shelf: Shelf) -> None:
    """It concerns no other place, and nothing is sent."""
    wanted = [replace(change(place, "22"), version=7) for place in "ab"]
    shop.push(shop.plan(wanted), "version 7", now=NOW)
    shop.rollback("version 7", now=NOW)
    sent = len(shelf.keys)
    assert [(each.place, each.ours, each.found) for each in shop.accept(["a"], by="Ada", now=NOW)] == [
        ("a", amount(Decimal(20)), amount(Decimal(20)))
    ]
    assert shop.accept(["a"], by="Ada", now=NOW) == ()
    assert ([step.place for step in shop.plan(wanted).steps], len(shelf.keys)) == (["a"], sent)
    with pytest.raises(RefusedError, match="nothing of decision accepted"):
        shop.rollback("accepted", now=NOW)


def test_a_rollback_is_not_taken_back(shop: Shop, shelf: Shelf) -> None:
    """It would write a price that nobody holds against bounds, overrides and freezes; a push does."""
    shop.push(shop.plan([change("a", "22")]), "version 7", now=NOW)
    shop.rollback("version 7", now=NOW)
    with pytest.raises(RefusedError, match="nothing of decision rollback of version 7"):
        shop.rollback("rollback of version 7", now=NOW)
    assert shelf.prices["a"] == amount(Decimal(20))


def test_a_push_that_was_asked_for_by_a_digest_goes_on_after_a_kill(shop: Shop, shelf: Shelf) -> None:
    """What is left, with what was begun for it, is what was seen; anything else is not written."""
    wanted = [change("a", "22"), change("b", "33")]
    digest = digest_of("v1", shop.plan(wanted).writes)
    shelf.accident = killed(3)
    with pytest.raises(Killed):
        shop.push(shop.plan(wanted), "v1", now=NOW, digest=digest)
    shelf.accident = lambda _: None
    for decision, others in [("v2", wanted), ("v1", [*wanted[:1], change("b", "34")])]:
        with pytest.raises(RefusedError, match="no longer what was shown"):
            shop.push(shop.plan(others), decision, now=NOW, digest=digest)
    report = shop.push(shop.plan(wanted), "v1", now=NOW, digest=digest)
    assert [(result.place, result.outcome) for result in report.results] == [
        ("a", Outcome.DONE),
        ("b", Outcome.DONE),
    ]
    assert [write.place for write in shelf.written] == ["a", "b"]


def test_a_push_says_whether_it_has_anything_to_do(shop: Shop, shelf: Shelf) -> None:
    """A write whose end nobody saw is something, too."""
    wanted = [change("a", "22")]
    assert shop.left_to_do(shop.plan(wanted))
    shelf.accident = killed(2)
    with pytest.raises(Killed):
        shop.push(shop.plan(wanted), "v1", now=NOW)
    assert (shop.plan(wanted).steps, shop.left_to_do(shop.plan(wanted))) == ((), True)
    shop.push(shop.plan(wanted), "v1", now=NOW)
    assert (shop.left_to_do(shop.plan(wanted)), len(shelf.written)) == (False, 1)
