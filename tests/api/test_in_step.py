"""Shops and endpoints are kept in step by themselves: whatever becomes of one, the others are."""

import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from api import in_step
from api.again import LONGEST, Waits
from api.in_step import Home, ShopRound, Ward, keep, kept_in_step, wards
from api.settings import (
    FILE,
    Settings,
    ShopSettings,
    ShopSystem,
    WebhookSettings,
    default_text,
    parse_settings,
    read_settings,
)
from api.shops.errors import ShopError
from api.shops.journal import Journal
from api.shops.model import Movement, amount
from api.shops.offers import Mapped, Offers
from api.shops.opening import folder_of
from api.shops.shop import Shop
from api.shops.status import Status
from api.store.database import open_database, reading
from api.store.tables import sales
from api.syncing import Door
from api.webhooks import Delivery
from api.workspace import Workspace
from tests.api.store.book_kit import IDS, NOW, decision, proposal, publish
from tests.shops.shelf import Shelf

LATER = NOW + timedelta(hours=1)
TEN = amount(Decimal(10))
TILL = '\n[[shops]]\nname = "{name}"\nsystem = "folder"\naddress = "{name}"\nsync_seconds = 1\n'


@pytest.fixture
def place(on_sale: Workspace) -> Workspace:
    """A workspace whose book has three offers at 10.00."""
    return on_sale


@pytest.fixture
def home(place: Workspace) -> Home:
    """It, as a worker has it."""
    return Home(place.root, open_database(place.database), {}, lambda: LATER)


def ward(name: str = "tickets", *, seconds: int = 10) -> Ward:
    """A shop that is looked after."""
    settings = ShopSettings(name=name, system=ShopSystem.FOLDER, address=name, sync_seconds=seconds)
    return Ward(settings, (), (0, 0))


def door(home: Home, shelf: Shelf, name: str = "tickets") -> Door:
    """The way to a shop in memory, with a table of offers."""
    folder = folder_of(home.root, name)
    rows = [Mapped("a", IDS[0]), Mapped("b", IDS[1])]
    Offers.write(folder / "offers.csv", rows, sold={row.key: "EUR" for row in rows}, seen={})
    return Door(name, Shop(shelf, Journal(folder / "journal.jsonl")), folder)


@dataclass
class Rounds(threading.Event):
    """Stops a thread after so many waits, and remembers how long they were to be [seconds]."""

    most: int
    waited: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def wait(self, timeout: float | None = None) -> bool:
        """No time passes."""
        self.waited.append(timeout or 0.0)
        if len(self.waited) >= self.most:
            self.set()
        return self.is_set()


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch, home: Home) -> Callable[..., None]:
    """Puts shops in memory, or errors, behind names."""

    def put(**shops: Shelf | Exception) -> None:
        @contextmanager
        def entered(_root: Path, _settings: object, name: str, *_: object, **__: object) -> Iterator[Door]:
            if isinstance(found := shops[name], Exception):
                raise found
            yield door(home, found, name)

        monkeypatch.setattr(in_step, "entered", entered)

    return put


def shelf() -> Shelf:
    """A shop with two of the offers, at 10.00."""
    return Shelf(prices={"a": TEN, "b": TEN})


def sold(home: Home) -> set[str]:
    """What the book knows of."""
    with reading(home.engine) as db:
        return set(db.execute(sales.select().with_only_columns(sales.c.id)).scalars())


def moved(number: int, place: str = "a") -> Movement:
    """One unit sold."""
    price, order = Decimal("10.00"), f"o{number}"
    return Movement(id=f"m{number}", place=place, at=NOW, quantity=1, price=price, currency="EUR", order=order)


def told(logged: list[Any], event: str) -> list[Any]:
    """What the log gives as reasons under this name."""
    return [line["reason"] for line in logged if line["event"] == event]


