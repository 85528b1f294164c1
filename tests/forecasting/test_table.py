"""The tables of forecasts and of back-tests are whole, repeatable, and honest about the future."""

import numpy as np
import pandas as pd
import pytest

from forecasting import table
from forecasting.table import backtest_table, forecast_table
from pricing.errors import InputError
from tests.forecasting.examples import sales_rows, seasonal
from tests.real_data import real_data

COLUMNS = ["product", "date", "mean", "lower", "upper", "model"]


@pytest.fixture(scope="module")
def sales() -> pd.DataFrame:
    """Three lively products, a dead one, and one that has just begun."""
    rows = sales_rows(
        {
            "a": seasonal(130),
            "b": seasonal(130, level=300, seed=5),
            "c": seasonal(130, level=2, seed=6),
            "dead": np.zeros(130),
        }
    )
    new = rows[rows["date"] == rows["date"].max()].head(1).assign(product="new", quantity=4.0)
    return pd.concat([rows, new], ignore_index=True)


def test_one_row_per_series_and_period_none_missing(sales: pd.DataFrame) -> None:
    """Whatever the series, in order, labelled as the data are (Sundays), with bounds in order."""
    found = forecast_table(sales, horizon=5)
    assert list(found.columns) == COLUMNS
    assert found["product"].tolist() == [name for name in ("a", "b", "c", "dead", "new") for _ in range(5)]
    weeks = pd.date_range("2021-07-04", periods=5, freq="W-SUN")
    assert found["date"].tolist() == weeks.tolist() * 5
    assert ((found["lower"] >= 0) & (found["lower"] <= found["mean"]) & (found["mean"] <= found["upper"])).all()
    assert found.loc[found["product"] == "dead", "mean"].max() < 0.1
    assert found.loc[found["product"] == "new", "model"].unique().tolist() == ["naive"]


def test_rows_in_any_order_give_the_same_table(sales: pd.DataFrame) -> None:
    """Shuffled rows, the same bytes."""
    shuffled = sales.sample(frac=1.0, random_state=3)
    assert forecast_table(sales, horizon=3).to_csv() == forecast_table(shuffled, horizon=3).to_csv()


def test_processes_do_not_change_a_number(sales: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shared among processes or not, the table is the same, and progress is told to the end."""
    seen: list[tuple[int, int]] = []
    alone = forecast_table(sales, horizon=3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 5) for k in range(1, 6)]
    monkeypatch.setattr(table, "WORTH_PROCESSES", 0.0)
    pd.testing.assert_frame_equal(alone, forecast_table(sales, horizon=3))


@pytest.mark.parametrize("model", ["auto", "ridge", "prophet-map"])
def test_partitions_do_not_change_a_number(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Series of different halls, worked on together or two at a time: the same bytes, each below its own capacity."""
    halls = {"a": 30.0, "b": 45.0, "c": 60.0, "d": 75.0, "e": 90.0}
    rows = sales_rows({name: np.minimum(seasonal(130, level=1.2 * seats), seats) for name, seats in halls.items()})
    rows["seats"] = rows["product"].map(halls)
    whole = forecast_table(rows, horizon=4, capacity="seats", model=model)
    monkeypatch.setattr(table, "PARTITION", 2)
    assert whole.to_csv() == forecast_table(rows, horizon=4, capacity="seats", model=model).to_csv()
    assert (whole["upper"] <= whole["product"].map(halls)).all()


def test_rows_after_as_of_do_not_move_a_forecast(sales: pd.DataFrame) -> None:
    """A planted future changes nothing."""
    as_of = "2021-03-28"
    planted = sales.assign(quantity=sales["quantity"].where(sales["date"] <= as_of, 1e6))
    pd.testing.assert_frame_equal(
        forecast_table(sales, horizon=3, as_of=as_of), forecast_table(planted, horizon=3, as_of=as_of)
    )


def test_other_series_do_not_move_what_a_model_says(sales: pd.DataFrame) -> None:
    """A named model's mean for one product is its own, whatever else is in the file."""
    alone = forecast_table(sales[sales["product"] == "a"], horizon=3, model="count")
    among = forecast_table(sales, horizon=3, model="count")
    assert alone["mean"].tolist() == among.loc[among["product"] == "a", "mean"].tolist()


def test_capacity_caps_mean_and_bounds() -> None:
    """Demand beyond the hall is not forecast as sales; sold-out weeks count as more than they sold."""
    demand = seasonal(130, level=45)
    rows = sales_rows({"a": np.minimum(demand, 50)}).assign(seats=50.0)
    capped = forecast_table(rows, horizon=8, capacity="seats", model="count")
    assert capped["upper"].max() <= 50
    ignored = forecast_table(rows, horizon=8, model="count")
    assert capped["mean"].mean() > ignored["mean"].mean()


def test_revenue_and_quantity_are_different_targets(sales: pd.DataFrame) -> None:
    """At a price of 7, seven times as much."""
    priced = sales[sales["product"] == "b"].assign(price=7.0)
    units = forecast_table(priced, horizon=2, model="seasonal-naive")["mean"]
    revenue = forecast_table(priced, horizon=2, model="seasonal-naive", target="revenue")["mean"]
    assert revenue.to_numpy() == pytest.approx(7 * units.to_numpy())


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("model", ["auto", "prophet", "count", "seasonal-naive"])
def test_a_very_short_series_falls_back_and_says_so(n: int, model: str) -> None:
    """One, two and three points are forecast by a baseline."""
    found = forecast_table(sales_rows({"a": np.full(n, 6.0)}), horizon=4, freq="W", model=model)
    assert found["mean"].tolist() == pytest.approx([6.0] * 4)
    assert found["model"].isin(["naive", "level", "combination"]).all()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"model": "magic"}, "no model is called magic; there are auto"),
        ({"freq": "H"}, "the frequency is one of D, W, MS, QS, YS, not H"),
        ({"country": "XX"}, "no holidays are known"),
        ({"level": 80}, "not between 0 and 1"),
    ],
)
def test_options_that_do_not_exist_are_refused_with_those_that_do(
    sales: pd.DataFrame, asked: dict[str, object], said: str
) -> None:
    """Nothing is guessed."""
    with pytest.raises(InputError, match=said):
        forecast_table(sales, horizon=2, **asked)  # type: ignore[arg-type]


