"""Fairfare's commands and a running pretix: sales reach the book, published prices a buyer, and all say the same."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import httpx
import pytest

from api.served.feeds import Form
from tests.shops.owner_kit import SHOP, Owner, owner
from tests.shops.pretix_kit import LOCK, PretixShop, check_out, fill_cart, selling
from tests.shops.processes import LEASH, Server, kept_port

pytestmark = pytest.mark.shops("pretix, by commands")


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, tell_cost: Callable[[Path, Server], None]
) -> Iterator[PretixShop]:
    """An organizer with one event and a series of two dates."""
    with selling(tmp_path_factory.mktemp("pretix")) as shop:
        tell_cost(LOCK, shop.server)
        yield shop


@pytest.fixture
def season(running: PretixShop, tmp_path: Path) -> Owner:
    """Whoever sells four offers in the shop."""
    settings = (
        f'system = "pretix"\naddress = "{running.address}"\n'
        'organizer = "hosts"\nevents = ["gala", "tour"]\nrequests_per_minute = 6000\n'
    )
    places = sold(running)
    prices = {"adult": "40.00", "child": "20.00", "front": "75.00", "night": "12.00"}
    offers = {name: (price, places[name]) for name, price in prices.items()}
    return owner(tmp_path / "season", settings, running.secret, offers)


def sold(running: PretixShop) -> dict[str, str]:
    """Where each offer is sold: two products, a variation of another, and a child's ticket on a date of the series."""
    front = running.at("gala", "seat", "front")
    return {
        "adult": running.places[0],
        "child": running.at("gala", "child"),
        "front": front,
        "night": running.places[1],
    }


def test_a_sale_reaches_the_book_and_a_publish_reaches_a_buyer_within_seconds(
    running: PretixShop, season: Owner, tell: Callable[[str], None]
) -> None:
    """The loop, with a buyer who goes through the shop's own pages and pays the new price."""
    assert season.fairfare("sync").returncode == 0
    began = time.monotonic()
    running.order(running.places[0], 2)
    told = season.fairfare("sync")
    tell(f"a sale reached the book in {time.monotonic() - began:.1f} s")
    assert "2 sales are new" in told.stdout
    season.publish({"adult": "44.00"})
    began = time.monotonic()
    told = season.fairfare("sync")
    tell(f"a publish reached a buyer in {time.monotonic() - began:.1f} s")
    assert told.returncode == 0, told.stderr
    assert "40.00 -> 44.00 EUR (floor 30.00, ceiling 60.00, lowest of 30 days 40.00)" in told.stdout
    assert paid_for_an_adult(running) == Decimal("44.00")
    assert "1 sale is new" in season.fairfare("sync").stdout
    rolled_back = season.fairfare("shops", "rollback", SHOP, "version 2")
    assert rolled_back.returncode == 0, rolled_back.stderr
    assert running.read(f"gala/items/{running.numbers['gala']['adult']}/")["default_price"] == "40.00"


def test_what_the_shop_has_left_limits_what_is_planned(running: PretixShop, season: Owner) -> None:
    """Adults and front seats share the hall; what was sold since is taken off as the shop does it, and so are carts."""
    assert season.fairfare("sync", "--dry-run").returncode == 0
    hall, few = f"{SHOP}: Hall", f"{SHOP}: Few"
    before = season.left()
    assert before["adult"] == before["front"] == {hall: before["adult"][hall]}
    assert before["child"].keys() == {few}
    running.order(running.places[0], 2)
    assert season.fairfare("sync", "--dry-run").returncode == 0
    assert season.left()["front"] == {hall: before["adult"][hall] - 2}
    assert season.pulled_anew() == season.left()
    with httpx.Client(base_url=running.address, timeout=30, trust_env=False) as buyer:
        fill_cart(buyer, {f"item_{running.numbers['gala']['adult']}": "1"})
        assert season.pulled_anew()["front"] == {hall: before["adult"][hall] - 3}


