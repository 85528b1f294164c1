"""An errand at a shop is done by a worker as its owner would from the command line, and resumed where it was killed."""

import itertools
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from subprocess import run
from threading import Event
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import Engine

from api import errands
from api.atomic import write_bytes
from api.errands import ROLES, SHAPES, Errand, Order, made_of, order_of
from api.http.runs import Wanted
from api.jobs import Task, Told, Worker
from api.settings import FILE, default_text
from api.shop_work import DOING
from api.shops import folder as folders
from api.shops.errors import ShopError
from api.shops.journal import Journal
from api.shops.model import Outcome, amount
from api.shops.offers import Mapped, Offers
from api.shops.seen import Seen
from api.shops.shop import Shop
from api.store.database import open_database
from api.store.runs import ON_REQUEST, Kind, State, ask, find
from api.store.users import Role
from api.work import do
from api.workspace import Workspace
from tests.api.store.book_kit import IDS, LISTINGS, NOW, decision, publish
from tests.shops.shelf import Killed, Shelf

LATER = NOW + timedelta(hours=1)
ROWS = [Mapped("adult", IDS[0]), Mapped("child", IDS[1]), Mapped("senior", IDS[2])]
PRICES = "place,name,price,currency\nadult,Adult,10.00,EUR\nchild,Child,10.00,EUR\nsenior,Senior,10.00,EUR\n"
SALES = "id,at,place,quantity,price,currency,order\n1,2026-03-01T10:00:00Z,adult,2,10.00,EUR,o1\n"
TILL = '\n[[shops]]\nname = "till"\nsystem = "folder"\naddress = "exchange"\n'
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a shop that is a folder; versions 2 and 3 made two of its prices dearer."""
    place = Workspace.create(tmp_path_factory.mktemp("season") / "season", default_text() + TILL)
    place.book.import_offers(LISTINGS, by="ann", now=NOW)
    publish(place.book, decision(IDS[0], "11.00"), name="adult")
    publish(place.book, decision(IDS[1], "12.00"), name="child")
    (place.root / "exchange" / "in").mkdir(parents=True)
    (place.root / "exchange" / "prices.csv").write_text(PRICES, encoding="utf-8")
    (place.root / "exchange" / "in" / "monday.csv").write_text(SALES, encoding="utf-8")
    Offers.write(_home(place) / "offers.csv", ROWS, sold={row.key: "EUR" for row in ROWS}, seen={})
    return place.root


@pytest.fixture
def place(season: Path, tmp_path: Path) -> Workspace:
    """Such a workspace of the test's own."""
    return Workspace.open(Path(shutil.copytree(season, tmp_path / "season")))


@pytest.fixture
def engine(place: Workspace) -> Engine:
    """Its database."""
    return open_database(place.database)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """The shop in memory, instead of in a folder."""
    shelf = Shelf(prices={row.place: amount(Decimal("10.00")) for row in ROWS})

    @contextmanager
    def opened(_: object, __: object, root: Path, ___: object) -> Iterator[Shop]:
        yield Shop(shelf, Journal(root / "shops" / "till" / "journal.jsonl"))

    monkeypatch.setattr("api.syncing.opened", opened)
    return shelf


def _home(place: Workspace) -> Path:
    return place.root / "shops" / "till"


def told(place: Workspace, step: Errand, *, by: str = "bob", **more: Any) -> Told:
    """What the process that does an errand tells last."""
    lines: list[Told] = []
    task = Task(Kind.SHOP, by, LATER, Order(shop="till", step=step, **more).arguments)
    do(task, place.root, say=lines.append)
    return lines[-1]


def made(place: Workspace, step: Errand, **more: Any) -> Any:
    """What came of an errand."""
    line = told(place, step, **more)
    assert line.result is not None, line.problems
    return msgspec.convert(line.result, SHAPES[step])


