"""What a system must be able to do to be a shop of Fairfare's; everything else is `api.shops.shop.Shop`'s."""

from collections.abc import Collection, Sequence
from typing import Protocol

from api.shops.model import Batch, Capabilities, Demand, Listed, Shown, Stock, Write


class Connector(Protocol):
    """One shop, over its own interface. Methods raise `api.shops.errors.ShopError`; none writes but `write`."""

    @property
    def capabilities(self) -> Capabilities:
        """What the system can do."""
        ...

    def pull_demand(self, since: str | None) -> Demand:
        """What was sold and given back since a cursor; everything if it is None."""
        ...

    def pull_inventory(self) -> tuple[Stock, ...]:
        """What can still be sold."""
        ...

    def read_prices(self) -> tuple[Listed, ...]:
        """Every place where a price stands, freshly read as whoever runs the shop."""
        ...

    def read_shown(self, places: Collection[str]) -> tuple[Shown, ...]:
        """What a buyer without an account sees at these places, freshly read; others may come with them."""
        ...

    def batches(self, writes: Sequence[Write]) -> tuple[tuple[Write, ...], ...]:
        """These writes, grouped as the shop takes them: each group by one request."""
        ...

    def write(self, batch: Batch) -> None:
        """Make one group's writes, empty and absent values included; other places stay as they are."""
        ...
