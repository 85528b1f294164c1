"""What is kept with a fit is what prices were decided on."""

import numpy as np
import pandas as pd
import pytest

from api.expectations import LEAST_SPREAD, expectations
from forecasting.pace import Pace
from pricing.model import ALL
from tests.api.test_fitting import learned, offer, shop, units

TODAY = pd.Timestamp("2026-11-21")
ELASTICITIES = pd.DataFrame({"product": ["mug"], "segment": [ALL], "elasticity": [-2.0], "se": [0.1]})


def demand(**changed: object) -> pd.DataFrame:
    """A forecast of 280 mugs over four weeks."""
    values = {"event": ALL, "product": "mug", "segment": ALL, "channel": ALL, "mean": 280.0, "lower": 200.0}
    return pd.DataFrame([values | {"upper": 360.0, "reference": 10.0} | changed])


def pace(noise: float = 0.02) -> dict[tuple[str, str, str], Pace]:
    """Even days."""
    return {(ALL, "mug", ALL): Pace(TODAY, np.full(28, 1 / 28), noise)}


def test_over_its_horizon_an_expectation_is_what_prices_were_decided_on() -> None:
    """Mean demand of the curves at the reference price, and of the expectation kept beside the fit."""
    made = learned(shop({ALL: 20.0}))
    kept = next(each for each in made.expected if each.channel == ALL)
    assert sum(kept.shares) == pytest.approx(1.0)
    assert kept.reference == pytest.approx(10.0, rel=0.01)
    assert kept.mean == pytest.approx(units(made, offer("a"))[0], rel=0.02)
    assert kept.first == TODAY.date()
    assert len(kept.shares) == 28


def test_each_channel_has_its_expectation() -> None:
    """15 a day on the web and 5 in the shop."""
    made = learned(shop({"web": 15.0, "shop": 5.0}))
    means = {each.channel: each.mean for each in made.expected}
    assert means["web"] == pytest.approx(3 * means["shop"], rel=0.2)


@pytest.mark.parametrize(
    "changed", [{"mean": 0.0}, {"reference": 0.0}, {"reference": np.nan}, {"lower": np.nan}, {"product": "poster"}]
)
def test_what_cannot_be_expected_is_left_out(changed: dict[str, object]) -> None:
    """No mean, no price, or no pace."""
    assert expectations(demand(**changed), ELASTICITIES, pace()) == ()


def test_the_width_of_a_forecast_is_level_chance_and_noise() -> None:
    """What chance and noise explain is not counted twice; a narrow forecast is not believed."""
    wide = expectations(demand(), ELASTICITIES, pace())[0].spread
    noisy = expectations(demand(), ELASTICITIES, pace(noise=0.5))[0].spread
    narrow = expectations(demand(lower=279.0, upper=281.0), ELASTICITIES, pace())[0].spread
    assert wide == pytest.approx(((160 / 2.563 / 280) ** 2 - 1 / 280 - 0.02 / 28) ** 0.5, rel=0.05)
    assert noisy < wide
    assert narrow == pytest.approx(LEAST_SPREAD, rel=0.01)
