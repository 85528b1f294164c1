"""The closed form gives the reference numbers, solves its differential equation, and stands large numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.stats import poisson

from optimization.exponential import Dwindling, sold
from pricing.errors import InputError


@pytest.mark.parametrize(
    ("stock", "value", "price", "fixed", "digits"),
    [
        (1, 2.3979, 3.3979, 0.945, 3),
        (5, 7.2982, 1.8300, 0.958, 3),
        (10, 9.4605, 1.2415, 0.9805, 4),
        (20, 9.9984, 1.0019, 0.9999, 4),
    ],
)
def test_reference_numbers(stock: int, value: float, price: float, fixed: float, digits: int) -> None:
    """Value, price, and the share of the value that the best single price earns."""
    case = Dwindling(stock, sales=10.0, a=1.0)
    assert case.value()[-1] == pytest.approx(value, abs=5.1e-5)
    assert case.price()[-1] == pytest.approx(price, abs=5.1e-5)
    assert case.fixed()[1] / case.value()[-1] == pytest.approx(fixed, abs=0.51 * 10**-digits)


def test_values_solve_the_differential_equation() -> None:
    """dJ(n)/dt = max over p of buyers e^(-a p) (p - J(n) + J(n - 1)), integrated from the end of the season."""
    a, buyers, stock, time = 0.05, 12.0, 8, 3.0

    def slope(_: float, value: np.ndarray) -> np.ndarray:
        own = np.diff(value, prepend=0.0)
        best = own + 1 / a
        return buyers * np.exp(-a * best) * (best - own)

    found = solve_ivp(slope, (0.0, time), np.zeros(stock), rtol=1e-10, atol=1e-10)
    case = Dwindling(stock, sales=buyers * time / np.e, a=a)
    assert case.value()[1:] == pytest.approx(found.y[:, -1], rel=1e-7)
    assert case.price() == pytest.approx(np.diff(found.y[:, -1], prepend=0.0) + 1 / a, rel=1e-7)


@settings(deadline=None)
@given(st.integers(1, 50), st.floats(0, 200), st.floats(1e-3, 10))
def test_prices_fall_with_stock_and_rise_with_time(stock: int, sales: float, a: float) -> None:
    """Value is concave in stock and rises with both; the price never comes under 1/a."""
    case, longer = Dwindling(stock, sales, a), Dwindling(stock, sales * 1.5, a)
    assert np.all(np.diff(case.price()) <= 1e-9 / a)
    assert np.all(longer.price() >= case.price() * (1 - 1e-12))
    assert np.all(case.price() >= (1 - 1e-12) / a)
    assert np.all(np.diff(case.value()) >= 0)
    assert np.all(longer.value() >= case.value())
    assert case.value()[0] == 0


@settings(deadline=None)
@given(st.integers(1, 50), st.floats(0.1, 200), st.floats(-2, 6))
def test_no_single_price_beats_the_best_one(stock: int, sales: float, other: float) -> None:
    """And none beats changing it."""
    case = Dwindling(stock, sales, 1.0)
    price, earned = case.fixed()
    mean = np.array(sales * np.exp(1 - np.array([price, other])))
    assert earned == pytest.approx(price * sold(stock, mean)[0])
    assert other * sold(stock, mean)[1] <= earned * (1 + 1e-9)
    assert earned <= case.value()[-1] * (1 + 1e-9)


@pytest.mark.parametrize(("stock", "sales"), [(20_000, 15_000.0), (20_000, 1e5), (1, 1e5), (5, 0.0)])
def test_large_numbers_do_not_overflow(stock: int, sales: float) -> None:
    """All finite; and nearly what demand without chance would earn where numbers are large."""
    case = Dwindling(stock, sales, 0.02)
    price, earned = case.fixed()
    assert np.all(np.isfinite([*case.value(), *case.price(), price, earned]))
    if stock == 20_000:
        certain = min(stock, sales) * (1 + max(0.0, np.log(sales / stock))) / 0.02
        assert 0.99 * certain < earned <= case.value()[-1] * (1 + 1e-12) <= certain * (1 + 1e-11)


@settings(deadline=None)
@given(st.integers(1, 40), st.floats(0.0, 80))
def test_units_sold_are_those_of_every_demand_in_turn(stock: int, mean: float) -> None:
    """E min(stock, N) by enumeration."""
    asked = np.arange(400)
    expected = float(poisson.pmf(asked, mean) @ np.minimum(asked, stock))
    assert float(sold(stock, np.array(mean))) == pytest.approx(expected)


def test_every_finding_is_named_at_once() -> None:
    """NaN too."""
    with pytest.raises(InputError) as caught:
        Dwindling(0, float("nan"), 0.0)
    assert [finding.column for finding in caught.value.findings] == ["stock", "sales", "a"]
