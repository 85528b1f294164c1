"""`fairfare sync` and `fairfare shops`, with a shop that is a folder of CSV files."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.cli.shops import sync
from api.clock import utc_now
from api.settings import FILE, default_text
from api.shops.errors import ShopError
from api.shops.journal import BusyError, Journal
from api.shops.model import Demand
from api.shops.shop import Shop
from api.workspace import Workspace
from pricing.errors import InputError, UnavailableError
from tests.api.store.book_kit import IDS, LISTINGS, decision, publish

assert sync.__name__ == "sync", "importing the module adds the commands"
SHOP = '\n[[shops]]\nname = "till"\nsystem = "folder"\naddress = "till"\n'
PRICES = "place,name,price,currency\na,=Adult,10.00,EUR\nb,Child,10.00,EUR\n"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace and a till that agree on two prices."""
    place = Workspace.create(tmp_path / "season", default_text() + SHOP)
    place.book.import_offers(LISTINGS, by="ann", now=utc_now())
    (place.root / "till" / "in").mkdir(parents=True)
    (place.root / "till" / "prices.csv").write_text(PRICES)
    (place.root / "shops" / "till").mkdir(parents=True)
    (place.root / "shops" / "till" / "offers.csv").write_text(f"place,offer\na,{IDS[0]}\nb,{IDS[1]}\n")
    return place


def run(place: Workspace, *words: str) -> Result:
    """Run a command on the workspace."""
    return CliRunner().invoke(app, [*words, "--workspace", str(place.root)])


def test_a_round_pulls_and_pushes_and_the_next_finds_nothing_to_do(place: Workspace) -> None:
    """What is sold is recorded, what is in force is written, and each difference is a line."""
    sold = f"id,at,place,quantity,price,currency,order\n1,{utc_now().isoformat()},a,2,10.00,EUR,o1\n"
    (place.root / "till" / "in" / "sales.csv").write_text(sold)
    version = publish(place.book, decision(IDS[0], "11.00"), at=utc_now())
    told = run(place, "sync")
    assert told.exit_code == 0, told.output
    assert "till: 1 sale is new, 0 were known" in told.stdout
    assert "till: a =Adult: 10.00 -> 11.00 EUR (floor 10.00, ceiling 12.00, lowest of 30 days 10.00)" in told.stdout
    assert f"till: version {version}: 1 done" in told.stdout
    assert "a,=Adult,11.00,EUR" in (place.root / "till" / "prices.csv").read_text().replace("'", "")
    assert "0 prices differ, 2 do not" in run(place, "sync", "till").stdout


def test_a_file_of_sales_that_is_refused_is_told(place: Workspace) -> None:
    """Whoever put it there would wait for its sales; the next round has nothing to tell of it."""
    (place.root / "till" / "in" / "sales.csv").write_text("id,at\n1,x\n")
    told = run(place, "sync")
    assert (told.exit_code, told.stdout.count("0 sales are new")) == (1, 1)
    assert "till: not recorded: sales.csv was refused whole: refused/sales.txt says why" in told.stderr
    assert run(place, "sync").exit_code == 0


def test_a_dry_run_says_what_would_change(place: Workspace) -> None:
    """And changes nothing."""
    publish(place.book, decision(IDS[0], "11.00"), at=utc_now())
    assert "1 price differs, 1 does not" in run(place, "sync", "--dry-run").stdout
    assert (place.root / "till" / "prices.csv").read_text() == PRICES


def test_what_a_shop_calls_its_places_steers_no_terminal(place: Workspace) -> None:
    """A name could set the title of a window, or hide the lines before it."""
    prices = place.root / "till" / "prices.csv"
    prices.write_text(prices.read_text().replace("Adult", "Ad\x1b[2Jult"))
    publish(place.book, decision(IDS[0], "11.00"), at=utc_now())
    told = run(place, "sync", "--dry-run")
    assert (r"Ad\x1b[2Jult: 10.00 -> 11.00" in told.stdout, "\x1b" in told.output) == (True, False)


def test_drift_is_told_accepted_and_rolled_back_by_commands(place: Workspace) -> None:
    """A price changed by hand stays until a person takes it for right."""
    publish(place.book, decision(IDS[0], "11.00"), at=utc_now())
    run(place, "sync")
    prices = place.root / "till" / "prices.csv"
    prices.write_text(prices.read_text().replace("11.00", "11.50"))
    assert "a =Adult: somebody changed 11.00 to 11.50; it is left alone" in run(place, "sync").output
    accepted = run(place, "shops", "accept", "till", "a")
    assert (accepted.exit_code, "11.50 instead of 11.00" in accepted.stdout) == (0, True)
    assert isinstance(run(place, "shops", "accept", "till", "b").exception, InputError)
    run(place, "sync")
    back = run(place, "shops", "rollback", "till", "version 2")
    assert (back.exit_code, "rollback of version 2: 1 done" in back.stdout) == (0, True)
    assert "11.50" in prices.read_text()


