"""The command writes its table whole, the same twice, and refuses what it cannot use."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.forecasting.elasticity.markets import market

FAIRFARE = (sys.executable, "-c", "from api.cli import main; main()")
COLUMNS = (
    "elasticity", "se", "lower", "upper", "raw_elasticity", "status", "method", "n_obs", "n_prices", "reason",
)  # fmt: skip


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two products in six outlets, with the user's own column names."""
    rng = np.random.default_rng(0)
    both = pd.concat([market(rng, product=name, outlets=6, weeks=60) for name in ("tea", "coffee")])
    path = tmp_path_factory.mktemp("sales") / "sales.csv"
    both.drop(columns=["segment", "event"]).rename(columns={"price": "UnitPrice"}).round({"UnitPrice": 2}).to_csv(
        path, index=False
    )
    return path


def fairfare(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    command = [*FAIRFARE, "elasticity", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_it_writes_one_row_per_group_with_every_column_and_the_same_bytes_twice(sales: Path, tmp_path: Path) -> None:
    """Columns of the user's own names, and a segment the file does not have."""
    outs = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for out in outs:
        done = fairfare(sales, "--map", "price=UnitPrice", "--by", "product,segment", "--out", out)
        assert done.returncode == 0, done.stderr
    assert outs[0].read_bytes() == outs[1].read_bytes()
    table = pd.read_csv(outs[0])
    assert tuple(table.columns) == ("product", "segment", *COLUMNS)
    assert table["product"].tolist() == ["coffee", "tea"]
    assert table["elasticity"].between(-3, -1).all()


def test_instruments_effects_controls_and_logs_go_together(sales: Path, tmp_path: Path) -> None:
    """The method names them; a cost that follows the price is a strong instrument."""
    rows = pd.read_csv(sales)
    rng = np.random.default_rng(0)
    rows["Cost"] = np.log(rows["UnitPrice"]) + rng.normal(0, 0.1, len(rows))
    rows["rain"] = rng.normal(size=len(rows))
    rows.to_csv(tmp_path / "costs.csv", index=False)
    asked = ("--map", "price=UnitPrice", "--instruments", "Cost", "--effects", "channel,week", "--controls", "rain")
    for method, name in (("ppml", "ppml-iv"), ("log-log", "log-log-iv")):
        out = tmp_path / f"{method}.csv"
        done = fairfare(tmp_path / "costs.csv", *asked, "--method", method, "--out", out)
        assert done.returncode == 0, done.stderr
        table = pd.read_csv(out)
        assert set(table["method"]) == {f"{name}; effects: channel, week"}
        assert table["reason"].str.contains("The instruments move the price").all()


def test_without_out_it_prints_a_table(sales: Path) -> None:
    """With the status."""
    done = fairfare(sales, "--map", "price=UnitPrice")
    assert done.returncode == 0
    assert "coffee" in done.stdout


def test_cross_writes_a_second_table_beside_the_first(sales: Path, tmp_path: Path) -> None:
    """With interval and relation."""
    out = tmp_path / "e.csv"
    assert fairfare(sales, "--map", "price=UnitPrice", "--cross", "--out", out).returncode == 0
    second = pd.read_csv(tmp_path / "e.cross.csv")
    assert tuple(second.columns) == ("product", "on_price_of", "elasticity", "se", "lower", "upper", "relation")
    assert len(second) == 4


def test_tests_writes_a_price_test_for_what_is_not_identified(sales: Path, tmp_path: Path) -> None:
    """Tea at a constant price gets one; coffee, whose elasticity is known, none; the same bytes twice."""
    rows = pd.read_csv(sales)
    rows.loc[rows["product"] == "tea", "UnitPrice"] = 2.99
    rows.to_csv(tmp_path / "constant.csv", index=False)
    outs = [tmp_path / "a.json", tmp_path / "b.json"]
    for out in outs:
        done = fairfare(tmp_path / "constant.csv", "--map", "price=UnitPrice", "--tests", out)
        assert done.returncode == 0, done.stderr
    assert outs[0].read_bytes() == outs[1].read_bytes()
    (row,) = pd.read_json(outs[0]).to_dict("records")
    assert (row["product"], row["status"], row["usual_price"]) == ("tea", "not-identified", 2.99)
    assert row["promised_se"] > 0


def test_shapes_writes_four_rows_per_group_and_of_all_together(sales: Path, tmp_path: Path) -> None:
    """The same bytes twice."""
    outs = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for out in outs:
        done = fairfare(sales, "--map", "price=UnitPrice", "--shapes", out, "--out", tmp_path / "e.csv")
        assert done.returncode == 0, done.stderr
    assert outs[0].read_bytes() == outs[1].read_bytes()
    table = pd.read_csv(outs[0])
    assert table["product"].tolist() == ["all"] * 4 + ["coffee"] * 4 + ["tea"] * 4
    assert table[["wape", "sign_accuracy"]].notna().all(axis=None)


def test_cross_within_crosses_only_products_of_one_group(sales: Path, tmp_path: Path) -> None:
    """And needs no --cross."""
    rows = pd.read_csv(sales)
    rows["shelf"] = rows["product"].map({"tea": "leaves", "coffee": "beans"})
    rows.to_csv(tmp_path / "shelves.csv", index=False)
    out = tmp_path / "e.csv"
    asked = ("--map", "price=UnitPrice", "--cross-within", "shelf", "--out", out)
    assert fairfare(tmp_path / "shelves.csv", *asked).returncode == 0
    second = pd.read_csv(tmp_path / "e.cross.csv")
    assert second[["product", "on_price_of"]].to_numpy().tolist() == [["coffee", "coffee"], ["tea", "tea"]]


def test_a_report_holds_what_was_asked_for(sales: Path, tmp_path: Path) -> None:
    """Shapes and cross effects with the options and the name of the file."""
    page, out = tmp_path / "report.html", tmp_path / "e.csv"
    asked = ("--map", "price=UnitPrice", "--cross", "--shapes", tmp_path / "s.json", "--effects", "channel,week")
    done = fairfare(sales, *asked, "--out", out, "--report", page)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    for said in ("sales.csv, 720 rows", "channel, week", "The shape of demand", "What one price does"):
        assert said in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--by", "shelf", "--effects", "product,moon", "--controls", "rain", "--instruments", "cost"),
            ("shelf", "moon", "rain", "cost"),
        ),
        (("--report", "report.pdf"), (".html",)),
        (("--tests", "tests.xlsx"), (".csv",)),
        (("--shapes", "shapes.xlsx"), (".csv",)),
        (("--shapes", "nowhere/s.csv", "--tests", "neither/t.csv"), ("nowhere", "neither")),
        (("--controls", "quantity", "--effects", "price"), ("--controls", "--effects")),
        (("--cross-within", "shelf"), ("shelf",)),
        (("--map", "price=Cost"), ("Cost",)),
    ],
)
def test_what_cannot_be_used_exits_2_and_writes_nothing(
    sales: Path, tmp_path: Path, arguments: tuple[str, ...], said: tuple[str, ...]
) -> None:
    """Every column or option is named at once."""
    out = tmp_path / "out.csv"
    done = fairfare(sales, "--map", "price=UnitPrice", *arguments, "--out", out)
    assert done.returncode == 2
    assert [word for word in said if word not in done.stderr] == []
    assert not out.exists()
