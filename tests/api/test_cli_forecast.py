"""The commands forecast and backtest, as a user runs them."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from api.cli.main import main
from forecasting.combine import COMBINATION
from forecasting.select import AUTO, models


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture
def fairfare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process."""

    def run(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["fairfare", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Weekly sales of two goods under the owner's own column names, without a price."""
    weeks = pd.date_range("2023-01-01", periods=70, freq="W-SUN").strftime("%Y-%m-%d")
    rng = np.random.default_rng(0)
    rows = pd.concat(
        [
            pd.DataFrame({"Day": weeks, "Article": name, "Sold": rng.poisson(mean, 70)})
            for name, mean in (("tea", 30), ("scones", 8))
        ]
    )
    rows.to_csv(tmp_path / "shop.csv", index=False)
    return tmp_path / "shop.csv"


MAP = ("--map", "date=Day,product=Article,quantity=Sold")


def test_forecast_writes_one_row_per_series_and_week(shop: Path, fairfare: Run) -> None:
    """Without a price, at the level asked for, and the same bytes twice."""
    out, again = shop.with_name("f.csv"), shop.with_name("g.csv")
    run = fairfare("forecast", shop, *MAP, "--horizon", "3", "--level", "90", "--model", "count", "--out", out)
    assert (run.returncode, run.stderr) == (0, "")
    found = pd.read_csv(out)
    assert list(found.columns) == ["product", "date", "mean", "lower", "upper", "model"]
    assert found["date"].tolist() == ["2024-05-05", "2024-05-12", "2024-05-19"] * 2
    assert (found["lower"] <= found["mean"]).all()
    assert found["model"].unique().tolist() == ["count"]
    fairfare("forecast", shop, *MAP, "--horizon", "3", "--level", "90", "--model", "count", "--out", again)
    assert out.read_bytes() == again.read_bytes()


def test_totals_are_asked_for_with_a_flag(shop: Path, fairfare: Run) -> None:
    """Rows "all" that add up."""
    out = shop.with_name("f.csv")
    run = fairfare("forecast", shop, *MAP, "--horizon", "2", "--totals", "--out", out)
    assert (run.returncode, run.stderr) == (0, "")
    means = pd.read_csv(out).pivot_table(index="date", columns="product", values="mean")
    assert means["all"].to_numpy() == pytest.approx((means["tea"] + means["scones"]).to_numpy(), rel=1e-9)


def test_forecast_with_coming_prices_holidays_capacity_and_as_of(tmp_path: Path, fairfare: Run) -> None:
    """Every input at once: the cheaper coming week sells more, and nothing exceeds the seats."""
    weeks = pd.date_range("2022-01-02", periods=110, freq="W-SUN")
    rng = np.random.default_rng(1)
    price = np.where(rng.random(110) < 0.4, 8.0, 12.0)
    rows = pd.DataFrame({"date": weeks, "product": "seat", "quantity": rng.poisson(900 / price**1.5), "price": price})
    rows.assign(seats=60).to_csv(tmp_path / "sales.csv", index=False)
    ahead = pd.DataFrame({"date": weeks[100:102], "price": [12.0, 8.0]})
    ahead.to_csv(tmp_path / "ahead.csv", index=False)
    run = fairfare(
        *("forecast", tmp_path / "sales.csv", "--horizon", "2", "--freq", "W", "--as-of", weeks[99].date().isoformat()),
        *("--future", tmp_path / "ahead.csv", "--capacity", "seats", "--country", "US", "--model", "count"),
        *("--out", tmp_path / "f.json"),
    )
    assert (run.returncode, run.stderr) == (0, "")
    found = pd.read_json(tmp_path / "f.json")
    assert found["mean"][1] > 1.4 * found["mean"][0]
    assert found["upper"].max() <= 60


@pytest.mark.parametrize("model", ["auto", "count", "ridge", "prophet-map"])
@pytest.mark.parametrize(("price", "weather"), [(0.01, 15.0), (1e6, 15.0), (10.0, 1e4), (10.0, -1e4)])
def test_absurd_coming_prices_and_regressors_give_sensible_forecasts(
    tmp_path: Path, fairfare: Run, model: str, price: float, weather: float
) -> None:
    """Given away, a million, or a hundred times outside what was seen: neither an explosion nor a negative number."""
    weeks, rng = pd.date_range("2022-01-02", periods=120, freq="W-SUN"), np.random.default_rng(1)
    rows = pd.DataFrame({"date": weeks, "product": "seat", "price": rng.uniform(8, 12, 120).round(2)})
    rows["weather"] = rng.normal(15, 5, 120).round(1)
    rows["quantity"] = rng.poisson(np.exp(4 - 1.5 * np.log(rows["price"] / 10) + 0.03 * (rows["weather"] - 15)))
    rows.to_csv(tmp_path / "sales.csv", index=False)
    ahead = pd.DataFrame({"date": pd.date_range(weeks[-1], periods=5, freq="W-SUN")[1:], "price": price})
    ahead.assign(weather=weather).to_csv(tmp_path / "ahead.csv", index=False)
    run = fairfare(
        *("forecast", tmp_path / "sales.csv", "--horizon", "4", "--future", tmp_path / "ahead.csv"),
        *("--model", model, "--out", tmp_path / "f.csv"),
    )
    assert (run.returncode, run.stderr) == (0, "")
    found = pd.read_csv(tmp_path / "f.csv")
    assert (found["lower"] >= 0).all()
    assert found["mean"].between(0.2 * rows["quantity"].mean(), 2 * rows["quantity"].max()).all()
    assert (found["upper"] <= 4 * rows["quantity"].max()).all()


def test_drivers_are_written_to_a_second_file(shop: Path, fairfare: Run) -> None:
    """One row per product and holiday, and one over both; in the format its ending says; the same bytes twice."""
    out, drivers = shop.with_name("f.csv"), shop.with_name("d.csv")
    asked = ("forecast", shop, *MAP, "--horizon", "2", "--model", "naive", "--country", "GB", "--out", out, "--drivers")
    run = fairfare(*asked, drivers)
    assert (run.returncode, run.stderr) == (0, "")
    found = pd.read_csv(drivers)
    assert list(found.columns[:4]) == ["product", "driver", "effect", "lower"]
    assert set(found["product"]) == {"tea", "scones", "all"}
    assert "too few to tell" in found["reason"].str.cat()
    once = drivers.read_bytes()
    fairfare(*asked, drivers)
    assert drivers.read_bytes() == once
    assert fairfare(*asked, shop.with_name("d.json")).returncode == 0
    assert fairfare(*asked, shop.with_name("d.txt")).returncode == 2
    refused = fairfare(
        *asked[:1], shop.parent, "--horizon", "2", "--out", shop.with_name("parts"), "--drivers", drivers
    )
    assert refused.returncode == 2
    assert "--drivers needs all series at once" in refused.stderr


def test_backtest_compares_with_the_baselines(shop: Path, fairfare: Run) -> None:
    """A row per series and model, and the total."""
    out = shop.with_name("b.csv")
    run = fairfare("backtest", shop, *MAP, "--horizon", "4", "--folds", "2", "--model", "count", "--out", out)
    assert (run.returncode, run.stderr) == (0, "")
    found = pd.read_csv(out)
    assert list(found.columns) == [
        *("product", "model", "wape", "mase", "rmsse", "bias", "pinball", "coverage", "periods")
    ]
    assert set(found["product"]) == {"tea", "scones", "all"}
    assert {"count", "naive", "seasonal-naive"} <= set(found["model"])


def test_backtest_writes_a_report_and_refuses_one_it_cannot_write(shop: Path, fairfare: Run) -> None:
    """The same bytes twice; a wrong ending is said before any work."""
    pages = [shop.with_name("one.html"), shop.with_name("two.html")]
    for page in pages:
        run = fairfare("backtest", shop, *MAP, "--horizon", "4", "--folds", "2", "--model", "ridge", "--report", page)
        assert run.returncode == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert "How forecasts would have done" in pages[0].read_text()
    run = fairfare("backtest", shop, *MAP, "--horizon", "4", "--report", shop.with_name("r.txt"))
    assert run.returncode == 2
    assert "must end in .html" in run.stderr


def test_a_folder_of_parts_is_forecast_file_by_file(shop: Path, fairfare: Run) -> None:
    """Into another folder; the second time there is nothing left to do."""
    sales, out = shop.with_name("parts"), shop.with_name("forecasts")
    sales.mkdir()
    pd.read_csv(shop).to_parquet(sales / "one.parquet", index=False)
    arguments = ("forecast", sales, *MAP, "--horizon", "3", "--model", "level", "--out", out)
    assert "done before: 0" in (run := fairfare(*arguments)).stderr
    assert run.returncode == 0
    assert "done before: 1" in fairfare(*arguments).stderr
    assert len(pd.read_parquet(out / "one.parquet")) == 6
    for more, said in ((("--totals",), "one file"), (("--quarantine", shop.with_name("q.csv")), "one file")):
        refused = fairfare(*arguments, *more)
        assert refused.returncode == 2
        assert said in refused.stderr
    assert fairfare("forecast", sales, *MAP, "--horizon", "3", "--out", shop.with_name("f.csv")).returncode == 2
    assert fairfare("forecast", shop, *MAP, "--horizon", "3", "--out", out).returncode == 2


def test_without_out_a_table_is_printed(shop: Path, fairfare: Run) -> None:
    """On standard output."""
    run = fairfare("forecast", shop, *MAP, "--horizon", "1", "--model", "naive")
    assert run.returncode == 0
    assert "scones" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--horizon", "2", "--by", "shop"), "shop"),
        (("--horizon", "2", "--capacity", "seats"), "seats"),
        (("--horizon", "2", "--model", "magic"), "no model is called magic"),
        (("--horizon", "2", "--country", "XX"), "no holidays are known"),
        (("--horizon", "2", "--target", "revenue"), "price"),
        (("--horizon", "0"), "horizon"),
        (("--horizon", "2", "--freq", "H"), "freq"),
        (("--horizon", "2", "--as-of", "2001-01-01"), "no sales to forecast from"),
    ],
)
def test_what_cannot_be_used_exits_2_says_what_and_writes_nothing(
    shop: Path, fairfare: Run, arguments: tuple[str, ...], said: str
) -> None:
    """Unusable arguments and input."""
    out = shop.with_name("f.csv")
    run = fairfare("forecast", shop, *MAP, *arguments, "--out", out)
    assert run.returncode == 2
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert not out.exists()


