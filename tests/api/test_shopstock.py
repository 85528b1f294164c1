"""What a shop says it has left is kept, lessened by what was sold since, and forgotten when it is too old."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

import api.cli.workspace  # noqa: F401  # adds the commands
from api.cli.main import app
from api.settings import ShopSettings, ShopSystem, default_text
from api.shops.journal import Journal
from api.shops.model import Movement, Stock
from api.shops.shop import Shop
from api.shopstock import AGAIN, MOST_AGE, STOCK_NAME, ShopStock, keep, shop_stock, sold_out
from api.store.database import open_database
from api.store.sales import Sale, record
from api.syncing import Door, pull
from api.workspace import Workspace
from optimization import HighsOptimizer
from pricing.book import Verdict
from tests.api.store.book_kit import IDS, LISTINGS, NOW
from tests.api.test_workspace import NOW as TODAY
from tests.api.test_workspace import WIDE, Bring, busy
from tests.shops.shelf import Shelf

LATER = NOW + timedelta(minutes=10)
MAP = f"place,offer\na,{IDS[0]}\nb,{IDS[1]}\n"
SHOP = '\n[[shops]]\nname = "till"\nsystem = "folder"\naddress = "exchange"\n'
Left = dict[str, dict[str, float]]


class Stand:
    """A shop in memory that a workspace is told of, and what is known of its stock."""

    def __init__(self, root: Path, name: str, offers: str = MAP) -> None:
        self.root, self.name, self.shelf = root, name, Shelf()
        self.folder = root / "shops" / name
        self.folder.mkdir(parents=True)
        (self.folder / "offers.csv").write_text(offers)

    @property
    def settings(self) -> ShopSettings:
        """As the settings have it."""
        return ShopSettings(name=self.name, system=ShopSystem.FOLDER, address="exchange")

    def tells(self, *stock: Stock, after: timedelta = timedelta(0), at: datetime = NOW) -> str:
        """The shop is pulled."""
        self.shelf.stock = stock
        return keep(Shop(self.shelf, Journal(self.folder / "journal.jsonl")), self.folder, now=at + after)


def stock(name: str, available: int | None, *places: str, number: str = "") -> Stock:
    """What a shop tells."""
    return Stock(id=number or name, name=name, places=places, size=None, available=available)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace whose book has three offers at 10.00."""
    place = Workspace.create(tmp_path / "season", default_text())
    place.book.import_offers(LISTINGS, by="ann", now=NOW - timedelta(days=2))
    return place


@pytest.fixture
def engine(place: Workspace) -> Iterator[Engine]:
    """Its database."""
    engine = open_database(place.database)
    yield engine
    engine.dispose()


@pytest.fixture
def stand(place: Workspace) -> Stand:
    """A shop that sells two of the offers."""
    return Stand(place.root, "tickets")


@pytest.fixture
def known(engine: Engine) -> Callable[..., ShopStock]:
    """What is known of the stock of shops, ten minutes later."""

    def read(*stands: Stand, after: timedelta = LATER - NOW) -> ShopStock:
        return shop_stock(stands[0].root, [each.settings for each in stands], engine, now=NOW + after)

    return read


def left(found: ShopStock) -> Left:
    """Offer -> the stocks it draws on, with what they have left."""
    return {offer: {each.name: each.left for each in supplies} for (offer, _), supplies in found.supplies.items()}


def sell(engine: Engine, name: str, quantity: float, minutes: float, offer: str = IDS[0]) -> None:
    """A sale so many minutes after the shop told what it has left."""
    at = NOW + timedelta(minutes=minutes)
    sale = Sale(id=name, offer=offer, sold_at=at, quantity=quantity, price=Decimal("10.00"), currency="EUR")
    record(engine, [sale], by="shop", now=LATER)


def test_what_a_shop_has_left_is_known_until_it_is_a_day_old(stand: Stand, known: Callable[..., ShopStock]) -> None:
    """Older figures are not used, and that is said."""
    assert left(known(stand)) == {}
    assert stand.tells(stock("Hall", 7, "a", "b")) == ""
    assert left(known(stand)) == {IDS[0]: {"tickets: Hall": 7.0}, IDS[1]: {"tickets: Hall": 7.0}}
    assert known(stand, after=MOST_AGE).unused == ()
    old = known(stand, after=MOST_AGE + timedelta(seconds=1))
    assert left(old) == {}
    assert old.unused == ("What tickets had left is of 2026-03-02 09:30 UTC, too old to be reckoned with.",)


def test_a_shop_that_does_not_tell_keeps_what_it_told_before(stand: Stand, known: Callable[..., ShopStock]) -> None:
    """And the reason is handed on; no file is left by halves."""
    stand.tells(stock("Hall", 7, "a", "b"))
    stand.shelf.down = True
    assert "down" in stand.tells(stock("Hall", 3, "a", "b"), after=AGAIN)
    assert left(known(stand))[IDS[0]] == {"tickets: Hall": 7.0}
    assert sorted(path.name for path in stand.folder.iterdir()) == ["offers.csv", STOCK_NAME]


