"""Effects are found where they are known, with errors that hold, and what cannot be told apart is said."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from forecasting.drivers.columns import Driver
from forecasting.drivers.regression import Effects, effects_of
from forecasting.model import History
from tests.forecasting.drivers.market import Market, market
from tests.forecasting.examples import history, seasonal


@cache
def told() -> list[tuple[Market, Effects]]:
    """Fifty markets and what is told of them."""
    found = []
    for seed in range(50):
        drawn = market(seed)
        effects = effects_of(drawn.history, drawn.drivers)
        assert effects is not None
        found.append((drawn, effects))
    return found


def hits(wanted: str) -> list[bool]:
    """Whether each 95 % interval of what can be told holds the truth."""
    held = []
    for drawn, effects in told():
        for place, driver in enumerate(drawn.drivers):
            kind = driver.name if driver.name in ("price", "promotion", "temperature") else "holiday"
            if kind in wanted.split() and not effects.apart[place] and driver.seen >= 3:
                _, low, high = effects.interval(place, driver.step)
                held.append(low <= drawn.truth(driver) <= high)
    return held


def test_intervals_of_known_effects_hold() -> None:
    """95 % of holidays', and of regressors', under overdispersed and autocorrelated noise: 92 to 97 in a hundred."""
    assert 0.92 <= np.mean(hits("holiday")) <= 0.97
    assert 0.92 <= np.mean(hits("holiday price promotion temperature")) <= 0.97
    assert np.mean(hits("price promotion temperature")) >= 0.88


@pytest.mark.parametrize(("name", "log"), [("price", -1.5), ("promotion", 0.35), ("Christmas Day", 0.5)])
def test_effects_are_not_shrunk(name: str, log: float) -> None:
    """Their mean over the markets is the truth."""
    places = [next(j for j, d in enumerate(m.drivers) if d.name == name) for m, _ in told()]
    found = np.array([effects.log[place] for place, (_, effects) in zip(places, told(), strict=True)])
    assert found.mean() == pytest.approx(log, abs=3 * found.std() / np.sqrt(found.size))


def dummy(name: str, on: np.ndarray) -> Driver:
    """Something that is there or not."""
    return Driver(name, on.astype(np.float64), 1.0, "period with it", int(on.sum()))


def test_what_moves_together_cannot_be_told_apart() -> None:
    """A festival that is always on sale, and a regressor that is the trend; what stands alone is told."""
    past, rng = history(seasonal(160)), np.random.default_rng(1)
    festival, alone = rng.random(160) < 0.15, rng.random(160) < 0.15
    trend = Driver("size", np.linspace(0, 1, 160), 1.0, "size 1 up", 159)
    found = effects_of(past, [dummy("festival", festival), dummy("sale", festival), dummy("alone", alone), trend])
    assert found is not None
    assert found.apart == ("sale", "festival", "", "season and trend")


def test_nothing_sold_on_a_holiday_is_told_as_nothing() -> None:
    """Closed at Christmas: between -80 and -100 %, finite."""
    on = np.arange(160) % 40 == 3
    found = effects_of(history(np.where(on, 0.0, seasonal(160))), [dummy("Christmas", on)])
    assert found is not None
    effect, low, high = found.interval(0, 1.0)
    assert -1 <= low <= effect < -0.8
    assert np.isfinite(high)


def test_what_sold_out_does_not_count() -> None:
    """Sales capped on promotion days that sold out would hide the promotion."""
    drawn = market(3)
    promotion = next(d for d in drawn.drivers if d.name == "promotion")
    out = (promotion.values > 0) & (np.arange(156) % 2 == 0)
    capped = replace(drawn.history, sales=np.where(out, 1.0, drawn.history.sales), censored=out.astype(np.float64))
    whole = effects_of(replace(drawn.history, censored=out.astype(np.float64)), [promotion])
    found = effects_of(capped, [promotion])
    assert found is not None
    assert whole is not None
    assert found.log == pytest.approx(whole.log)


@pytest.mark.parametrize("sales", [[5.0] * 6, [0.0] * 100])
def test_too_little_to_tell_is_said(sales: list[float]) -> None:
    """Six periods, or no sale."""
    past: History = history(sales)
    assert effects_of(past, [dummy("festival", np.arange(past.sales.size) % 2 == 0)]) is None
