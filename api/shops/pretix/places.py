"""How a place where pretix keeps a price is named: `gala/item/3/variation/4/date/7`, `gala/voucher/9`.

Guarantees
----------
* A name leads to one place of pretix, and a place of pretix has one name.
"""

import re
from dataclasses import dataclass

from api.shops.errors import ShopError

SLUG = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""How events and organizers are named in addresses."""
_NAME = re.compile(
    rf"(?P<event>{SLUG})/"
    r"(?:voucher/(?P<voucher>[1-9]\d*)"
    r"|item/(?P<item>[1-9]\d*)(?:/variation/(?P<variation>[1-9]\d*))?(?:/date/(?P<date>[1-9]\d*))?)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A product of an event, perhaps a variation, perhaps on one date of a series; or a voucher with a price."""

    event: str
    item: int | None = None
    variation: int | None = None
    date: int | None = None
    voucher: int | None = None

    def __str__(self) -> str:
        parts = [("item", self.item), ("variation", self.variation), ("date", self.date), ("voucher", self.voucher)]
        return "/".join([self.event, *(f"{kind}/{number}" for kind, number in parts if number is not None)])

    @classmethod
    def parse(cls, name: str) -> "Place":
        """The place that a name means."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise ShopError(f"{name} is not a place of pretix", permanent=True)
        numbers = {
            kind: None if number is None else int(number)
            for kind, number in found.groupdict().items()
            if kind != "event"
        }
        return cls(found["event"], **numbers)
