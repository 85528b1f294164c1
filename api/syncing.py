"""Bring a shop and a workspace together: sales come in, prices that were approved go out, and both are looked at again.

Guarantees
----------
* A sale is recorded once, however often it is pulled; the cursor moves on only when what was pulled is recorded.
* A sale that cannot be used is written down beside the others with its reason, and keeps none of them back.
* What is pushed is what is in force in the price book, within the bounds in force now; while prices are frozen nothing
  is.
* A price that somebody changed in the shop is told and left alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import Engine

from api.atomic import write_bytes
from api.shops.model import Change, Check, Movement, Plan, Report
from api.shops.offers import Offers
from api.shops.shop import Shop
from api.store.book import PriceBook
from api.store.sales import MOST_ROWS, Received, Sale, record
from pricing.errors import Finding, InputError, MismatchError

BEFORE = timedelta(days=30)
"""The lowest price of so long is shown beside a new one."""
_ROW = re.compile(r"sales\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came in: sales that are new, known before, of places without an offer, and refused with the reason."""

    new: int
    known: int
    unmapped: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pushed:
    """What went out.

    Attributes
    ----------
    plan : where the shop differed
    report : how the push ended; None where nothing was pushed
    checks : what stands in the shop now, where something was pushed
    frozen : whether nothing was pushed because prices are frozen
    """

    plan: Plan
    report: Report | None = None
    checks: tuple[Check, ...] = ()
    frozen: bool = False

    @property
    def whole(self) -> bool:
        """Whether all that was to be done is done, and seen by buyers."""
        return (self.report is None or self.report.whole) and not any(check.problems for check in self.checks)


def pull(shop: Shop, offers: Offers, engine: Engine, folder: Path, *, name: str, now: datetime) -> Pulled:
    """Record what was sold in a shop since the last time.

    Parameters
    ----------
    folder : of the shop, where the cursor is kept
    """
    cursor = folder / "cursor"
    demand = shop.pull_demand(cursor.read_text(encoding="utf-8") if cursor.exists() else None)
    sales = [_sale(each, offers, name) for each in demand.movements if each.place in offers.at]
    unmapped = sorted({each.place for each in demand.movements} - offers.at.keys())
    batches = [sales[start : start + MOST_ROWS] for start in range(0, len(sales), MOST_ROWS)]
    done = [_recorded(engine, batch, by=f"shop {name}", now=now) for batch in batches]
    refused = [reason for _, reasons in done for reason in reasons]
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(msgspec.json.format(msgspec.json.encode(refused)), folder / "refused.json", mode=0o600)
    write_bytes(demand.cursor.encode(), cursor, mode=0o600)
    new, known = sum(receipt.new for receipt, _ in done), sum(receipt.known for receipt, _ in done)
    return Pulled(new, known, tuple(unmapped), tuple(refused))


def _sale(moved: Movement, offers: Offers, name: str) -> Sale:
    offer, channel = offers.at[moved.place]
    return Sale(
        id=f"{name}/{moved.id}",
        offer=offer,
        sold_at=moved.at,
        quantity=moved.quantity,
        price=moved.price,
        currency=moved.currency,
        channel=channel,
    )


def _recorded(engine: Engine, sales: Sequence[Sale], *, by: str, now: datetime) -> tuple[Received, list[str]]:
    """Record those of a batch that can be used; and what is wrong with the others."""
    try:
        return record(engine, sales, by=by, now=now), []
    except MismatchError as error:
        wrong = {int(found[1]): finding for finding in error.findings if (found := _ROW.match(finding.column or ""))}
        usable = [sale for number, sale in enumerate(sales) if number not in wrong]
        said = [f"{sales[number].id}: {finding.reason}" for number, finding in sorted(wrong.items())]
        return record(engine, usable, by=by, now=now), said


def decided(book: PriceBook, offers: Offers, *, now: datetime) -> Iterator[Change]:
    """The price in force for each place, with its offer's bounds.

    Raises
    ------
    InputError
        naming places whose offer the price book does not know.
    """
    listed, past = book.listings(), book.prices_between(now - BEFORE, now)
    in_force = {price.key: price for price in book.prices_in_force(now)}
    if unknown := sorted({key for key in offers.at.values() if key not in listed or key not in in_force}):
        raise InputError(
            [Finding(f"no price is in force for offer {offer} in {channel}") for offer, channel in unknown]
        )
    lowest = {key: min(price.price for price in past if price.key == key) for key in {*offers.at.values()}}
    for place, key in offers.at.items():
        listing, price = listed[key], in_force[key]
        if listing.sold_until is None or now < listing.sold_until:
            yield Change(
                place=place,
                price=price.price,
                currency=price.currency,
                floor=listing.offer.floor,
                ceiling=listing.offer.ceiling,
                lowest=lowest[key],
            )


def push(shop: Shop, offers: Offers, book: PriceBook, *, now: datetime, dry: bool = False) -> Pushed:
    """Write prices in force where the shop has others, and look at what stands there then.

    Parameters
    ----------
    dry : only say where they differ
    """
    plan = shop.plan(list(decided(book, offers, now=now)))
    if dry or not plan.steps:
        return Pushed(plan)
    if book.frozen():
        return Pushed(plan, frozen=True)
    report = shop.push(plan, f"version {book.version()}", now=now)
    return Pushed(plan, report, shop.verify(plan))
