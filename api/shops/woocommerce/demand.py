"""What WooCommerce says was sold and given back.

Guarantees
----------
* A unit counts at what was paid for it, tax included where prices include tax; units add up to the line, to the cent.
* Units that a refund names are given back when it was made, what is left of a cancelled order when it was bought:
  WooCommerce does not date a cancellation.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from api.shops.lines import unit_prices
from api.shops.model import Movement
from api.shops.woocommerce.answers import Line, Order, Refund
from api.shops.woocommerce.places import place_of

SOLD = frozenset({"processing", "on-hold", "completed", "refunded"})
GONE = frozenset({"cancelled", "failed", "refunded"})
"""Of an order with these statuses nothing is sold any more."""
REFUNDED = "_refunded_item_id"


def movements(order: Order, refunds: Sequence[Refund]) -> Iterator[Movement]:
    """Everything that happened to one order; nothing where it was never paid for, nor is to be."""
    if order.status not in SOLD and order.date_paid_gmt is None:
        return
    for line in order.line_items:
        yield from _units(order, line, "sold", range(line.quantity), order.date_created_gmt)
    back: Counter[int] = Counter()
    for refund in refunds:
        for line, units in _returned(order, refund):
            given = range(back[line.id], min(back[line.id] + units, line.quantity))
            back[line.id] += units
            yield from _units(order, line, f"refund {refund.id}", given, refund.date_created_gmt)
    if order.status in GONE:
        for line in order.line_items:
            yield from _units(order, line, "gone", range(back[line.id], line.quantity), order.date_created_gmt)


def utc(at: datetime) -> datetime:
    """An instant that WooCommerce writes without its zone, which is UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _units(order: Order, line: Line, what: str, which: range, at: datetime) -> Iterator[Movement]:
    """Some of a line's units sold, or given back, each at its own price."""
    if line.quantity < 1:
        return
    paid, first = line.total + (line.total_tax if order.prices_include_tax else 0), 0
    for part, (units, price) in enumerate(unit_prices(paid, line.quantity, order.currency)):
        taken = len(range(max(first, which.start), min(first + units, which.stop)))
        first += units
        if taken:
            yield Movement(
                id=f"{order.id}/{line.id}/{what}/{part}",
                place=place_of(line.product_id, line.variation_id),
                at=utc(at),
                quantity=taken if what == "sold" else -taken,
                price=price,
                currency=order.currency,
                order=str(order.id),
            )


def _returned(order: Order, refund: Refund) -> Iterator[tuple[Line, int]]:
    """Lines of an order that a refund gave units of back, and how many; it counts them negatively."""
    lines = {str(line.id): line for line in order.line_items}
    for item in refund.line_items:
        told = next((str(meta.value) for meta in item.meta_data if meta.key == REFUNDED), "")
        if told in lines and item.quantity:
            yield lines[told], abs(item.quantity)
