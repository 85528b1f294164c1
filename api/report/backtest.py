"""The report of a back-test: how forecasts did at past origins, beside the rules of thumb.

Guarantees
----------
* The verdict comes first, in words: who won, by how much, and how often the intervals held; a lost comparison is said.
* Intervals are called too narrow or too wide only beyond chance, as the spread of coverage over origins shows it.
* The same back-test gives the same bytes: nothing on the page depends on when it was made.
* What is not listed or drawn is counted.
"""

from collections import Counter
from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd

from api.report.backtest_charts import ENOUGH, Track, by_chance, coverage_by_step, error_by_step, track
from api.report.charts import Chart, Fan
from api.report.goods import PERIOD_NAMES
from api.report.numbers import change, count, percent, units
from api.report.page import render
from forecasting.backtest import ALL, Backtest, Outcome
from forecasting.grid import Dates, Grid

RULES = ("naive", "seasonal-naive")
MOST_LISTED, MOST_TRACKS = 200, 6
"""Series listed and drawn; half of those drawn are the largest, half those forecast worst."""
TOLERATED = 0.05
"""By how much a coverage may miss its level before the verdict says so."""
BEFORE = 2
"""Horizons of history drawn before the first origin."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model's losses over all series; NaN where there is none.

    Attributes
    ----------
    against : its error relative to the better rule of thumb, less one
    picked : series and origins at which the choice took it; None for the choice itself
    """

    name: str
    wape: float
    against: float
    mase: float
    rmsse: float
    bias: float
    pinball: float
    coverage: float
    picked: int | None


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series: what came of it, and how the model asked for did beside the rules of thumb.

    Attributes
    ----------
    rules : errors of the rules of thumb, in the order of `RULES`; NaN where not known
    rule : error of the rule that is better over all series
    """

    key: tuple[str, ...]
    sold: float
    wape: float
    rules: tuple[float, ...]
    rule: float
    bias: float
    coverage: float
    picked: str

    @property
    def names(self) -> tuple[str, ...]:
        """Values of the `by` columns, less those that say nothing."""
        return tuple(name for name in self.key if name != ALL) or self.key[:1]

    @property
    def against(self) -> float:
        """Error relative to the rule's, less one; NaN where either is unknown."""
        return self.wape / self.rule - 1 if self.rule > 0 else float("nan")


@dataclass(frozen=True, slots=True)
class Picture:
    """One series drawn, why it is, and its chart."""

    names: tuple[str, ...]
    why: str
    chart: Chart


