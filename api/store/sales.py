"""Sales that come back from a shop: each recorded once, beside the price that was in force.

Guarantees
----------
* A batch is recorded whole or not at all; whatever is wrong with it is said at once, row by row.
* A sale has an id: sent again as it was it changes nothing, sent again otherwise it is refused.
* A sale at another price than the one in force (or quoted) is recorded and reported: a shop may take a voucher. One at
  an implausible price, of an offer nobody declared, in another currency or of a time to come is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Float,
    Integer,
    Row,
    and_,
    case,
    cast,
    extract,
    func,
    insert,
    or_,
    select,
)

from api import quote_ids
from api.store.database import reading, writing
from api.store.tables import prices, sales, secrets
from pricing.errors import Finding, MismatchError
from pricing.model import ALL
from pricing.money import parse_amount

MOST_ROWS = 1_000
AHEAD = timedelta(minutes=2)
"""Clocks of shops may be so much fast."""
OLDEST = timedelta(days=400)
"""A sale older than this is a slip of the year."""
MOST_UNITS = 1_000_000.0
DEAREST, CHEAPEST = Decimal(5), Decimal("0.02")
"""A sale at more than 5 times, or less than a fiftieth of, the price in force is a slip of the unit."""
SPAN = 900
"""Sums are told by quarters of an hour, at which days begin in every zone [seconds]."""

SAME = ("offer", "channel", "sold_at", "quantity", "price", "currency", "quote")
"""What a sale sent again must agree in."""

Known = Mapping[str, Sequence[Row[Any]]]
"""The prices of each offer, voided ones left out."""
Quotes = Mapping[str, quote_ids.Quote | None]
"""What the ids of quotes say; None for those that nobody signed."""


@dataclass(frozen=True, slots=True)
class Sale:
    """What a shop says it sold; a negative quantity is a return.

    Attributes
    ----------
    id : chosen by the shop, never used again
    channel : where it was sold; None where the offer has one price only
    price : paid for one unit
    quote : id of the quote it was sold on, if any
    """

    id: str
    offer: str
    sold_at: datetime
    quantity: float
    price: Decimal
    currency: str
    channel: str | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Otherwise:
    """A sale at another price than the one in force; `in_force` is None where there was none."""

    id: str
    paid: Decimal
    in_force: Decimal | None


@dataclass(frozen=True, slots=True)
class Received:
    """What came of a batch: sales that are new, those known before, and those at another price."""

    new: int
    known: int
    otherwise: tuple[Otherwise, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """What one price sold in a quarter of an hour.

    Attributes
    ----------
    price : number of its row in the price book
    at : begin of the quarter [seconds since 1970, UTC]
    units, revenue : net of returns; `otherwise` are units of them at another price
    """

    price: int
    at: int
    units: float
    revenue: float
    otherwise: float


def record(engine: Engine, batch: Sequence[Sale], *, by: str, now: datetime) -> Received:
    """Record a batch of sales.

    Raises
    ------
    MismatchError
        naming everything that is wrong with it, with its place: `sales[3].price`; nothing is recorded then.
    """
    with writing(engine) as db:
        before = {row.id: row for row in db.execute(select(sales).where(sales.c.id.in_([sale.id for sale in batch])))}
        secret = db.scalars(select(secrets.c.value).where(secrets.c.name == "quotes")).one().encode()
        quotes = {sale.quote: quote_ids.read(sale.quote, secret) for sale in batch if sale.quote is not None}
        known = _prices(db, batch, quotes, now)
        checked = [_checked(sale, known, quotes, now) for sale in batch]
        for row, wrong in checked:
            if not wrong and row["id"] in before:
                wrong.update(_differences(before[row["id"]], row))
        _refuse(checked)
        rows = [row for row, _ in checked]
        new = [{**row, "received_at": now, "by": by} for row in rows if row["id"] not in before]
        if new:
            db.execute(insert(sales), new)
    odd = tuple(Otherwise(r["id"], r["price"], r["in_force"]) for r in rows if r["price"] != r["in_force"])
    return Received(len(new), len(rows) - len(new), odd)


def _refuse(checked: Sequence[tuple[dict[str, Any], dict[str, str]]]) -> None:
    """Refuse a batch in which anything is wrong, or an id stands twice."""
    findings, seen = [], set[str]()
    for number, (row, wrong) in enumerate(checked):
        twice = {"id": f"{row['id']} stands in this batch twice"} if row["id"] in seen else {}
        seen.add(row["id"])
        findings += [Finding(said, column=f"sales[{number}].{field}") for field, said in (wrong | twice).items()]
    if findings:
        raise MismatchError(findings)


def _prices(db: Connection, batch: Sequence[Sale], quotes: Quotes, now: datetime) -> Known:
    """The prices of the batch's offers that were in force since its first sale, or are quoted in it."""
    earliest = max(min((sale.sold_at for sale in batch), default=now), now - OLDEST)
    quoted = [quote.price for quote in quotes.values() if quote is not None]
    since = or_(prices.c.valid_until.is_(None), prices.c.valid_until > earliest, prices.c.number.in_(quoted))
    named = prices.c.offer.in_(sorted({sale.offer for sale in batch}))
    found: dict[str, list[Row[Any]]] = {}
    for row in db.execute(select(prices).where(named, since, prices.c.voided.is_(None))):
        found.setdefault(row.offer, []).append(row)
    return found


