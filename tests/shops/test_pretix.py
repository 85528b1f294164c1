"""What the pretix connector does without a pretix; with one: test_running_pretix.py."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.shops.bucket import TokenBucket
from api.shops.client import Client, Patience
from api.shops.credentials import Secret
from api.shops.errors import ShopError
from api.shops.model import ABSENT, EMPTY, Batch, Write, Written, amount
from api.shops.pretix import Pretix, connect
from api.shops.pretix.places import SLUG, Place

NUMBERS = st.integers(1, 10**9)
PLACES = st.one_of(
    st.builds(Place, st.from_regex(SLUG, fullmatch=True), NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS),
    st.builds(lambda event, number: Place(event, voucher=number), st.just("gala"), NUMBERS),
)
SIX = amount(Decimal("6.00"))


@given(PLACES)
def test_a_name_leads_to_its_place(place: Place) -> None:
    """And a place has one name."""
    assert Place.parse(str(place)) == place


@pytest.mark.parametrize(
    "name", ["", "gala", "gala/item/0", "gala/item/1/..", "../item/1", "gala/item/1\n", "a/b/item/1"]
)
def test_what_is_no_place_leads_nowhere(name: str) -> None:
    """Names end up in addresses of requests."""
    with pytest.raises(ShopError, match="not a place") as raised:
        Place.parse(name)
    assert raised.value.permanent


def pretix(answer: Callable[[httpx.Request], httpx.Response], *, organizer: str = "hosts") -> Pretix:
    """A connector to whatever answers."""
    bucket, transport = TokenBucket(6e6, burst=1000), httpx.MockTransport(answer)
    way = Client(address="https://tickets.example", bucket=bucket, transport=transport, patience=Patience(attempts=1))
    return connect(way, organizer, ["gala"], secret=Secret("hush"))


@pytest.mark.parametrize("organizer", ["", "..", "a/b", "?"])
def test_an_organizer_that_no_pretix_has_is_refused(organizer: str) -> None:
    """It would lead elsewhere on the same server."""
    with pytest.raises(ValueError, match="no short name"):
        pretix(lambda _: httpx.Response(500), organizer=organizer)


ROW = {"item": 2, "price": "12.00", "disabled": False, "available_from": None, "available_until": None}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([ROW, {**ROW, "item": 3}], SIX, [{**ROW, "item": 3}, {**ROW, "price": "6.00"}]),
        ([ROW, {**ROW, "item": 3}], ABSENT, [{**ROW, "item": 3}]),
        ([ROW], EMPTY, [{**ROW, "price": None}]),
        ([], SIX, [{"item": 2, "price": "6.00"}]),
        ([], ABSENT, []),
        ([{**ROW, "disabled": True}], ABSENT, [{**ROW, "disabled": True, "price": None}]),
    ],
    ids=["changed", "taken off", "emptied", "added", "never there", "taken off, but not what else is said there"],
)
def test_a_price_of_a_date_is_merged_into_what_stands_there(
    before: list[object], after: Written, expected: list[object]
) -> None:
    """Other products, and what else is set for this one, are sent again as they were."""
    sent: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            sent.append(json.loads(request.content))
        date = {"id": 7, "name": "Night", "date_from": "2031-05-01T20:00:00Z", "variation_price_overrides": []}
        return httpx.Response(200, json={**date, "item_price_overrides": before})

    pretix(answer).write(Batch((Write("gala/item/2/date/7", EMPTY, after),)))
    assert sent == [{"item_price_overrides": expected, "variation_price_overrides": []}]


def test_prices_of_one_date_go_in_one_request_and_others_alone() -> None:
    """Two requests for one date would each drop what the other wrote, were they not merged."""
    places = [
        "gala/item/1",
        "gala/item/2/date/7",
        "gala/voucher/3",
        "gala/item/1/variation/4/date/7",
        "gala/item/2/date/8",
    ]
    groups = pretix(lambda _: httpx.Response(500)).batches([Write(place, ABSENT, SIX) for place in places])
    assert sorted(sorted(write.place for write in group) for group in groups) == [
        ["gala/item/1"],
        ["gala/item/1/variation/4/date/7", "gala/item/2/date/7"],
        ["gala/item/2/date/8"],
        ["gala/voucher/3"],
    ]


def test_a_buyer_comes_without_the_key() -> None:
    """What buyers see is read as they would."""
    shop = pretix(lambda _: httpx.Response(500))
    assert (shop.api.headers, shop.storefront.headers) == ({"Authorization": "Token hush"}, {})
    assert "hush" not in repr(shop)


def voucher(number: int, **changed: object) -> dict[str, object]:
    """A voucher of two uses for adults, one of which was made."""
    values = {"id": number, "code": f"C{number}", "tag": "friends", "item": 1, "variation": None, "subevent": None}
    sold = {"price_mode": "set", "value": "25.00", "max_usages": 2, "redeemed": 1, "block_quota": False}
    return {**values, **sold, **changed}


def test_a_voucher_has_its_own_uses_left_and_draws_on_the_quota_unless_it_keeps_units_to_itself() -> None:
    """What a voucher blocks is not among what the quota has left, and is sold whatever else is."""
    quota = {"id": 5, "name": "Hall", "size": 9, "items": [1], "variations": [], "subevent": None}
    adult = {"id": 1, "name": "Adult", "default_price": "40.00", "tax_rule": None, "variations": []}
    lists = {
        "items": [adult],
        "quotas": [{**quota, "available_number": 3}],
        "vouchers": [voucher(7), voucher(8, block_quota=True, redeemed=0)],
        "waitinglistentries": [],
    }

    def answer(request: httpx.Request) -> httpx.Response:
        found = lists.get(request.url.path.strip("/").rpartition("/")[2])
        if found is None:
            return httpx.Response(200, json={"slug": "gala", "currency": "EUR", "has_subevents": False})
        return httpx.Response(200, json={"next": None, "results": found})

    stocks = {each.places: each.available for each in replace(pretix(answer), vouchers=True).pull_inventory()}
    own, blocked = "gala/voucher/7", "gala/voucher/8"
    assert stocks == {("gala/item/1", own): 3, (own,): 1, (blocked,): 2}


def test_each_event_is_read_from_where_it_was_left() -> None:
    """An event that is added later began to sell before; what one sold while another was read is not passed over."""
    asked: dict[str, str | None] = {}
    created = {"gala": "2031-01-05T12:00:00Z", "fair": "2031-01-09T12:00:00Z"}
    fee = {"id": 1, "order": "A", "positionid": None, "count": 1, "variation": None, "subevent": None, "price": "1.00"}

    def answer(request: httpx.Request) -> httpx.Response:
        event = request.url.path.split("/")[6]
        asked[event] = request.url.params.get("created_since")
        row = {**fee, "item": None, "created": created[event], "datetime": created[event]}
        return httpx.Response(200, json={"next": None, "results": [row]})

    cursor = pretix(answer).pull_demand(None).cursor
    both = replace(pretix(answer), events=("gala", "fair"))
    later = both.pull_demand(cursor).cursor
    assert asked == {"gala": "2031-01-05T11:50:00+00:00", "fair": None}
    both.pull_demand(later)
    assert asked == {"gala": "2031-01-05T11:50:00+00:00", "fair": "2031-01-09T11:50:00+00:00"}
    both.pull_demand("2031-01-05T12:00:00+00:00")
    assert asked == {"gala": None, "fair": None}
