"""The estimates are the best ones, by conditions that hold at an optimum and nowhere else, and by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.posterior import Estimates, Regressions, Vector, estimate, lasso, log_posterior


def problem(seed: int, *, n: int = 60, smooth: int = 3, steps: int = 6) -> tuple[Regressions, Vector, Vector]:
    """A regression of one series with a few trend changes, its columns, and its values."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, n)
    columns = np.column_stack(
        [np.ones(n), rng.normal(size=(n, smooth - 1)), np.maximum(time[:, None] - np.linspace(0.1, 0.8, steps), 0)]
    )
    values = columns @ rng.normal(size=smooth + steps) + 0.2 * rng.normal(size=n)
    precision = np.concatenate([np.full(smooth, 0.04), np.zeros(steps)])
    return of_data(columns, values, precision, steps), columns, values


def of_data(columns: Vector, values: Vector, precision: Vector, steps: int) -> Regressions:
    """The regression of one series."""
    gram, moment, energy = columns.T @ columns, columns.T @ values, np.array([values @ values])
    return Regressions(gram[None], moment[None], energy, np.array([float(values.size)]), precision[None], steps, 0.05)


def reached(regressions: Regressions, found: Estimates) -> float:
    """Log posterior of an estimate."""
    return float(log_posterior(regressions, regressions.squares(found.effects), found)[0])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_no_step_in_any_direction_raises_the_posterior(seed: int) -> None:
    """Each effect and the noise moved a little, up or down: never better."""
    regressions, _, _ = problem(seed)
    found = estimate(regressions)
    best = reached(regressions, found)
    for place in range(found.effects.shape[1]):
        for step in (-1e-3, 1e-3):
            moved = found.effects.copy()
            moved[0, place] += step
            assert reached(regressions, Estimates(moved, found.sigma)) <= best + 1e-7
    for factor in (0.99, 1.01):
        assert reached(regressions, Estimates(found.effects, found.sigma * factor)) <= best + 1e-7


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 25), st.floats(1e-4, 10.0), st.integers(0, 10_000))
def test_the_lasso_meets_its_optimality_conditions(size: int, weight: float, seed: int) -> None:
    """The gradient is -weight x sign where an effect is not zero, and at most the weight where it is."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size + 3, size)).cumsum(axis=0)
    curvature, slope = root.T @ root, root.T @ rng.normal(size=size + 3)
    start = np.where(rng.random(size) < 0.5, 0.0, rng.normal(size=size))
    found = lasso(curvature[None], slope[None], np.array([weight]), start[None])[0]
    gradient = curvature @ found - slope
    assert np.all(np.abs(gradient) <= weight * (1 + 1e-6) + 1e-9)
    assert gradient[found != 0] == pytest.approx(-weight * np.sign(found[found != 0]), rel=1e-5, abs=1e-8)


def test_a_regression_does_not_depend_on_the_company_it_is_solved_in() -> None:
    """Alone or among others, the same digits."""
    every = [problem(seed)[0] for seed in range(7)]
    gram, moment, precision = (np.concatenate([getattr(r, n) for r in every]) for n in ("gram", "moment", "precision"))
    energy, count = (np.concatenate([getattr(r, name) for r in every]) for name in ("energy", "count"))
    both = estimate(Regressions(gram, moment, energy, count, precision, 6, 0.05))
    for row, alone in enumerate(map(estimate, every)):
        assert np.array_equal(both.effects[row], alone.effects[0])
        assert both.sigma[row] == alone.sigma[0]


def test_values_that_are_fitted_exactly_leave_the_least_noise() -> None:
    """Where the posterior has no maximum the estimate is still finite."""
    regressions, columns, _ = problem(1)
    exact = columns[:, 0] * 0.7
    found = estimate(of_data(columns, exact, regressions.precision[0], 6))
    assert found.sigma[0] == pytest.approx(1e-4)
    assert columns @ found.effects[0] == pytest.approx(exact, abs=1e-3)
