"""Two-stage least squares matches publications and cures a price that follows demand."""

import numpy as np
import pandas as pd
import pytest

from forecasting.elasticity.instruments import STRONG, TwoStage, two_stage
from forecasting.elasticity.panel import log_log
from tests.real_data import real_data


def cigarettes(*instruments: str, income: bool = False) -> TwoStage:
    """Packs on the real price of 48 states in 1995."""
    rows = pd.read_csv(real_data("fixtures/CigarettesSW.csv")).query("year == 1995")
    made = pd.DataFrame({"tdiff": (rows["taxs"] - rows["tax"]) / rows["cpi"], "cigtax": rows["tax"] / rows["cpi"]})
    columns = [np.log(rows["price"] / rows["cpi"])]
    if income:
        columns.append(np.log(rows["income"] / rows["population"] / rows["cpi"]))
    return two_stage(
        rows["packs"].to_numpy(float),
        np.column_stack(columns),
        made[list(instruments)].to_numpy(),
        [np.zeros(len(rows), dtype=np.intp)],
        np.arange(len(rows)),
    )


@pytest.mark.real_data
def test_published_elasticities_of_cigarettes() -> None:
    """Stock and Watson: sales tax, with income, and both taxes."""
    assert cigarettes("tdiff").slope == pytest.approx(-1.0836, abs=5e-5)
    assert cigarettes("tdiff", income=True).slope == pytest.approx(-1.1434, abs=5e-5)
    assert cigarettes("tdiff", "cigtax", income=True).slope == pytest.approx(-1.2774, abs=5e-5)
    assert cigarettes("tdiff").first_stage > STRONG


def test_a_valid_instrument_cures_a_price_that_follows_demand() -> None:
    """Price reacts to the shock of the same period: least squares is far off, two stages are not."""
    rng = np.random.default_rng(0)
    outlet = np.repeat(np.arange(40), 50)
    shock, cost = rng.normal(0, 0.25, 2_000), rng.normal(0, 0.15, 2_000)
    price = 0.5 * shock + cost
    quantity = np.exp(4 - 2 * price + shock + rng.normal(0, 0.3, 40)[outlet])
    result = two_stage(quantity, price[:, None], cost[:, None], [outlet], outlet)
    assert result.slope == pytest.approx(-2, abs=3 * result.se)
    assert log_log(quantity, price[:, None], [outlet]).slope > -1.5
    assert result.first_stage > STRONG


def test_an_instrument_that_does_not_move_the_price_is_weak() -> None:
    """Noise as an instrument has a small first-stage F."""
    rng = np.random.default_rng(0)
    outlet = np.repeat(np.arange(20), 20)
    price = rng.normal(0, 0.2, 400)
    sold = np.exp(3 - price + rng.normal(0, 0.2, 400))
    result = two_stage(sold, price[:, None], rng.normal(size=(400, 1)), [outlet], outlet)
    assert result.first_stage < STRONG
