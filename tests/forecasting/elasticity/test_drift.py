"""A change of the reaction is found, and none where there was none."""

import numpy as np
import pandas as pd
import pytest

from forecasting.elasticity.cells import Panel, panels
from forecasting.elasticity.drift import Drift, drift
from forecasting.elasticity.panel import Fit, poisson
from forecasting.elasticity.table import elasticity_table
from tests.forecasting.elasticity.markets import market


def fit(panel: Panel) -> Fit:
    """Poisson pseudo-likelihood."""
    return poisson(panel.quantity, panel.columns, panel.factors)


def sales(seed: int, since: float = -1.5, outlets: int = 20, weeks: int = 80, persistence: float = 0.7) -> pd.DataFrame:
    """Elasticity -1.5 in the first half of the weeks and `since` in the second, with the same prices and shocks."""
    halves = [
        market(np.random.default_rng(seed), truth=truth, outlets=outlets, weeks=weeks, persistence=persistence)
        for truth in (-1.5, since)
    ]
    middle = halves[0]["date"].sort_values().iloc[len(halves[0]) // 2]
    return pd.concat([halves[0][halves[0]["date"] < middle], halves[1][halves[1]["date"] >= middle]])


def found(rows: pd.DataFrame) -> Drift | None:
    """The drift of the one group."""
    return drift(next(iter(panels(rows, by=["product"]))), fit)


@pytest.mark.parametrize("outlets", [3, 20])
def test_a_reaction_that_stayed_the_same_is_not_said_to_have_changed(outlets: int) -> None:
    """With shocks that persist, and with few outlets: at most 5 in 100."""
    changes = [found(sales(seed, outlets=outlets)) for seed in range(60)]
    assert sum(change is not None and change.large for change in changes) <= 3


def test_a_change_from_less_to_more_sensitive_is_found() -> None:
    """-1.5 to -2.5 in 20 outlets over 80 weeks: in at least 18 of 20, both slopes right on average."""
    changes = [change for seed in range(20) if (change := found(sales(seed, -2.5))) and change.large]
    assert len(changes) >= 18
    assert np.mean([change.before for change in changes]) == pytest.approx(-1.5, abs=0.1)
    assert np.mean([change.since for change in changes]) == pytest.approx(-2.5, abs=0.1)


def test_a_change_of_level_is_no_change_of_reaction() -> None:
    """Sales and prices of half of the outlets double half way."""
    rows = sales(0)
    late = rows["date"] >= rows["date"].sort_values().iloc[len(rows) // 2]
    twice = 1 + (late & (rows["channel"] < "outlet 10"))
    change = found(rows.assign(quantity=rows["quantity"] * twice, price=rows["price"] * twice))
    same = found(rows)
    assert change is not None
    assert same is not None
    assert change.since - change.before == pytest.approx(same.since - same.before, abs=0.1)
    assert not change.large


def test_halves_that_cannot_tell_give_nothing() -> None:
    """Too few cells, and a price that stood still since the middle."""
    rows = sales(0)
    late = rows["date"] >= rows["date"].sort_values().iloc[len(rows) // 2]
    assert found(rows.head(30)) is None
    level = rows.groupby("channel")["price"].transform("median")
    assert found(rows.assign(price=rows["price"].where(~late, level))) is None


def test_the_reason_says_what_changed_and_when() -> None:
    """The status stays: the number is right for the whole time."""
    row = elasticity_table(sales(0, -2.5)).iloc[0]
    assert "The reaction changed: -1." in row["reason"]
    assert "since" in row["reason"]
    assert row["status"] == "identified"
    assert "changed: " not in elasticity_table(sales(0))["reason"].iloc[0]
