"""Settings of a workspace, read once from its `fairfare.toml` into one frozen object.

Guarantees
----------
* An unknown key, or a value that cannot be, is an error that names it; nothing is guessed.
* No two shops or webhooks have one secret: the key of one is never sent to another's address.
* No shop goes by two names, under which its sales would count twice.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import time
from decimal import Decimal
from enum import StrEnum
from ipaddress import ip_network
from itertools import combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from holidays import list_supported_countries

from pricing.errors import Finding, InputError
from pricing.law import Fee, Law, MarketLaw
from pricing.money import CURRENCIES, minor_digits
from pricing.policy import Policy

FILE = "fairfare.toml"
LONGEST_QUOTE = 7 * 24 * 60
"""A price promised for longer is an offer, not a quote [minutes]."""
CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
SHOP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
LARGEST_UPLOAD = 2000
"""A worker reads a file as a whole, in several times its size of memory [MB]."""
DATABASE = re.compile(r"postgresql://[^:/@\s]*@?[^@\s]*/[^@\s]+")

TEMPLATE = """\
# Settings of this workspace; docs/settings.md explains each.
currency = "{currency}"
{database}time_zone = "{time_zone}"
{country}
[policy]
mode = "manual"            # or "automatic", "discount-only", "shadow", "emergency" (docs/guardrails.md)
objective = "margin"       # or "revenue"
step = 0.10                # largest move per run
weak_step = 0.05           # the same where the evidence is weak
daily_cap = 0.15           # largest total move within 24 hours
cumulative_cap = 0.50      # the same within 28 days
confidence = 0.6           # a price moves only if that earns more in this share of outcomes
risk = "mean"              # or "cvar": what the worst outcomes earn decides
segment_order = {order}    # pairs of segments: the first never costs more than the second
horizon_days = 28          # how far ahead goods without an event are planned
expiry_hours = 24          # a proposal not published by then lapses

# [schedule]               # jobs that a worker does daily, in your time zone
# fit = "03:00"
# price = "04:00"
# report = "05:00"

