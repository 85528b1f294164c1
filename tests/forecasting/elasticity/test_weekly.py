"""What is sold a week at the usual price, and why it cannot be told."""

import numpy as np
import pandas as pd
import pytest

from forecasting.elasticity.weekly import History, histories


def shop(days: int = 140, channels: int = 5, every: int = 7) -> pd.DataFrame:
    """Ten units a date and channel at 10.00, in odd dates at 8.00 with exactly what an elasticity of -2 makes of it."""
    date, channel = (index.ravel() for index in np.indices((days // every, channels)))
    price = np.where(date % 2, 8.0, 10.0)
    return pd.DataFrame(
        {
            "date": pd.Timestamp("2025-01-06") + pd.to_timedelta(every * date, unit="D"),
            "product": "tea",
            "segment": "all",
            "event": "all",
            "channel": [f"c{k}" for k in channel],
            "price": price,
            "quantity": 10.0 * (price / 9.0) ** -2.0,
        }
    )


def history(rows: pd.DataFrame, slope: float = -2.0, product: str = "tea") -> History | str:
    """Of one product."""
    return next(histories(rows, [(product,)], [slope], ["product"]))


def test_price_moves_are_taken_out() -> None:
    """At the elasticity they were made with, what is left is the same every week."""
    found = history(shop())
    assert isinstance(found, History)
    assert found.units == pytest.approx(np.full((5, 20), 10.0))
    assert found.revenue == pytest.approx(5 * 10 * 9.0)
    assert found.alike
    assert not found.apart


def test_days_are_summed_to_whole_weeks_counted_from_the_last() -> None:
    """66 days are nine whole weeks; the first days are left out."""
    found = history(shop(days=66, every=1))
    assert isinstance(found, History)
    usual = 8.0  # on 32 of the 63 days
    assert found.units == pytest.approx(np.full((5, 9), 7 * 10 * (usual / 9.0) ** -2.0))


def test_places_are_apart_only_if_the_same_thing_cost_otherwise_in_the_same_week() -> None:
    """Other products at other prices in the same week are no sign of it; two channels are too few."""
    rows = shop()
    other = rows.assign(product="coffee", price=rows["price"] * np.where(rows["date"].dt.day % 3 == 0, 3.0, 2.5))
    both = pd.concat([rows, other])
    group = next(histories(both, [("all",)], [-2.0], ["segment"]))
    assert isinstance(group, History)
    assert not group.apart
    assert not group.alike
    rng = np.random.default_rng(0)
    free = rows.assign(price=rows["price"] * np.exp(rng.normal(0, 0.1, len(rows))))
    apart = [history(part) for part in (free, free[free["channel"] < "c2"])]
    assert [part.apart for part in apart if isinstance(part, History)] == [True, False]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (shop().assign(price=0.0), "Nothing was sold at a known price"),
        (shop().assign(quantity=0.0), "Nothing was sold"),
        (shop().head(3), "Only 1 of the 8 weeks"),
        (shop(days=1400, every=28), "too coarse"),
        (pd.concat([shop(), shop(280).assign(product="coffee")]), "Not sold in the last 20 weeks"),
    ],
)
def test_what_cannot_be_foreseen_is_said(rows: pd.DataFrame, said: str) -> None:
    """A sentence in place of a history."""
    found = history(rows)
    assert isinstance(found, str)
    assert said in found


def test_wild_prices_and_returns_do_no_harm() -> None:
    """A price in cents counts as twice the usual, a return as no sale."""
    rows = shop()
    rows.loc[3, ["price", "quantity"]] = [1000.0, -5.0]
    rows.loc[8, "price"] = 800.0
    found = history(rows)
    assert isinstance(found, History)
    assert np.all((found.units >= 0) & (found.units < 60))
    assert found.usual == 8.0