def test_a_place_is_bound_by_the_tightest_of_its_stocks(stand: Stand, known: Callable[..., ShopStock]) -> None:
    """Two quotas of one name are told apart; one without a limit says nothing, and less than nothing is nothing."""
    stand.tells(stock("Day", 9, "a", "b", number="1"), stock("Day", -2, "b", number="2"), stock("All", None, "a", "b"))
    assert left(known(stand)) == {IDS[0]: {"tickets: Day (1)": 9.0}, IDS[1]: {"tickets: Day (2)": 0.0}}


def test_a_stock_is_called_as_in_its_shop_as_far_as_that_can_be_printed(
    stand: Stand, known: Callable[..., ShopStock]
) -> None:
    """A name stands in reasons and on terminals, and steers none."""
    stand.tells(
        stock("Hall\x1b[31m\n" + 200 * "x", 9, "a", number="1"), stock("Hall[31m" + 90 * "x", 8, "b", number="2")
    )
    names = [name for drawn in left(known(stand)).values() for name in drawn]
    assert names == [f"tickets: Hall[31m{72 * 'x'} ({number})" for number in (1, 2)]


def test_sales_come_in_where_a_shop_does_not_tell_its_stock(stand: Stand, engine: Engine) -> None:
    """Its answer about stock is an error: what was sold is recorded, and what is not known is said."""
    stand.shelf.down = True
    sold = Movement(id="m", place="a", at=NOW, quantity=2, price=Decimal("10.00"), currency="EUR", order="o")
    stand.shelf.sold = [sold]
    door = Door(stand.name, Shop(stand.shelf, Journal(stand.folder / "journal.jsonl")), stand.folder)
    done = pull(door, engine, now=LATER)
    assert (done.new, done.refused, done.stock) == (1, (), "what can still be sold is not known: down")
    assert pull(door, engine, now=LATER).known == 1
    stand.shelf.down, stand.shelf.stock = False, (stock("Hall", 7, "a"),)
    assert pull(door, engine, now=LATER).stock == ""
    assert (stand.folder / STOCK_NAME).exists()


def test_an_offer_at_several_places_has_what_each_has_left(place: Workspace, known: Callable[..., ShopStock]) -> None:
    """In two shops, or twice in one; where one place has no limit, the offer has none."""
    one = Stand(place.root, "one", f"place,offer\na,{IDS[0]}\nb,{IDS[0]}\n")
    two = Stand(place.root, "two", f"place,offer\nx,{IDS[0]}\n")
    one.tells(stock("Hall", 9, "a", "b"))
    assert left(known(one)) == {IDS[0]: {"one: Hall": 9.0}}
    assert left(known(one, two)) == {}
    two.tells(stock("Rest", 4, "x"))
    assert left(known(one, two)) == {IDS[0]: {"one: Hall": 9.0, "two: Rest": 4.0}}
    two.tells(stock("Rest", None, "x"), after=AGAIN)
    assert left(known(one, two)) == {}


def test_what_was_sold_since_is_taken_off_once(stand: Stand, engine: Engine, known: Callable[..., ShopStock]) -> None:
    """What was sold before the figure is in it; what comes back waits until the shop says so."""
    stand.tells(stock("Hall", 9, "a", "b"), stock("Honour", 2, "b"))
    sell(engine, "before", 4, minutes=-1)
    assert left(known(stand))[IDS[0]] == {"tickets: Hall": 9.0}
    sell(engine, "since", 3, minutes=1)
    sell(engine, "back", -2, minutes=2)
    assert left(known(stand)) == {IDS[0]: {"tickets: Hall": 6.0}, IDS[1]: {"tickets: Honour": 2.0}}
    sell(engine, "too many", 5, minutes=3, offer=IDS[1])
    assert left(known(stand)) == {IDS[0]: {"tickets: Hall": 1.0}, IDS[1]: {"tickets: Honour": 0.0}}


def test_what_cannot_be_read_limits_nothing(stand: Stand, known: Callable[..., ShopStock]) -> None:
    """A damaged file is as none until the next pull; a table of offers that is wrong is said."""
    stand.tells(stock("Hall", 9, "a", "b"))
    (stand.folder / STOCK_NAME).write_bytes(b'{"at": "2026')
    assert known(stand) == ShopStock({})
    assert stand.tells(stock("Hall", 9, "a", "b")) == ""
    assert len(left(known(stand))) == 2
    (stand.folder / "offers.csv").write_text("place\n")
    assert "What tickets has left is not reckoned with" in known(stand).unused[0]