@dataclass(frozen=True, slots=True)
class BacktestView:
    """All a back-test report says.

    Attributes
    ----------
    rule : the rule of thumb that is better over all series
    span : first day of the first period forecast, and of the last
    series, compared : series, and series at an origin that could be compared
    outcomes : outcomes of which it is known whether the interval held
    chance : range of honest intervals' coverage; NaN where the origins are too few to tell
    beaten, judged : series in which that rule was beaten, of those where both errors are known
    skipped : series that were too short, unknown or over at every origin
    """

    model: str
    rule: str
    horizon: int
    period: str
    folds: int
    level: float
    span: tuple[pd.Timestamp, pd.Timestamp]
    series: int
    compared: int
    outcomes: int
    chance: tuple[float, float]
    beaten: int
    judged: int
    skipped: int
    rules: tuple[str, ...]
    models: tuple[ModelRow, ...]
    rows: tuple[SeriesRow, ...]
    unlisted: int
    pictures: tuple[Picture, ...]
    error: Chart
    coverage: Chart
    provenance: tuple[tuple[str, str], ...]

    @property
    def own(self) -> ModelRow:
        """The model asked for."""
        return self.models[0]

    @property
    def best(self) -> ModelRow:
        """The model with the least error."""
        return min(self.models, key=lambda row: (not isfinite(row.wape), row.wape))

    @property
    def off(self) -> str:
        """What is wrong with the intervals, if it is more than a little, and more than chance."""
        low, high = self.chance
        miss = self.own.coverage - self.level
        if not abs(miss) > TOLERATED:
            return ""
        if not isfinite(low):
            return f"fewer than {ENOUGH} origins cannot tell whether that is chance"
        if self.own.coverage < low:
            return "they were too narrow"
        return "they were too wide" if self.own.coverage > high else "no more than chance can do"

    @property
    def scale(self) -> float:
        """Longest bar of the table of models; a model that went astray does not shorten the others."""
        known = [row.wape for row in self.models if isfinite(row.wape)]
        return max(1e-9, min(max(known, default=1.0), 3 * min(known, default=1.0) or 1.0))

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Every chart of the page."""
        return (*(picture.chart for picture in self.pictures), self.error, self.coverage)


def backtest_report(done: Backtest) -> str:
    """Write the report of a back-test as one HTML file."""
    view = backtest_view(done)
    return render("backtest.html", view, view.charts)


def backtest_view(done: Backtest) -> BacktestView:
    """Build what the report says."""
    own, models = done.of(done.models[0]), _model_rows(done)
    rule = _better_rule(models)
    rows = sorted(_series_rows(done, rule), key=lambda row: (-row.sold, row.key))
    steps = done.by_step()
    inside, judged_by = done.held(done.models[0])
    low, high = by_chance(inside.sum(axis=1), judged_by.sum(axis=1), done.task.level)
    rules = [row.name for row in models if row.name in RULES]
    judged = [row for row in rows if isfinite(row.against)]
    origins = done.panel.grid.label(np.array([outcome.origin for outcome in own]))
    return BacktestView(
        model=done.models[0],
        rule=rule,
        horizon=done.task.horizon,
        period=PERIOD_NAMES[done.panel.grid.frequency.value[0]],
        folds=len(np.unique(origins)),
        level=done.task.level,
        span=(pd.Timestamp(origins.min()), _last(done)),
        series=len(rows),
        compared=len(own),
        outcomes=int(judged_by.sum()),
        chance=(float(low), float(high)),
        beaten=sum(row.against < 0 for row in judged),
        judged=len(judged),
        skipped=len(done.panel.keys) - len(rows),
        rules=RULES,
        models=models,
        rows=tuple(rows[:MOST_LISTED]),
        unlisted=max(0, len(rows) - MOST_LISTED),
        pictures=_pictures(done, rows),
        error=error_by_step(
            "error", steps, done.models[0], rules, label=_error_words(steps, done.models[0], done.task.horizon)
        ),
        coverage=coverage_by_step(
            "coverage",
            inside,
            judged_by,
            done.task.level,
            label=f"Share of outcomes inside the {percent(done.task.level)} interval, by period ahead.",
        ),
        provenance=_provenance(done),
    )


def _last(done: Backtest) -> pd.Timestamp:
    return pd.Timestamp(done.panel.grid.label(done.panel.futures[0].periods[:1] - 1)[0])


def _error_words(steps: pd.DataFrame, model: str, horizon: int) -> str:
    known = steps[steps["model"] == model]["wape"].dropna()
    if known.empty:
        return "No error can be given: nothing was sold."
    return (
        f"Error of {model} by period ahead, beside the rules of thumb: {change(known.iloc[0]).lstrip('+')} in the "
        f"first, {change(known.iloc[-1]).lstrip('+')} in period {horizon}."
    )


def _model_rows(done: Backtest) -> tuple[ModelRow, ...]:
    totals = done.totals()
    picked = Counter(outcome.picked for outcome in done.of(done.models[0]))
    rule = min((float(totals["wape"][name]) for name in RULES if name in totals.index), default=float("nan"))
    rows = [
        ModelRow(
            name=model,
            against=float(totals["wape"][model]) / rule - 1 if rule > 0 else float("nan"),
            picked=None if model == done.models[0] and model not in picked else picked[model],
            **{loss: float(totals[loss][model]) for loss in ("wape", "mase", "rmsse", "bias", "pinball", "coverage")},
        )
        for model in done.models
    ]
    return (rows[0], *sorted(rows[1:], key=lambda row: (not isfinite(row.wape), row.wape, row.name)))


def _better_rule(models: tuple[ModelRow, ...]) -> str:
    rules = [row for row in models if row.name in RULES]
    return min(rules, key=lambda row: (not isfinite(row.wape), row.wape)).name


def _series_rows(done: Backtest, rule: str) -> list[SeriesRow]:
    by, first = list(done.panel.by), done.models[0]
    each = done.table.head(-len(done.models))
    groups = {key: part.set_index("model") for key, part in each.groupby(by)}
    own: dict[tuple[str, ...], list[Outcome]] = {}
    for outcome in done.of(first):
        own.setdefault(outcome.key, []).append(outcome)
    return [_series_row(key, groups[key], outcomes, rule) for key, outcomes in own.items()]


def _series_row(key: tuple[str, ...], losses: pd.DataFrame, outcomes: list[Outcome], rule: str) -> SeriesRow:
    picked = Counter(outcome.picked for outcome in outcomes)
    wape = losses["wape"]
    return SeriesRow(
        key=key,
        sold=float(sum(np.nansum(outcome.actual) for outcome in outcomes)),
        wape=float(wape.iloc[0]),
        rules=tuple(float(wape.get(name, float("nan"))) for name in RULES),
        rule=float(wape[rule]),
        bias=float(losses["bias"].iloc[0]),
        coverage=float(losses["coverage"].iloc[0]),
        picked=min(picked, key=lambda name: (-picked[name], name)),
    )


def _pictures(done: Backtest, rows: list[SeriesRow]) -> tuple[Picture, ...]:
    """The largest series, then those the model was furthest off in, among series of at least the median size."""
    half = MOST_TRACKS // 2
    largest = rows[: MOST_TRACKS if len(rows) <= MOST_TRACKS else half]
    sizeable = [row for row in rows[: max(len(rows) // 2, MOST_TRACKS)] if row not in largest and isfinite(row.wape)]
    worst = sorted(sizeable, key=lambda row: -row.wape)[: MOST_TRACKS - len(largest)]
    told = [(row, "among the largest") for row in largest] + [(row, "among the worst") for row in worst]
    return tuple(
        Picture(row.names, why if len(rows) > MOST_TRACKS else "", _track(f"track-{number}", row, done))
        for number, (row, why) in enumerate(told, start=1)
    )


def _track(name: str, row: SeriesRow, done: Backtest) -> Chart:
    grid, horizon, level = done.panel.grid, done.task.horizon, percent(done.task.level)
    whole = done.panel.histories[done.panel.keys.index(row.key)]
    outcomes = sorted((o for o in done.of(done.models[0]) if o.key == row.key), key=lambda outcome: outcome.origin)
    start = max(0, outcomes[0].origin - whole.start - max(BEFORE * horizon, grid.frequency.season))
    shown = Track(_days(whole.dates[start:]), whole.sales[start:], [_fan(outcome, grid) for outcome in outcomes])
    error = f"error {change(row.wape).lstrip('+')}" if isfinite(row.wape) else "nothing was sold"
    return track(
        name,
        shown,
        done.task.level,
        label=f"What came and what was forecast from {count(len(outcomes), 'origin')}: {error}.",
        caption=f"{error[0].upper()}{error[1:]}; {percent(row.coverage)} of outcomes in the {level} band. "
        f"Mostly by: {row.picked}. Dotted: where each forecast was made.",
    )


def _fan(outcome: Outcome, grid: Grid) -> Fan:
    said = outcome.forecast
    return Fan(_days(grid.label(outcome.origin + np.arange(said.mean.size))), said.mean, said.lower, said.upper)


def _days(dates: Dates) -> list[str]:
    return [str(day) for day in dates]


def _provenance(done: Backtest) -> tuple[tuple[str, str], ...]:
    task = done.task
    return (
        ("Series by", ", ".join(done.panel.by)),
        ("Target", task.target),
        ("Frequency", done.panel.grid.frequency.value),
        ("Horizon", units(task.horizon)),
        ("Origins", units(done.folds)),
        ("Model", task.model),
        ("Interval", percent(task.level)),
        ("Up to", str(task.as_of or "the last row")),
        ("Capacity", task.capacity or "none"),
        ("Holidays", task.country or "none"),
        ("Seed", str(task.seed)),
    )