def _checked(sale: Sale, known: Known, quotes: Quotes, now: datetime) -> tuple[dict[str, Any], dict[str, str]]:
    """A sale as it is recorded, and what is wrong with it, by field."""
    rows = known.get(sale.offer, ())
    channel = _channel(sale.channel, {row.channel for row in rows})
    same = [row for row in rows if row.channel == channel]
    wrong = dict(_faults(sale, same, channel, now)) if rows else {"offer": f"there is no offer {sale.offer}"}
    paid, amount = _amount(sale), _in_force(sale, rows, same, quotes)
    if isinstance(paid, str):
        wrong["price"], paid = paid, sale.price
    if isinstance(amount, str):
        wrong["quote"], amount = amount, None
    if amount is not None and "price" not in wrong and not CHEAPEST * amount <= paid <= DEAREST * amount:
        wrong["price"] = f"{paid} was paid where {amount} was in force: see whether it is in major units"
    as_sent = {name: getattr(sale, name) for name in ("id", *SAME)}
    return {**as_sent, "channel": channel, "price": paid, "in_force": amount}, wrong


def _channel(named: str | None, there: set[str]) -> str | None:
    """The channel whose price holds: one without a price of its own has the price for all."""
    if named in there:
        return named
    if ALL in there:
        return ALL
    return next(iter(there)) if named is None and len(there) == 1 else None


def _faults(sale: Sale, same: Sequence[Row[Any]], channel: str | None, now: datetime) -> Iterator[tuple[str, str]]:
    if channel is None:
        unknown = f"{sale.offer} is not sold in {sale.channel}"
        yield "channel", f"{sale.offer} has a price for each channel: say which" if sale.channel is None else unknown
    if same and sale.currency != same[0].currency:
        yield "currency", f"{sale.offer} is in {same[0].currency}, not {sale.currency}"
    if not (-MOST_UNITS <= sale.quantity <= MOST_UNITS and sale.quantity):
        yield "quantity", f"must lie between -{MOST_UNITS:,.0f} and {MOST_UNITS:,.0f} and not be 0"
    if not now - OLDEST <= sale.sold_at <= now + AHEAD:
        yield "sold_at", "lies in the future" if sale.sold_at > now else f"is more than {OLDEST.days} days ago"


def _amount(sale: Sale) -> Decimal | str:
    """What was paid, with its currency's decimals, or why it is no price."""
    try:
        paid = parse_amount(sale.price, sale.currency)
    except ValueError as error:
        return str(error)
    return paid if paid > 0 else f"{sale.price} is not a price: what was given away is no sale"


def _in_force(sale: Sale, rows: Sequence[Row[Any]], same: Sequence[Row[Any]], quotes: Quotes) -> Decimal | str | None:
    """The price that was quoted, or in force; None if there was none; what is wrong with the quote in words."""
    if sale.quote is None:
        return next((row.price for row in same if _covers(row, sale.sold_at)), None)
    quote = quotes[sale.quote]
    row = next((row for row in rows if quote is not None and row.number == quote.price), None)
    if quote is None or row is None:
        return f"this is no quote for {sale.offer}"
    return row.price if quote.holds(sale.sold_at) else f"this quote expired at {quote.expires_at.isoformat()}"


def _covers(row: Row[Any], at: datetime) -> bool:
    return bool(row.valid_from <= at and (row.valid_until is None or at < row.valid_until))


def _differences(before: Row[Any], made: Mapping[str, Any]) -> dict[str, str]:
    other = [name for name in SAME if getattr(before, name) != made[name]]
    return {"id": f"sale {made['id']} was recorded before with another {', '.join(other)}"} if other else {}


@dataclass(frozen=True, slots=True)
class Heard:
    """When the earliest sale that came back was made, and when the latest came."""

    since: datetime
    latest: datetime


def heard(engine: Engine) -> Heard | None:
    """What span of time is known from sales; None before the first came back."""
    with reading(engine) as db:
        since, latest = db.execute(select(func.min(sales.c.sold_at), func.max(sales.c.received_at))).one()
    return None if since is None else Heard(since, latest)


def latest_number(db: Connection) -> int:
    """Number of the sale received last; 0 before there is one."""
    return db.scalar(select(func.max(sales.c.number))) or 0


def sums(db: Connection, *, since: datetime, until: datetime) -> tuple[Sum, ...]:
    """What each price sold, by quarters of an hour, by when it was sold."""
    second = extract("epoch", sales.c.sold_at)
    quarter = cast(second - second % SPAN, Integer)
    amount = cast(sales.c.price, Float)
    usual = and_(sales.c.in_force.is_not(None), sales.c.price == sales.c.in_force)
    query = (
        select(
            prices.c.number,
            quarter,
            func.sum(sales.c.quantity),
            func.sum(sales.c.quantity * amount),
            func.sum(case((usual, 0.0), else_=sales.c.quantity)),
        )
        .join_from(sales, prices, _same_price())
        .where(sales.c.sold_at >= since, sales.c.sold_at < until)
        .group_by(prices.c.number, quarter)
    )
    return tuple(Sum(int(row[0]), int(row[1]), *map(float, row[2:])) for row in db.execute(query))


def _same_price() -> ColumnElement[bool]:
    """Joins a sale to the price that was in force."""
    return and_(
        prices.c.offer == sales.c.offer,
        prices.c.channel == sales.c.channel,
        prices.c.currency == sales.c.currency,
        prices.c.voided.is_(None),
        prices.c.valid_from <= sales.c.sold_at,
        or_(prices.c.valid_until.is_(None), prices.c.valid_until > sales.c.sold_at),
    )
