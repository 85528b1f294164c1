"""The figures beside the slider are of the prices it moves."""

from decimal import Decimal
from types import SimpleNamespace as Made
from typing import cast

import numpy as np
import pytest

from api.pages import outlook
from pricing.market import Sale
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


def test_what_others_take_of_the_same_stock_is_missing() -> None:
    """Two want 100 each of 150: one sells 75, and all is gone; who gains by its price is told with it."""
    kept = stage(Known(), capacity=150.0)
    view = outlook.outlook(kept, lambda offer: offer.id == "a", 0.0, {})
    assert view is not None
    assert view.now.final.mean == pytest.approx(75.0)
    assert view.now.revenue.mean == pytest.approx(1500.0)
    assert view.now.full == 1.0
    assert view.free == ("a",)
    dearer = Sale.at(kept.market, kept.curves, {"a": Decimal("22.00"), "b": Decimal("20.00")}, kept.objective)
    now = Sale.at(kept.market, kept.curves, kept.market.prices, kept.objective)
    assert view.cases[outlook.WIDEST + 10].gain.expected == pytest.approx(
        (dearer.earned - now.earned).sum(axis=1).mean()
    )
    assert outlook.finals(kept, {"all": 5.0})["all"].mean == pytest.approx(155.0)
