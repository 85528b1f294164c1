"""What sales cannot tell is said through the command, each with its reason, and never as a number."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

FAIRFARE = (sys.executable, "-c", "from api.cli import main; main()")
WEEKS = 60
REASONS = {
    "constant": "never changed",
    "two prices": "it changed on 1 date",
    "week": "hardly moved on its own",
    "cents": "put right what is in cents",
    "given away": "No unit was sold at a known price",
    "three rows": "3 rows|too seldom",
    "hundred": "absurd",
}
"""Words of the reason of each product that cannot be estimated."""


def product(
    name: str, price: NDArray[np.float64], rng: np.random.Generator, *, truth: float = -2.0, level: float = 2.0
) -> pd.DataFrame:
    """Weekly sales at these prices (outlets, weeks); `truth` is of the price over the outlet's own level."""
    outlet, week = (index.ravel() for index in np.indices(price.shape))
    usual = np.exp(np.log(np.maximum(price, 0.01)).mean(axis=1, keepdims=True))
    mean = np.exp(level + truth * np.log(np.maximum(price, 0.01) / usual) + rng.normal(0, 0.2, price.shape))
    return pd.DataFrame(
        {
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * week, unit="D"),
            "product": name,
            "channel": [f"outlet {k}" for k in outlet],
            "price": price.ravel(),
            "quantity": rng.poisson(mean.ravel()),
        }
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[Any, Any]]:
    """What the command says of a table of bad products, a single series among them, and of one good one."""
    rng = np.random.default_rng(0)
    shape = (12, WEEKS)
    own = 5 * np.exp(rng.normal(0, 0.15, shape))
    weekly = np.broadcast_to(5 * np.exp(rng.normal(0, 0.15, WEEKS)), shape)
    once = np.where(np.arange(WEEKS) < WEEKS // 2, 5.0, 6.0)
    sales = [
        product("good", own, rng),
        product("constant", np.full(shape, 5.0), rng),
        product("two prices", np.broadcast_to(once, (1, WEEKS)), rng),
        product("week", weekly, rng),
        product("cents", own * np.where(rng.random(shape) < 0.1, 100.0, 1.0), rng),
        product("given away", np.zeros(shape), rng),
        product("three rows", own[:1, :3], rng),
        product("hundred", 5 * np.exp(rng.normal(0, 0.02, shape)), rng, truth=-100.0, level=4.0),
        product("one series", own[:1], rng),
    ]
    folder = tmp_path_factory.mktemp("bad")
    pd.concat(sales).to_csv(folder / "sales.csv", index=False)
    done = fairfare(folder / "sales.csv", "--out", folder / "table.csv")
    assert done.returncode == 0, done.stderr
    return {row["product"]: row for row in pd.read_csv(folder / "table.csv").to_dict("records")}


def fairfare(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    command = [*FAIRFARE, "elasticity", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("name", REASONS)
def test_what_cannot_be_estimated_has_a_reason_and_the_others_distribution(
    told: dict[str, dict[Any, Any]], name: str
) -> None:
    """No number of its own: mean and error are those of a product like it that was never seen."""
    row = told[name]
    assert row["status"] == "not-identified"
    assert re.search(REASONS[name], row["reason"])
    assert np.isnan(row["raw_elasticity"]) or row["raw_elasticity"] < -10
    assert row["upper"] < 0
    assert row["se"] > 1.5 * told["good"]["se"]


def test_a_single_series_is_weak_at_best_and_a_good_product_beside_them_is_not_harmed(
    told: dict[str, dict[Any, Any]],
) -> None:
    """Sixty weeks of one outlet are too few to see whether the price followed demand."""
    assert told["one series"]["status"] in {"weak", "not-identified"}
    assert told["good"]["status"] == "identified"
    assert told["good"]["raw_elasticity"] == pytest.approx(-2, abs=0.3)


def test_prices_below_zero_are_refused_at_their_rows(tmp_path: Path) -> None:
    """Every one of them, and nothing is written."""
    sales = product("good", 5 * np.exp(np.random.default_rng(0).normal(0, 0.15, (2, 20))), np.random.default_rng(1))
    sales.loc[[3, 7], "price"] = -4.0
    sales.to_csv(tmp_path / "sales.csv", index=False)
    done = fairfare(tmp_path / "sales.csv", "--out", tmp_path / "table.csv")
    assert done.returncode == 2
    assert not (tmp_path / "table.csv").exists()
    assert done.stderr.count("price") >= 2
    assert "Traceback" not in done.stderr
