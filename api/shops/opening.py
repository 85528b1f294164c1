"""A shop as its settings describe it, ready to be read and written.

Guarantees
----------
* Its secret comes from the environment or from a file of the owner's own, `secrets/NAME` in the workspace.
* An address that is not on the public internet is not spoken to unless its network is allowed in the settings.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import httpx

from api.settings import Settings, ShopSettings, ShopSystem
from api.shops import oscar, pretix, shopify, woocommerce
from api.shops.addresses import Guard, GuardedTransport
from api.shops.bucket import TokenBucket
from api.shops.client import Client
from api.shops.connector import Connector
from api.shops.credentials import Secret, secret_of
from api.shops.deadline import TimedTransport
from api.shops.folder import Folder
from api.shops.journal import FILE, Journal
from api.shops.shop import Shop
from pricing.errors import InputError

AT_ONCE = 20
"""Requests that may follow each other without a pause [requests]."""

LONGEST_EXCHANGE = 120.0
"""A request and its whole answer, however its bytes come, take no longer [seconds]."""
PLAIN: Mapping[ShopSystem, Callable[..., Connector]] = {
    ShopSystem.OSCAR: oscar.connect,
    ShopSystem.WOOCOMMERCE: woocommerce.connect,
}
"""Systems that need no more than an address, a secret, and whether prices are written with tax."""


def folder_of(root: Path, shop: str) -> Path:
    """Where the table of offers, the journal and the cursor of a shop are kept."""
    return root / "shops" / shop


@contextmanager
def opened(shop: ShopSettings, settings: Settings, root: Path, environment: Mapping[str, str]) -> Iterator[Shop]:
    """A shop of a workspace; its connections are closed afterwards."""
    journal = Journal(folder_of(root, shop.name) / FILE)
    if shop.system is ShopSystem.FOLDER:
        yield Shop(Folder(root / shop.address), journal)
        return
    secret = secret_of(shop.name, environment=environment, file=root / "secrets" / shop.name)
    guard = Guard(tuple(ip_network(each) for each in settings.allowed_networks))
    with GuardedTransport(guard, inner=lambda: TimedTransport(LONGEST_EXCHANGE)) as transport:
        try:
            connector = _connector(shop, secret, transport)
        except ValueError as error:
            raise InputError(f"shop {shop.name}: {error}") from None
        yield Shop(connector, journal)


def _connector(shop: ShopSettings, secret: Secret, transport: httpx.BaseTransport) -> Connector:
    bucket = TokenBucket(shop.requests_per_minute, burst=AT_ONCE)
    way = Client(address=shop.address, bucket=bucket, transport=transport)
    if shop.system is ShopSystem.PRETIX:
        return pretix.connect(way, shop.organizer or "", shop.events, secret=secret, vouchers=shop.vouchers)
    if shop.system is ShopSystem.SHOPIFY:
        storefront = replace(way, address=shop.storefront or "")
        return shopify.connect(way, storefront, secret=secret, tax_included=shop.tax_included)
    return PLAIN[shop.system](way, secret=secret, tax_included=shop.tax_included)
