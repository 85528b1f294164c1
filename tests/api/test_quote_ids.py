"""A quote's id cannot be made, changed or outlived."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.quote_ids import EPOCH, Quote, expiry, read, sign, verify

NOW = datetime(2026, 3, 2, 9, 30, 12, 345678, tzinfo=UTC)
SECRET = bytes(range(32))
LENGTH = 44
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
instants = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # the zone is given beside
numbers, totals = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
quotes = st.builds(Quote, numbers, totals, instants.map(lambda at: at.replace(microsecond=0)))


@given(quotes, st.binary(min_size=16, max_size=64))
def test_an_id_says_what_was_signed(quote: Quote, secret: bytes) -> None:
    """Price, total and expiry come back, from an id of always the same length."""
    assert read(sign(quote, secret), secret) == quote
    assert len(sign(quote, secret)) == LENGTH


@given(quotes, st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_an_id_with_any_sign_changed_is_refused(quote: Quote, at: int, sign_there: str) -> None:
    """Each sign is six bits of price, total, expiry or signature; none is left unchecked."""
    good = sign(quote, SECRET)
    changed = good[:at] + sign_there + good[at + 1 :]
    assert read(changed, SECRET) == (quote if changed == good else None)


def test_an_id_with_any_bit_flipped_is_refused() -> None:
    """Each of them; also where the flipped sign is none of the alphabet."""
    good = sign(Quote(7, 1200, expiry(15, now=NOW)), SECRET)
    for bit in range(LENGTH * 8):
        flipped = bytearray(good.encode())
        flipped[bit // 8] ^= 1 << bit % 8
        assert read(flipped.decode("latin-1"), SECRET) is None


@given(st.one_of(st.text(), st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH)))
def test_no_id_can_be_made_up(made_up: str) -> None:
    """Any text, and any text of the right form."""
    assert read(made_up, SECRET) is None


@given(quotes, st.sampled_from(["", " ", "=", "\n", "!", "é"]), st.integers(0, LENGTH))
def test_an_id_has_one_spelling(quote: Quote, put_in: str, at: int) -> None:
    """What a lenient decoder would skip is refused."""
    good = sign(quote, SECRET)
    assert read(good[:at] + put_in + good[at:], SECRET) == (None if put_in else quote)


def test_another_workspace_refuses_the_id() -> None:
    """Each has its own secret."""
    quote = Quote(7, 1200, expiry(15, now=NOW))
    assert read(sign(quote, SECRET), secrets.token_bytes(32)) is None


@given(instants, st.integers(1, 10_000))
def test_it_lasts_at_least_as_long_as_promised_and_less_than_a_minute_longer(now: datetime, minutes: int) -> None:
    """The expiry is rounded up, never down."""
    promised = now + timedelta(minutes=minutes)
    assert promised <= expiry(minutes, now=now) < promised + timedelta(minutes=1)
    assert (expiry(minutes, now=now) - EPOCH) % timedelta(minutes=1) == timedelta(0)


@given(quotes, st.lists(st.timedeltas(timedelta(days=-400), timedelta(days=400)), max_size=8))
def test_whichever_way_the_clock_came_a_quote_holds_before_its_expiry_only(
    quote: Quote, jumps: list[timedelta]
) -> None:
    """To the microsecond; an earlier answer changes no later one."""
    quote_id, tick = sign(quote, SECRET), timedelta(microseconds=1)
    for jump in [timedelta(0), -tick, *jumps, -tick, timedelta(0)]:
        try:
            now = quote.expires_at + jump
        except OverflowError:
            continue
        assert verify(quote_id, SECRET, now) == (quote if jump < timedelta(0) else None)


@pytest.mark.parametrize(
    ("price", "total", "at"),
    [(-1, 1, EPOCH), (2**32, 1, EPOCH), (1, -1, EPOCH), (1, 2**64, EPOCH), (1, 1, NOW), (1, 1, EPOCH - timedelta(1))],
)
def test_what_an_id_cannot_say_is_no_quote(price: int, total: int, at: datetime) -> None:
    """A number of a price or a total that cannot be, part of a second, a time before there were any."""
    with pytest.raises(ValueError, match="is not"):
        Quote(price, total, at)


@pytest.mark.parametrize("secret", [b"", b"short"])
def test_nothing_is_signed_with_a_secret_that_could_be_guessed(secret: bytes) -> None:
    """Least of all with none."""
    with pytest.raises(ValueError, match="secret"):
        sign(Quote(7, 1200, expiry(15, now=NOW)), secret)
