"""Every shape recovers its own truth, and all of them mean the same by an elasticity."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from forecasting.elasticity.errors import jackknife
from forecasting.elasticity.panel import poisson
from forecasting.elasticity.shapes import LEAST, SHAPES, Shape, fitted
from tests.forecasting.elasticity.bent import panel_of

NAMES = [shape.name for shape in SHAPES]


@pytest.mark.parametrize("shape", SHAPES, ids=NAMES)
@pytest.mark.parametrize("e", [-3.0, -1.0, 0.5])
def test_the_parameter_is_the_elasticity_at_the_usual_price(shape: Shape, e: float) -> None:
    """By finite differences in ln(price); sales at the usual price are usual ones."""
    step = 1e-6
    ends = shape.log(np.exp(np.array([-step, 0.0, step])), e)
    assert ends[1] == pytest.approx(0, abs=1e-12)
    assert (ends[2] - ends[0]) / (2 * step) == pytest.approx(e, rel=1e-6)


@pytest.mark.parametrize("shape", SHAPES, ids=NAMES)
def test_the_slope_is_the_derivative_in_the_elasticity(shape: Shape) -> None:
    """Without it the steps would not lead to the best fit."""
    r, step = np.linspace(0.6, 1.4, 9), 1e-6
    by_hand = (shape.log(r, -1.5 + step) - shape.log(r, -1.5 - step)) / (2 * step)
    assert_allclose(shape.slope(r, -1.5), by_hand, atol=1e-8)


def test_shapes_are_bent_one_below_the_other() -> None:
    """Away from the usual price constant elasticity sells most, the straight line least but never below nothing."""
    r = np.linspace(0.5, 2.5, 21)
    r = r[np.abs(r - 1) > 0.05]
    sold = np.array([np.exp(shape.log(r, -1.5)) for shape in SHAPES])
    assert np.all(np.diff(sold[:3], axis=0) < 0)
    floor = sold[3] <= LEAST * (1 + 1e-9)
    assert np.all(np.diff(sold[2:, ~floor], axis=0) < 0)
    assert 0 < floor.sum() < len(r) / 2
    assert sold.min() > 0


@pytest.mark.parametrize("k", range(len(SHAPES)), ids=NAMES)
def test_a_shape_recovers_the_truth_it_made(k: int) -> None:
    """Within three standard errors, in a market of shocks."""
    panel, relative = panel_of(np.random.default_rng(k), SHAPES[k])
    fit = fitted(SHAPES[k], panel.quantity, relative, panel.others, panel.factors).fit
    assert fit.converged
    assert abs(fit.slope + 2.0) < 3 * jackknife(fit, panel.clusters).se < 0.4


def test_constant_elasticity_is_poisson_pseudo_likelihood() -> None:
    """Slope and error of the estimator of the table of elasticities."""
    panel, relative = panel_of(np.random.default_rng(0), SHAPES[0])
    fit = fitted(SHAPES[0], panel.quantity, relative, panel.others, panel.factors).fit
    usual = poisson(panel.quantity, panel.columns, panel.factors)
    assert fit.slope == pytest.approx(usual.slope, abs=1e-6)
    assert jackknife(fit, panel.clusters).se == pytest.approx(jackknife(usual, panel.clusters).se, rel=1e-4)


def test_nothing_sold_is_no_number() -> None:
    """And no error is raised."""
    panel, relative = panel_of(np.random.default_rng(0), SHAPES[0])
    curve = fitted(SHAPES[3], np.zeros(len(panel)), relative, panel.others, panel.factors)
    assert not curve.fit.usable
