"""The figures beside the slider are of the prices it moves."""

from types import SimpleNamespace as Made
from typing import cast

import numpy as np
import pytest

from api.pages import outlook
from tests.api.pages.test_override_form import stage
from tests.pricing.test_engine import Known


@pytest.mark.parametrize(("sold", "mean"), [([3.0, 1.0, 9.0], 17.5), ([0.0, 0.0, 9.0], 25.0)])
def test_the_mean_price_is_of_free_prices_by_what_they_sell(sold: list[float], mean: float) -> None:
    """By expected units; where nothing of theirs is expected to be sold any more, alike, and never nought."""
    offers = [Made(id=name) for name in ("a", "b", "held")]
    now = Made(market=Made(offers=offers), sold=np.array([sold]))
    scene = cast("outlook._Scene", Made(free=("a", "b"), now=now))
    assert outlook._mean_price(scene, np.array([10.0, 40.0, 99.0])) == mean


def test_a_price_that_an_override_fixes_is_not_free() -> None:
    """The slider moves the others, in every case."""
    kept = stage(Known(), capacity=None)
    both, one = (outlook.outlook(kept, lambda _: True, 0.0, {}, pinned=pinned) for pinned in ((), ("a",)))
    assert both is not None
    assert one is not None
    assert (both.free, one.free) == (("a", "b"), ("b",))
    assert one.cases[0].gain.expected == pytest.approx(both.cases[0].gain.expected / 2)
