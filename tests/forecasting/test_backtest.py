"""A back-test is honest about what was known, and about how the forecasts did."""

import numpy as np
import pandas as pd
import pytest

from forecasting.backtest import LOSSES, backtest
from forecasting.evaluate import pinball
from forecasting.fleet import Task
from forecasting.grid import Frequency
from forecasting.table import forecast_table
from pricing.errors import InputError
from tests.forecasting.examples import sales_rows, seasonal
from tests.real_data import real_data


@pytest.fixture(scope="module")
def sales() -> pd.DataFrame:
    """Three products."""
    return sales_rows({"a": seasonal(130), "b": seasonal(130, level=300, seed=5), "c": seasonal(130, level=2, seed=6)})


def test_a_back_test_has_every_model_beside_the_baselines_and_a_total(sales: pd.DataFrame) -> None:
    """Losses per series and model, and pooled over all; wape of the total is the errors' sum over the sales' sum."""
    found = backtest(sales[sales["product"].isin(["a", "b"])], Task(horizon=4), folds=2).table
    assert set(found["model"]) == {"auto", "combination", *Task(horizon=4).candidates(Frequency.W)}
    assert list(found.columns) == ["product", "model", *LOSSES, "periods"]
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
        said = forecast_table(rows, Task(horizon=4, as_of=origin))
        both = said.merge(rows, on=["product", "date"])
        total, wrong = total + both["quantity"].sum(), wrong + (both["mean"] - both["quantity"]).abs().sum()
    found = backtest(rows, Task(horizon=4), folds=2).table
    pooled = found[(found["product"] == "all") & (found["model"] == "auto")]["wape"].item()
    assert pooled == pytest.approx(wrong / total)


def test_later_rows_say_nothing_of_what_a_gap_was() -> None:
    """A show that closed three weeks before the origin was, then, not reported: the back-test sees no zeros yet."""
    closed = np.concatenate([seasonal(100, level=400)[:97], np.zeros(7)])
    rows = sales_rows({"a": seasonal(104, level=300, seed=5), "closed": closed})
    rows = rows[~((rows["product"] == "closed") & (rows["quantity"] == 0))]
    last = rows["date"].max()
    made = backtest(rows, Task(horizon=4, model="level"), folds=1)
    own = next(outcome for outcome in made.of("level") if outcome.key == ("closed",))
    assert np.isnan(own.past[-3:]).all()
    assert own.actual.tolist() == [0.0] * 4
    said = forecast_table(rows, Task(horizon=4, model="level", as_of=last - pd.Timedelta(weeks=4)))
    assert own.forecast.mean.tolist() == said[said["product"] == "closed"]["mean"].tolist()


def strike(weeks: int = 100) -> pd.DataFrame:
    """A house whose seats fall from 400 to 50 at the last four weeks, and which sold nothing the week before them."""
    seats = np.where(np.arange(weeks) < weeks - 4, 400.0, 50.0)
    rows = sales_rows({"a": np.minimum(seasonal(weeks, level=300), seats)}).assign(seats=seats)
    return rows.drop(index=weeks - 5)


def test_an_origin_after_a_period_without_a_sale_sees_no_further_than_another() -> None:
    """Every later figure may change, a forecast made before it does not."""
    rows = strike()
    late = rows.index >= 96
    other = rows.assign(quantity=rows["quantity"].where(~late, 7.0), seats=rows["seats"].where(~late, 9_999.0))
    task = Task(horizon=4, model="naive", capacity="seats")
    said = [backtest(table, task, folds=1).of("naive")[0] for table in (rows, other)]
    assert said[0].origin == said[1].origin
    assert said[0].past.tolist()[:-1] == said[1].past.tolist()[:-1] == rows["quantity"].tolist()[:95]
    assert said[0].forecast.mean.min() > 100
    for part in ("mean", "lower", "upper"):
        assert getattr(said[0].forecast, part).tolist() == getattr(said[1].forecast, part).tolist()


