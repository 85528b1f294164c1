"""Settings are read once, and every unknown or impossible one is an error that names it."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from api.settings import default_text, parse_settings, read_settings
from pricing.errors import InputError
from pricing.law import NO_LAW
from pricing.policy import Mode, Policy

TWO = """\
[[shops]]
name = "my-shop"
system = "folder"
address = "a"

[[shops]]
name = "webhook-till"
system = "folder"
address = "b"

[[{kind}]]
name = "{name}"
address = "https://till.example"
"""


def write(folder: Path, text: str) -> Path:
    """A settings file."""
    path = folder / "fairfare.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_text_a_workspace_starts_with_is_read_back(tmp_path: Path) -> None:
    """Money and shares stay decimal; order pairs arrive."""
    text = default_text(currency="CHF", time_zone="Europe/Zurich", country="CH", order=(("child", "adult"),))
    settings = read_settings(write(tmp_path, text))
    assert (settings.currency, settings.time_zone, settings.country) == ("CHF", "Europe/Zurich", "CH")
    assert settings.policy == Policy(segment_order=(("child", "adult"),))
    assert isinstance(settings.policy.step, Decimal)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('curency = "EUR"', "curency"),
        ('currency = "EURO"', "EURO"),
        ('time_zone = "Middle/Earth"', "Middle/Earth"),
        ("[policy]\nstepp = 0.1", "policy.stepp"),
        ("[policy]\nstep = 0", "step"),
        ("[policy]\nconfidence = 1.5", "confidence"),
        ('[policy]\nobjective = "glory"', "glory"),
        ('[policy]\nsegment_order = [["a", "b"], ["b", "a"]]', "contradicts"),
        ("draws = 1", "draws"),
        ("quote_minutes = 0", "quote_minutes"),
        ('database = "mysql://ann@host/prices"', "postgresql://USER@HOST/NAME"),
        ('database = "postgresql://ann:secret@host/prices"', "without a password"),
        ('database = "postgresql://ann@host"', "postgresql://USER@HOST/NAME"),
        ('[schedule]\nfit = "3:00"', "schedule.fit '3:00' is no time of day"),
        ('[schedule]\nprice = "24:00"', "schedule.price '24:00' is no time of day"),
        ('[schedule]\ningest = "03:00"', "schedule.ingest"),
        ("[schedule]\nfit = 3", "schedule.fit"),
        ("schedule = 3", "schedule"),
        ("currency = ", "TOML"),
        (f"seed = {'9' * 5000}", "TOML"),
        (f"seed = {'[' * 5000}", "TOML"),
        (
            TWO.format(kind="shops", name="my_shop") + 'system = "folder"',
            "FAIRFARE_SHOP_MY_SHOP would hold the secrets of two",
        ),
        (TWO.format(kind="webhooks", name="till"), "FAIRFARE_SHOP_WEBHOOK_TILL would hold the secrets of two"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, named: str) -> None:
    """One clear error, with the setting in it."""
    with pytest.raises(InputError, match=named):
        read_settings(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('mode = "emergency"', "mode emergency without emergency_since"),
        ('mode = "emergency"\nemergency_since = 2026-03-01T12:00:00', "has no time zone"),
        ("emergency_since = 2026-03-01T12:00:00Z", "emergency_since with mode manual"),
        ('mode = "auto"', "'auto'"),
        ('mode = "automatic"\nautomatic_step = 0.5', "automatic_step 0.5 larger than step 0.10"),
        ("cumulative_cap = nan", "cumulative_cap NaN is not in"),
    ],
)
def test_modes_that_cannot_hold_are_named(text: str, named: str) -> None:
    """With the setting that is missing or too much."""
    with pytest.raises(InputError, match=named):
        parse_settings(f"[policy]\n{text}", file="fairfare.toml")


def test_an_emergency_is_read_with_its_instant() -> None:
    """As TOML writes instants."""
    text = '[policy]\nmode = "emergency"\nemergency_since = 2026-03-01T12:00:00+01:00\nemergency_cap = 0.15'
    policy = parse_settings(text, file="fairfare.toml").policy
    assert policy.emergency_since == datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert (policy.mode, policy.emergency_cap) == (Mode.EMERGENCY, Decimal("0.15"))


def test_a_folder_that_is_no_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    """The error is the next step."""
    with pytest.raises(InputError, match="fairfare init"):
        read_settings(tmp_path / "fairfare.toml")


MARKETS = """\
personal_columns = ["seat_history"]

[[markets]]
name = "Germany"
country = "DE"
channels = ["de"]

[[markets.fees]]
name = "booking fee"
amount = 1.50

[[markets.fees]]
name = "service"
share = 0.05

