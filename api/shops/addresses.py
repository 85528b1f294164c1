"""Which addresses on the network Fairfare speaks to when a setting names a shop or a webhook.

Guarantees
----------
* Nothing is sent to a private, loopback, link-local, multicast or reserved address, however it is written or reached (a
  name that leads there, an IPv4 address inside an IPv6 one, a redirect), unless the owner's settings allow it by name.
* What was checked is what is spoken to: a name is looked up once per request, and the connection goes to the address
  that passed, while the certificate and the `Host` header stay those of the name.
* Keys travel encrypted: plain HTTP is for addresses the owner allowed.
* An error names the host, never the rest of the address, which may be a secret.

Sources: RFC 6890 (special-purpose addresses), RFC 4291, section 2.5 (IPv6 unicast), RFC 3056 (6to4).
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from pricing.errors import InputError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to the addresses they lead to, as text; an `OSError` where there are none."""

NAME = re.compile(r"(?!.*\.(\d+|0x[0-9a-f]*)$)(?!(\d+|0x[0-9a-f]*)$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.?)+(?<!\.)")
"""A host name, but none that ends in a number: resolvers read `127.1` and `0x7f.1` as addresses."""
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
TUNNEL = ipaddress.ip_network("2002::/16")
"""6to4: an IPv6 address around an IPv4 one."""
PORTS = {"http": 80, "https": 443}


class HostileAddressError(InputError):
    """An address that must not be spoken to; nothing was sent.

    Usual cause: a shop that runs on the same machine or network. Allow its network in the settings.
    """


class UnknownHostError(httpx.ConnectError):
    """No address belongs to this name, now.

    Usual cause: a slip in the address of a shop, or a network that is down.
    """


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: the host as named, and the address that passed."""

    scheme: str
    host: str
    port: int
    address: str


def system(host: str, port: int) -> Sequence[str]:
    """Addresses as this machine's resolver gives them, the most reachable first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True, slots=True)
class Guard:
    """Tells addresses that may be spoken to from those that may not.

    Attributes
    ----------
    allowed : networks the owner allows besides the public ones, such as `127.0.0.1/32`
    resolve : looks a name up
    """

    allowed: tuple[Network, ...] = ()
    resolve: Resolver = field(default=system)

    def check(self, address: str | httpx.URL) -> Target:
        """Look an address up and hold it against the rules.

        Raises
        ------
        HostileAddressError
            if it must not be spoken to.
        UnknownHostError
            if its host is not found; it may be later.
        """
        scheme, host, port = _parts(address)
        found = [self._fit(host, text) for text in self._found(host, port)]
        if scheme == "http" and not all(map(self._allows, found)):
            raise HostileAddressError(f"{host} would be told keys over plain http: write https")
        return Target(scheme, host, port, str(found[0]))

    def _found(self, host: str, port: int) -> Sequence[str]:
        try:
            found = [str(ipaddress.ip_address(host))] if _literal(host) else self.resolve(host, port)
        except (OSError, UnicodeError):
            found = ()
        if not found:
            raise UnknownHostError(f"no host is called {host}")
        return found

    def _fit(self, host: str, text: str) -> Address:
        """The address, where it may be spoken to; a name with one that may not leads nowhere."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise HostileAddressError(f"{host} leads to {text[:60]!r}, which is no address") from None
        if not (_public(address) or self._allows(address)):
            raise HostileAddressError(_not_public(host, address))
        return address

    def _allows(self, address: Address) -> bool:
        return not _never(address) and any(address in network for network in self.allowed)


def _not_public(host: str, address: Address) -> str:
    """Why it is not spoken to, and where that is of use, what its owner may do."""
    which = "" if host == str(address) else f" is {address}, which"
    if _never(address):
        return f"{host}{which} is no place for a shop"
    allowed = f'allowed_networks = ["{address}/{address.max_prefixlen}"]'
    return f"{host}{which} is not on the public internet; if it is yours, write at the top of fairfare.toml: {allowed}"


def _parts(address: str | httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port as the client that connects reads them."""
    try:
        url = httpx.URL(address)
        host = url.raw_host.decode("ascii").lower().removesuffix(".")
    except (httpx.InvalidURL, UnicodeError, TypeError):
        raise HostileAddressError("this is not an address such as https://shop.example") from None
    if url.scheme not in PORTS:
        raise HostileAddressError("an address begins with https://")
    if url.userinfo or "\\" in str(address):
        raise HostileAddressError("an address holds no name or password: they hide the host behind them")
    if not (_literal(host) or (NAME.fullmatch(host) and len(host) < 254)):
        raise HostileAddressError("an address names a host such as shop.example")
    return url.scheme, host, _port(url)


def _port(url: httpx.URL) -> int:
    port = PORTS[url.scheme] if url.port is None else url.port
    if not 0 < port < 65536:
        raise HostileAddressError("a port is a number from 1 to 65535")
    return port


def _literal(host: str) -> bool:
    """Whether it is an address as it stands: four decimal numbers, or IPv6 without a zone."""
    try:
        return "%" not in host and bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _public(address: Address) -> bool:
    """On the public internet; accepted if inside, so what nobody thought of is not."""
    if isinstance(address, ipaddress.IPv6Address):
        return address in GLOBAL_UNICAST and address.is_global and address not in TUNNEL
    return address.is_global and not address.is_multicast and not address.is_reserved


def _never(address: Address) -> bool:
    """Addresses where no shop is, whatever is allowed: machines of a cloud tell their secrets at a link-local one."""
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    return mapped or address.is_link_local or address.is_multicast or address.is_unspecified


class GuardedTransport(httpx.BaseTransport):
    """Sends requests, redirected ones too, to addresses that pass the guard and to no others."""

    def __init__(self, guard: Guard, *, inner: Callable[[], httpx.BaseTransport] = httpx.HTTPTransport) -> None:
        self._guard = guard
        self._inner = inner
        self._of: dict[tuple[str, str, int], tuple[str, httpx.BaseTransport]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Check where the request goes, then send it there."""
        target = self._guard.check(request.url)
        sent = httpx.Request(
            request.method,
            request.url.copy_with(host=target.address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": target.host},
        )
        return self._pool(target).handle_request(sent)

    def close(self) -> None:
        """Close every connection."""
        for _, pool in self._of.values():
            pool.close()

    def _pool(self, target: Target) -> httpx.BaseTransport:
        """Connections to one host, for within a pool an address tells no two hosts apart; a host that moved has new."""
        host = (target.scheme, target.host, target.port)
        address, pool = self._of.get(host, ("", None))
        if pool is None or address != target.address:
            if pool is not None:
                pool.close()
            pool = self._inner()
            self._of[host] = (target.address, pool)
        return pool
