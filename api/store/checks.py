"""The last check before a price is in force; it trusts nobody who came before.

Guarantees
----------
* A price that moves is finite, positive, in the currency of the price it replaces and expressible in it, inside
  [floor, ceiling] and on its ladder. NaN never passes: every check accepts what is inside.
* Every rule that is broken is named.
"""

from collections.abc import Mapping

from pricing.book import Decision, PriceInForce, Verdict
from pricing.model import ALL, Offer
from pricing.money import parse_amount

Key = tuple[str, str]
"""(offer, channel)"""


def disagreement(offer: Offer, known: PriceInForce | None, coming: PriceInForce | None) -> list[str]:
    """What forbids importing an offer, in words; `known` is its price in force, `coming` the one that begins later."""
    if coming is not None and not offer.floor <= coming.price <= offer.ceiling:
        begins = f"{coming.valid_from:%Y-%m-%d %H:%M} UTC; roll back version {coming.version} first"
        return [f"offer {offer.id}: {offer.floor} to {offer.ceiling} leaves out {coming.price}, in force from {begins}"]
    if known is None:
        try:
            parse_amount(offer.current_price, offer.currency)
        except ValueError as error:
            return [f"offer {offer.id}: {error}"]
        if offer.floor <= offer.current_price <= offer.ceiling:
            return []
        return [f"offer {offer.id}: current price {offer.current_price} is outside {offer.floor} to {offer.ceiling}"]
    if (offer.current_price, offer.currency) == (known.price, known.currency):
        return []
    costs = f"costs {known.price} {known.currency} in the price book, not {offer.current_price} {offer.currency}"
    return [f"offer {offer.id} ({offer.channel}) {costs}; a price in force changes through a proposal"]


def faults(decision: Decision, before: Mapping[Key, PriceInForce]) -> list[str]:
    """Every rule of the book that a decision breaks, in words; each check accepts what is inside, so NaN fails."""
    name = decision.offer if decision.channel == ALL else f"{decision.offer} ({decision.channel})"
    if (current := before.get(decision.key)) is None:
        return [f"offer {name} has no price in force to start from"]
    rules = {
        f"is in {decision.currency}, its price in force in {current.currency}": decision.currency == current.currency,
        f"was decided at {decision.in_force}, but {current.price} is in force": decision.in_force == current.price,
    }
    if decision.verdict is Verdict.MOVE:
        price = decision.allowed
        finite = price.is_finite() and price > 0
        inside = finite and decision.floor.is_finite() and decision.ceiling.is_finite()
        rules |= {
            f"costs {price}, which is not a price": finite,
            f"costs {price}, outside its bounds {decision.floor} to {decision.ceiling}": inside
            and decision.floor <= price <= decision.ceiling,
            f"costs {price}, which is not on its ladder": price in decision.ladder,
            f"costs {price}, which {decision.currency} cannot express": finite and _expressible(decision),
        }
    return [f"offer {name} {reason}" for reason, kept in rules.items() if not kept]


def _expressible(decision: Decision) -> bool:
    try:
        parse_amount(decision.allowed, decision.currency)
    except ValueError:
        return False
    return True