def test_a_figure_of_less_than_a_minute_is_not_read_anew(stand: Stand) -> None:
    """A shop that is pulled every second answers only so many requests."""
    stand.tells(stock("Hall", 9, "a", "b"))
    written = (stand.folder / STOCK_NAME).read_bytes()
    assert stand.tells(stock("Hall", 8, "a", "b"), after=AGAIN - timedelta(seconds=1)) == ""
    assert (stand.folder / STOCK_NAME).read_bytes() == written
    stand.tells(stock("Hall", 8, "a", "b"), after=AGAIN)
    assert (stand.folder / STOCK_NAME).read_bytes() != written


def test_a_figure_that_was_counted_earlier_is_as_old_as_that(stand: Stand, known: Callable[..., ShopStock]) -> None:
    """A file of stock that lies in a folder for days."""
    counted = Stock(id="a", name="a", places=("a",), size=None, available=3, at=NOW - MOST_AGE)
    stand.tells(counted)
    assert left(known(stand, after=timedelta(0))) == {IDS[0]: {"tickets: a": 3.0}}
    assert left(known(stand)) == {}


def test_it_is_known_since_when_nothing_is_left_anywhere(place: Workspace) -> None:
    """From the first figure that said so; as long as another shop has some, or does not tell, it is not sold out."""
    one, two = Stand(place.root, "one"), Stand(place.root, "two", f"place,offer\na,{IDS[0]}\n")
    shops, key = [one.settings, two.settings], (IDS[0], "all")
    one.tells(stock("Hall", 0, "a"), stock("Rest", 3, "b"))
    assert sold_out(place.root, shops[:1]) == {key: NOW}
    one.tells(stock("Hall", 0, "a"), stock("All", -1, "a", "b"), after=AGAIN)
    assert sold_out(place.root, shops[:1]) == {key: NOW, (IDS[1], "all"): NOW + AGAIN}
    assert sold_out(place.root, shops) == {(IDS[1], "all"): NOW + AGAIN}
    two.tells(stock("Hall", 0, "a"), after=2 * AGAIN)
    assert sold_out(place.root, shops)[key] == NOW + 2 * AGAIN
    two.tells(stock("Hall", 1, "a"), after=4 * AGAIN)
    two.tells(stock("Hall", 0, "a"), after=6 * AGAIN)
    assert sold_out(place.root, shops)[key] == NOW + 6 * AGAIN


def test_the_day_a_shop_sold_out_is_marked_in_the_history(tmp_path: Path, bring: Bring) -> None:
    """A sale empties the stock of the shop; the day of it is censored when the sale is taken over."""
    place = Workspace.create(tmp_path / "shop", default_text() + SHOP)
    place.ingest("sales", bring("date,product,quantity,price\n2026-11-01,mug,3,10.00\n"), by="me", now=TODAY)
    place.ingest("offers", bring(WIDE, "wide.csv"), by="me", now=TODAY)
    stand = Stand(place.root, "till", "place,offer\nm,mug\n")
    stand.tells(stock("Mugs", 0, "m"), at=TODAY + timedelta(hours=2))
    sale = Sale("s", "mug", TODAY + timedelta(hours=1), 2.0, Decimal("10.00"), "EUR")
    record(open_database(place.database), [sale], by="shop", now=TODAY + timedelta(hours=2))
    assert place.absorb_sales() == 1
    days = place.history.daily_sales().set_index("date")["available"]
    assert list(days.dropna().items()) == [(pd.Timestamp("2026-11-21"), 2.0)]


def test_the_stock_of_a_shop_reaches_the_price(tmp_path: Path, bring: Bring) -> None:
    """With plenty left the price falls; with few left it does not, and the reason names the shop's stock."""
    place = Workspace.create(tmp_path / "shop", default_text() + SHOP)
    plenty = busy(place, bring).decisions[0]
    assert (plenty.verdict, plenty.allowed < plenty.in_force) == (Verdict.MOVE, True)
    stand = Stand(place.root, "till", "place,offer\nm,mug\n")
    for minutes, few, names in ((2, 40, True), (4, 0, False)):
        now = TODAY + timedelta(minutes=minutes)
        stand.tells(stock("Mugs", few, "m"), at=now)
        scarce = place.price(HighsOptimizer(), by="engine", now=now).decisions[0]
        assert scarce.allowed >= scarce.in_force
        assert max(scarce.now.units, scarce.then.units) <= few
        assert any(text.startswith("till: Mugs: one more") for text in scarce.explanation.binding) == names
    assert scarce.reasons[0] == "Kept: nothing is left to sell."
    old = Stock(id="m", name="Mugs", places=("m",), size=None, available=0, at=datetime(2001, 1, 1, tzinfo=UTC))
    stand.tells(old, at=TODAY + timedelta(minutes=6))
    told = CliRunner().invoke(app, ["price", "--workspace", str(place.root)])
    assert "What till had left is of 2001-01-01 00:00 UTC, too old to be reckoned with." in told.stderr
