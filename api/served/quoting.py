"""Makes quotes and reads them back; `api.http.quotes` serves them.

Guarantees
----------
* A quote is made from what is served in memory and writes nothing: it costs microseconds, and is there when the
  database is not.
* Each price is sealed once a minute; within it the same price is the same quote, byte for byte.
* A locked price is told as it was quoted, whatever has been published, rolled back or frozen since.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from api.quote_ids import Quote, expiry, sign
from api.served.snapshot import Entry, View
from api.settings import Settings
from pricing.errors import FairfareError
from pricing.money import minor_digits


class Charge(msgspec.Struct, frozen=True):
    """A fee no buyer can avoid."""

    name: str
    amount: Decimal


class Said(msgspec.Struct, frozen=True):
    """What a quote takes over from the answer about a price; the rest may change while the quote holds."""

    offer: str
    channel: str
    price: Decimal
    currency: str
    total_price: Decimal
    version: int
    valid_from: datetime
    product: str | None
    segment: str | None
    event: str | None
    disclosures: tuple[str, ...]
    explanation: str
    fees: tuple[Charge, ...] = ()

    @classmethod
    def of(cls, entry: Entry) -> "Said":
        """Read what is said of a price."""
        return msgspec.json.decode(entry.price, type=cls)

    @property
    def total(self) -> int:
        """What the buyer pays [smallest unit of the currency]."""
        return int(self.total_price.scaleb(minor_digits(self.currency)))

    def for_total(self, total: int) -> "Said":
        """The same as it was quoted, should the fees have changed since: the buyer pays what was said."""
        if total == self.total:
            return self
        digits = minor_digits(self.currency)
        amount = Decimal(total).scaleb(-digits).quantize(Decimal(1).scaleb(-digits))
        fees = (Charge("fees", amount - self.price),) if amount != self.price else ()
        return msgspec.structs.replace(self, total_price=amount, fees=fees)

    def quoted(self, quote_id: str, quote: Quote, *, stale: bool) -> bytes:
        """The answer."""
        until = {"valid_until": quote.expires_at, "expires_at": quote.expires_at}
        answer: dict[str, Any] = {"id": quote_id, **msgspec.structs.asdict(self), **until, "stale": stale}
        return msgspec.json.encode(answer)


class _Minute:
    """Quotes of one view that end at one instant; each is made when it is first asked for."""

    def __init__(self, view: View, expires_at: datetime) -> None:
        self.view = view
        self.expires_at = expires_at
        self._secret = view.snapshot.content.secret.encode()
        self._sealed: dict[int, bytes] = {}

    def fits(self, view: View, expires_at: datetime) -> bool:
        """Whether it is of that view and that instant."""
        same = view.snapshot is self.view.snapshot and view.stale == self.view.stale
        return same and expires_at == self.expires_at

    def quote(self, offer: str, channel: str | None) -> bytes | None:
        """The quote of a price in force; None if there is none."""
        if (entry := self.view.snapshot.find(offer, channel)) is None:
            return None
        if (sealed := self._sealed.get(entry.number)) is None:
            sealed = self._sealed[entry.number] = self._seal(entry)
        return sealed

    def _seal(self, entry: Entry) -> bytes:
        said = Said.of(entry)
        quote = Quote(entry.number, said.total, self.expires_at)
        return said.quoted(sign(quote, self._secret), quote, stale=self.view.stale)


class Desk:
    """Where quotes are made; `settings` gives the owner's, and is asked once a minute."""

    def __init__(self, settings: Callable[[], Settings], now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._lasting = Settings().quote_minutes
        self._minute: _Minute | None = None

    def quotes(self, view: View, asked: Iterable[tuple[str, str | None]]) -> list[bytes | None]:
        """A quote for each offer and channel; None where there is no price."""
        minute = self._at(view)
        return [minute.quote(offer, channel) for offer, channel in asked]

    def _at(self, view: View) -> _Minute:
        now, minute = self._now(), self._minute
        if minute is None or not minute.fits(view, expiry(self._lasting, now=now)):
            self._lasting = self._read()
            minute = self._minute = _Minute(view, expiry(self._lasting, now=now))
        return minute

    def _read(self) -> int:
        """Minutes a quote lasts; as before if the settings cannot be used, because prices are served all the same."""
        try:
            return self._settings().quote_minutes
        except FairfareError:
            return self._lasting


def together(quotes: Iterable[bytes]) -> bytes:
    """The answer with several quotes."""
    return b'{"items":[' + b",".join(quotes) + b"]}"
