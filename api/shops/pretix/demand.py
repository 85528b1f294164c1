"""What was sold at an event of pretix, and what is left.

Guarantees
----------
* Sales come from `transactions/`, which pretix never changes: a cancellation is a movement of its own, with a negative
  quantity, at the price that was paid.
* A sale counts at the price paid, not at the one shown meanwhile: a cart keeps the price it was filled at.
* What was bought with a voucher that names a price belongs to that voucher, what was ordered for a test to nobody.
* Fees are no sales.
* A voucher that keeps units of a quota to itself sells them whatever else is left of it; how often a voucher can still
  be used is told, too.
* People on the waiting list who have not been offered a ticket are told beside the stock: sales do not show them.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from api.shops.client import Client
from api.shops.model import Movement, Stock
from api.shops.pretix.answers import Event, Order, Quota, Transaction, Waiting
from api.shops.pretix.catalogue import Catalogue, priced_vouchers
from api.shops.pretix.places import Place

OVERLAP = timedelta(minutes=10)
"""So far before the cursor is read again: a transaction is seen only once the order around it is saved."""


def movements(
    api: Client, path: str, since: datetime | None, *, vouchers: bool
) -> tuple[list[Movement], datetime | None]:
    """Movements of the event at a path recorded since an instant, and when the last of them was."""
    recorded = list(api.pages(f"{path}/transactions/", Transaction, _since("created_since", since)))
    sold = [each for each in recorded if each.item is not None]
    last = max((each.created for each in recorded), default=None)
    if not sold:
        return [], last
    event = api.get(f"{path}/", Event)
    priced = {voucher.id for voucher in priced_vouchers(api, path)} if vouchers else set()
    orders = _orders(api, path, {each.order for each in sold}, since)
    wanted = [each for each in sold if not orders[each.order].testmode]
    return [_movement(each, event, _voucher(each, orders[each.order], priced)) for each in wanted], last


def _since(name: str, since: datetime | None) -> dict[str, str]:
    return {} if since is None else {name: (since - OVERLAP).astimezone(UTC).isoformat()}


def _orders(api: Client, path: str, codes: set[str], since: datetime | None) -> dict[str, Order]:
    """These orders, mostly from the list of those changed lately."""
    canceled = {"include_canceled_positions": "true"}
    listed = api.pages(f"{path}/orders/", Order, {**_since("modified_since", since), **canceled})
    found = {order.code: order for order in listed if order.code in codes}
    rest = {code: api.get(f"{path}/orders/{code}/", Order, canceled) for code in sorted(codes - found.keys())}
    return found | rest


def _voucher(sold: Transaction, order: Order, known: set[int]) -> int | None:
    used = {position.positionid: position.voucher for position in order.positions}
    voucher = None if sold.positionid is None else used.get(sold.positionid)
    return voucher if voucher in known else None


def _movement(sold: Transaction, event: Event, voucher: int | None) -> Movement:
    bought = Place(event.slug, sold.item, sold.variation, sold.subevent)
    return Movement(
        id=f"{event.slug}/{sold.id}",
        place=str(bought if voucher is None else Place(event.slug, voucher=voucher)),
        at=sold.datetime.astimezone(UTC),
        quantity=sold.count,
        price=sold.price,
        currency=event.currency,
        order=f"{event.slug}/{sold.order}",
    )


def stocks(api: Client, path: str, catalogue: Catalogue) -> Iterator[Stock]:
    """What is left of each quota of the event at a path, and of the uses of each voucher."""
    waiting = list(api.pages(f"{path}/waitinglistentries/", Waiting, {"has_voucher": "false"}))
    for quota in api.pages(f"{path}/quotas/", Quota, {"with_availability": "true"}):
        drawn = set(_drawing(quota, catalogue))
        yield Stock(
            id=f"{catalogue.event.slug}/quota/{quota.id}",
            name=quota.name,
            places=tuple(sorted(map(str, drawn))),
            size=quota.size,
            available=quota.available_number,
            waiting=sum(_wanted(each, catalogue) in drawn for each in waiting),
        )
    for voucher in catalogue.vouchers:
        place = str(Place(catalogue.event.slug, voucher=voucher.id))
        yield Stock(
            id=place,
            name=f"voucher {voucher.tag or voucher.id}",
            places=(place,),
            size=voucher.max_usages,
            available=voucher.max_usages - voucher.redeemed,
        )


def _wanted(entry: Waiting, catalogue: Catalogue) -> Place:
    return Place(catalogue.event.slug, entry.item, entry.variation, entry.subevent)


def _drawing(quota: Quota, catalogue: Catalogue) -> Iterable[Place]:
    """Places a unit of which is a unit of the quota."""
    slug = catalogue.event.slug
    for item in catalogue.items:
        if item.id in quota.items:
            chosen = [each.id for each in item.variations if each.id in quota.variations]
            yield from (Place(slug, item.id, variation, quota.subevent) for variation in chosen)
            if not item.variations:
                yield Place(slug, item.id, date=quota.subevent)
    for voucher in catalogue.vouchers:
        of_it = voucher.item in quota.items and (voucher.variation is None or voucher.variation in quota.variations)
        if of_it and not voucher.block_quota and voucher.subevent in {None, quota.subevent}:
            yield Place(slug, voucher=voucher.id)