def test_what_the_settings_name_is_looked_after(place: Workspace) -> None:
    """Shops that say how often, and every endpoint; a new secret or table of offers makes another ward of it."""
    hook = '\n[[webhooks]]\nname = "site"\naddress = "https://site.example/"\n'
    asked_only = TILL.format(name="kiosk").replace("sync_seconds = 1\n", "")
    (place.root / FILE).write_text(default_text() + TILL.format(name="till") + asked_only + hook)
    first = set(wards(read_settings(place.root / FILE), place.root))
    assert {(each.settings.name, each.kind, each.seconds) for each in first} == {
        ("till", "shop", 1.0),
        ("site", "webhook", in_step.WEBHOOKS),
    }
    for file in ("secrets/webhook-site", "shops/till/offers.csv"):
        (place.root / file).parent.mkdir(parents=True)
        (place.root / file).touch()
    assert first.isdisjoint(wards(read_settings(place.root / FILE), place.root))


def test_a_round_brings_sales_in_and_published_prices_out(home: Home, place: Workspace) -> None:
    """What is proposed, or approved, and not published stays here."""
    shop = shelf()
    shop.sold = [moved(1)]
    round_ = ShopRound(door(home, shop), home, Waits(10.0))
    place.book.propose(proposal(decision(IDS[0], "11.00")))
    assert round_(0.0) == []
    place.book.approve("p1", by="bob", now=NOW)
    assert round_(1.0) == []
    assert (shop.prices, shop.keys, sold(home)) == ({"a": TEN, "b": TEN}, [], {"tickets/m1"})
    publish(place.book, decision(IDS[1], "12.00"), name="p2")
    assert round_(2.0) == []
    assert shop.prices == {"a": TEN, "b": amount(Decimal("12.00"))}


@pytest.mark.parametrize(("status", "goes_out"), [(None, "12.00"), (500, "12.00"), (401, "10.00")])
def test_prices_go_out_where_sales_cannot_be_read(
    home: Home, place: Workspace, monkeypatch: pytest.MonkeyPatch, status: int | None, goes_out: str
) -> None:
    """A price that was taken back does not stay in the shop because its list of orders is out of order."""
    shop, said = shelf(), ShopError("no orders today", permanent=status != 500, status=status)

    def out_of_order(*_: object) -> None:
        raise said

    monkeypatch.setattr(Shelf, "pull_demand", out_of_order)
    publish(place.book, decision(IDS[1], "12.00"))
    with pytest.raises(ShopError, match="no orders"):
        ShopRound(door(home, shop), home, Waits(10.0))(0.0)
    assert shop.prices["b"] == amount(Decimal(goes_out))
    problem = Status.read(folder_of(home.root, "tickets")).problem
    assert problem is not None
    assert problem.text == "no orders today"


def test_while_prices_are_frozen_nothing_is_pushed(home: Home, place: Workspace) -> None:
    """Sales come in all the same."""
    publish(place.book, decision(IDS[0], "11.00"))
    place.book.freeze(by="ann", now=LATER, reason="look first")
    shop = shelf()
    shop.sold = [moved(1)]
    assert ShopRound(door(home, shop), home, Waits(10.0))(0.0) == ["prices are frozen, so nothing is pushed"]
    assert (shop.keys, sold(home)) == ([], {"tickets/m1"})


def test_a_place_that_did_not_take_its_price_is_tried_again_after_growing_waits(home: Home, place: Workspace) -> None:
    """And with whatever is published next; sales come in meanwhile, and what is wrong stays said."""
    publish(place.book, decision(IDS[0], "11.00"))
    shop = replace(shelf(), deaf=True)
    round_ = ShopRound(door(home, shop), home, Waits(10.0))
    problems = round_(0.0)
    assert [problem.partition(":")[0] for problem in problems] == ["a", "a", "a"]
    tries = [1 for at in range(10, 80, 10) if round_(float(at)) == problems and len(shop.keys)]
    assert (len(tries), len(shop.keys)) == (7, 3)
    publish(place.book, decision(IDS[1], "12.00"), name="p2")
    shop.deaf = False
    assert round_(80.0) == []
    assert shop.prices == {"a": amount(Decimal("11.00")), "b": amount(Decimal("12.00"))}
    publish(place.book, decision(IDS[1], "11.00", now="12.00"), name="p3")
    assert round_(81.0) == []


