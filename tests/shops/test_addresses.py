"""No request goes to an address that is not public, however the address is written or reached."""

from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from itertools import repeat
from threading import Thread

import httpx
import pytest

from api.shops.addresses import Guard, GuardedTransport, HostileAddressError, Resolver, UnknownHostError

PUBLIC = "93.184.215.14"
NAMES = {
    "shop.example": [PUBLIC],
    "inside.example": ["10.0.0.7"],
    "both.example": [PUBLIC, "192.168.1.1"],
    "local.example": ["127.0.0.1"],
    "six.example": ["::1"],
    "mapped.example": ["::ffff:10.0.0.7"],
    "tunnel.example": ["2002:7f00:1::1"],
    "metadata.example": ["169.254.169.254"],
    "rubbish.example": ["not-an-address"],
    "localhost": ["127.0.0.1"],
}


def looked_up(host: str, port: int) -> Sequence[str]:
    """A resolver of names made up here."""
    assert port > 0
    if host not in NAMES:
        raise OSError(host)
    return NAMES[host]


GUARD = Guard(resolve=looked_up)

HOSTILE = [
    "https://127.0.0.1/",
    "https://127.8.9.1/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0.0.0.0/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://192.0.2.1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[ff02::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:db8::1]/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://127。0。0。1/",
    "https://%31%32%37.0.0.1/",
    "https://shop.example@127.0.0.1/",
    "https://shop.example:pw@10.0.0.1/",
    "https://user@shop.example/",
    "https://shop.example\\@127.0.0.1/",
    "https://127.0.0.1#@shop.example/",
    "https://shop.example%00.inside.example/",
    "https://shop.example:0/",
    "https://shop.example:99999/",
    "https://localhost/",
    "https://inside.example/",
    "https://both.example/",
    "https://six.example/",
    "https://mapped.example/",
    "https://tunnel.example/",
    "https://metadata.example/",
    "https://rubbish.example/",
    "http://shop.example/",
    "file:///etc/passwd",
    "gopher://shop.example/",
    "ftp://shop.example/",
    "//shop.example/",
    "https:///etc/passwd",
    "https://a\tb.example/",
    "",
]


@pytest.mark.parametrize("target", HOSTILE)
def test_a_hostile_address_is_refused(target: str) -> None:
    """Private, loopback, link-local, multicast, reserved, disguised, or not encrypted: nothing is sent."""
    with pytest.raises(HostileAddressError):
        GUARD.check(target)


@pytest.mark.parametrize("target", HOSTILE)
def test_a_redirect_to_a_hostile_address_is_refused(target: str) -> None:
    """A shop that answers with a redirect leads nowhere an address in the settings would not."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(302, headers=[(b"Location", target.encode())])

    transport = GuardedTransport(GUARD, inner=lambda: httpx.MockTransport(answer))
    with (
        httpx.Client(transport=transport, follow_redirects=True, max_redirects=3) as client,
        pytest.raises(
            (HostileAddressError, httpx.UnsupportedProtocol, httpx.RemoteProtocolError, httpx.TooManyRedirects)
        ),
    ):
        client.get("https://shop.example/")
    assert {request.url.host for request in asked} == {PUBLIC}


@pytest.mark.parametrize(
    ("target", "address", "port"),
    [
        ("https://shop.example/api", PUBLIC, 443),
        ("https://SHOP.example.:8443/", PUBLIC, 8443),
        ("https://93.184.215.14/", PUBLIC, 443),
        ("https://[2606:2800:21f::1]/", "2606:2800:21f::1", 443),
    ],
)
def test_a_public_address_passes(target: str, address: str, port: int) -> None:
    """The guard is no wall: what is public is spoken to, on any port."""
    found = GUARD.check(target)
    assert (found.address, found.port) == (address, port)


def test_what_the_owner_allows_passes_and_nothing_beside_it() -> None:
    """A network in the settings opens that network, over plain http too; a cloud's metadata stays closed."""
    guard = Guard((ip_network("127.0.0.1/32"), ip_network("169.254.0.0/16")), looked_up)
    assert guard.check("http://local.example:8080/").address == "127.0.0.1"
    for target in (
        "https://127.0.0.2/",
        "https://10.0.0.7/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/",
    ):
        with pytest.raises(HostileAddressError):
            guard.check(target)


