"""An exchange ends by its deadline, however its bytes come."""

import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_network
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest
import stamina

from api import webhooks
from api.settings import Settings, ShopSettings, ShopSystem, WebhookSettings, variable
from api.shops import opening
from api.shops.addresses import Guard, GuardedTransport
from api.shops.deadline import TimedTransport
from api.shops.errors import ShopError
from tests.api.store.book_kit import NOW, book_with_prices, decision, publish

HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPPED = {
    "the status line": b"",
    "headers": HEAD + b"X: ",
    "a body of known length": HEAD + b"Content-Length: 9999\r\n\r\n",
    "the size of a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;",
    "a body that ends with the connection": HEAD + b"\r\n",
    "a packed body": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9999\r\n\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00",
}
WHOLE = HEAD + b"Content-Length: 2\r\n\r\n{}"


@contextmanager
def answering(first: bytes, *, drips: bool) -> Iterator[str]:
    """A server on loopback that answers so, and then a byte again and again; gives its address."""
    over = Event()

    def answer(connection: socket.socket) -> None:
        while connection.recv(4096):
            connection.sendall(first)
            while drips and not over.wait(0.02):
                connection.sendall(b"x")

    def serve() -> None:
        while not over.is_set():
            with server.accept()[0] as connection:
                try:
                    answer(connection)
                except OSError:  # cut off, as it should be
                    continue

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            over.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


@pytest.mark.parametrize("first", DRIPPED.values(), ids=DRIPPED.keys())
def test_who_drips_a_byte_at_a_time_is_cut_off(first: bytes) -> None:
    """Each byte comes well within the timeout of a socket, and the answer never ends."""
    with (
        answering(first, drips=True) as address,
        closing(TimedTransport(0.3)) as transport,
        pytest.raises(httpx.ReadTimeout, match="whole exchange"),
    ):
        transport.handle_request(httpx.Request("GET", address)).read()


def test_a_shop_that_drips_is_a_shop_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is opened by its settings; it may answer later."""
    monkeypatch.setattr(opening, "LONGEST_EXCHANGE", 0.3)
    loopback = Settings(allowed_networks=("127.0.0.1/32",))
    with answering(DRIPPED["headers"], drips=True) as address, stamina.set_testing(True, attempts=1):
        settings = ShopSettings(name="shop", system=ShopSystem.OSCAR, address=address)
        with opening.opened(settings, loopback, tmp_path, {variable("shop"): "user:secret"}) as shop:
            with pytest.raises(ShopError, match="ReadTimeout") as raised:
                shop.read_prices()
            assert not raised.value.permanent


def test_an_endpoint_that_drips_has_not_taken_the_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sent again later, like any other."""
    monkeypatch.setattr(webhooks, "LONGEST_EXCHANGE", 0.3)
    loopback = Settings(allowed_networks=("127.0.0.1/32",))
    book = book_with_prices(tmp_path)
    secret = {variable("webhook-site"): f"whsec_{b64encode(bytes(32)).decode()}"}
    with answering(DRIPPED["headers"], drips=True) as address:
        hook = WebhookSettings(name="site", address=address)
        with webhooks.opened_outbox(hook, loopback, tmp_path, secret) as box:
            assert box.deliver(lambda after: book.entries(after=after), now=NOW) == webhooks.Delivery(0)
            publish(book, decision())
            found = box.deliver(lambda after: book.entries(after=after), now=NOW)
    assert found == webhooks.Delivery(0, NOW + webhooks.FIRST_WAIT)


def test_a_deadline_that_passes_before_there_is_a_connection_cuts_it_then() -> None:
    """Looking a name up and shaking hands take time, too."""
    with (
        answering(DRIPPED["headers"], drips=True) as address,
        closing(TimedTransport(0.0)) as transport,
        pytest.raises(httpx.ReadTimeout, match="whole exchange"),
    ):
        transport.handle_request(httpx.Request("GET", address))


def test_an_answer_in_time_is_left_alone() -> None:
    """So is the next one on the same connection; closing an answer is the end of its watch."""
    with answering(WHOLE, drips=False) as address, closing(TimedTransport(20)) as transport:
        for _ in range(3):
            answer = transport.handle_request(httpx.Request("GET", address))
            assert answer.read() == b"{}"
            answer.close()


def test_after_one_that_was_cut_off_the_next_is_answered() -> None:
    """The connection is gone, the way to the shop is not."""
    guard = Guard((ip_network("127.0.0.1/32"),))
    with (
        answering(DRIPPED["headers"], drips=True) as dripping,
        answering(WHOLE, drips=False) as whole,
        GuardedTransport(guard, inner=lambda: TimedTransport(0.3)) as transport,
    ):
        for _ in range(2):
            with pytest.raises(httpx.ReadTimeout):
                transport.handle_request(httpx.Request("GET", dripping))
        assert transport.handle_request(httpx.Request("GET", whole)).read() == b"{}"
