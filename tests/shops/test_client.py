"""Requests to a shop: again only where that is safe, no further than the shop, and without a word of the secret."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest
from structlog.testing import capture_logs

from api.shops.addresses import UnknownHostError
from api.shops.bucket import TokenBucket
from api.shops.client import MOST_BYTES, Client, Patience
from api.shops.errors import ShopError

QUICK = Patience(attempts=3, first=0.001, longest=0.001)


class Item(msgspec.Struct):
    """Something with a price."""

    price: Decimal


class Answers:
    """Gives one answer after the other, and remembers what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.left, self.asked = list(answers), list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """The next answer."""
        self.asked.append(request)
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def client(answers: Callable[[httpx.Request], httpx.Response], *, address: str = "https://shop.example") -> Client:
    """A client of a shop that answers so."""
    return Client(
        address=address,
        headers={"Authorization": "Token hush-hush"},
        bucket=TokenBucket(6e6, burst=1000),
        transport=httpx.MockTransport(answers),
        patience=QUICK,
    )


def said(body: Any, status: int = 200, **headers: str) -> httpx.Response:  # JSON is what it is
    """An answer in JSON."""
    return httpx.Response(status, json=body, headers=headers)


@pytest.mark.parametrize("failure", [said({}, 503), said({}, 429), httpx.ReadTimeout("slow"), httpx.ConnectError("no")])
def test_reading_is_tried_again(failure: httpx.Response | Exception) -> None:
    """A shop that is overloaded or away for a moment is asked again, and no more than so often."""
    answers = Answers(failure, said({"price": "1.50"}))
    assert client(answers).get("/item", Item) == Item(Decimal("1.50"))
    assert len(answers.asked) == 2
    away = Answers(*[failure] * 3)
    with pytest.raises(ShopError) as raised:
        client(away).get("/item", Item)
    assert (raised.value.permanent, len(away.asked)) == (False, 3)


@pytest.mark.parametrize(("repeatable", "times"), [(True, 3), (False, 1)])
def test_a_write_is_tried_again_only_where_that_is_safe(times: int, *, repeatable: bool) -> None:
    """An order sent twice would be two orders."""
    answers = Answers(*[httpx.ReadTimeout("slow")] * times)
    with pytest.raises(ShopError):
        client(answers).send("POST", "/order", body={}, repeatable=repeatable)
    assert len(answers.asked) == times


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 422])
def test_what_will_not_change_is_not_tried_again(status: int) -> None:
    """It says that it is permanent, and what the shop said."""
    answers = Answers(said({"detail": "not so"}, status, Location="https://elsewhere.example"))
    with pytest.raises(ShopError, match="not so") as raised:
        client(answers).get("/item", Item)
    assert (raised.value.permanent, raised.value.status, len(answers.asked)) == (True, status, 1)


def test_a_shop_that_asks_for_long_patience_is_told_to_the_user() -> None:
    """An hour is not waited for in silence; a moment is."""
    answers = Answers(said({}, 429, **{"Retry-After": "3600"}))
    with pytest.raises(ShopError) as raised:
        client(answers).get("/item", Item)
    assert (raised.value.permanent, len(answers.asked)) == (False, 1)
    answers = Answers(said({}, 429, **{"Retry-After": "0"}), said({"price": 2}))
    assert client(answers).get("/item", Item).price == 2


def test_all_pages_are_read_and_links_stay_with_the_shop() -> None:
    """The host of a link is not followed, only its path and query, and that only below the shop's own address."""
    answers = Answers(
        said({"results": [{"price": "1"}], "next": "http://169.254.169.254/api/items?page=2"}),
        said({"results": [{"price": "2"}], "next": None}),
    )
    shop = client(answers, address="https://shop.example/api/")
    assert [item.price for item in shop.pages("/items", Item)] == [1, 2]
    assert [str(request.url) for request in answers.asked] == [
        "https://shop.example/api/items",
        "https://shop.example/api/items?page=2",
    ]
    away = Answers(said({"results": [], "next": "https://shop.example/admin/secrets"}))
    with pytest.raises(ShopError, match="not its own"):
        list(client(away, address="https://shop.example/api").pages("/items", Item))


@pytest.mark.parametrize("content", [b"<html>", b"{", b'{"price": "NaN-ish"}', b'{"name": "x"}', b"[]", b""])
def test_an_answer_of_another_shape_is_an_error(content: bytes) -> None:
    """A page of a proxy, or another system, is not taken for prices."""
    with pytest.raises(ShopError, match="is this its address") as raised:
        client(Answers(httpx.Response(200, content=content))).get("/item", Item)
    assert raised.value.permanent


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    """Memory is not the shop's to fill."""
    read = 0

    def endless() -> Any:  # an iterator of bytes
        nonlocal read
        while True:
            read += 2**20
            yield b" " * 2**20

    with pytest.raises(ShopError, match="larger than"):
        client(Answers(httpx.Response(200, content=endless()))).get("/item", Item)
    assert read <= MOST_BYTES + 2**20


