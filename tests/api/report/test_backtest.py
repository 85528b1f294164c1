"""The report of a back-test: who won in words, everything counted, the same bytes for the same back-test."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from api.report import backtest_report
from api.report.backtest import MOST_LISTED, MOST_TRACKS, RULES, backtest_view
from api.report.backtest_charts import coverage_by_step
from forecasting.backtest import Backtest, backtest
from forecasting.fleet import Task
from tests.forecasting.examples import sales_rows, seasonal


def words(page: str) -> str:
    """The verdict as a reader sees it."""
    found = re.search(r'<p class="verdict">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub("<[^>]+>", "", found[1]).split())


@pytest.fixture(scope="module")
def learnt() -> Backtest:
    """Eight seasonal series, in which a model beats the rules of thumb, and one without a sale in the end."""
    rows = sales_rows({str(k): seasonal(190, level=20 + 10 * k, seed=k) for k in range(8)})
    return backtest(rows, Task(horizon=6, model="ridge"), folds=3)


def test_the_verdict_says_who_won_by_how_much_and_how_often_intervals_held(learnt: Backtest) -> None:
    """Every figure in it is in the table of losses."""
    totals = learnt.totals()
    rule = min(RULES, key=lambda name: totals["wape"][name])
    less = 1 - totals["wape"]["ridge"] / totals["wape"][rule]
    assert less > 0.01
    text = words(backtest_report(learnt))
    assert f"ridge was off by {100 * totals['wape']['ridge']:.1f}% of what came" in text
    assert f"{100 * less:.1f}% less than the better rule of thumb, {rule}" in text
    assert f"held {100 * totals['coverage']['ridge']:.0f}% of 144 outcomes" in text


def test_a_lost_comparison_is_said() -> None:
    """Where the last value is all there is to know, the report says: use the rule."""
    steps = np.random.default_rng(4).choice([-6, 6], 160).cumsum() + 400.0
    made = backtest(sales_rows({"walk": steps}), Task(horizon=4, model="seasonal-naive"), folds=3)
    assert made.totals()["wape"]["naive"] < made.totals()["wape"]["seasonal-naive"]
    assert "more than a rule of thumb, naive: use the rule" in words(backtest_report(made))


def test_the_same_back_test_gives_the_same_bytes(learnt: Backtest) -> None:
    """No clock on the page."""
    assert backtest_report(learnt) == backtest_report(learnt)


def test_every_series_is_counted_and_those_beyond_the_list_are_said(learnt: Backtest) -> None:
    """The largest first; six are drawn."""
    view = backtest_view(learnt)
    assert [row.sold for row in view.rows] == sorted((row.sold for row in view.rows), reverse=True)
    assert (view.series, view.unlisted, len(view.pictures)) == (8, 0, MOST_TRACKS)
    assert view.pictures[0].names == view.rows[0].names
    many = sales_rows({str(k): np.full(30, 5.0) for k in range(MOST_LISTED + 3)})
    page = backtest_report(backtest(many, Task(horizon=2, model="naive"), folds=1))
    assert "3 smaller series are counted above and not listed here" in page


def test_each_origin_is_drawn_where_it_was_made(learnt: Backtest) -> None:
    """A band and a line per origin, the first forecast day as the back-test says."""
    view = backtest_view(learnt)
    layout = view.pictures[0].chart.spec["layout"]
    first = learnt.panel.grid.label(np.array([learnt.outcomes[0].origin - k * 6 for k in range(3)]))
    assert [shape["x0"] for shape in layout["shapes"]] == sorted(str(day) for day in first)
    assert len(view.pictures[0].chart.table.rows) == 18


def test_what_was_chosen_adds_up(learnt: Backtest) -> None:
    """Every series at every origin was forecast by one model."""
    view = backtest_view(learnt)
    assert sum(row.picked or 0 for row in view.models) == view.compared == 24


def test_charts_are_json_even_where_nothing_is_known() -> None:
    """A closed week leaves a gap, a series of zeros no error: neither is written as NaN."""
    gappy = seasonal(90, level=300)
    rows = sales_rows({"a": gappy, "zero": np.zeros(90)})
    rows = rows[~((rows["product"] == "a") & rows["date"].isin(sorted(rows["date"].unique())[-3:-1]))]
    page = backtest_report(backtest(rows, Task(horizon=4, model="ridge"), folds=2))
    found = re.search(r'<script type="application/json" id="specs">(.*?)</script>', page, re.DOTALL)
    assert found is not None

    def refused(word: str) -> None:
        pytest.fail(f"{word} is no JSON")

    assert json.loads(found[1], parse_constant=refused)
    assert ">nan<" not in page.lower()


def test_nothing_sold_has_no_error_and_is_no_failure() -> None:
    """A report on zeros says so."""
    made = backtest(sales_rows({"zero": np.zeros(40)}), Task(horizon=4, model="naive"), folds=2)
    assert words(backtest_report(made)).startswith("No error can be given: nothing was sold")


def test_a_name_with_markup_stays_a_name() -> None:
    """All text of a user is escaped."""
    rows = sales_rows({"<script>alert(1)</script>": seasonal(60)})
    assert "<script>alert" not in backtest_report(backtest(rows, Task(horizon=2, model="naive"), folds=1))


def test_chance_has_a_narrower_range_with_more_outcomes() -> None:
    """The band around the promise is the binomial's: 40 outcomes at 80 % lie between 67.5 and 92.5 %."""
    steps = pd.DataFrame({"step": [1, 2], "coverage": [0.8, 0.8], "periods": [40, 4000]})
    rows = coverage_by_step("c", steps, 0.8, label="").table.rows
    assert rows[0][3] == "68% to 92%"
    assert rows[1][3] == "79% to 81%"


def test_too_narrow_is_said_of_many_outcomes_not_of_two(learnt: Backtest) -> None:
    """One miss in two is chance; the verdict says so only of more than that."""
    view = backtest_view(learnt)
    missed = replace(view, models=(replace(view.own, coverage=0.5), *view.models[1:]))
    assert replace(missed, outcomes=2).off == ""
    assert replace(missed, outcomes=400).off == "they were too narrow"
    assert replace(view, outcomes=400, models=(replace(view.own, coverage=0.97),)).off == "they were too wide"