# [[markets]]              # the law of each market prices are shown in: docs/law.md
# name = "Germany"
# country = "DE"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Jobs that are done daily, each at a time of day such as "03:00" in the owner's zone; None: not by themselves.

    Attributes
    ----------
    fit : when to learn from the history
    price : when to propose prices
    report : when to write the report
    """

    fit: str | None = None
    price: str | None = None
    report: str | None = None

    def __post_init__(self) -> None:
        if wrong := [f"{kind} {at!r}" for kind, at in self._declared() if CLOCK.fullmatch(at) is None]:
            raise ValueError("; ".join(f"schedule.{each} is no time of day (for example 03:00)" for each in wrong))

    def _declared(self) -> Iterator[tuple[str, str]]:
        declared = ((setting.name, getattr(self, setting.name)) for setting in fields(self))
        return ((kind, at) for kind, at in declared if at is not None)

    @property
    def times(self) -> dict[str, time]:
        """When each kind of job is due; those that are due together in the order they need each other."""
        return {kind: time.fromisoformat(at) for kind, at in self._declared()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """What may be brought through the pages.

    Attributes
    ----------
    max_mb : largest file [MB]
    keep_days : how long a file that was not taken in is kept, and what is known of one that was [days]
    """

    max_mb: int = 100
    keep_days: int = 30

    def __post_init__(self) -> None:
        if not 1 <= self.max_mb <= LARGEST_UPLOAD or self.keep_days < 1:
            raise ValueError(f"uploads.max_mb must be from 1 to {LARGEST_UPLOAD}, uploads.keep_days at least 1")


class ShopSystem(StrEnum):
    """What a shop runs."""

    PRETIX = "pretix"
    OSCAR = "oscar"
    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopSettings:
    """A shop that prices are pushed to and sales are pulled from; its secret is never written here (docs/shops).

    Attributes
    ----------
    name : of letters, digits, - and _; names its folder and its secret
    system : "pretix", "oscar", "shopify", "woocommerce" or "folder"
    address : such as "https://tickets.example"; of a folder its path, seen from the workspace
    storefront : where buyers come, if elsewhere; Shopify only
    organizer : its short name; pretix only
    events : their short names; pretix only
    vouchers : whether vouchers that name a price are priced too; pretix only
    tax_included : whether prices are written with tax; pretix says so itself
    requests_per_minute : most that are sent
    sync_seconds : how often a worker brings it in step by itself [seconds]; None: only when asked
    """

    name: str
    system: ShopSystem
    address: str
    storefront: str | None = None
    organizer: str | None = None
    events: tuple[str, ...] = ()
    vouchers: bool = False
    tax_included: bool = True
    requests_per_minute: int = 300
    sync_seconds: int | None = None

    def __post_init__(self) -> None:
        pretix, whole = self.system is ShopSystem.PRETIX, self.organizer is not None and len(self.events) > 0
        named = self.organizer is not None or len(self.events) > 0 or self.vouchers
        problems = [
            (SHOP_NAME.fullmatch(self.name) is None, f"shop {self.name!r} is not of letters, digits, - and _"),
            (self.requests_per_minute < 1, f"shop {self.name}: requests_per_minute must be at least 1"),
            (
                self.sync_seconds is not None and self.sync_seconds < 1,
                f"shop {self.name}: sync_seconds must be at least 1",
            ),
            (pretix and not whole, f"shop {self.name}: pretix needs organizer and events"),
            (named and not pretix, f"shop {self.name}: organizer, events and vouchers are pretix's"),
            (
                (self.storefront is not None) != (self.system is ShopSystem.SHOPIFY),
                f"shop {self.name}: storefront is needed by Shopify, and means nothing to others",
            ),
        ]
        if found := [text for wrong, text in problems if wrong]:
            raise ValueError("; ".join(found))

    def is_also(self, other: "ShopSettings") -> bool:
        """Whether something is sold in both: they have one address, and of pretix an event in common."""
        mine, its = ((shop.system, shop.address.casefold().rstrip("/"), shop.organizer) for shop in (self, other))
        return mine == its and (self.system is not ShopSystem.PRETIX or not set(self.events).isdisjoint(other.events))

    @property
    def secret(self) -> str:
        """What its secret is called."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Who is told when prices change; its secret is never written here (docs/webhooks.md).

    Attributes
    ----------
    name : of letters, digits, - and _; names what it has been told, and its secret
    address : such as "https://till.example/prices"
    """

    name: str
    address: str

    def __post_init__(self) -> None:
        if SHOP_NAME.fullmatch(self.name) is None:
            raise ValueError(f"webhook {self.name!r} is not of letters, digits, - and _")

    @property
    def secret(self) -> str:
        """What its secret is called."""
        return f"webhook-{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for a whole workspace.

    Attributes
    ----------
    currency : ISO 4217, where a table has no currency column
    time_zone : IANA zone in which days begin
    country : ISO 3166 code whose public holidays count, and whose law where no market is declared; None for none
    seed : of every random draw
    draws : of the posterior, per offer
    database : where the price book is kept, as postgresql://USER@HOST/NAME (the password goes into PGPASSWORD or
        ~/.pgpass); None for a file in the workspace
    quote_minutes : how long a price that was quoted stays locked, at least [minutes]
    personal_columns : columns of your tables with data about single buyers, besides those always taken for it
    markets : the law of each market prices are shown in (docs/law.md)
    requests_per_second : how many each key may send, in each process that serves, over a while; twice as many at once
    policy : what the engine may propose
    schedule : jobs that are done daily
    uploads : what may be brought through the pages
    shops : where prices are pushed to and sales are pulled from (docs/shops)
    webhooks : who is told when prices change (docs/webhooks.md)
    allowed_networks : networks that are not public, such as "10.1.0.0/16", on which shops and webhooks are spoken to
        nevertheless
    """

    currency: str = "EUR"
    time_zone: str = "UTC"
    country: str | None = None
    seed: int = 0
    draws: int = 400
    database: str | None = None
    quote_minutes: int = 15
    personal_columns: tuple[str, ...] = ()
    markets: tuple[MarketLaw, ...] = ()
    requests_per_second: int = 1000
    policy: Policy = field(default_factory=Policy)
    schedule: Schedule = field(default_factory=Schedule)
    uploads: Uploads = field(default_factory=Uploads)
    shops: tuple[ShopSettings, ...] = ()
    webhooks: tuple[WebhookSettings, ...] = ()
    allowed_networks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = [
            (self.currency not in CURRENCIES, f"currency {self.currency!r} is no ISO 4217 code (for example EUR)"),
            (not _is_zone(self.time_zone), f"time_zone {self.time_zone!r} is no IANA zone (for example Europe/Berlin)"),
            (
                self.country is not None and self.country not in list_supported_countries(include_aliases=False),
                f"country {self.country!r} is no ISO 3166 code whose holidays are known (for example DE)",
            ),
            (
                self.database is not None and DATABASE.fullmatch(self.database) is None,
                "database is not written as postgresql://USER@HOST/NAME, without a password",
            ),
            (self.draws < 20 or self.seed < 0, "draws must be at least 20, seed not negative"),
            (self.requests_per_second < 1, "requests_per_second must be at least 1"),
            (len({shop.name for shop in self.shops}) < len(self.shops), "two shops have the same name"),
            (len({hook.name for hook in self.webhooks}) < len(self.webhooks), "two webhooks have the same name"),
            *((True, f"{each} would hold the secrets of two; call one of them otherwise") for each in self._shared()),
            *((a.is_also(b), f"shops {a.name} and {b.name} are the same") for a, b in combinations(self.shops, 2)),
            *(
                (not _is_network(each), f"allowed_networks: {each!r} is no network (for example 10.1.0.0/16)")
                for each in self.allowed_networks
            ),
            (not 1 <= self.quote_minutes <= LONGEST_QUOTE, f"quote_minutes must be from 1 to {LONGEST_QUOTE}"),
        ]
        if found := [text for wrong, text in problems if wrong] + list(self._market_problems()):
            raise ValueError("; ".join(found))
        Law(self.markets)  # refuses markets that cannot be told apart

    def _shared(self) -> Iterator[str]:
        """Variables that would hold the secret of more than one shop or webhook."""
        secrets = [*(shop.secret for shop in self.shops), *(hook.secret for hook in self.webhooks)]
        return (name for name, count in Counter(map(variable, secrets)).items() if count > 1)

    def _market_problems(self) -> Iterator[str]:
        countries, smallest = list_supported_countries(include_aliases=False), -minor_digits(self.currency)
        for market in self.markets:
            if market.country is not None and market.country not in countries:
                yield f"market {market.name}: country {market.country!r} is no known ISO 3166 code (for example DE)"
            yield from (
                f"market {market.name}: fee {fee.name} has more decimals than {self.currency}"
                for fee in market.fees
                if fee.amount.as_tuple().exponent < smallest  # type: ignore[operator]  # a finite amount
            )

    @property
    def law(self) -> Law:
        """The law of the markets; where none is declared, that of the country."""
        alone = () if self.country is None else (MarketLaw(name=self.country, country=self.country),)
        return Law(self.markets or alone, self.personal_columns, self.time_zone, self.currency)