def test_a_shop_that_refuses_is_tried_again_after_growing_waits_and_said_once(
    home: Home, behind: Callable[..., None]
) -> None:
    """A key that was revoked; the waits end at the longest."""
    behind(tickets=ShopError("401 no such key", permanent=True))
    stopped = Rounds(8)
    with capture_logs() as logged:
        keep(home, ward(), stopped)
    assert stopped.waited == [20.0, 40.0, 80.0, 160.0, LONGEST, LONGEST, LONGEST, LONGEST]
    assert told(logged, "cannot be done now; it is tried again") == ["401 no such key"]


def test_what_somebody_did_by_hand_is_said_once(home: Home, place: Workspace, behind: Callable[..., None]) -> None:
    """And left alone; a sale where nothing is mapped likewise."""
    publish(place.book, decision(IDS[0], "11.00"))
    shop = shelf()
    behind(tickets=shop)
    keep(home, ward(), Rounds(1))
    shop.prices["a"], shop.sold = amount(Decimal("11.50")), [moved(1, "c")]
    stopped = Rounds(3)
    with capture_logs() as logged:
        keep(home, ward(), stopped)
    assert sorted(told(logged, "not as it should be")) == [
        "a: somebody changed 11.00 to 11.50",
        "sold at c, which offers.csv does not name",
    ]
    assert (stopped.waited, shop.prices["a"]) == ([10.0] * 3, amount(Decimal("11.50")))


