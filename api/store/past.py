"""How the prices that are served came about: what they were before, and which columns they were made from.

Guarantees
----------
* A price has the inputs of the decision that set it, whatever was decided since to keep it. One that a rollback
  restored has those it had before.
* Of earlier prices those are read that a reduction is measured by, and only where there may be one; a price set again
  without a change is followed back to where it began.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Float, and_, cast, func, select

from api.store.checks import Key
from api.store.queries import between, history_of
from api.store.tables import prices, proposals
from pricing.book import PriceInForce, Publication

AT_ONCE = 500
"""Offers asked about in one query."""
ROUNDING = 1e-9
"""Two prices nearer than this share of them are compared exactly, not by the database."""


class _Provenance(msgspec.Struct):
    inputs: tuple[str, ...] = ()


class _Proposal(msgspec.Struct):
    """What matters here of a proposal; the rest of its body is skipped."""

    provenance: _Provenance


def earlier_prices(db: Connection, wanted: Iterable[PriceInForce], *, days: int) -> dict[Key, list[PriceInForce]]:
    """Prices of the days before each of these began, by offer and channel; none of one that is no reduction.

    Parameters
    ----------
    days : calendar days before a price begins that matter [days]
    """
    found: dict[Key, dict[int, PriceInForce]] = {}
    in_order = sorted(wanted, key=lambda price: price.valid_from)
    for i in range(0, len(in_order), AT_ONCE):
        some = _perhaps_lower(db, in_order[i : i + AT_ONCE], days)
        if not some:
            continue
        margin = timedelta(days=days + 2)  # a calendar day may begin a day earlier than the hour tells
        names = prices.c.offer.in_({price.offer for price in some})
        rows = list(between(db, some[0].valid_from - margin, some[-1].valid_from, names))
        ended = {(*row.key, row.valid_until, row.price) for row in rows}
        again = {price.offer for price in some if (*price.key, price.valid_from, price.price) in ended}
        rows += [row for offer in sorted(again) for row in history_of(db, offer)]
        for row in rows:
            found.setdefault(row.key, {})[row.number or 0] = row
    return {key: list(rows.values()) for key, rows in found.items()}


def _perhaps_lower(db: Connection, some: Sequence[PriceInForce], days: int) -> list[PriceInForce]:
    """Those not above any price of the days that count for all of them; the database looks through these."""
    before = prices.alias()
    same = [before.c[name] == prices.c[name] for name in ("offer", "channel", "currency")]
    since = some[-1].valid_from - timedelta(days=days) + timedelta(hours=2)  # inside the days, whatever the clocks do
    lowest = (
        select(prices.c.number, func.min(cast(before.c.price, Float)).label("lowest"))
        .join(before, and_(*same, before.c.valid_from < prices.c.valid_from))
        .where(prices.c.number.in_([price.number for price in some]), before.c.voided.is_(None))
        .where(before.c.valid_until > since)
        .group_by(prices.c.number)
    )
    known = {row.number: row.lowest for row in db.execute(lowest)}
    return [price for price in some if float(price.price) <= known.get(price.number, math.inf) * (1 + ROUNDING)]


def inputs_of(
    db: Connection, made: Mapping[int, Publication], priced: Sequence[PriceInForce]
) -> dict[int, frozenset[str]]:
    """Columns that each price was made from, by its number in the book; none for one that came from outside."""
    set_in = _set_in(db, made, priced)
    inputs = _inputs(db, set(set_in.values()))
    return {number: inputs[proposal] for number, proposal in set_in.items()}


def _set_in(db: Connection, made: Mapping[int, Publication], priced: Sequence[PriceInForce]) -> dict[int, str]:
    """The proposal that set each price, looked for behind rollbacks."""
    found: dict[int, str] = {}
    pending = [_Setting(price.version, price.number or 0, price.key) for price in priced]
    while pending:
        before: list[_Setting] = []
        for version, group in groupby(sorted(pending), key=lambda setting: setting.version):
            publication, settings = made[version], list(group)
            if publication.proposal is not None:
                found |= {setting.number: publication.proposal for setting in settings}
            elif publication.undone is not None:
                before += _restored(db, publication.undone, publication.at, settings)
        pending = before
    return found


class _Setting(NamedTuple):
    """The version that set a price, and the price by its number, offer and channel."""

    version: int
    number: int
    key: Key


def _restored(db: Connection, undone: int, at: datetime, settings: Sequence[_Setting]) -> Iterator[_Setting]:
    """The same prices at the version that had set them before the one that was undone."""
    for i in range(0, len(settings), AT_ONCE):
        some = {setting.key: setting for setting in settings[i : i + AT_ONCE]}
        mine = [prices.c.version < undone, prices.c.valid_from <= at, prices.c.voided.is_(None)]
        names = prices.c.offer.in_({offer for offer, _ in some})
        latest = select(func.max(prices.c.number)).where(*mine, names).group_by(prices.c.offer, prices.c.channel)
        for row in db.execute(select(prices).where(prices.c.number.in_(latest))):
            if (setting := some.get((row.offer, row.channel))) is not None:
                yield setting._replace(version=row.version)


def _inputs(db: Connection, names: Collection[str]) -> dict[str, frozenset[str]]:
    bodies = db.execute(select(proposals.c.id, proposals.c.body).where(proposals.c.id.in_(names)))
    return {row.id: frozenset(msgspec.json.decode(row.body, type=_Proposal).provenance.inputs) for row in bodies}
