"""A shop in memory, which can fail and be killed at any write."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from api.shops.errors import ShopError
from api.shops.model import Batch, Capabilities, Change, Demand, Listed, Movement, Shown, Stock, Write, Written, amount

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


def change(place: str, price: str, *, floor: str = "5.00", ceiling: str = "90.00", currency: str = "EUR") -> Change:
    """A decided price, and what its owner allows."""
    return Change(place=place, price=Decimal(price), currency=currency, floor=Decimal(floor), ceiling=Decimal(ceiling))


@dataclass(slots=True)
class Shelf:
    """Places with what is written there; where nothing is, the price is 10.

    Attributes
    ----------
    accident : called before (False) and after (True) each write takes effect
    deaf : takes writes and does nothing
    down : cannot be read
    written : every write that took effect
    sold : movements, the oldest first
    stock : what can still be sold; no limit unless one is set
    """

    prices: dict[str, Written] = field(default_factory=lambda: {"a": amount(Decimal(20)), "b": amount(Decimal(30))})
    accident: Callable[[bool], None] = lambda _: None
    deaf: bool = False
    down: bool = False
    per_batch: int = 1
    written: list[Write] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    sold: list[Movement] = field(default_factory=list)
    stock: tuple[Stock, ...] = ()

    @property
    def capabilities(self) -> Capabilities:
        """A plain shop."""
        return Capabilities(
            system="shelf", tax_included=True, requests_per_minute=1, bulk=True, atomic=True, cart_keeps_price=True
        )

    def pull_demand(self, since: str | None) -> Demand:
        """What was sold, the last of it again."""
        start = max(0, int(since or 0) - 1)
        return Demand(tuple(self.sold[start:]), str(len(self.sold)))

    def pull_inventory(self) -> tuple[Stock, ...]:
        """What is set."""
        if self.down:
            raise ShopError("down", permanent=False)
        return self.stock

    def read_prices(self) -> tuple[Listed, ...]:
        """What is written, in euros."""
        if self.down:
            raise ShopError("down", permanent=False)
        return tuple(
            Listed(
                place=place, name=place.upper(), currency="EUR", price=written.amount or Decimal(10), written=written
            )
            for place, written in self.prices.items()
        )

    def read_shown(self, places: Collection[str]) -> tuple[Shown, ...]:  # noqa: ARG002  # shows all
        """Buyers see everything."""
        return tuple(
            Shown(place=each.place, price=each.price, currency="EUR", available=True) for each in self.read_prices()
        )

    def batches(self, writes: Sequence[Write]) -> tuple[tuple[Write, ...], ...]:
        """So many writes a request."""
        return tuple(tuple(writes[i : i + self.per_batch]) for i in range(0, len(writes), self.per_batch))

    def write(self, batch: Batch) -> None:
        """All of a batch, unless there is an accident."""
        self.keys.append(batch.key)
        self.accident(False)
        if not self.deaf:
            self.prices |= {write.place: write.after for write in batch.writes}
            self.written += batch.writes
        self.accident(True)
