"""One row of a table of prices: what an offer costs, what is recommended, and why.

Guarantees
----------
* Every offer on sale has its row, decided or not; what is not known of it is said, never made up.
* A row says what holds or stops its price, by a chip with a word.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from api.pages.situation import Situation
from api.store.checks import Key
from pricing.book import Decision, PriceInForce, Verdict
from pricing.model import ALL, Offer
from pricing.outcome import Gain
from pricing.overrides import Override, broken_by


@dataclass(frozen=True, slots=True)
class Row:
    """An offer on a page.

    Attributes
    ----------
    key : offer and channel
    group : product and segment, whose reaction to prices is known or not
    name : of the ticket type; of goods, the offer itself
    audience : segment and channel, where there are several
    decision : the latest about it; None if there is none
    moves : whether that decision is still to be approved, and moves the price
    coming : a price that is scheduled; None if none is
    overrides : bounds that people set, as far as they stand
    stock : of a shop, which has less left than buyers want at this price; empty if none does
    """

    key: Key
    group: tuple[str, str]
    event: str
    name: str
    audience: str
    currency: str
    now: Decimal
    floor: Decimal
    ceiling: Decimal
    decision: Decision | None
    moves: bool
    coming: PriceInForce | None
    sold: float | None
    overrides: tuple[Override, ...] = ()
    stock: str = ""

    @property
    def recommended(self) -> Decimal | None:
        """The price that waits for approval; None if none does."""
        return self.decision.allowed if self.decision and self.moves else None

    @property
    def gain(self) -> Gain | None:
        """What it is expected to gain, if it moves."""
        return self.decision.gain if self.decision and self.moves else None

    @property
    def change(self) -> float:
        """Relative change of the price."""
        return float(self.recommended / self.now) - 1 if self.recommended else 0.0

    @property
    def demanded(self) -> Override | None:
        """The override that the price in force breaks; the next proposal mends that."""
        return broken_by(self.now, self.overrides)

    @property
    def held(self) -> bool:
        """Whether it waits for a person."""
        return self.decision is not None and self.decision.verdict is Verdict.HELD

    @property
    def became(self) -> str:
        """What became of a move that waits no longer: `in force`, or `nothing`; empty where there was none."""
        if self.moves or self.decision is None or self.decision.verdict is not Verdict.MOVE:
            return ""
        return "in force" if self.now == self.decision.allowed else "nothing"

    def along(self, price: Decimal) -> float:
        """Where a price lies between floor and ceiling [% of the track]; outside them at its ends."""
        span = self.ceiling - self.floor
        share = float((price - self.floor) / span) if span else 0.5
        return round(4 + 92 * min(max(share, 0.0), 1.0), 2)


def rows_on_sale(offers: Iterable[Offer], at: Situation) -> tuple[Row, ...]:
    """A row for each offer, in the order given."""
    moving = {decision.key for decision in at.moves()}
    scheduled = {price.key: price for price in at.coming}
    sold = _sold(at)
    return tuple(_row(offer, at, moving, scheduled.get((offer.id, offer.channel)), sold) for offer in offers)


def limited(rows: Iterable[Row], drawn: Mapping[str, str | None], shops: Collection[str]) -> Iterator[Row]:
    """Rows, with the stock of a shop that was short when their price was decided.

    Parameters
    ----------
    drawn : what each offer draws on; the stock of a shop is called "SHOP: STOCK" (`api.shopstock`)
    """
    for row in rows:
        stock = drawn.get(row.key[0]) or ""
        short = row.decision is not None and row.decision.shadow_price > 0 and stock.partition(": ")[0] in shops
        yield replace(row, stock=stock) if short and ": " in stock else row


def rows_decided(decisions: Iterable[Decision], at: Situation, *, waits: bool) -> tuple[Row, ...]:
    """A row for each decision about what is still on sale, as it was decided; `waits`: whether it still waits."""
    known = [decision for decision in decisions if decision.key in at.listings]
    rows = rows_on_sale((at.listings[decision.key].offer for decision in known), at)
    return tuple(
        replace(row, decision=each, moves=each.verdict is Verdict.MOVE, now=row.now if waits else each.in_force)
        for row, each in zip(rows, known, strict=True)
    )


def _row(
    offer: Offer,
    at: Situation,
    moving: set[Key],
    coming: PriceInForce | None,
    sold: dict[tuple[str, str, str], float],
) -> Row:
    key = (offer.id, offer.channel)
    price = at.prices.get(key)
    return Row(
        key=key,
        group=offer.key,
        event=offer.event,
        name=offer.product if offer.event != ALL else offer.id,
        audience=" · ".join(part for part in (offer.segment, offer.channel) if part != ALL),
        currency=offer.currency,
        now=price.price if price else offer.current_price,
        floor=offer.floor,
        ceiling=offer.ceiling,
        decision=at.decisions.get(key),
        moves=key in moving,
        coming=coming,
        sold=sold.get((offer.event, offer.product, offer.segment)),
        overrides=at.overridden.get(key, ()),
    )


def _sold(at: Situation) -> dict[tuple[str, str, str], float]:
    """Units by event, product and segment, as far as they were kept."""
    events = at.bookings.events if at.bookings else ()
    return {(each.event, product, segment): units for each in events for product, segment, units in each.tickets}
