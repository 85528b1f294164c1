"""The figures beside the slider are of the prices it moves."""

from types import SimpleNamespace as Made
from typing import cast

import numpy as np
import pytest

from api.pages import outlook


@pytest.mark.parametrize(("sold", "mean"), [([3.0, 1.0, 9.0], 17.5), ([0.0, 0.0, 9.0], 25.0)])
def test_the_mean_price_is_of_free_prices_by_what_they_sell(sold: list[float], mean: float) -> None:
    """By expected units; where nothing of theirs is expected to be sold any more, alike, and never nought."""
    offers = [Made(id=name) for name in ("a", "b", "held")]
    now = Made(market=Made(offers=offers), sold=np.array([sold]))
    scene = cast("outlook._Scene", Made(free=("a", "b"), now=now))
    assert outlook._mean_price(scene, np.array([10.0, 40.0, 99.0])) == mean