@pytest.mark.parametrize("command", ["forecast", "backtest"])
def test_help_has_an_example(command: str, fairfare: Run) -> None:
    """Of the command itself."""
    run = fairfare(command, "--help")
    assert run.returncode == 0
    assert f"Example: fairfare {command}" in run.stdout


@pytest.mark.parametrize("command", ["forecast", "backtest"])
def test_help_names_every_model(command: str, fairfare: Run) -> None:
    """All that --model takes."""
    said = " ".join(fairfare(command, "--help").stdout.replace("\u2502", " ").split())
    assert [name for name in (AUTO, COMBINATION, *models()) if f" {name}" not in said] == []


@pytest.mark.parametrize("command", ["forecast", "backtest"])
def test_a_negative_coming_capacity_is_said_with_file_column_and_day(
    tmp_path: Path, fairfare: Run, command: str
) -> None:
    """Not a traceback."""
    days = pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d")
    sales, ahead = tmp_path / "sales.csv", tmp_path / "ahead.csv"
    pd.DataFrame({"date": days, "product": "seat", "quantity": 30, "seats": 50}).to_csv(sales, index=False)
    ahead.write_text("date,seats\n2024-03-01,-5\n2024-03-02,50\n")
    run = fairfare(command, sales, "--horizon", "3", "--capacity", "seats", "--future", ahead, "--model", "naive")
    assert run.returncode == 2
    assert "ahead.csv, column seats: a coming capacity is negative: '-5 on 2024-03-01'" in " ".join(run.stderr.split())
