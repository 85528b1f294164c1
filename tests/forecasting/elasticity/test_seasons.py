"""Groups by season and days to the event need no column of their own."""

import numpy as np
import pandas as pd
import pytest

from forecasting.elasticity.cells import panels
from forecasting.elasticity.proposal import proposals
from forecasting.elasticity.table import elasticity_table
from pricing.errors import InputError
from tests.forecasting.elasticity.markets import market


def test_each_half_of_the_year_has_its_own_elasticity() -> None:
    """-1.5 from April to September, -2.5 else: both are found, as with a column of the table."""
    parts = [market(np.random.default_rng(seed), truth=truth, weeks=104) for seed, truth in ((0, -1.5), (0, -2.5))]
    warm = parts[0]["date"].dt.month.between(4, 9)
    sales = pd.concat([parts[0][warm], parts[1][~warm]], ignore_index=True)
    table = elasticity_table(sales, by=["product", "season"]).set_index("season")
    assert table.loc["April-September", "raw_elasticity"] == pytest.approx(-1.5, abs=0.2)
    assert table.loc["October-March", "raw_elasticity"] == pytest.approx(-2.5, abs=0.2)
    named = sales.assign(season=np.where(sales["date"].dt.month.between(4, 9), "a", "b"))
    own = elasticity_table(named, by=["product", "season"])
    assert own["raw_elasticity"].tolist() == pytest.approx(table["raw_elasticity"].tolist())
    assert own["season"].tolist() == ["a", "b"]
    assert len(proposals(sales, table.reset_index().assign(status="weak"), by=["product", "season"])) == 2


@pytest.mark.parametrize("zone", ["", "T19:30+02:00"])
def test_days_to_the_event_are_told_from_its_start(zone: str) -> None:
    """As dates or timestamps; after the start belongs to the last days; without a start to a group of its own."""
    dates = pd.to_datetime(
        ["2024-05-01", "2024-05-03", "2024-05-04", "2024-05-24", "2024-05-25", "2024-06-02", "2024-05-01"]
    )
    rows = pd.DataFrame({"date": dates, "product": "seat", "event": "e", "price": 10.0, "quantity": 1.0})
    rows["starts_at"] = ["2024-05-31" + zone] * 6 + [""]
    found = {panel.key[0]: int(panel.quantity.sum()) for panel in panels(rows, by=["lead"])}
    assert found == {"28 days and more": 2, "7-27 days": 2, "0-6 days": 2, "not known": 1}


def test_without_a_start_days_to_the_event_are_refused() -> None:
    """And the reason names the column that is missing."""
    with pytest.raises(InputError, match="without starts_at"):
        elasticity_table(market(np.random.default_rng(0)), by=["product", "lead"])


def test_what_was_not_sold_belongs_to_its_own_season() -> None:
    """Sparse sales with a row per sale: no silent winter is added to the summer."""
    rng = np.random.default_rng(0)
    sales = market(rng, outlets=3, weeks=150, level=-0.7)
    sold = sales[sales["quantity"] > 0]
    for panel in panels(sold, by=["season"]):
        warm = panel.days.month.isin(range(4, 10))
        assert np.all(warm == (panel.key[0] == "April-September"))
        assert (panel.quantity == 0).any()