def test_what_was_rolled_back_is_told_and_left_alone(place: Workspace) -> None:
    """Until a person takes the place; who took each step is in the journal."""
    publish(place.book, decision(IDS[0], "11.00"), at=utc_now())
    run(place, "sync")
    run(place, "shops", "rollback", "till", "version 2", "--by", "Ada")
    told = run(place, "sync")
    assert (told.exit_code, "a =Adult: version 2 was rolled back here; it is left alone" in told.stderr) == (0, True)
    assert (place.root / "till" / "prices.csv").read_text().replace("'", "") == PRICES
    taken = run(place, "shops", "accept", "till", "a", "--by", "Bob")
    assert taken.stdout == "till: a =Adult: 10.00\n"
    assert "10.00 -> 11.00" in run(place, "sync").stdout
    history = Journal(place.root / "shops" / "till" / "journal.jsonl").history()
    assert [sent.first.by for sent in history] == ["sync", "Bob", "Ada", "sync"]


def test_a_place_that_cannot_be_priced_is_told_and_the_command_fails(place: Workspace) -> None:
    """The other prices are written."""
    publish(place.book, decision(IDS[0], "11.00"), at=utc_now())
    (place.root / "shops" / "till" / "offers.csv").write_text(f"place,offer\na,{IDS[0]}\nz,{IDS[1]}\n")
    told = run(place, "sync")
    assert (told.exit_code, told.stderr) == (1, "till: z: not priced: the shop has no price there\n")
    assert "11.00" in (place.root / "till" / "prices.csv").read_text()


def test_prices_are_looked_at_once_more(place: Workspace) -> None:
    """Every mapped place; one that is not as decided is told, and the command fails."""
    told = run(place, "shops", "verify", "till")
    assert (told.exit_code, told.stdout) == (0, "till: 2 prices are as decided, 0 are not\n")
    publish(place.book, decision(IDS[0], "11.00"), at=utc_now())
    told = run(place, "shops", "verify", "till")
    assert (told.exit_code, told.stderr) == (1, "till: a: the shop has 10.00, not 11.00\n")


def test_places_are_listed_for_a_table_of_offers(place: Workspace) -> None:
    """As CSV, in which no name becomes a formula."""
    assert run(place, "shops", "places", "till").stdout.splitlines() == [
        "place,name,price,currency",
        "a,'=Adult,10.00,EUR",
        "b,Child,10.00,EUR",
    ]


def test_stock_is_listed(place: Workspace) -> None:
    """What is left, and of what."""
    (place.root / "till" / "stock.csv").write_text("place,available\na,7\n")
    first, row = run(place, "shops", "stock", "till").stdout.splitlines()
    assert first == "id,name,size,available,waiting,places"
    assert row.endswith(",,7,0,a")


def test_a_sale_that_cannot_be_used_is_told_and_the_command_fails(place: Workspace) -> None:
    """So that whoever runs it by a schedule hears of it."""
    long_ago = (utc_now() - timedelta(days=900)).isoformat()
    sold = f"id,at,place,quantity,price,currency,order\n1,{long_ago},a,2,10.00,EUR,o\n"
    (place.root / "till" / "in" / "sales.csv").write_text(sold)
    told = run(place, "sync")
    assert (told.exit_code, "not recorded: till/1: is more than 400 days ago" in told.output) == (1, True)


@pytest.mark.parametrize(
    "error",
    [
        ShopError("no", permanent=False),
        ShopError("no", permanent=True),
        BusyError("no"),
        InputError("offers.csv is half written"),
        UnavailableError("no database"),
    ],
)
def test_a_loop_goes_on_whatever_becomes_of_a_shop(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Down, a key that was revoked, somebody else's push, a table being edited: others are done, it is tried again."""
    (place.root / "kiosk").mkdir()
    (kiosk := place.root / "kiosk" / "prices.csv").write_text(PRICES)
    (place.root / "shops" / "kiosk").mkdir()
    (place.root / "shops" / "kiosk" / "offers.csv").write_text(f"place,offer\na,{IDS[0]}\n")
    with (place.root / FILE).open("a") as file:
        file.write(SHOP.replace("till", "kiosk"))
    publish(place.book, decision(IDS[0], "11.00"), at=utc_now())
    rounds, pulls = [], Shop.pull_demand

    def troubled(shop: Shop, since: str | None = None) -> Demand:
        if "till" in str(shop.journal.path):
            raise error
        return pulls(shop, since)

    def sleep(_: float) -> None:
        rounds.append(1)
        if len(rounds) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Shop, "pull_demand", troubled)
    monkeypatch.setattr("time.sleep", sleep)
    run(place, "sync", "--every", "1")
    assert len(rounds) == 2
    assert "11.00" in kiosk.read_text()
    assert run(place, "sync", "till").exit_code != 0


def test_a_port_to_listen_on_needs_rounds(place: Workspace) -> None:
    """A hint that got lost is made up for by the next round."""
    assert run(place, "sync", "--listen", "8010").exit_code == 2


def test_a_shop_that_is_not_in_the_settings_is_named(place: Workspace) -> None:
    """With those that are."""
    assert "no shop tills in the settings, which name: till" in str(run(place, "sync", "tills").exception)
    empty = Workspace.create(place.root.parent / "empty", default_text())
    assert "no shops in the settings" in str(run(empty, "sync").exception)
