"""Drivers are named as a reader would, and none is there twice."""

import numpy as np
import pandas as pd
import pytest

from forecasting.drivers.columns import backdrop, drivers_of
from forecasting.grid import Frequency, Grid
from forecasting.model import History
from tests.forecasting.examples import history


def daily(first: str, days: int) -> History:
    """Sales of one unit a day."""
    start = int(np.datetime64(first).astype("datetime64[D]").astype(np.int64))
    return history(np.ones(days), grid=Grid(Frequency.D), start=start)


def at(past: History, country: str, *, ends: bool = False) -> dict[str, list[str]]:
    """Dates of each holiday's column."""
    drivers = drivers_of(past, country, ends=ends)
    return {d.name: [str(day) for day in past.dates[d.values > 0]] for d in drivers}


def test_a_holiday_has_its_day_and_its_eve() -> None:
    """Christmas in the United States; the second day of Christmas in Germany needs no eve of its own."""
    found = at(daily("2022-12-01", 30), "US")
    assert found["Christmas Day"] == ["2022-12-25"]
    assert found["eve of Christmas Day"] == ["2022-12-24"]
    german = at(daily("2021-12-01", 60), "DE")
    assert "Zweiter Weihnachtstag" in german or "Second Day of Christmas" in german
    assert not [name for name in german if name.startswith("eve of") and ("Zweiter" in name or "Second" in name)]


@pytest.mark.parametrize(("ends", "week"), [(False, "2019-12-22"), (True, "2019-12-29")])
def test_a_week_holds_its_holidays_whether_called_by_its_first_day_or_its_last(ends: bool, week: str) -> None:
    """Wednesday, 25 December 2019, in weeks dated on Sundays; one observed on another day is the same holiday."""
    start = Grid(Frequency.W, 3).period(np.array(["2019-01-06"], dtype="datetime64[D]"))[0]
    found = at(history(np.ones(150), start=int(start)), "US", ends=ends)
    assert week in found["Christmas Day"]
    assert len(found["Christmas Day"]) == 2
    assert not [name for name in found if "observed" in name]


def test_no_two_columns_are_the_same() -> None:
    """Whatever falls together is there once."""
    for past in (daily("2019-01-01", 1000), history(np.ones(200), start=2500)):
        columns = [driver.values.tobytes() for driver in drivers_of(past, "GB", ends=False)]
        assert len(columns) == len(set(columns))


def test_months_have_no_holidays_and_no_country_no_holidays() -> None:
    """A month holds them all alike."""
    assert not drivers_of(history(np.ones(40), grid=Grid(Frequency.MS), start=500), "US", ends=False)
    assert not drivers_of(history(np.ones(90)), None, ends=False)


def test_a_step_is_one_a_reader_would_think_in() -> None:
    """A price by ten percent, degrees by one, visitors of a million by a hundred thousand, shares by hundredths."""
    rng = np.random.default_rng(0)
    names = ("price", "promotion", "degrees", "visitors", "rate", "festival")
    values = np.column_stack(
        [
            *(np.log(rng.uniform(8, 12, 90)), rng.random(90) < 0.2, rng.normal(15, 5, 90)),
            *(rng.normal(1e6, 3e5, 90), rng.normal(0.5, 0.04, 90), np.arange(90) % 20 == 0),
        ]
    ).astype(np.float64)
    past = History(Grid(Frequency.W, 3), 1800, np.ones(90), np.zeros(90), np.full(90, np.inf), names, values)
    found = {driver.name: driver for driver in drivers_of(past, None, ends=False)}
    assert [driver.per for driver in found.values()] == [
        *("price 10 % up", "period on promotion", "degrees 1 up", "visitors 100000 up", "rate 0.01 up"),
        "period with it",
    ]
    assert found["price"].step == pytest.approx(np.log(1.1))
    assert found["festival"].seen == 5


def test_season_and_trend_are_smooth() -> None:
    """Eight weeks of Christmas are not season: the yearly curve has at most three waves."""
    columns, deviation = backdrop(history(np.ones(261)))
    assert columns.shape == (261, 21 + 6)
    assert np.isinf(deviation[:21]).all()
    assert columns[:, :21].sum(axis=1) == pytest.approx(np.ones(261))
    assert pd.Series(columns[:, 0]).is_monotonic_decreasing