def test_a_push_by_somebody_else_is_waited_for_without_a_word(
    home: Home, place: Workspace, behind: Callable[..., None]
) -> None:
    """By hand, from the desk, or by another worker; afterwards it is done."""
    publish(place.book, decision(IDS[0], "11.00"))
    shop = shelf()
    behind(tickets=shop)
    busy, stopped = door(home, shop).shop.journal, Rounds(2)
    with capture_logs() as logged, busy.held():
        keep(home, ward(), stopped)
    assert (stopped.waited, shop.keys) == ([10.0, 10.0], [])
    with capture_logs() as again, (folder_of(home.root, "tickets") / "sync.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        keep(home, ward(), Rounds(2))
    assert [line for line in (*logged, *again) if line["log_level"] != "info"] == []
    assert shop.keys == []
    keep(home, ward(), Rounds(1))
    assert len(shop.keys) == 1


def test_an_error_nobody_foresaw_ends_no_thread(home: Home, behind: Callable[..., None]) -> None:
    """Its trace is in the log, once."""
    behind(tickets=ZeroDivisionError())
    stopped = Rounds(3)
    with capture_logs() as logged:
        keep(home, ward(), stopped)
    assert len(stopped.waited) == 3
    assert told(logged, "cannot be done now; it is tried again") == ["we failed: ZeroDivisionError"]


def test_a_shop_without_a_secret_stands_in_its_status(home: Home) -> None:
    """Where the desk reads it."""
    settings = ShopSettings(name="shop", system=ShopSystem.OSCAR, address="https://shop.example/api", sync_seconds=5)
    keep(home, Ward(settings, (), ()), Rounds(2))
    problem = Status.read(folder_of(home.root, "shop")).problem
    assert problem is not None
    assert "FAIRFARE_SHOP_SHOP" in problem.text


@dataclass
class Box:
    """An endpoint that takes everything."""

    told: threading.Event = field(default_factory=threading.Event)

    def deliver(self, *_: object, now: datetime) -> Delivery:
        """Remember that it was asked to."""
        assert now == LATER
        self.told.set()
        return Delivery(0)


def test_one_that_never_answers_holds_up_no_other(
    home: Home, place: Workspace, behind: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One shop hangs, one refuses: the third is brought in step and the endpoint is told; all end with the block."""
    over, box, fine = threading.Event(), Box(), shelf()

    def hang(_: bool) -> None:
        over.wait(60)

    hangs = replace(shelf(), accident=hang)
    behind(hangs=hangs, refuses=ShopError("401", permanent=True), fine=fine)
    monkeypatch.setattr(in_step, "opened_outbox", lambda *_: _box(box))
    hook = WebhookSettings(name="site", address="https://site.example/")
    wanted = {*(ward(name) for name in ("hangs", "refuses", "fine")), Ward(hook, (), ())}
    monkeypatch.setattr(in_step, "wards", lambda *_: wanted)
    publish(place.book, decision(IDS[0], "11.00"))
    before = threading.active_count()
    with kept_in_step(home):
        assert box.told.wait(20)
        assert eventually(lambda: fine.prices["a"] == amount(Decimal("11.00")))
        over.set()
    assert eventually(lambda: threading.active_count() == before)


@contextmanager
def _box(box: Box) -> Iterator[Box]:
    yield box


def eventually(true: Callable[[], bool]) -> bool:
    """Whether something becomes so within seconds."""
    end = time.monotonic() + 20
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def till(root: Path, name: str) -> Path:
    """A till that is a folder, sold at one place; its file of prices."""
    (root / name).mkdir()
    prices = root / name / "prices.csv"
    prices.write_text("place,name,price,currency\na,Adult,10.00,EUR\n")
    rows = [Mapped("a", IDS[0])]
    Offers.write(folder_of(root, name) / "offers.csv", rows, sold={rows[0].key: "EUR"}, seen={})
    return prices


def test_a_file_that_an_editor_has_emptied_stops_nothing(
    home: Home, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is empty for a moment before it holds what is written, which may be wrong for a long while."""
    monkeypatch.setattr(in_step, "LOOK", 0.02)
    monkeypatch.setattr(Ward, "seconds", 0.02)
    one, file = till(place.root, "one"), place.root / FILE
    file.write_text(default_text() + TILL.format(name="one"))
    publish(place.book, decision(IDS[0], "11.00"))
    whole, emptied = read_settings(file), iter([parse_settings("", file=FILE)])
    looks: list[Settings] = []

    def looked(_: Path) -> Settings:
        looks.append(next(emptied, whole) if "11.00" in one.read_text() else whole)
        return looks[-1]

    begun: list[str] = []

    def begin(home: Home, ward: Ward, stopped: threading.Event) -> None:
        begun.append(ward.settings.name)
        keep(home, ward, stopped)

    monkeypatch.setattr(in_step, "read_settings", looked)
    monkeypatch.setattr(in_step, "keep", begin)
    with kept_in_step(home):
        assert eventually(lambda: len([each for each in looks if not each.shops]) == 1 and bool(looks[-1].shops))
    assert begun == ["one"]


def test_a_shop_is_looked_after_from_when_it_is_connected_until_it_is_disconnected(
    home: Home, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a restart; settings that cannot be read for a moment change nothing, and are said once."""
    monkeypatch.setattr(in_step, "LOOK", 0.02)
    monkeypatch.setattr(Ward, "seconds", 0.02)
    publish(place.book, decision(IDS[0], "11.00"))
    one, two = till(place.root, "one"), till(place.root, "two")
    file = place.root / FILE
    file.write_text(default_text() + TILL.format(name="one"))
    with capture_logs() as logged, kept_in_step(home):
        assert eventually(lambda: "11.00" in one.read_text())
        file.write_text("half a sett")
        assert eventually(lambda: bool(told(logged, "cannot be done now; it is tried again")))
        publish(place.book, decision(IDS[0], "12.00", now="11.00"), name="p2")
        assert eventually(lambda: "12.00" in one.read_text())
        assert "10.00" in two.read_text()
        file.write_text(default_text() + TILL.format(name="two"))
        assert eventually(lambda: "12.00" in two.read_text() and free(folder_of(place.root, "one") / "sync.lock"))
        publish(place.book, decision(IDS[0], "10.00", now="12.00"), name="p3")
        assert eventually(lambda: "10.00" in two.read_text())
    assert "12.00" in one.read_text()
    assert len(told(logged, "cannot be done now; it is tried again")) == 1


def free(lock: Path) -> bool:
    """Whether nobody holds a lock."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