def test_the_log_and_errors_hold_no_secret() -> None:
    """Neither the header, nor a query, nor a body is in them, whether it went well or not."""
    answers = Answers(said({"price": 1}), said({}, 503), httpx.ConnectError("hush-hush"), said({}, 403))
    shop = client(answers)
    with capture_logs() as logs:
        shop.send("PATCH", "/item", query={"key": "hush-hush"}, body={"secret": "hush-hush"}, repeatable=True)
        with pytest.raises(ShopError) as raised:
            shop.get("/item", Item)
    assert next((each["method"], each["path"]) for each in logs if "method" in each) == ("PATCH", "/item")
    assert "hush-hush" not in f"{logs} {raised.value} {shop}"


@pytest.mark.parametrize(
    "address", ["shop.example", "file:///etc/passwd", "https://a:b@shop.example", "https://shop.example?k=v", "ftp://x"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """Without a secret in it, and without following it."""
    with pytest.raises(ValueError, match="written as https://") as raised:
        client(Answers(), address=address)
    assert "a:b" not in str(raised.value)


def test_every_request_waits_its_turn() -> None:
    """Requests that are tried again count against the limit like others."""
    waited: list[float] = []
    bucket = TokenBucket(60, clock=lambda: 0.0, sleep=waited.append)
    answers = Answers(said({}, 503), said({}, 503), said({"price": 1}))
    shop = Client(
        address="https://shop.example",
        headers={},
        bucket=bucket,
        transport=httpx.MockTransport(answers),
        patience=QUICK,
    )
    shop.get("/item", Item)
    assert waited == [1.0, 2.0]


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip, gzip", "br"])
def test_a_packed_answer_is_not_unpacked(coding: str) -> None:
    """A few bytes, packed three times over, would be all the memory there is; plain ones are asked for."""
    answers = Answers(httpx.Response(200, stream=httpx.ByteStream(b"junk"), headers={"Content-Encoding": coding}))
    with pytest.raises(ShopError, match="packs its answers") as raised:
        client(answers).get("/item", Item)
    assert (raised.value.permanent, answers.asked[0].headers["Accept-Encoding"]) == (True, "identity")


def test_a_list_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop whose every page links to itself would be read for ever."""
    monkeypatch.setattr("api.shops.client.MOST_PAGES", 3)
    answers = Answers(*[said({"results": [], "next": "https://shop.example/items?page=1"})] * 4)
    with pytest.raises(ShopError, match="beyond 3 pages") as raised:
        list(client(answers).pages("/items", Item))
    assert (raised.value.permanent, len(answers.asked)) == (True, 3)


def test_what_a_shop_repeats_of_a_key_is_not_passed_on() -> None:
    """A server in trouble shows the request it failed at; what it says steers no terminal either."""
    answers = Answers(said({"headers": {"Authorization": "Token hush-hush"}}, 403))
    with pytest.raises(ShopError, match=r"Token \.\.\.") as raised:
        client(answers).get("/item", Item)
    torn = Answers(httpx.Response(403, content=b"\x1b]0;mine\x07\nno"))
    with pytest.raises(ShopError, match="no") as steered:
        client(torn).get("/item", Item)
    assert "hush" not in str(raised.value)
    assert "\x1b" not in str(steered.value)


@pytest.mark.parametrize(
    ("answer", "said_of_it"),
    [
        (said({"detail": "Invalid token."}, 401), "it does not know the key: GET /item: 401"),
        (said({"detail": "No permission."}, 403), "the key may not do this, or what the settings name is not there: "),
        (httpx.Response(404, html="<!DOCTYPE html><p>Gone"), "nothing is there, so look at the address and the names"),
        (httpx.Response(500, html="<!DOCTYPE html><p>Ouch"), "GET /item: 500 a page for people"),
    ],
)
def test_a_refusal_says_what_it_means(answer: httpx.Response, said_of_it: str) -> None:
    """To whoever typed the key and the address; no page is repeated."""
    with pytest.raises(ShopError) as raised:
        client(Answers(answer, answer, answer)).get("/item", Item)
    assert str(raised.value).startswith(said_of_it)
    assert "<" not in str(raised.value)


def test_a_name_that_no_host_has_is_told_by_name() -> None:
    """A slip in the address, most likely; it may also be a network that is down, so it is tried again."""
    with pytest.raises(ShopError, match=r"^no host is called shop\.example$") as raised:
        client(Answers(*[UnknownHostError("no host is called shop.example")] * 3)).get("/item", Item)
    assert not raised.value.permanent
