"""Where prices stand in a Shopify shop: at variants, `product/1/variant/2`."""

import re

from api.shops.errors import ShopError

GID = re.compile(r"gid://shopify/[A-Za-z]+/([0-9]+)")
PLACE = re.compile(r"product/([0-9]+)/variant/([0-9]+)")


def number(gid: str) -> str:
    """The number at the end of Shopify's name of a thing."""
    found = GID.match(gid)
    if found is None:
        raise ShopError("Shopify names things otherwise than it did", permanent=True)
    return found[1]


def place_of(product: str, variant: str) -> str:
    """The place of a variant, from Shopify's names of it and its product."""
    return f"product/{number(product)}/variant/{number(variant)}"


def names_of(place: str) -> tuple[str, str]:
    """Shopify's names of the product and the variant of a place."""
    found = PLACE.fullmatch(place)
    if found is None:
        raise ShopError(f"{place} is no place of a Shopify shop", permanent=True)
    return f"gid://shopify/Product/{found[1]}", f"gid://shopify/ProductVariant/{found[2]}"
