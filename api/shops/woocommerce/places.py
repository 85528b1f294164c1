"""Where prices stand in a WooCommerce shop: `product/1`, or `product/1/variation/2`."""

import re

from api.shops.errors import ShopError

ADMIN, STORE = "/wp-json/wc/v3", "/wp-json/wc/store/v1"
PLACE = re.compile(r"product/([0-9]+)(?:/variation/([0-9]+))?")


def place_of(product: int, variation: int = 0) -> str:
    """The place of a product, or of one of its variations."""
    return f"product/{product}/variation/{variation}" if variation else f"product/{product}"


def numbers(place: str) -> list[int]:
    """Numbers of the product and, where there is one, of its variation."""
    found = PLACE.fullmatch(place)
    if found is None:
        raise ShopError(f"{place} is no place of a WooCommerce shop", permanent=True)
    return [int(number) for number in found.groups() if number]


def batch_path(place: str) -> str:
    """Where the price of a place is written together with others."""
    product, *variation = numbers(place)
    return f"{ADMIN}/products/{product}/variations/batch" if variation else f"{ADMIN}/products/batch"
