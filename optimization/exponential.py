"""The price of a dwindling stock in closed form, when demand falls exponentially with price.

Guarantees
----------
* Values and prices hold for any stock and any length of season: sums are taken in logarithms, so that 20,000 units or
  100,000 expected buyers do not overflow.
* No price policy earns more than `value`; `fixed` is the best price that is never changed.

Buyers come as a Poisson process and take a unit with a chance of exp(-a price). `sales` is how many units would sell
until the end at the price 1/a, which earns most where there is enough for all.

Source: Gallego and van Ryzin (1994), Optimal dynamic pricing of inventories with stochastic demand over finite
horizons, Management Science 40.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import gammainc, gammaincc, gammaln, xlogy

from pricing.errors import Finding, InputError

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dwindling:
    """A stock, the season it is sold in, and how fast demand falls with price.

    Attributes
    ----------
    stock : units on sale
    sales : units that would sell until the end at the price 1/a
    a : fall of log demand per unit of price [1 / currency]
    """

    stock: int
    sales: float
    a: float

    def __post_init__(self) -> None:
        rules = {
            "stock": (self.stock >= 1, "a stock is at least 1 unit"),
            "sales": (0 <= self.sales < np.inf, "expected sales are a number from 0 up"),
            "a": (0 < self.a < np.inf, "a is a positive number"),
        }
        if found := [Finding(reason, column=name) for name, (kept, reason) in rules.items() if not kept]:
            raise InputError(found)

    def _terms(self) -> Vector:
        """ln((L t)^i / i!) for i = 0..stock."""
        i = np.arange(self.stock + 1)
        return xlogy(i, self.sales) - gammaln(i + 1)

    def value(self) -> Vector:
        """What 0..stock units earn until the end: J(n) = (1/a) ln sum over i <= n of (L t)^i / i! [currency].

        Returns
        -------
        (stock + 1,)
        """
        return np.logaddexp.accumulate(self._terms()) / self.a

    def price(self) -> Vector:
        """What to ask now with 1..stock units left: p(n) = J(n) - J(n - 1) + 1/a [currency].

        Returns
        -------
        (stock,) falling
        """
        terms = self._terms()
        return (1 + np.logaddexp(0, terms[1:] - np.logaddexp.accumulate(terms)[:-1])) / self.a

    def fixed(self) -> tuple[float, float]:
        """The best price that is never changed, and what it earns [currency].

        With m = L t e^(1 - a p) buyers expected it earns p E min(stock, Poisson(m)), of which the logarithm is concave
        in ln m.
        """

        def loss(below: float) -> float:  # ln(m / (L t)), never above 0: a price under 1/a earns less and sells more
            return -(1 - below) * float(sold(self.stock, np.array(self.sales * np.exp(below))))

        found = minimize_scalar(
            loss, bounds=(-5 - np.log1p(self.sales), 0.0), method="bounded", options={"xatol": 1e-9}
        )
        return float(1 - found.x) / self.a, float(-found.fun) / self.a


def sold(stock: int, mean: Vector) -> Vector:
    """Units sold of a stock when a Poisson number is asked for: E min(stock, N) [units].

    m P(N <= stock - 2) + stock P(N >= stock); the chances are incomplete gamma functions.
    """
    below = gammaincc(stock - 1, mean) if stock > 1 else 0.0  # the function has no value at (0, 0)
    return mean * below + stock * gammainc(stock, mean)
