"""A quote is a signed statement: its id says which row of the price book holds, for what total, and until when.

Guarantees
----------
* Whoever lacks the workspace's secret can neither make an id nor change one; an id is compared in constant time.
* The same price, total and expiry have the same id in every worker, after a restart, and whatever happens to the book.
* A quote holds at every instant before it expires and at none after, whichever way the clock came there.

The signature is BLAKE2b in its keyed mode, 128 bits (RFC 7693, section 2.9), for this use only (`person`).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBER, TOTAL, EXPIRY, SIGNATURE = 4, 8, 5, 16
"""Lengths of the parts [bytes]: together exactly 44 signs of base64, so that no sign has bits that nobody checks."""
PLACES = tuple(accumulate((NUMBER, TOTAL, EXPIRY, SIGNATURE), initial=0))
SECRET = 16
"""Length of the shortest secret that nobody guesses [bytes]."""
PERSON = b"fairfare.quote"


@dataclass(frozen=True, slots=True)
class Quote:
    """A price that is locked.

    Attributes
    ----------
    price : number of its row in the price book
    total : what the buyer pays, fees included [smallest unit of the currency]
    expires_at : a whole second; the price holds before it
    """

    price: int
    total: int
    expires_at: datetime

    def __post_init__(self) -> None:
        if not 0 <= self.price < 1 << 8 * NUMBER:
            raise ValueError(f"{self.price} is not the number of a price")
        if not 0 <= self.total < 1 << 8 * TOTAL:
            raise ValueError(f"{self.total} is not a total")
        if self.expires_at < EPOCH or self.expires_at.microsecond:
            raise ValueError(f"{self.expires_at} is not a whole second since 1970")

    def holds(self, now: datetime) -> bool:
        """Whether the price is locked at an instant."""
        return now < self.expires_at


def expiry(minutes: int, *, now: datetime) -> datetime:
    """When a quote made now ends: whole minutes, so that a price asked for a thousand times a minute is one quote."""
    since = -((EPOCH - now) // timedelta(minutes=1))
    return EPOCH + timedelta(minutes=since + minutes)


def sign(quote: Quote, secret: bytes) -> str:
    """The id of a quote.

    Raises
    ------
    ValueError
        if the secret is one that could be guessed.
    """
    if len(secret) < SECRET:
        raise ValueError("the secret that signs quotes is missing or too short")
    seconds = (quote.expires_at - EPOCH) // timedelta(seconds=1)
    said = quote.price.to_bytes(NUMBER) + quote.total.to_bytes(TOTAL) + seconds.to_bytes(EXPIRY)
    signature = hashlib.blake2b(said, digest_size=SIGNATURE, key=secret, person=PERSON).digest()
    return base64.urlsafe_b64encode(said + signature).decode()


def read(quote_id: str, secret: bytes) -> Quote | None:
    """What an id says; None if it was not signed with this secret."""
    try:
        said = base64.urlsafe_b64decode(quote_id)
        number, total, seconds, _ = (int.from_bytes(said[start:end]) for start, end in pairwise(PLACES))
        quote = Quote(number, total, EPOCH + timedelta(seconds=seconds))
    except (ValueError, OverflowError):  # which it is depends on what was made up; binascii.Error is a ValueError
        return None
    return quote if hmac.compare_digest(sign(quote, secret).encode(), quote_id.encode()) else None


def verify(quote_id: str, secret: bytes, now: datetime) -> Quote | None:
    """What an id says; None if it was not signed with this secret, or holds no longer."""
    quote = read(quote_id, secret)
    return quote if quote is not None and quote.holds(now) else None
