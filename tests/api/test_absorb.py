"""Sales that came over the API are in the history once, whatever happens in between."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from api import absorb as absorption
from api.absorb import absorbed
from api.history import write_parquet
from api.store.database import open_database
from api.store.sales import Sale, record
from api.workspace import Workspace
from optimization import HighsOptimizer
from pricing.errors import InputError

Bring = Callable[..., Path]
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DAY = timedelta(days=1)
PAST = "date,product,segment,event,quantity,price\n" + "".join(
    f"2026-11-{day:02d},stalls,adult,gala,{day % 3},20.00\n" for day in range(1, 19)
)
EVENTS = "event,starts_at,venue\ngala,2026-12-24T19:00Z,hall\n"
OFFERS = (
    "offer,product,segment,event,currency,current_price,floor,ceiling,ladder,resource\n"
    "gala adult,stalls,adult,gala,EUR,20.00,10.00,40.00,10:40:1,room\n"
    "gala child,stalls,child,gala,EUR,10.00,5.00,20.00,5:20:1,room\n"
    "mug,mug,all,all,EUR,8.00,4.00,16.00,4:16:1,shelf\n"
)
TABLES = {"events": EVENTS, "resources": "resource,capacity\nroom,40\nshelf,25\n", "offers": OFFERS}


@pytest.fixture
def house(place: Workspace, bring: Bring) -> Workspace:
    """A workspace with a room of 40 seats, of which 17 are sold, and a shelf of 25 mugs; prices began two days ago."""
    began = NOW - 2 * DAY
    for kind, text in {"sales": PAST, **TABLES}.items():
        place.ingest(kind, bring(text, f"{kind}.csv"), by="me", now=began)
    return place


def sell(house: Workspace, name: str, quantity: float = 1.0, **changed: Any) -> None:
    """A sale comes back."""
    values: dict[str, Any] = {"offer": "gala adult", "sold_at": NOW - DAY, "price": Decimal("20.00"), "currency": "EUR"}
    record(open_database(house.database), [Sale(name, quantity=quantity, **(values | changed))], by="shop", now=NOW)


def units(house: Workspace, product: str = "stalls") -> float:
    """All units of a product in the history."""
    sales = house.history.daily_sales()
    return float(sales.loc[sales["product"] == product, "quantity"].sum())


def left(house: Workspace, resource: str = "room") -> float:
    """What the market has left of a resource."""
    return next(each.capacity for each in house.market(NOW).resources if each.id == resource)


def test_a_sale_is_taken_over_once(house: Workspace) -> None:
    """With the product, segment and event of its offer, on its day in the owner's zone."""
    before = units(house)
    sell(house, "a", 3.0)
    assert house.absorb_sales() == 1
    assert house.absorb_sales() == 0
    assert units(house) == before + 3
    sales = house.history.daily_sales()
    row = sales[sales["date"] == "2026-11-20"].iloc[0]
    assert (row["product"], row["segment"], row["event"], row["channel"]) == ("stalls", "adult", "gala", "all")
    assert (row["quantity"], row["price"]) == (3.0, 20.0)


def test_each_sale_has_the_terms_of_its_own_offer(house: Workspace) -> None:
    """Three offers in one batch."""
    sell(house, "a", 3.0)
    sell(house, "b", 2.0, offer="gala child", price=Decimal("10.00"))
    sell(house, "c", 4.0, offer="mug", price=Decimal("8.00"))
    house.absorb_sales()
    sales = house.history.daily_sales()
    rows = sales.loc[sales["date"] == "2026-11-20", ["product", "segment", "event", "quantity"]]
    assert set(rows.itertuples(index=False, name=None)) == {
        ("stalls", "adult", "gala", 3.0),
        ("stalls", "child", "gala", 2.0),
        ("mug", "all", "all", 4.0),
    }


