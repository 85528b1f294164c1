"""The price of one unit, where a shop tells the price of several."""

from collections.abc import Iterator
from decimal import Decimal

from pricing.money import minor_digits


def unit_prices(total: Decimal, quantity: int, currency: str) -> Iterator[tuple[int, Decimal]]:
    """Units and the price of each, which add up to the total to the cent: what a division leaves over is a cent dearer.

    Parameters
    ----------
    total : of the line, in whole cents (or whatever the currency's smallest unit is)
    quantity : positive [units]
    """
    cent = Decimal(1).scaleb(-minor_digits(currency))
    each, over = divmod(int((total / cent).to_integral_value()), quantity)
    parts = ((quantity - over, each * cent), (over, (each + 1) * cent))
    return ((units, price) for units, price in parts if units)
