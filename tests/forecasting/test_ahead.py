"""Coming values are used, carried forward, or refused; never passed over in silence."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.series import Panel, Request, panel_of
from pricing.errors import InputError
from tests.forecasting.examples import sales_rows

COMING = ["2019-02-10", "2019-02-17"]


def sales() -> pd.DataFrame:
    """Five weeks of two products, with prices."""
    rows = sales_rows({"a": np.ones(5), "b": np.ones(5)})
    return rows.assign(price=[9.0, 4.0, 9.0, 4.0, 9.0] * 2, temperature=[1.0, 5.0, 2.0, 4.0, 3.0] * 2)


def panel(ahead: pd.DataFrame, rows: pd.DataFrame | None = None, **asked: Any) -> Panel:
    """The series with coming values."""
    return panel_of(sales() if rows is None else rows, Request(**{"by": ("product",), "horizon": 2, **asked}), ahead)


def ahead(days: list[str], **columns: Any) -> pd.DataFrame:
    """Rows of coming values."""
    return pd.DataFrame({"date": pd.to_datetime(days), **columns})


def refused(given: pd.DataFrame, **asked: Any) -> str:
    """What is said of coming values that cannot be used."""
    with pytest.raises(InputError) as error:
        panel(given, **asked)
    return str(error.value)


def prices(found: Panel) -> list[list[float]]:
    """Coming prices of each series."""
    return [np.exp(future.regressors[:, 0]).round(6).tolist() for future in found.futures]


@pytest.mark.parametrize("days", [["2019-01-06", "2019-02-03"], ["2019-02-24", "2020-01-05"], []])
def test_dates_outside_the_coming_periods_are_refused(days: list[str]) -> None:
    """All of the past, or all beyond the horizon: the answer names the periods that were meant."""
    said = refused(ahead(days, price=[5.0] * len(days)))
    assert "column date: no coming value is of the periods to forecast, 2019-02-10 to 2019-02-17" in said


def test_a_part_of_the_horizon_is_enough() -> None:
    """A price for the first week stays for the second; one for the second follows the last one."""
    assert prices(panel(ahead(COMING[:1], price=[6.0]))) == [[6, 6]] * 2
    assert prices(panel(ahead(COMING[1:], price=[6.0]))) == [[9, 6]] * 2


def test_a_series_nobody_has_is_refused_by_name() -> None:
    """One answer with every name; a product that only began after the last day used is not a stranger."""
    said = refused(ahead([COMING[0]] * 3, product=["a", "c", "d"], price=[5.0] * 3))
    assert "a series that the sales do not have: 'c'" in said
    assert "a series that the sales do not have: 'd'" in said
    new = sales_rows({"new": np.ones(1)}, start="2019-03-03").assign(price=5.0)
    rows = pd.concat([sales(), new])
    given = ahead([COMING[0]] * 2, product=["new", "a"], price=[5.0, 6.0])
    assert prices(panel(given, rows, as_of=pd.Timestamp("2019-02-03"))) == [[6, 6], [9, 9]]


def test_a_combination_nobody_has_is_refused() -> None:
    """Both names exist, though never together."""
    rows = sales().assign(segment=["x"] * 5 + ["y"] * 5)
    given = ahead(COMING[:1], product=["a"], segment=["y"], price=[5.0])
    with pytest.raises(InputError, match=r"column product, segment: .* do not have: 'a, y'"):
        panel(given, rows, by=("product", "segment"))


@pytest.mark.parametrize("columns", [{}, {"product": "a"}, {"wind": 3.0}, {"price": np.nan}])
def test_values_that_teach_nothing_are_refused(columns: dict[str, Any]) -> None:
    """Only names and dates, a column the sales lack, or blanks."""
    assert "no coming value can be used" in refused(ahead(COMING, **columns))


def test_every_reason_is_given_at_once() -> None:
    """Wrong dates, wrong names and no column."""
    said = refused(ahead(["2018-01-07"], product="zzz", wind=1.0))
    assert all(reason in said for reason in ("no coming value can be used", "2018-01-07", "'zzz'"))


@pytest.mark.parametrize("value", [np.inf, "warm"])
def test_what_is_not_a_number_is_refused(value: Any) -> None:
    """Infinity, or text in a column that is a number in the sales."""
    assert "column temperature: a coming value is not a finite number" in refused(
        ahead(COMING, temperature=[value] * 2, price=[5.0] * 2)
    )


@pytest.mark.parametrize("blank", ["", "all", None, np.nan])
def test_a_row_without_a_name_holds_for_every_series_without_its_own(blank: Any) -> None:
    """One price for all, another for one of them."""
    given = ahead([COMING[0]] * 2, product=[blank, "b"], price=[6.0, 5.0])
    assert prices(panel(given)) == [[6, 6], [5, 5]]


def test_a_coming_capacity_counts_and_a_missing_one_is_the_usual() -> None:
    """More seats for the first week only."""
    given = ahead(COMING[:1], seats=[80.0])
    found = panel(given, sales().assign(seats=50.0), capacity="seats")
    assert [future.capacity.tolist() for future in found.futures] == [[80, 50]] * 2


@pytest.mark.parametrize("covering", [True, False])
def test_a_negative_capacity_is_refused_with_its_day(covering: bool) -> None:
    """In a back-test too, which reads only what it can use."""
    given = ahead(COMING, seats=[-5.0, 80.0])
    request = Request(by=("product",), horizon=2, capacity="seats")
    with pytest.raises(InputError, match="column seats: a coming capacity is negative: '-5 on 2019-02-10'") as error:
        panel_of(sales().assign(seats=50.0), request, given, covering=covering)
    assert len(error.value.findings) == 1


def test_text_for_a_number_is_refused_where_nothing_need_be_covered() -> None:
    """A back-test says so in words as well."""
    given = ahead(COMING, temperature=["warm", "cold"])
    with pytest.raises(InputError, match="column temperature: a coming value is not a finite number"):
        panel_of(sales(), Request(by=("product",), horizon=2), given, covering=False)