def test_every_feed_and_json_ld_say_what_a_buyer_is_asked(running: PretixShop, season: Owner) -> None:
    """After a push they agree to the cent and in the currency: feeds, the pages of events, the widget, the checkout."""
    prices = {"adult": "43.00", "child": "18.00", "front": "80.25", "night": "13.00"}
    season.publish(prices)
    pushed = season.fairfare("sync")
    assert pushed.returncode == 0, pushed.stderr
    asked = {name: f"{price} EUR" for name, price in prices.items()}
    for seen in (running.on_page, running.in_widget):
        shown = seen("gala") | seen("tour", running.numbers["tour"]["first"])
        assert {name: shown[place] for name, place in sold(running).items()} == asked
    assert season.advertised() == dict.fromkeys(Form, asked)
    assert paid_for_an_adult(running) == Decimal("43.00")
    assert season.fairfare("shops", "rollback", SHOP, "version 2").returncode == 0


def test_fairfare_killed_during_a_push_takes_it_up_where_it_stood(running: PretixShop, season: Owner) -> None:
    """Killed once the first write is in its journal, it writes the rest the next time, and no price twice."""
    season.publish({"adult": "44.00", "child": "22.00", "front": "80.25"})
    before = running.patches()
    with Popen(**season.command("sync"), stdout=DEVNULL, stderr=DEVNULL) as killed:
        while not season.journal.exists() or not season.journal.read_bytes():
            assert killed.poll() is None
            time.sleep(0.001)
        killed.kill()
    assert season.fairfare("sync").returncode == 0
    sent = Counter(running.patches()) - Counter(before)
    assert sorted(sent.values()) == [1, 1, 1]
    assert listed(running, "adult", "child") == ["44.00", "22.00"]
    assert season.fairfare("shops", "rollback", SHOP, "version 2").returncode == 0
    assert listed(running, "adult", "child") == ["40.00", "20.00"]


def test_a_webhook_leads_to_a_look_within_seconds(
    running: PretixShop, season: Owner, tell: Callable[[str], None]
) -> None:
    """The shop rings, Fairfare looks; a forged ring leads to a look too, and sells nothing."""
    with kept_port() as port:
        loop = season.command("sync", "--every", "3600", "--listen", str(port))
        loop["args"] = [*LEASH, *loop["args"]]  # ends when its standard input is closed
        with Popen(**loop, stdin=PIPE, stdout=PIPE, text=True, start_new_session=True) as looking:
            assert looking.stdout is not None
            said = looking.stdout
            assert "4 do not" in "".join(next(said) for _ in range(2))
            hook = {"enabled": True, "target_url": f"http://127.0.0.1:{port}/", "all_events": True, "limit_events": []}
            wanted = {**hook, "action_types": ["pretix.event.order.paid"]}
            running.owner("POST", "../webhooks/", wanted).raise_for_status()
            began = time.monotonic()
            running.order(running.places[0], 1)
            assert "1 sale is new" in next(said)
            tell(f"a sale reached the book in {time.monotonic() - began:.1f} s by webhook")
            next(said)
            forged = {"organizer": "hosts", "event": "gala", "code": "AAAAA", "action": "pretix.event.order.paid"}
            assert httpx.post(f"http://127.0.0.1:{port}/", json=forged, trust_env=False).status_code == 204
            assert "0 sales are new" in next(said)


def listed(running: PretixShop, *names: str) -> list[str]:
    """Prices of products of the gala, as its owner sees them."""
    items = {item["id"]: item["default_price"] for item in running.read("gala/items/")["results"]}
    return [items[running.numbers["gala"][name]] for name in names]


def paid_for_an_adult(running: PretixShop) -> Decimal:
    """What a buyer paid who went through the shop's own pages."""
    with httpx.Client(base_url=running.address, timeout=30, trust_env=False) as buyer:
        fill_cart(buyer, {f"item_{running.numbers['gala']['adult']}": "1"})
        order = check_out(buyer)
    return Decimal(running.read(f"gala/orders/{order}/")["positions"][0]["price"])