def prices(place: Workspace) -> dict[str, Decimal]:
    """What stands in the folder."""
    return {each.place: each.price or Decimal(0) for each in folders.Folder(place.root / "exchange").read_prices()}


@given(TEXT, st.sampled_from(Errand), TEXT, TEXT, st.lists(TEXT).map(tuple))
def test_an_errand_reads_back_from_its_arguments(
    shop: str, step: Errand, digest: str, named: str, places: tuple[str, ...]
) -> None:
    """They are texts, as a job keeps them."""
    order = Order(shop=shop, step=step, digest=digest, decision=named, places=places)
    assert Order.of(order.arguments) == order
    assert all(isinstance(text, str) for text in order.arguments.values())


def test_each_errand_has_a_role_a_shape_and_somebody_who_does_it() -> None:
    """What changes a price needs an approver; none is offered to keys."""
    assert {*ROLES} == {*SHAPES} == {*DOING} == {*Errand}
    changing = {step for step, role in ROLES.items() if role is Role.APPROVER}
    assert changing == {Errand.PUSH, Errand.ROLLBACK, Errand.ACCEPT}
    assert Kind.SHOP not in ON_REQUEST
    with pytest.raises(ValidationError):
        Wanted(kind="shop")  # type: ignore[arg-type]  # as a request might


@pytest.mark.parametrize(
    "arguments", [{}, {"shop": "till", "step": "burn"}, {"shop": "till", "step": "accept", "places": "a"}]
)
def test_arguments_that_name_no_errand_are_told(place: Workspace, arguments: dict[str, str]) -> None:
    """A job with such arguments fails; it does not crash."""
    lines: list[Told] = []
    do(Task(Kind.SHOP, "bob", NOW, arguments), place.root, say=lines.append)
    assert lines[-1].problems is not None
    assert "this is no errand at a shop" in lines[-1].problems[0]


def test_a_shop_that_is_not_in_the_settings_is_told(place: Workspace) -> None:
    """It was disconnected after somebody asked."""
    (place.root / FILE).write_text(default_text(), encoding="utf-8")
    assert told(place, Errand.LOOK).problems == ("there is no shop till in the settings, which name: none",)


def test_an_errand_a_day_from_the_first_look_to_a_rollback(place: Workspace) -> None:
    """Each step gives what the desk shows of it; what was put back is held until somebody accepts it."""
    assert made(place, Errand.LOOK) == errands.Looked(3, 0)
    assert (made(place, Errand.PULL).new, made(place, Errand.PULL).known) == (1, 0)
    before = (place.root / "exchange" / "prices.csv").read_bytes()
    seen = made(place, Errand.COMPARE)
    assert ((place.root / "exchange" / "prices.csv").read_bytes(), (_home(place) / "journal.jsonl").exists()) == (
        before,
        False,
    )
    assert [(step.place, step.offer, step.before, step.after) for step in seen.steps] == [
        ("adult", IDS[0], "10.00", Decimal("11.00")),
        ("child", IDS[1], "10.00", Decimal("12.00")),
    ]
    assert (seen.decision, seen.kept, seen.drifted, seen.held, seen.frozen) == ("version 3", 1, (), (), False)
    done = made(place, Errand.PUSH, digest=seen.digest)
    assert [(each.name, each.outcome) for each in done.results] == [("Adult", "done"), ("Child", "done")]
    assert (done.whole, len(done.checks), prices(place)["child"]) == (True, 3, Decimal("12.00"))
    assert [check.problems for check in made(place, Errand.VERIFY).checks] == [()] * 3
    back = made(place, Errand.ROLLBACK, decision="version 3", by="cyd")
    assert (back.decision, back.whole, {*prices(place).values()}) == ("rollback of version 3", True, {Decimal("10.00")})
    again = made(place, Errand.COMPARE)
    assert ([held.place for held in again.held], again.steps) == (["adult", "child"], ())
    taken = made(place, Errand.ACCEPT, places=("child",), by="dan")
    assert taken.accepted == (errands.Taken("child", "10.00", "10.00"),)
    assert [step.place for step in made(place, Errand.COMPARE).steps] == ["child"]
    assert [each.first.by for each in Journal(_home(place) / "journal.jsonl").history()] == ["dan", "cyd", "bob"]