def test_prices_first_written_down_after_an_origin_are_not_seen_there() -> None:
    """The forecast made there is one without prices, and is compared all the same."""
    rows = sales_rows({"a": seasonal(100)})
    price = np.where(np.arange(100) < 98, np.nan, 5.0)
    task = Task(horizon=4, model="ridge")
    priced, plain = (backtest(table, task, folds=1).of("ridge")[0] for table in (rows.assign(price=price), rows))
    assert priced.picked == plain.picked == "ridge"
    assert priced.forecast.mean.tolist() == plain.forecast.mean.tolist()


def test_what_sold_out_below_its_forecast_does_not_count_as_held() -> None:
    """Half of the days are cut short: the coverage is that of the others, which fell all below the interval."""
    sold = np.concatenate([np.tile([98.0, 102.0], 50), [60.0, 20.0, 60.0, 20.0]])
    rows = sales_rows({"a": sold}).assign(available=np.where(sold == 60, 60.0, 200.0))
    made = backtest(rows, Task(horizon=4, model="level"), folds=1)
    own, totals = made.of("level")[0], made.totals().loc["level"]
    assert own.short.tolist() == [True, False, True, False]
    assert (totals["coverage"], totals["periods"]) == (0.0, 4)
    assert [count.tolist() for count in made.held("level")] == [[[0, 0, 0, 0]], [[0, 1, 0, 1]]]
    assert made.by_step()["coverage"].isna().tolist()[:4] == [True, False, True, False]
    bounds = (own.forecast.lower[1::2], own.forecast.upper[1::2])
    assert totals["pinball"] == pytest.approx(pinball(np.full(2, 20.0), *bounds, 0.8))
    rows = rows.assign(available=rows["available"].where(rows["quantity"] != 20, 20.0))
    every = backtest(rows, Task(horizon=4, model="level"), folds=1).totals().loc["level"]
    assert every[["coverage", "pinball"]].isna().all()


def test_a_capacity_nobody_gave_ahead_is_not_known_ahead() -> None:
    """The house doubles at the origin: a forecast made there is cut at the old capacity."""
    rows = sales_rows({"a": np.concatenate([np.full(60, 100.0), np.full(4, 200.0)])})
    rows["seats"] = rows["quantity"].clip(lower=100)
    made = backtest(rows, Task(horizon=4, model="naive", capacity="seats"), folds=1)
    assert max(outcome.forecast.upper.max() for outcome in made.outcomes) <= 100


def test_what_had_ended_is_not_counted_and_what_starts_late_counts_from_its_start() -> None:
    """Nothing right about nothing would flatter the coverage; a new series has fewer origins."""
    ended = np.concatenate([seasonal(40, level=50), np.zeros(60)])
    late = np.concatenate([np.zeros(92), np.full(8, 30.0)])
    rows = sales_rows({"a": seasonal(100), "ended": ended, "late": late})
    rows = rows[~((rows["product"] == "late") & (rows["quantity"] == 0))]
    found = backtest(rows, Task(horizon=5, model="naive"), folds=3).table
    periods = found[found["model"] == "naive"].set_index("product")["periods"].to_dict()
    assert periods == {"a": 15, "late": 5, "all": 20}


def test_all_models_are_compared_on_the_same_outcomes() -> None:
    """At early origins a season has not been seen: seasonal naive counts there with what it falls back to."""
    rows = sales_rows({"a": seasonal(63)})
    found = backtest(rows, Task(horizon=5), folds=3).table
    assert set(found["periods"]) == {15}
    assert "seasonal-naive" in set(found["model"])


def test_losses_that_cannot_be_had_are_nan_and_do_not_spoil_the_total() -> None:
    """No sale has no share of it; a history that never changed has no scale."""
    rows = sales_rows({"a": seasonal(80), "zero": np.zeros(80), "flat": np.full(80, 7.0)})
    found = backtest(rows, Task(horizon=4, model="naive"), folds=1).table
    own = found[found["model"] == "naive"].set_index("product")
    assert own[["wape", "mase", "rmsse", "bias"]].isna().loc["zero"].all()
    assert own[["mase", "rmsse"]].isna().loc["flat"].all()
    assert own["wape"]["flat"] == 0
    assert own.notna().loc["all"].all()