def test_what_came_since_is_taken_over_the_next_time(house: Workspace) -> None:
    """Each batch goes on where the last one ended."""
    before = units(house)
    for number in range(5):
        sell(house, f"s{number}")
        assert house.absorb_sales() == 1
    assert units(house) == before + 5
    assert absorbed(house.history.folder) == 5


def test_large_numbers_come_in_batches(house: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven sales in batches of three."""
    monkeypatch.setattr(absorption, "LARGEST_BATCH", 3)
    before = units(house)
    for number in range(7):
        sell(house, f"s{number}")
    assert house.absorb_sales() == 7
    assert units(house) == before + 7
    assert len(list((house.history.folder / "sales").glob("api-*"))) == 3


def test_a_crash_in_the_middle_loses_nothing_and_doubles_nothing(
    house: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before, while or after a batch is written: the next run ends with each sale once."""
    monkeypatch.setattr(absorption, "LARGEST_BATCH", 2)
    before, calls = units(house), 0
    for number in range(6):
        sell(house, f"s{number}")

    def dies(frame: pd.DataFrame, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls % 2:
            write_parquet(frame, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(absorption, "write_parquet", dies)
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            house.absorb_sales()
    monkeypatch.setattr(absorption, "write_parquet", write_parquet)
    house.absorb_sales()
    assert units(house) == before + 6
    assert absorbed(house.history.folder) == 6


def test_two_at_the_same_time_take_each_sale_over_once(house: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a batch is being written another sale comes, and somebody else takes over what is there."""
    before, others = units(house), list[threading.Thread]()

    def meanwhile() -> None:
        sell(house, "late")
        house.absorb_sales()

    def interrupted(frame: pd.DataFrame, target: Path) -> None:
        if not others:
            others.append(threading.Thread(target=meanwhile))
            others[0].start()
            others[0].join(timeout=0.5)
        write_parquet(frame, target)

    monkeypatch.setattr(absorption, "write_parquet", interrupted)
    sell(house, "early")
    house.absorb_sales()
    others[0].join()
    assert units(house) == before + 2


def test_fitting_and_pricing_take_sales_over_first(house: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to remember it: nothing else is done before."""

    def stops(_: Workspace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Workspace, "absorb_sales", stops)
    with pytest.raises(KeyboardInterrupt):
        house.fit(now=NOW, progress=lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        house.price(HighsOptimizer(), by="engine", now=NOW)


def test_the_same_sales_in_a_file_are_refused_and_the_message_says_why(house: Workspace, bring: Bring) -> None:
    """A file of the same day would count them twice; with --replace it takes their place, once and for all."""
    sell(house, "a", 3.0, sold_at=NOW - DAY)
    house.absorb_sales()
    file = bring("date,product,segment,event,quantity,price\n2026-11-20,stalls,adult,gala,4,20.00\n", "later.csv")
    with pytest.raises(InputError, match="came over the API"):
        house.ingest("sales", file, by="me", now=NOW)
    before = units(house)
    house.ingest("sales", file, by="me", now=NOW, replace=True)
    assert units(house) == before - 3 + 4
    assert house.absorb_sales() == 0
    assert units(house) == before - 3 + 4


def test_what_a_file_covers_already_is_not_added(house: Workspace) -> None:
    """The file said all of 18 November; a sale of that day that comes over the API was in it."""
    before = units(house)
    sell(house, "a", 5.0, sold_at=datetime(2026, 11, 18, 15, tzinfo=UTC))
    sell(house, "b", 2.0, sold_at=datetime(2026, 11, 19, 15, tzinfo=UTC))
    assert house.absorb_sales() == 2
    assert units(house) == before + 2
    assert house.absorb_sales() == 0


def test_sold_seats_are_taken_from_the_room(house: Workspace) -> None:
    """By both kinds of tickets; a return gives one back."""
    before = left(house)
    sell(house, "a", 3.0)
    sell(house, "b", 2.0, offer="gala child", price=Decimal("10.00"))
    sell(house, "c", -1.0)
    house.absorb_sales()
    assert left(house) == before - 4


def test_sold_goods_are_taken_from_the_stock_as_it_was_last_counted(house: Workspace, bring: Bring) -> None:
    """Taken off once, absorbed or not; the same file again says nothing new, another figure begins anew."""
    mug = {"offer": "mug", "price": Decimal("8.00")}
    sell(house, "a", 3.0, **mug)
    assert left(house, "shelf") == 22
    house.absorb_sales()
    assert left(house, "shelf") == 22
    same = bring("resource,capacity\nroom,40\nshelf,25\n", "same.csv")
    assert house.ingest("resources", same, by="me", now=NOW).already_there
    assert left(house, "shelf") == 22
    house.ingest("resources", bring("resource,capacity\nshelf,60\n", "new.csv"), by="me", now=NOW)
    assert left(house, "shelf") == 60
    sell(house, "b", 5.0, **mug)
    sell(house, "c", -1.0, **mug)
    assert left(house, "shelf") == 56


def test_the_day_on_which_a_room_was_emptied_says_so(house: Workspace) -> None:
    """Demand went on where sales could not: the last day is marked as sold out, days before it are not."""
    sell(house, "a", 4.0, sold_at=NOW - 2 * DAY)
    house.absorb_sales()
    sell(house, "b", left(house), sold_at=NOW - DAY)
    house.absorb_sales()
    assert left(house) == 0
    sales = house.history.daily_sales().set_index("date")
    assert sales.loc[["2026-11-19"], "available"].isna().all()
    assert list(sales.loc[["2026-11-20"], "quantity"]) == list(sales.loc[["2026-11-20"], "available"])


@pytest.mark.parametrize(("hours", "marked"), [(5, [4.0]), (30, [])])
def test_the_day_on_which_a_shop_s_stock_was_emptied_says_so(house: Workspace, hours: int, marked: list[float]) -> None:
    """The last day of its sales, if the shop had nothing left within a day; other offers and days say nothing."""
    mug = {"offer": "mug", "price": Decimal("8.00")}
    sell(house, "a", 2.0, **mug, sold_at=NOW - DAY - timedelta(hours=12))
    sell(house, "b", 1.0, **mug, sold_at=NOW - DAY)
    sell(house, "c", 3.0, **mug, sold_at=NOW - DAY)
    sell(house, "d", 1.0, sold_at=NOW - DAY)
    gone = {("mug", "all"): NOW - DAY + timedelta(hours=hours)}
    absorption.absorb(house.history, open_database(house.database), time_zone="UTC", sold_out=gone)
    sales = house.history.daily_sales().dropna(subset=["available"])
    assert list(sales["available"]) == marked
    assert set(sales["product"]) <= {"mug"}
    assert set(sales["date"]) <= {pd.Timestamp("2026-11-20")}


def test_a_history_that_began_over_the_api_has_its_currency(place: Workspace, bring: Bring) -> None:
    """No file of sales was ever uploaded."""
    for kind, text in TABLES.items():
        place.ingest(kind, bring(text, f"{kind}.csv"), by="me", now=NOW - 2 * DAY)
    assert place.history.currency() is None
    sell(place, "a", 3.0)
    place.absorb_sales()
    assert place.history.currency() == "EUR"
    assert units(place) == 3


def test_days_are_those_of_the_owner_s_zone(place: Workspace, bring: Bring) -> None:
    """A sale at 23:30 UTC is of the next day in Berlin."""
    path = place.root / "fairfare.toml"
    path.write_text(path.read_text().replace('"UTC"', '"Europe/Berlin"'))
    place = Workspace.open(place.root)
    for kind, text in TABLES.items():
        place.ingest(kind, bring(text, f"{kind}.csv"), by="me", now=NOW - 2 * DAY)
    sell(place, "a", sold_at=datetime(2026, 11, 19, 23, 30, tzinfo=UTC))
    place.absorb_sales()
    assert place.history.daily_sales()["date"].tolist() == [pd.Timestamp("2026-11-20")]
