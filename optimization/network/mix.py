r"""Prices for one offer whose stock must last: the best mix of prices, and how to find it while selling.

Guarantees
----------
* The mix sells no faster than the stock allows, and no mix that does earns more.
* Learning looks at past sales only, sells nothing that is not there, and takes all its chance from `rng`.

Symbols: :math:`p_k` price k, :math:`d_k` the chance that a period at it brings a sale, c stock per period to come,
:math:`x_k` share of the periods at price k; in the rest nothing is offered.
"""

import numpy as np
from numpy.typing import ArrayLike

from optimization.network.values import Indices, Vector
from pricing.errors import Finding, InputError


def price_mix(prices: Vector, chances: Vector, stock: ArrayLike) -> Vector:
    r"""Shares of the periods at each price, for any number of offers at once.

    .. math:: \max \sum_k p_k d_k x_k : \sum_k d_k x_k \le c, \sum_k x_k \le 1, x \ge 0

    With two rows some best mix has at most two prices, nothing being one with :math:`d = 0`: every pair is tried that
    uses up the stock, and every price alone that does not (Gallego and van Ryzin 1994).

    Parameters
    ----------
    prices : (k,) [currency]
    chances : (..., k) d, in [0, 1]
    stock : (...) c, per period to come [units / period], from 0 up

    Returns
    -------
    (..., k) x

    Raises
    ------
    InputError
        if a number is missing or cannot be what it is said to be.
    """
    problems = {
        "a price is not a number from 0 up": np.all((prices >= 0) & (prices < np.inf)),
        "a chance of a sale is not between 0 and 1": np.all((chances >= 0) & (chances <= 1)),
        "a stock is not a number from 0 up": np.all((np.asarray(stock) >= 0) & (np.asarray(stock) < np.inf)),
    }
    if found := [Finding(text) for text, sound in problems.items() if not sound]:
        raise InputError(found)
    sold = np.concatenate([np.zeros_like(chances[..., :1]), chances], axis=-1)
    earned = sold * np.append(0.0, prices)
    rate = np.asarray(stock, dtype=np.float64)[..., None, None]
    slow, fast = sold[..., :, None], sold[..., None, :]
    slow_enough, too_fast = slow <= rate, fast > rate
    zero = np.zeros(np.broadcast(slow, fast, rate).shape)
    share = np.divide(rate - slow, fast - slow, out=zero, where=slow_enough & too_fast)
    worth = np.where(slow_enough, (1 - share) * earned[..., :, None] + share * earned[..., None, :], -np.inf)
    pair = worth.reshape(*worth.shape[:-2], -1).argmax(axis=-1)
    first, second = np.divmod(pair, sold.shape[-1])
    part = np.take_along_axis(share.reshape(*share.shape[:-2], -1), pair[..., None], axis=-1)
    each = np.arange(sold.shape[-1])
    return ((each == first[..., None]) * (1 - part) + (each == second[..., None]) * part)[..., 1:]


def next_price(prices: Vector, offered: Vector, sold: Vector, stock: ArrayLike, rng: np.random.Generator) -> Indices:
    """The price to try next: Thompson sampling with inventory (Ferreira, Simchi-Levi and Wang 2018, algorithm 2).

    Draws each price's chance of a sale from what is believed after its sales so far, starting from a uniform prior, and
    takes a price at random with its share in the best mix for that draw and the stock that is left.

    Parameters
    ----------
    prices : (k,) [currency]
    offered, sold : (..., k) periods so far at each price, and sales in them
    stock : (...) units left per period to come [units / period]

    Returns
    -------
    (...) which price, or -1 to offer nothing
    """
    shares = price_mix(prices, rng.beta(1 + sold, 1 + offered - sold), stock)
    chosen = (rng.random(shares.shape[:-1])[..., None] >= shares.cumsum(axis=-1)).sum(axis=-1)
    return np.where(chosen < len(prices), chosen, -1)


def learned(
    prices: Vector, chances: Vector, *, stock: int, periods: int, runs: int, rng: np.random.Generator
) -> Vector:
    """What `next_price` earns where the chances of a sale are known to the rehearsal only.

    Parameters
    ----------
    chances : (k,) of a sale in a period at each price
    stock : units to sell
    runs : horizons to play, each learning for itself

    Returns
    -------
    (runs,) [currency]
    """
    offered, sold = np.zeros((runs, len(prices))), np.zeros((runs, len(prices)))
    earned, left, every = np.zeros(runs), np.full(runs, stock), np.arange(runs)
    for period in range(periods):
        price = next_price(prices, offered, sold, left / (periods - period), rng)
        shown = price >= 0  # without stock the mix offers nothing
        sale = shown & (rng.random(runs) < chances[price])
        offered[every, price] += shown
        sold[every, price] += sale
        earned += sale * prices[price]
        left -= sale
    return earned