def variable(shop: str) -> str:
    """The name of the environment variable that holds a shop's secret: `FAIRFARE_SHOP_MY_SHOP` of `my-shop`."""
    return "FAIRFARE_SHOP_" + re.sub(r"[^A-Z0-9]", "_", shop.upper())


def read_settings(path: Path) -> Settings:
    """Read a `fairfare.toml`.

    Raises
    ------
    InputError
        if the file is missing, is not TOML, or holds something unknown.
    """
    try:
        return parse_settings(path.read_text(encoding="utf-8"), file=path.name)
    except FileNotFoundError:
        raise InputError(Finding("this is not a workspace; make one with: fairfare init", file=str(path))) from None
    except UnicodeDecodeError as error:
        raise InputError(Finding(f"not readable as TOML: {error}", file=str(path))) from None


def parse_settings(text: str, *, file: str) -> Settings:
    """Read the text of a `fairfare.toml`; errors as in `read_settings`."""
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:  # not only TOMLDecodeError: a number, or a nest, may be too long
        raise InputError(Finding(f"not readable as TOML: {error}", file=file)) from None
    if unknown := list(_unknown_settings(values)):
        raise InputError([Finding(f"unknown setting {key}{_misplaced(key)}", file=file) for key in unknown])
    try:
        return msgspec.convert(values, Settings, strict=False)
    except (msgspec.ValidationError, ValueError, KeyError, OSError) as error:
        raise InputError([Finding(text, file=file) for text in str(error).split("; ")]) from None


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # which it raises depends on what is wrong with the name
        return False
    return True


def _misplaced(key: str) -> str:
    """What to do with a setting that was written below a header, such as at the end of the file."""
    within, _, name = key.rpartition(".")
    mistaken = within and name in {field.name for field in fields(Settings)}
    return ": it belongs at the top of the file, above the first header in brackets" if mistaken else ""


def _unknown_settings(values: dict[str, Any]) -> Iterator[str]:
    """Every key that means nothing, by its place: `markets.fees.percent`."""
    yield from _unknown(values, Settings)
    yield from (f"policy.{key}" for key in _unknown(values.get("policy", {}), Policy))
    yield from (f"schedule.{key}" for key in _unknown(values.get("schedule", {}), Schedule))
    yield from (f"uploads.{key}" for key in _unknown(values.get("uploads", {}), Uploads))
    yield from (f"shops.{key}" for shop in _tables(values, "shops") for key in _unknown(shop, ShopSettings))
    yield from (f"webhooks.{key}" for hook in _tables(values, "webhooks") for key in _unknown(hook, WebhookSettings))
    for market in _tables(values, "markets"):
        yield from (f"markets.{key}" for key in _unknown(market, MarketLaw))
        yield from (f"markets.fees.{key}" for fee in _tables(market, "fees") for key in _unknown(fee, Fee))


def _tables(values: object, name: str) -> list[object]:
    listed = values.get(name) if isinstance(values, dict) else None
    return listed if isinstance(listed, list) else []


def _unknown(
    values: object,
    kind: type[Settings | Policy | Schedule | Uploads | ShopSettings | WebhookSettings | MarketLaw | Fee],
) -> list[str]:
    known = {setting.name for setting in fields(kind)}
    return sorted(set(values) - known) if isinstance(values, dict) else []


def default_text(
    *,
    currency: str = "EUR",
    time_zone: str = "UTC",
    country: str | None = None,
    database: str | None = None,
    order: tuple[tuple[str, str], ...] = (),
) -> str:
    """The `fairfare.toml` a new workspace starts with."""
    country_line = f'country = "{country}"' if country else '# country = "DE"   # its public holidays count'
    pairs = "[" + ", ".join(f'["{lower}", "{upper}"]' for lower, upper in order) + "]"
    place = f'database = "{database}"\n' if database else ""
    return TEMPLATE.format(database=place, currency=currency, time_zone=time_zone, country=country_line, order=pairs)