def test_amounts_and_instants_in_a_result_are_texts(place: Workspace) -> None:
    """As every amount in JSON is."""
    result = told(place, Errand.COMPARE).result
    assert result is not None
    assert result["steps"][0] == {
        "place": "adult",
        "name": "Adult",
        "offer": IDS[0],
        "channel": "all",
        "before": "10.00",
        "shown": "10.00",
        "after": "11.00",
        "currency": "EUR",
        "floor": "10.00",
        "ceiling": "12.00",
        "lowest": "10.00",
    }
    told(place, Errand.LOOK)
    kept = msgspec.json.decode((_home(place) / "seen.json").read_bytes())
    assert kept["at"] == "2026-03-02T10:30:00Z"
    assert kept["places"][0]["price"] == "10.00"


@pytest.mark.parametrize("moment", range(1, 5))
@pytest.mark.parametrize("per_batch", [1, 2])
def test_a_push_whose_worker_was_killed_goes_on_where_it_stood(
    place: Workspace, shelf: Shelf, moment: int, per_batch: int
) -> None:
    """Before or after any write; asked for once, each price is written once, and the result names them all."""
    digest = made(place, Errand.COMPARE).digest
    shelf.per_batch, shelf.accident = per_batch, killed(moment)
    with suppress(Killed):
        told(place, Errand.PUSH, digest=digest)
    shelf.accident = lambda _: None
    done = made(place, Errand.PUSH, digest=digest)
    assert (done.whole, {each.place for each in done.results}) == (True, {"adult", "child"})
    assert sorted(write.place for write in shelf.written) == ["adult", "child"]
    entries = Journal(_home(place) / "journal.jsonl").entries()
    assert {entry.outcome for entry in entries} == {Outcome.DONE}
    assert {(entry.sent.by, entry.sent.digest) for entry in entries} == {("bob", digest)}


