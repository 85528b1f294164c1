"""A combination is robust to any one of its members."""

import numpy as np

from forecasting.combine import combined
from forecasting.model import Forecast
from tests.forecasting.examples import history, seasonal

PAST = history(seasonal(120))


def test_the_combination_is_the_median_of_its_members() -> None:
    """One member that goes astray does not move it; a single member is no combination."""
    said = {f"m{k}": Forecast(*(np.array([v]) for v in (k, 0.0, 2.0 * k))) for k in (5.0, 7.0, 900.0)}
    both = combined(said, PAST)
    assert both is not None
    assert (both.mean[0], both.upper[0]) == (7.0, 14.0)
    assert combined({"m": said["m5.0"]}, PAST) is None