def test_losses_by_step_pool_to_those_of_the_total(sales: pd.DataFrame) -> None:
    """Step by step, weighted by what came and by the number of outcomes."""
    made = backtest(sales, Task(horizon=4, model="ridge"), folds=2)
    steps = made.by_step()
    own = steps[steps["model"] == "ridge"]
    assert own["step"].tolist() == [1, 2, 3, 4]
    assert own["periods"].sum() == made.totals()["periods"]["ridge"]
    assert np.average(own["coverage"], weights=own["periods"]) == pytest.approx(made.totals()["coverage"]["ridge"])
    came = np.stack([outcome.actual for outcome in made.of("ridge")]).sum(axis=0)
    assert np.average(own["wape"], weights=came) == pytest.approx(made.totals()["wape"]["ridge"])


def test_a_history_too_short_to_look_back_is_refused() -> None:
    """Three weeks cannot be forecast four weeks from four weeks ago."""
    with pytest.raises(InputError, match="no series is long enough to look back 4 periods"):
        backtest(sales_rows({"a": np.ones(3)}), Task(horizon=4))


def test_auto_beats_both_naive_forecasts_where_there_is_something_to_learn() -> None:
    """Seasonal counts with noise: less error than the last value and than last year's."""
    rows = sales_rows({str(k): seasonal(190, level=20 + 10 * k, seed=k) for k in range(8)})
    found = backtest(rows, Task(horizon=8), folds=2).table
    wape = found[found["product"] == "all"].set_index("model")["wape"]
    assert wape["auto"] < 0.9 * min(wape["naive"], wape["seasonal-naive"])


def test_intervals_of_the_choice_cover_about_what_they_promise() -> None:
    """80 % intervals of the automatic choice hold 70 to 92 % over 20 simulated series."""
    rows = sales_rows({str(k): seasonal(150, level=15 + 5 * k, seed=k) for k in range(20)})
    found = backtest(rows, Task(horizon=6), folds=2).table
    coverage = found[(found["product"] == "all") & (found["model"] == "auto")]["coverage"].item()
    assert 0.7 <= coverage <= 0.92


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["milk", "sugar"])
def test_auto_is_not_worse_than_seasonal_naive_on_scanner_data(name: str) -> None:
    """The last six months of real monthly sales, by product."""
    raw = pd.read_csv(real_data(f"polish_scanner/{name}.csv"))
    renamed = {"time": "date", "prices": "price", "quantities": "quantity", "prodID": "product"}
    rows = raw.rename(columns=renamed).assign(date=pd.to_datetime(raw["time"]))
    found = backtest(rows, Task(horizon=6), folds=1).table
    wape = found[found["product"] == "all"].set_index("model")["wape"]
    assert wape["auto"] <= 1.02 * min(wape["seasonal-naive"], wape["naive"])


@pytest.mark.real_data
def test_auto_beats_both_naive_forecasts_on_weekly_shows() -> None:
    """Shows that ran for two years, 13 weeks ahead, from four origins; closed ones teach the calendar."""
    raw = pd.read_csv(real_data("broadway_to_2011/broadway_1990_2011.csv.gz"))
    rows = raw.rename(columns={"show": "product", "attendance": "quantity"})[["date", "product", "quantity"]]
    rows = rows.assign(date=pd.to_datetime(rows["date"]))
    rows = rows[rows["date"] <= "2007-09-30"]
    span = rows.groupby("product")["date"].agg(["min", "max"])
    ran, closed = (span["min"] < "2005-09-30") & (span["max"] == "2007-09-30"), span["max"] < "2006-09-30"
    found = backtest(
        rows[rows["product"].isin(span.index[ran | closed])], Task(horizon=13, country="US"), folds=4
    ).table
    every = found[found["product"] == "all"].set_index("model")
    assert every["wape"]["auto"] < 0.88 * min(every["wape"]["seasonal-naive"], every["wape"]["naive"])
    assert 0.7 < every["coverage"]["auto"] < 0.9