@pytest.mark.parametrize("after", [False, True])
def test_a_push_into_a_folder_goes_on_where_it_was_killed(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Before or after the new prices.csv took the old one's place."""
    digest, write = made(place, Errand.COMPARE).digest, write_bytes
    written: list[Path] = []

    def dying(data: bytes, target: Path, *, mode: int) -> None:
        if after:
            write(data, target, mode=mode)
            written.append(target)
        raise Killed

    def living(data: bytes, target: Path, *, mode: int) -> None:
        write(data, target, mode=mode)
        written.append(target)

    monkeypatch.setattr(folders, "write_bytes", dying)
    with pytest.raises(Killed):
        told(place, Errand.PUSH, digest=digest)
    monkeypatch.setattr(folders, "write_bytes", living)
    assert made(place, Errand.PUSH, digest=digest).whole
    assert ([path.name for path in written], prices(place)["child"]) == (["prices.csv"], Decimal("12.00"))


def test_a_push_asked_for_again_writes_nothing_again(place: Workspace, shelf: Shelf) -> None:
    """Neither when all of it arrived, nor what was rolled back since."""
    digest = made(place, Errand.COMPARE).digest
    for _ in range(2):
        assert made(place, Errand.PUSH, digest=digest).whole
    assert len(shelf.written) == 2
    made(place, Errand.ROLLBACK, decision="version 3")
    [problem] = told(place, Errand.PUSH, digest=digest).problems or ("none",)
    assert problem.startswith("what would be written is no longer what was shown")
    assert {*shelf.prices.values()} == {amount(Decimal("10.00"))}


def test_what_was_published_since_the_comparison_is_not_pushed(place: Workspace, shelf: Shelf) -> None:
    """Somebody looks again first."""
    digest = made(place, Errand.COMPARE).digest
    publish(place.book, decision(IDS[2], "11.00"), name="senior")
    assert told(place, Errand.PUSH, digest=digest).problems == (
        "what would be written is no longer what was shown: look at it again (version 4)",
    )
    assert told(place, Errand.PUSH).problems is not None, "without a comparison nothing is pushed"
    assert shelf.keys == []


def test_frozen_prices_are_not_pushed_and_the_job_says_so(place: Workspace, shelf: Shelf) -> None:
    """The comparison shows it, too."""
    digest = made(place, Errand.COMPARE).digest
    place.book.freeze(by="ann", now=LATER, reason="look first")
    assert made(place, Errand.COMPARE).frozen
    assert told(place, Errand.PUSH, digest=digest).problems == ("prices are frozen, so nothing is pushed",)
    assert (shelf.keys, (_home(place) / "journal.jsonl").exists()) == ([], False)


def test_a_freeze_stops_a_push_that_is_under_way(place: Workspace, shelf: Shelf) -> None:
    """What was sent is told as done, the rest as not sent; unfrozen, it goes on."""
    digest = made(place, Errand.COMPARE).digest

    def freeze(after: bool) -> None:
        if after:
            place.book.freeze(by="ann", now=LATER, reason="wrong price")

    shelf.accident = freeze
    done = made(place, Errand.PUSH, digest=digest)
    assert [(each.place, each.outcome, each.reason) for each in done.results] == [
        ("adult", "done", ""),
        ("child", "failed", "prices are frozen, so nothing is pushed"),
    ]
    assert (done.whole, [write.place for write in shelf.written]) == (False, ["adult"])
    place.book.unfreeze(by="ann", now=LATER, reason="it was right")
    shelf.accident = lambda _: None
    assert made(place, Errand.PUSH, digest=digest).whole
    assert [write.place for write in shelf.written] == ["adult", "child"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ShopError("key revoked (401)", permanent=True),
            "Shop till refuses, and will again until something is changed",
        ),
        (ShopError("no answer", permanent=False), "Shop till does not answer now; try again later"),
    ],
)
def test_a_job_says_whether_trying_again_is_of_any_use(
    place: Workspace, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, error: ShopError, said: str
) -> None:
    """In plain words, with what the shop said."""

    def fail(_: Shelf) -> None:
        raise error

    monkeypatch.setattr(Shelf, "read_prices", fail)
    assert told(place, Errand.COMPARE).problems == (f"{said}: {error}",)
    assert shelf.keys == []


def test_an_errand_waits_for_no_model_library() -> None:
    """Nothing that learns or solves is loaded before it begins."""
    heavy = "{'pandas', 'pyarrow', 'pyomo', 'scipy', 'statsmodels'}"
    said = f"import sys, api.work; print(sorted({heavy} & sys.modules.keys()))"
    assert run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_worker_does_an_errand_that_was_asked_for(place: Workspace, engine: Engine) -> None:
    """In a process of its own; what came of it is in the job, and reads back."""
    order = Order(shop="till", step=Errand.LOOK)
    asked = ask(engine, Kind.SHOP, by="ann", now=NOW, arguments=order.arguments)
    assert (order_of(asked), made_of(asked)) == (order, None)
    Worker(engine, place.root, name="w", now=lambda: NOW, stopped=Event()).work(once=True)
    ended = find(engine, asked.id)
    assert ended is not None
    assert (ended.state, made_of(ended)) == (State.DONE, errands.Looked(3, 0))
    assert Seen.read(_home(place)) is not None
    assert order_of(replace(ended, kind=Kind.FIT)) is None


def killed(at: int) -> Callable[[bool], None]:
    """The process dies at the n-th moment: before or after a write takes effect."""
    left = itertools.count(at, -1)

    def accident(_: bool) -> None:
        if next(left) == 1:
            raise Killed

    return accident
