"""The tables of forecasts and of back-tests are whole, repeatable, and honest about the future."""

import numpy as np
import pandas as pd
import pytest

from forecasting import fleet
from forecasting.fleet import Task
from forecasting.table import forecast_table
from tests.forecasting.examples import sales_rows, seasonal

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
    found = forecast_table(sales, Task(horizon=5))
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
    assert forecast_table(sales, Task(horizon=3)).to_csv() == forecast_table(shuffled, Task(horizon=3)).to_csv()


def test_processes_do_not_change_a_number(sales: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shared among processes or not, the table is the same, and progress is told to the end."""
    seen: list[tuple[int, int]] = []
    alone = forecast_table(sales, Task(horizon=3), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 5) for k in range(1, 6)]
    monkeypatch.setattr(fleet, "WORTH_PROCESSES", 0.0)
    pd.testing.assert_frame_equal(alone, forecast_table(sales, Task(horizon=3)))


@pytest.mark.parametrize("model", ["holt-winters", "ridge", "prophet-map"])
def test_partitions_do_not_change_a_number(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Series of different halls, worked on together or two at a time: the same bytes, each below its own capacity."""
    halls = {"a": 30.0, "b": 45.0, "c": 60.0, "d": 75.0, "e": 90.0}
    rows = sales_rows({name: np.minimum(seasonal(130, level=1.2 * seats), seats) for name, seats in halls.items()})
    rows["seats"] = rows["product"].map(halls)
    whole = forecast_table(rows, Task(horizon=4, capacity="seats", model=model))
    monkeypatch.setattr(fleet, "PARTITION", 2)
    assert whole.to_csv() == forecast_table(rows, Task(horizon=4, capacity="seats", model=model)).to_csv()
    assert (whole["upper"] <= whole["product"].map(halls)).all()


def test_rows_after_as_of_do_not_move_a_forecast(sales: pd.DataFrame) -> None:
    """A planted future changes nothing."""
    as_of = "2021-03-28"
    planted = sales.assign(quantity=sales["quantity"].where(sales["date"] <= as_of, 1e6))
    pd.testing.assert_frame_equal(
        forecast_table(sales, Task(horizon=3, as_of=as_of)), forecast_table(planted, Task(horizon=3, as_of=as_of))
    )


def test_other_series_do_not_move_what_a_model_says(sales: pd.DataFrame) -> None:
    """A named model's mean for one product is its own, whatever else is in the file."""
    alone = forecast_table(sales[sales["product"] == "a"], Task(horizon=3, model="count"))
    among = forecast_table(sales, Task(horizon=3, model="count"))
    assert alone["mean"].tolist() == among.loc[among["product"] == "a", "mean"].tolist()


def test_capacity_caps_mean_and_bounds() -> None:
    """Demand beyond the hall is not forecast as sales; in a larger hall sold-out weeks count as more than they sold."""
    demand = seasonal(130, level=45)
    rows = sales_rows({"a": np.minimum(demand, 50)}).assign(seats=50.0)
    capped = forecast_table(rows, Task(horizon=8, capacity="seats", model="ridge"))
    assert capped["upper"].max() <= 50
    larger = pd.DataFrame({"date": capped["date"], "seats": 90.0})
    moved = forecast_table(rows, Task(horizon=8, capacity="seats", model="ridge"), future=larger)
    assert 50 < moved["upper"].max() <= 90
    assert moved["mean"].mean() > capped["mean"].mean()


def test_revenue_and_quantity_are_different_targets(sales: pd.DataFrame) -> None:
    """At a price of 7, seven times as much."""
    priced = sales[sales["product"] == "b"].assign(price=7.0)
    units = forecast_table(priced, Task(horizon=2, model="seasonal-naive"))["mean"]
    revenue = forecast_table(priced, Task(horizon=2, model="seasonal-naive", target="revenue"))["mean"]
    assert revenue.to_numpy() == pytest.approx(7 * units.to_numpy())


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("model", ["auto", "prophet", "count", "seasonal-naive"])
def test_a_very_short_series_falls_back_and_says_so(n: int, model: str) -> None:
    """One, two and three points are forecast by a baseline."""
    found = forecast_table(sales_rows({"a": np.full(n, 6.0)}), Task(horizon=4, freq="W", model=model))
    assert found["mean"].tolist() == pytest.approx([6.0] * 4)
    assert found["model"].isin(["naive", "level", "combination"]).all()


@pytest.fixture(scope="module")
def halls() -> pd.DataFrame:
    """Two events of two segments with a price; one segment of one event began late."""
    rows = sales_rows({f"{event} {segment}": seasonal(100, level=20 + 9 * k, seed=k) for k, (event, segment) in PAIRS})
    pair = rows["product"].str.split(expand=True)
    rows = rows.assign(event=pair[0], segment=pair[1], seats=60.0, price=8.0)
    return rows[(rows["product"] != "gala child") | (rows["date"] >= "2020-09-06")].assign(product="seat")


PAIRS = list(enumerate([("gala", "adult"), ("gala", "child"), ("revue", "adult"), ("revue", "child")]))
TOTALS = [("gala", "all"), ("revue", "all"), ("all", "adult"), ("all", "child"), ("all", "all")]


@pytest.mark.parametrize("task", [{}, {"capacity": "seats"}, {"target": "revenue"}, {"model": "count"}])
def test_totals_have_a_row_per_period_and_agree_with_their_series(halls: pd.DataFrame, task: dict[str, str]) -> None:
    """After the series, in order; sums to rounding, bounds around the mean, below the seats; the same twice."""
    ahead = pd.DataFrame({"date": pd.date_range("2020-12-06", periods=4, freq="W"), "price": 7.0, "seats": 55.0})
    asked = Task(horizon=4, by=("event", "segment"), **task)  # type: ignore[arg-type]  # fields of one type each
    found = forecast_table(halls, asked, future=ahead, totals=True)
    keys = [(event, segment) for _, (event, segment) in PAIRS] + TOTALS
    assert list(zip(found["event"], found["segment"], strict=True)) == [key for key in keys for _ in range(4)]
    mean = {key: part["mean"].to_numpy() for key, part in found.groupby(["event", "segment"])}
    for total in TOTALS:
        parts = [own for own in keys[:4] if all(k in ("all", o) for k, o in zip(total, own, strict=True))]
        assert mean[total] == pytest.approx(sum(mean[own] for own in parts), rel=1e-9)
    assert ((found["lower"] >= 0) & (found["lower"] <= found["mean"]) & (found["mean"] <= found["upper"])).all()
    if "capacity" in task:
        seats = 55 * np.repeat([1, 1, 1, 1, 2, 2, 2, 2, 4], 4)
        assert (found["upper"] <= seats + 1e-9).all()
    assert found.to_csv() == forecast_table(halls, asked, future=ahead, totals=True).to_csv()


def test_rows_after_as_of_do_not_move_a_total(halls: pd.DataFrame) -> None:
    """A planted future changes nothing."""
    task = Task(horizon=3, by=("event", "segment"), as_of="2020-09-27")
    planted = halls.assign(quantity=halls["quantity"].where(halls["date"] <= "2020-09-27", 1e6))
    found = forecast_table(halls, task, totals=True)
    pd.testing.assert_frame_equal(found, forecast_table(planted, task, totals=True))


def test_one_series_has_no_totals_to_add() -> None:
    """The table is that of the series."""
    rows = sales_rows({"a": seasonal(60)})
    task = Task(horizon=2)
    pd.testing.assert_frame_equal(forecast_table(rows, task, totals=True), forecast_table(rows, task))
