"""The report of a back-test: who won in words, everything counted, the same bytes for the same back-test."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from api.report import backtest_report
from api.report.backtest import MOST_LISTED, MOST_TRACKS, RULES, backtest_view
from api.report.backtest_charts import ENOUGH, by_chance, coverage_by_step
from api.report.numbers import DASH
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


def test_chance_is_the_binomials_where_origins_are_alike() -> None:
    """40 outcomes at 80 % lie between 67.5 and 92.5 %, 4,000 between 79 and 81; with too few origins none is said."""
    inside, judged = np.tile([8, 800], (5, 1)), np.tile([10, 1000], (5, 1))
    rows = coverage_by_step("c", inside[:4], judged[:4], 0.8, label="").table.rows
    assert [row[3] for row in rows] == ["68% to 92%", "79% to 81%"]
    few = coverage_by_step("c", inside[: ENOUGH - 1], judged[: ENOUGH - 1], 0.8, label="")
    assert [row[3] for row in few.table.rows] == [DASH] * 2
    assert "cannot be told" in few.caption


def test_chance_reaches_as_far_as_origins_differ() -> None:
    """Student's t with three degrees of freedom, by hand: coverages .6, .8, .8, 1 have a standard error of .0816."""
    low, high = by_chance(np.array([600, 800, 800, 1000]), np.full(4, 1000), 0.8)
    assert float(low) == pytest.approx(0.8 - 3.1824 * 0.08165, abs=1e-4)
    assert float(high) == 1.0


def test_honest_intervals_are_seldom_called_too_narrow_or_too_wide() -> None:
    """All that is seen from one origin moves together: too narrow is said of 1 report in 40, too wide of 1 in 8."""
    rng, reports = np.random.default_rng(0), 500
    narrow = wide = 0
    for _ in range(reports):
        errors = np.sqrt(0.3) * rng.normal(size=(ENOUGH, 1)) + np.sqrt(0.7) * rng.normal(size=(ENOUGH, 300))
        inside = (np.abs(errors) < 1.2816).sum(axis=1)
        low, high = by_chance(inside, np.full(ENOUGH, 300), 0.8)
        held = inside.sum() / (300 * ENOUGH)
        narrow, wide = narrow + (held < low and held < 0.75), wide + (held > high and held > 0.85)
    assert narrow <= reports / 40
    assert wide <= reports / 8


def test_too_narrow_is_said_beyond_chance_and_not_of_too_few_origins(learnt: Backtest) -> None:
    """Three origins tell nothing; of more, only what lies outside the range of chance is said to be wrong."""
    view = backtest_view(learnt)
    assert view.folds < ENOUGH
    missed = replace(view, models=(replace(view.own, coverage=0.5), *view.models[1:]))
    assert missed.off == "fewer than 4 origins cannot tell whether that is chance"
    assert replace(missed, chance=(0.4, 1.0)).off == "no more than chance can do"
    assert replace(missed, chance=(0.7, 0.9)).off == "they were too narrow"
    wide = replace(view, chance=(0.7, 0.9), models=(replace(view.own, coverage=0.97),))
    assert wide.off == "they were too wide"
    assert replace(wide, models=(replace(view.own, coverage=0.78),)).off == ""


def test_four_origins_are_enough_for_a_range_of_chance() -> None:
    """It is that of the model asked for, over all steps."""
    made = backtest(
        sales_rows({"a": seasonal(120), "b": seasonal(120, seed=5)}), Task(horizon=5, model="ridge"), folds=4
    )
    inside, judged = made.held("ridge")
    assert inside.shape == (ENOUGH, 5)
    view = backtest_view(made)
    assert view.chance == tuple(float(end) for end in by_chance(inside.sum(axis=1), judged.sum(axis=1), 0.8))
    assert view.chance[0] < 0.8 < view.chance[1]
    assert view.outcomes == 40
    assert inside.sum() / 40 == pytest.approx(view.own.coverage)
