"""Calendar columns come from the date alone; holidays from their country."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    """Rows dated on Sundays: Thanksgiving is in the week from 19 November, or in the one that ends on the 26th."""
    weeks = Grid(Frequency.W, 3)
    labels = np.array(["2023-11-12", "2023-11-19", "2023-11-26"], dtype="datetime64[D]")
    columns = holiday_columns(weeks, weeks.period(labels), "US", ("Thanksgiving Day",))
    assert columns.tolist() == [[0, 0], [1, 0], [0, 1]]


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


OBSERVED = [
    ("US", "2021-07-05", "Independence Day (observed)"),  # the 4th was a Sunday
    ("US", "2021-12-31", "New Year's Day (observed)"),  # a Saturday, so that it is kept in the year before
    ("GB", "2022-12-27", "Christmas Day (observed)"),  # a Sunday, and the Monday was Boxing Day
]


@pytest.mark.parametrize(("country", "day", "name"), OBSERVED)
def test_a_holiday_is_also_the_day_it_is_kept(country: str, day: str, name: str) -> None:
    """Where a holiday falls on a weekend, the day off counts under a name of its own."""
    assert (dt.date.fromisoformat(day), name) in holidays_in(country, int(day[:4]))
    period = DAYS.period(np.array([day], dtype="datetime64[D]"))
    assert holiday_columns(DAYS, period, country, (name,)).tolist() == [[1, 0]]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["US", "DE"]),
    st.integers(1975, 2080),
    st.integers(0, 6),
    st.sampled_from([Frequency.D, Frequency.W]),
)
def test_each_holiday_marks_the_one_period_that_holds_it(
    country: str, year: int, weekday: int, frequency: Frequency
) -> None:
    """Over a whole year, of days or of weeks that start on any weekday: as many marks as days off, in their places."""
    grid = Grid(frequency, weekday if frequency is Frequency.W else 0)
    first, last = (np.array([f"{y}-01-01"], dtype="datetime64[D]") for y in (year, year + 1))
    periods = np.arange(grid.period(first)[0], grid.period(last)[0] + 1)
    for day, name in holidays_in(country, year):
        at = grid.period(np.array([day], dtype="datetime64[D]"))[0]
        held, beside = holiday_columns(grid, periods, country, (name,)).T
        assert held[periods == at] == 1
        eve, weekly = (beside[:-1], held[1:]), (beside[1:], held[:-1])
        assert np.array_equal(*(weekly if frequency is Frequency.W else eve))
    marked = sum(
        holiday_columns(DAYS, np.arange(first.astype(int)[0], last.astype(int)[0]), country, (n,))[:, 0].sum()
        for n in {name for _, name in holidays_in(country, year)}
    )
    assert marked == len(holidays_in(country, year))


def test_a_year_without_known_holidays_has_none() -> None:
    """Centuries ahead nobody has said when the country rests."""
    periods = DAYS.period(np.array(["2500-12-25"], dtype="datetime64[D]"))
    assert not holiday_columns(DAYS, periods, "US", ("Christmas Day",)).any()