def test_a_back_test_has_every_model_beside_the_baselines_and_a_total(sales: pd.DataFrame) -> None:
    """Losses per series and model, and pooled over all; wape of the total is the errors' sum over the sales' sum."""
    found = backtest_table(sales[sales["product"].isin(["a", "b"])], horizon=4, folds=2)
    kinds = {"auto", "naive", "seasonal-naive", "level", "count", "prophet-map", "combination"}
    assert set(found["model"]) == kinds
    assert list(found.columns) == ["product", "model", *table.LOSSES, "periods"]
    naive = found[found["model"] == "naive"].set_index("product")
    assert naive["periods"].to_dict() == {"a": 8, "b": 8, "all": 16}
    sold = {
        name: part.sort_values("date")["quantity"].tail(8).sum()
        for name, part in sales[sales["product"].isin(["a", "b"])].groupby("product")
    }
    pooled = sum(naive["wape"][name] * sold[name] for name in sold) / sum(sold.values())
    assert naive["wape"]["all"] == pytest.approx(pooled)
    assert found["product"].tolist()[-1] == "all"


def test_a_back_test_equals_forecasts_made_at_its_origins(sales: pd.DataFrame) -> None:
    """What it judges is what `forecast` would have said then, choice included."""
    rows = sales[sales["product"].isin(["a", "b", "c"])]
    last = rows["date"].max()
    total, wrong = 0.0, 0.0
    for weeks in (4, 8):
        origin = last - pd.Timedelta(weeks=weeks)
        said = forecast_table(rows, horizon=4, as_of=origin)
        both = said.merge(rows, on=["product", "date"])
        total, wrong = total + both["quantity"].sum(), wrong + (both["mean"] - both["quantity"]).abs().sum()
    found = backtest_table(rows, horizon=4, folds=2)
    pooled = found[(found["product"] == "all") & (found["model"] == "auto")]["wape"].item()
    assert pooled == pytest.approx(wrong / total)


def test_a_history_too_short_to_look_back_is_refused() -> None:
    """Three weeks cannot be forecast four weeks from four weeks ago."""
    with pytest.raises(InputError, match="no series is long enough to look back 4 periods"):
        backtest_table(sales_rows({"a": np.ones(3)}), horizon=4)


def test_auto_beats_both_naive_forecasts_where_there_is_something_to_learn() -> None:
    """Seasonal counts with noise: less error than the last value and than last year's."""
    rows = sales_rows({str(k): seasonal(190, level=20 + 10 * k, seed=k) for k in range(8)})
    found = backtest_table(rows, horizon=8, folds=2)
    wape = found[found["product"] == "all"].set_index("model")["wape"]
    assert wape["auto"] < 0.9 * min(wape["naive"], wape["seasonal-naive"])


def test_intervals_of_the_choice_cover_about_what_they_promise() -> None:
    """80 % intervals of the automatic choice hold 70 to 92 % over 20 simulated series."""
    rows = sales_rows({str(k): seasonal(150, level=15 + 5 * k, seed=k) for k in range(20)})
    found = backtest_table(rows, horizon=6, folds=2)
    coverage = found[(found["product"] == "all") & (found["model"] == "auto")]["coverage"].item()
    assert 0.7 <= coverage <= 0.92


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["milk", "sugar"])
def test_auto_is_not_worse_than_seasonal_naive_on_scanner_data(name: str) -> None:
    """The last six months of real monthly sales, by product."""
    raw = pd.read_csv(real_data(f"polish_scanner/{name}.csv"))
    renamed = {"time": "date", "prices": "price", "quantities": "quantity", "prodID": "product"}
    rows = raw.rename(columns=renamed).assign(date=pd.to_datetime(raw["time"]))
    found = backtest_table(rows, horizon=6, folds=1)
    wape = found[found["product"] == "all"].set_index("model")["wape"]
    assert wape["auto"] <= 1.02 * min(wape["seasonal-naive"], wape["naive"])


@pytest.mark.real_data
def test_auto_beats_both_naive_forecasts_on_weekly_shows() -> None:
    """Attendance of long-running shows, 13 weeks ahead, from two origins a year apart."""
    raw = pd.read_csv(real_data("broadway_to_2011/broadway_1990_2011.csv.gz"))
    rows = raw.rename(columns={"show": "product", "attendance": "quantity", "avg_price": "price"})
    rows = rows[["date", "product", "quantity", "price"]].assign(date=pd.to_datetime(rows["date"]))
    for origin in pd.to_datetime(["2005-10-02", "2006-10-01"]):
        past = rows[rows["date"] <= origin + pd.Timedelta(weeks=13)]
        span = past.groupby("product")["date"].agg(["min", "max"])
        live = span[(span["max"] > origin) & (span["min"] < origin - pd.Timedelta(weeks=60))].index
        found = backtest_table(past[past["product"].isin(live)], horizon=13, folds=1)
        wape = found[found["product"] == "all"].set_index("model")["wape"]
        assert wape["auto"] < min(wape["seasonal-naive"], wape["naive"])
