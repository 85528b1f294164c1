"""What Shopify says was sold and given back.

Guarantees
----------
* A unit counts at the price that was paid for it, after every discount, in the shop's own currency.
* A refund of units, and a cancellation, count when they happened; what a cancelled order did not refund is given back
  when it was cancelled.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from api.shops.model import Movement
from api.shops.shopify.answers import LineItem, OneOrder, OneRefund, Order
from api.shops.shopify.graphql import GraphQL
from api.shops.shopify.places import number, place_of
from api.shops.shopify.queries import ORDER, REFUND


def movements(api: GraphQL, order_id: str) -> Iterator[Movement]:
    """Everything that happened to one order."""
    found = list(api.every(ORDER, OneOrder, lambda answer: answer.order.line_items, id=order_id))
    if not found:
        return
    order, lines = found[0][0].order, [line for _, line in found if line.quantity]
    back: Counter[str] = Counter()
    yield from (_movement(order, line, "sold", line.quantity, order.created_at) for line in lines)
    for refund in order.refunds:
        returned = _returned(api, refund.id)
        back += returned
        at, name = refund.created_at or order.created_at, f"refund {number(refund.id)}"
        yield from (_movement(order, line, name, -returned[line.id], at) for line in lines if returned[line.id])
    if order.cancelled_at is not None:
        left = {line.id: line.quantity - back[line.id] for line in lines}
        at = order.cancelled_at
        yield from (_movement(order, line, "cancelled", -left[line.id], at) for line in lines if left[line.id] > 0)


def _returned(api: GraphQL, refund_id: str) -> Counter[str]:
    """Units of each line that a refund gave back."""
    back: Counter[str] = Counter()
    for _, entry in api.every(REFUND, OneRefund, lambda answer: answer.refund.refund_line_items, id=refund_id):
        back[entry.line_item.id] += entry.quantity
    return back


def _movement(order: Order, line: LineItem, what: str, units: int, at: datetime) -> Movement:
    paid = line.discounted_unit_price_after_all_discounts_set.shop_money
    return Movement(
        id=f"{number(line.id)}/{what}",
        place="gone" if line.variant is None else place_of(line.variant.product.id, line.variant.id),
        at=at.astimezone(UTC),
        quantity=units,
        price=paid.amount,
        currency=paid.currency_code,
        order=number(order.id),
    )