[[markets]]
name = "New York"
country = "US"
region = "NY"
channels = ["us"]
tier_notice_hours = 48
disclosures = ["new-york"]
competitor_prices = true
"""


def test_markets_are_read_as_they_are_written(tmp_path: Path) -> None:
    """Fees stay decimal, regimes are words, and each channel finds its market."""
    law = read_settings(write(tmp_path, MARKETS)).law
    assert (law.market("de").country, law.market("us").region) == ("DE", "NY")
    assert law.market("de").total(Decimal("10.00"), "EUR") == Decimal("12.00")
    assert law.market("us").notice("all").total_seconds() == 48 * 3600
    assert law.personal == ("seat_history",)


def test_without_markets_the_law_is_that_of_the_country(tmp_path: Path) -> None:
    """Also without any further setting; without a country none is known to apply."""
    assert read_settings(write(tmp_path, 'country = "DE"')).law.market("web").reference_days("all") == 30
    assert read_settings(write(tmp_path, "")).law == NO_LAW


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[[markets]]\nname = "m"\nfee = 1', "markets.fee"),
        ('[[markets]]\nname = "m"\n[[markets.fees]]\nname = "f"\npercent = 1', "markets.fees.percent"),
        ('[[markets]]\nname = "m"\ncountry = "UK"', "GB"),
        ('[[markets]]\nname = "m"\ncountry = "XX"', "XX"),
        ('[[markets]]\ncountry = "DE"', "name"),
        ('[[markets]]\nname = "m"\n[[markets]]\nname = "n"', "two markets"),
        ('[[markets]]\nname = "m"\n[[markets.fees]]\nname = "f"\namount = 1.505', "more decimals"),
        ('[[markets]]\nname = "m"\n[[markets.fees]]\nname = "f"\namount = nan', "fee f"),
        ('[[markets]]\nname = "m"\ndisclosures = ["mars"]', "mars"),
        ("markets = 3", "markets"),
        ("[markets]\nname = 3", "markets"),
    ],
)
def test_a_market_that_cannot_be_is_named(tmp_path: Path, text: str, named: str) -> None:
    """Nothing is guessed about a law."""
    with pytest.raises(InputError, match=named):
        read_settings(write(tmp_path, text))


SHOP = '[[shops]]\nname = "tickets"\naddress = "https://tickets.example"\n'
TWICE = (
    '[[shops]]\nname = "a"\naddress = "https://tickets.example"\nsystem = "{system}"\n{more}'
    '[[shops]]\nname = "b"\naddress = "https://Tickets.example/"\nsystem = "{system}"\n{more}'
)


def test_a_shop_is_read_as_it_is_written() -> None:
    """What its system needs, and nothing secret."""
    text = SHOP + 'system = "pretix"\norganizer = "hosts"\nevents = ["gala"]\n'
    [shop] = parse_settings(text, file="fairfare.toml").shops
    assert (shop.name, shop.system, shop.organizer, shop.events) == ("tickets", "pretix", "hosts", ("gala",))


def test_a_shop_may_have_another_name_for_other_events() -> None:
    """Nothing is sold in both."""
    one, other = (f'organizer = "hosts"\nevents = ["{event}"]\n' for event in ("gala", "tour"))
    text = TWICE.format(system="pretix", more=one).replace(one, other, 1)
    assert len(parse_settings(text, file="fairfare.toml").shops) == 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (SHOP + 'system = "pretix"', "pretix needs organizer and events"),
        (SHOP + 'system = "oscar"\nvouchers = true', "are pretix's"),
        (SHOP + 'system = "shopify"', "storefront is needed by Shopify"),
        (SHOP + 'system = "other"', "system"),
        (SHOP + 'system = "oscar"\ntoken = "hush"', "unknown setting shops.token"),
        (SHOP + 'system = "oscar"\nallowed_networks = []', "allowed_networks: it belongs at the top of the file"),
        (SHOP + 'system = "oscar"\nrequests_per_minute = 0', "requests_per_minute must be at least 1"),
        (SHOP + 'system = "oscar"\nsync_seconds = 0', "sync_seconds must be at least 1"),
        ((SHOP + 'system = "oscar"\n') * 2, "two shops have the same name"),
        (TWICE.format(system="oscar", more=""), "shops a and b are the same"),
        (
            TWICE.format(system="pretix", more='organizer = "hosts"\nevents = ["gala", "tour"]\n'),
            "shops a and b are the same",
        ),
        (SHOP.replace('tickets"', '../up"') + 'system = "oscar"', "is not of letters"),
        ('allowed_networks = ["10.1.0.1/16"]', "is no network"),
    ],
)
def test_a_shop_that_cannot_be_is_named(text: str, named: str) -> None:
    """A setting of another system, a name that would lead out of the folder, a secret where it does not belong."""
    with pytest.raises(InputError, match=re.escape(named)):
        parse_settings(text, file="fairfare.toml")
