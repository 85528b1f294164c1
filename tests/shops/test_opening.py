"""Every system that the settings can name can be opened, connected on the desk, and read about."""

from pathlib import Path
from typing import Any

import pytest

from api.pages import words
from api.pages.shop_systems import SYSTEMS
from api.settings import Settings, ShopSettings, ShopSystem, variable
from api.shops.opening import opened
from tests.real_data import ROOT

NEEDED: dict[ShopSystem, dict[str, Any]] = {
    ShopSystem.PRETIX: {"organizer": "hosts", "events": ("gala",)},
    ShopSystem.SHOPIFY: {"storefront": "https://shop.example"},
}
"""What some need besides a name and an address."""


@pytest.mark.parametrize("system", ShopSystem)
def test_every_system_is_opened_as_itself(system: ShopSystem, tmp_path: Path) -> None:
    """By its own connector; none is taken for another."""
    shop = ShopSettings(name="shop", system=system, address="https://shop.example", **NEEDED.get(system, {}))
    with opened(shop, Settings(), tmp_path, {variable("shop"): "user:secret"}) as found:
        assert system.value in type(found.connector).__module__
        assert system.value in found.capabilities.system.lower()


@pytest.mark.parametrize("system", ShopSystem)
def test_every_system_has_its_place_on_the_desk_and_a_page(system: ShopSystem) -> None:
    """A shop that can only be connected by those who read the code is not connected."""
    assert (system in SYSTEMS, system.value in words.SYSTEMS) == (True, True)
    assert f"({system.value}.md)" in (ROOT / "docs" / "shops" / "README.md").read_text(encoding="utf-8")
    assert (ROOT / "docs" / "shops" / f"{system.value}.md").exists()
