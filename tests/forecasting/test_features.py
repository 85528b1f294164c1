"""Calendar columns come from the date alone; holidays from their country."""

import datetime as dt

import numpy as np
import pytest

from forecasting.features import Calendar, holiday_columns, holidays_in, usable_regressors
from forecasting.grid import Frequency, Grid
from pricing.errors import InputError
from tests.forecasting.examples import history, seasonal

DAYS = Grid(Frequency.D)


def test_holidays_of_a_country_fall_on_their_days() -> None:
    """Thanksgiving 2023 was on 23 November; a country code may be lower case."""
    assert (dt.date(2023, 11, 23), "Thanksgiving Day") in holidays_in("us", 2023)


def test_an_unknown_country_is_refused_with_an_example() -> None:
    """A code nobody has is an input error."""
    with pytest.raises(InputError, match="no holidays are known for the country code XX"):
        holidays_in("XX", 2023)


def test_a_holiday_marks_its_day_and_its_eve() -> None:
    """Of days, one column says today, another tomorrow."""
    periods = DAYS.period(np.array(["2023-11-22", "2023-11-23", "2023-11-24"], dtype="datetime64[D]"))
    columns = holiday_columns(DAYS, periods, "US", ("Thanksgiving Day",))
    assert columns.tolist() == [[0, 1], [1, 0], [0, 0]]


def test_a_week_labelled_by_its_last_day_touches_the_holiday() -> None:
    """Rows dated on Sundays: the week of Thanksgiving is the one that ends on 26 November."""
    weeks = Grid(Frequency.W, 3)
    labels = np.array(["2023-11-19", "2023-11-26"], dtype="datetime64[D]")
    columns = holiday_columns(weeks, weeks.period(labels), "US", ("Thanksgiving Day",))
    assert columns.tolist() == [[1, 0], [0, 0]]
    columns = holiday_columns(weeks, weeks.period(labels - 7), "US", ("Thanksgiving Day",))
    assert columns.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("frequency", "n", "harmonics", "weekdays"),
    [
        ("D", 10, 0, False),
        ("D", 200, 0, True),
        ("W", 52, 0, False),
        ("W", 80, 2, False),
        ("W", 160, 6, False),
        ("MS", 13, 0, False),
    ],
)
def test_a_season_needs_enough_history(frequency: str, n: int, harmonics: int, weekdays: bool) -> None:
    """A year and a bit for yearly seasons, two weeks for weekdays."""
    calendar = Calendar.of(history([5.0] * n, grid=Grid(Frequency(frequency))))
    assert (calendar.harmonics, calendar.weekdays) == (harmonics, weekdays)


def test_columns_do_not_depend_on_which_periods_are_asked_with_them() -> None:
    """A period's columns are its own: no look-ahead can hide in them."""
    past = history(seasonal(1200), grid=DAYS, start=18_000)
    calendar = Calendar.of(past, "US")
    whole, deviation = calendar.columns(past.periods)
    part, _ = calendar.columns(past.periods[500:510])
    assert whole.shape[1] == deviation.size > 20
    assert np.allclose(whole[500:510], part)


def test_a_regressor_that_never_varied_is_not_used() -> None:
    """A constant price tells nothing."""
    assert (
        usable_regressors(history(seasonal(60), price=np.full(60, 9.0)), Calendar.of(history(seasonal(60)))).size == 0
    )