def test_a_host_that_is_not_found_may_be_found_later() -> None:
    """A name server that does not answer is no attack: the error is one that is tried again."""
    with pytest.raises(UnknownHostError, match=r"no host is called unknown\.example"):
        GUARD.check("https://unknown.example/")


def test_an_error_names_the_host_and_not_the_secret_beside_it() -> None:
    """The path of a webhook can be its key."""
    with pytest.raises(HostileAddressError) as raised:
        GUARD.check("https://inside.example/hooks/s3cret")
    assert "inside.example" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def rebinding(*turns: str) -> Resolver:
    """A name server that answers another address each time, the last one for ever."""
    answers = iter([*turns, *repeat(turns[-1], 20)])
    return lambda _host, _port: [next(answers)]


def test_the_address_that_was_checked_is_the_one_spoken_to() -> None:
    """A name that turns to a private address after the check is not looked up again; the next request is refused."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    guard = Guard(resolve=rebinding(PUBLIC, "127.0.0.1"))
    with httpx.Client(transport=GuardedTransport(guard, inner=lambda: httpx.MockTransport(answer))) as client:
        client.get("https://shop.example/api")
        with pytest.raises(HostileAddressError):
            client.get("https://shop.example/api")
    (request,) = sent
    assert (request.url.host, request.headers["Host"]) == (PUBLIC, "shop.example")
    assert request.extensions["sni_hostname"] == "shop.example"


def test_two_hosts_at_one_address_share_no_connection() -> None:
    """A connection whose certificate was checked for one host carries nothing for another."""
    made: list[httpx.MockTransport] = []

    def inner() -> httpx.MockTransport:
        made.append(httpx.MockTransport(lambda _: httpx.Response(200)))
        return made[-1]

    guard = Guard(resolve=lambda _host, _port: [PUBLIC])
    with httpx.Client(transport=GuardedTransport(guard, inner=inner)) as client:
        for url in ("https://one.example/", "https://two.example/", "https://one.example/again"):
            client.get(url)
    assert len(made) == 2


def test_a_host_that_moved_leaves_no_connection_open() -> None:
    """A process that runs for months does not gather the connections of every address a host ever had."""
    closed: list[str] = []

    class Inner(httpx.MockTransport):
        def close(self) -> None:
            closed.append("one")

    guard = Guard(resolve=rebinding(PUBLIC, PUBLIC, "93.184.215.15", "93.184.215.16"))
    with GuardedTransport(guard, inner=lambda: Inner(lambda _: httpx.Response(200))) as transport:
        for said in (0, 0, 1, 2):
            transport.handle_request(httpx.Request("GET", "https://shop.example/"))
            assert len(closed) == said
    assert len(closed) == 3


@pytest.fixture
def local_server() -> Iterator[int]:
    """A server on loopback that tells which host it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.headers["Host"].encode())

        def log_message(self, *_: object, **__: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("allowed", [True, False])
def test_a_real_connection_goes_to_the_checked_address(local_server: int, *, allowed: bool) -> None:
    """A made-up name reaches the loopback server that its address names, and only where loopback is allowed."""
    guard = Guard((ip_network("127.0.0.0/8"),) if allowed else (), looked_up)
    with httpx.Client(transport=GuardedTransport(guard), trust_env=False) as client:
        if allowed:
            assert client.get(f"http://local.example:{local_server}/").text == f"local.example:{local_server}"
        else:
            with pytest.raises(HostileAddressError):
                client.get(f"http://local.example:{local_server}/")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://10.0.0.7", '10.0.0.7 is not on the public internet.*: allowed_networks = ["10.0.0.7/32"]'),
        ("https://six.example", 'six.example is ::1, which is not on .*: allowed_networks = ["::1/128"]'),
        ("https://metadata.example", "metadata.example is 169.254.169.254, which is no place for a shop"),
    ],
)
def test_what_to_write_is_said_where_it_helps(address: str, said: str) -> None:
    """The line that allows an address; none for those that no line allows."""
    with pytest.raises(HostileAddressError) as refused:
        GUARD.check(address)
    first, _, last = said.partition(".*")
    assert str(refused.value).startswith(first)
    assert str(refused.value).endswith(last)
