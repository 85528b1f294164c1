"""A shop for the tests of its pages: a folder of CSV files, and somebody who does what was asked for."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import msgspec
from sqlalchemy import Engine

from api.errands import Checked, Compared, Difference, Ended, Errand, Made, Order, Pulled, Pushed
from api.settings import FILE
from api.shop_work import run_errand
from api.shops.journal import Journal
from api.shops.model import Held, Outcome, Refused, Result, Stock, Write, amount
from api.shops.offers import COLUMNS
from api.shops.seen import Seen, SeenPlace
from api.shops.status import DriftedPlace, LastPull, LastPush, note
from api.spreadsheet import as_csv
from api.store.book import PriceBook
from api.store.runs import Kind, Run, State, ask, claim, finish
from pricing.errors import FairfareError
from tests.api.desk import Desk
from tests.api.store.book_kit import IDS

TILL = "till"
PLACES = {"1": "Hamlet adult", "2": "Hamlet child", "3": "Hamlet senior", "9": "Cloakroom"}
"""What is sold in the shop, the first three of it from the price book."""


class Site(Protocol):
    """A workspace at some instant."""

    root: Path
    engine: Engine

    @property
    def now(self) -> datetime:
        """The instant."""
        ...


def till(root: Path, places: Iterable[tuple[str, str]] = PLACES.items(), price: str = "10.00") -> Path:
    """The folder of a shop whose prices all are alike; it is not connected yet."""
    folder = root / "exchange"
    folder.mkdir(exist_ok=True)
    with (folder / "prices.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["place", "name", "price", "currency"])
        writer.writerows((place, name, price, "EUR") for place, name in places)
    return folder


def prices_in(folder: Path) -> dict[str, str]:
    """What stands there."""
    with (folder / "prices.csv").open(encoding="utf-8", newline="") as file:
        return {row["place"]: row["price"] for row in csv.DictReader(file)}


def connected(root: Path, name: str = TILL, address: str = "exchange") -> None:
    """Its block in the settings, as the command line's user writes it."""
    with (root / FILE).open("a", encoding="utf-8") as file:
        file.write(f'\n[[shops]]\nname = "{name}"\nsystem = "folder"\naddress = "{address}"\n')


def mapped(root: Path, name: str = TILL) -> None:
    """The three offers at the places of the same number."""
    rows = [f"{number},{offer},\n" for number, offer in enumerate(IDS, 1)]
    folder = root / "shops" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "offers.csv").write_text("place,offer,channel\n" + "".join(rows))


def done(desk: Desk) -> Run:
    """Do what waits a second later, as a worker does; gives it as it was taken up."""
    desk.machine.wait(timedelta(seconds=1))
    run = claim(desk.engine, "worker", now=desk.now)
    assert run is not None
    try:
        made = run_errand(desk.root, run.arguments, {}, by=run.by, now=desk.now)
    except FairfareError as error:
        finish(desk.engine, run, State.FAILED, {"problems": [str(error)]}, now=desk.now)
    else:
        finish(desk.engine, run, State.DONE, made, now=desk.now)
    return run


def told(desk: Site, order: Order, made: Made | str, *, by: str = "Anton") -> None:
    """An errand that has ended, with what came of it or, in words, what kept it from its end."""
    run = ask(desk.engine, Kind.SHOP, by=by, now=desk.now, arguments=order.arguments)
    claimed = claim(desk.engine, "worker", now=desk.now)
    assert claimed is not None
    assert claimed.id == run.id
    failed = isinstance(made, str)
    result = {"problems": [made]} if failed else msgspec.to_builtins(made)
    finish(desk.engine, claimed, State.FAILED if failed else State.DONE, result, now=desk.now)


def eventful(desk: Site, names: Sequence[str], name: str = TILL, *, by: str = "Petra") -> None:
    """A shop whose places, stocks and answers are called that, and of which all that a page can show has happened."""
    folder, now = desk.root / "shops" / name, desk.now
    places = tuple(SeenPlace(f"{n} at", n, "EUR", Decimal(10), "10.00") for n in names)
    stock = tuple(Stock(id=f"{n} of", name=n, places=(f"{n} at",), size=9, available=None, waiting=2) for n in names)
    Seen(now, names[0], places, stock).write(folder)
    drifted = tuple(DriftedPlace(f"{n} at", n, "10.00", "empty") for n in names)
    note(folder, pulled=LastPull(now, 3), pushed=LastPush(now, "version 1", False), drifted=drifted)
    said = [{"place": f"{n} at", "offer": n, "channel": n} for n in names[1:]]
    (folder / "offers.csv").write_bytes(as_csv(COLUMNS, said))
    journal = Journal(folder / "journal.jsonl")
    writes = [Write(f"{n} at", amount(Decimal(9)), amount(Decimal(10))) for n in names]
    for decision in (names[0], "version 1"):
        journal.begin(writes, decision, now=now - timedelta(days=1), by=by)
        journal.end([Result(each.place, Outcome.DONE, "") for each in writes[1:]], decision, now=now)
    told(desk, Order(shop=name, step=Errand.LOOK), names[0])
    told(desk, Order(shop=name, step=Errand.PULL), Pulled(1, 2, tuple(names), tuple(names), names[0]))
    told(desk, Order(shop=name, step=Errand.VERIFY), names[0])
    told(desk, Order(shop=name, step=Errand.PUSH, digest="d"), _pushed(names))
    version = PriceBook(desk.engine).version()
    told(desk, Order(shop=name, step=Errand.COMPARE), _compared(names, drifted, f"version {version}"))


def _pushed(names: Sequence[str]) -> Pushed:
    ended = tuple(Ended(f"{n} at", n, "refused", n) for n in names)
    price = Decimal(10)
    seen = [Checked(place=f"{n} at", name=n, expected=price, listed=price, shown=None, problems=(n,)) for n in names]
    return Pushed("version 1", ended, tuple(seen), False)


def _compared(names: Sequence[str], drifted: tuple[DriftedPlace, ...], decision: str) -> Compared:
    steps = [
        Difference(
            place=f"{n} at",
            name=n,
            offer=n,
            channel=n,
            before="10.00",
            shown=Decimal(10),
            after=Decimal(11),
            currency="EUR",
            floor=Decimal(9),
            ceiling=Decimal(12),
            lowest=None,
        )
        for n in names[1:]
    ]
    return Compared(
        digest="d",
        decision=decision,
        steps=tuple(steps),
        kept=1,
        drifted=drifted,
        held=tuple(Held(f"{n} at", n, "version 1") for n in names),
        refused=tuple(Refused(f"{n} at", n) for n in names),
        frozen=False,
    )
