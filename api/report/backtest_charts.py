"""Charts of a back-test: forecasts beside what came, error and coverage by step ahead.

Guarantees
----------
* Each origin's forecast is drawn where it was made, with its band; what is not known leaves a gap.
* Coverage is drawn with the range chance alone would give it, where there are origins enough to tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom, t

from api.report.charts import (
    BASE_X,
    FORECAST,
    FORECAST_BAND,
    MUTED,
    NOW,
    TYPICAL,
    TYPICAL_BAND,
    Chart,
    Fan,
    Spec,
    Table,
    Vector,
    ahead,
    band,
    named,
    note,
    rule,
    trace,
)
from api.report.numbers import DASH, change, percent, units
from forecasting.backtest import Counts

CHANCE = 0.95
"""Share of honest intervals whose coverage lies in the range drawn for chance."""
ENOUGH = 4
"""Origins from which the spread of coverage over them says what chance does to it."""
MOST_ROWS = 31
"""Rows of a chart's table; of more, evenly spaced ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One series, and what was forecast of it at each origin, the first origin first."""

    days: Sequence[str]
    sold: Vector
    fans: Sequence[Fan]


def track(name: str, shown: Track, level: float, *, label: str, caption: str) -> Chart:
    """What came in ink, each origin's forecast in blue over it."""
    data: list[Spec] = []
    for fan in shown.fans:
        data += band(fan.x, fan.low, fan.high, FORECAST_BAND)
    data.append(trace(shown.days, shown.sold, line={"color": NOW, "width": 1.4}) | named("Came", "%{y:,.1f}"))
    data += [ahead(fan) for fan in shown.fans]
    highest = max([float(np.nanmax(shown.sold, initial=1.0)), *(float(fan.high.max()) for fan in shown.fans)])
    top = min(highest, 3 * max(float(np.nanmax(shown.sold, initial=1.0)), *(fan.mean.max() for fan in shown.fans)))
    origins = [rule("--line-2", "2px,3px", x0=fan.x[0], x1=fan.x[0], y0=0, y1=1, yref="paper") for fan in shown.fans]
    spec = {
        "data": data,
        "layout": {
            "height": 230,
            "margin": {"l": 40, "r": 8, "t": 22, "b": 26},
            "xaxis": {"type": "date", "nticks": 5} | BASE_X,
            "yaxis": {"range": [0, top * 1.06], "nticks": 5, "automargin": True},
            "shapes": origins,
            "annotations": [
                note(0, 1, "Came", NOW, xref="paper", yref="paper", yshift=7, xshift=4),
                note(1, 1, "Forecast", FORECAST, xref="paper", yref="paper", yshift=7, xanchor="right"),
            ],
        },
        "narrow": {"height": 210},
    }
    came = dict(zip(shown.days, shown.sold, strict=True))
    rows = [
        (day, _told(came.get(day, np.nan)), f"{mean:,.1f}", f"{low:,.1f} to {high:,.1f}")
        for fan in shown.fans
        for day, mean, low, high in zip(fan.x, fan.mean, fan.low, fan.high, strict=True)
    ]
    heads = ("Date", "Came", "Forecast", f"{percent(level)} range")
    return Chart(name, label, caption, spec, Table(heads, tuple(_spaced(rows))))


def error_by_step(name: str, steps: pd.DataFrame, first: str, rules: Sequence[str], *, label: str) -> Chart:
    """Error of every model by step ahead: the one asked for in blue, rules of thumb dashed, the others faint.

    Parameters
    ----------
    steps : model, step, wape, as `Backtest.by_step` gives it
    first : the model asked for
    rules : rules of thumb
    """
    wide = steps.pivot_table(index="step", columns="model", values="wape", dropna=False)
    models = list(dict.fromkeys(steps["model"]))
    names = [str(step) for step in wide.index]
    data, notes = [], []
    for model in sorted(models, key=lambda m: (m == first, m in rules)):
        values = wide[model].to_numpy(dtype=np.float64)
        look = _look(model, first, rules)
        data.append(trace(wide.index.to_numpy(dtype=np.float64), 100 * values, line=look, **_points(values)))
        data[-1] |= named(model, "%{y:,.1f}%")
        if model in (first, *rules):
            notes.append((model, float(100 * values[np.isfinite(values)][-1]) if np.isfinite(values).any() else 0.0))
    top = float(np.nanmax(wide[[m for m in models if m in (first, *rules)]].to_numpy(), initial=0.01)) * 100
    spec = {
        "data": data,
        "layout": _step_layout(len(names))
        | {
            "yaxis": {"range": [0, top * 1.12], "nticks": 6, "ticksuffix": "%"},
            "annotations": [
                note(1, place, model, FORECAST if model == first else MUTED, xref="paper", xshift=6)
                for model, place in _apart(notes, top)
            ],
        },
        "narrow": _NARROW,
    }
    rows = [(step, *(_share(wide[m].iloc[i]) for m in models)) for i, step in enumerate(names)]
    caption = "Sum of absolute errors over the sum of what came, all series and origins. Thin grey: the other models."
    return Chart(name, label, caption, spec, Table(("Step", *models), tuple(_spaced(rows))))


def coverage_by_step(name: str, inside: Counts, judged: Counts, level: float, *, label: str) -> Chart:
    """Share of outcomes inside the interval by step ahead, beside what was promised, and what chance would do to it.

    Parameters
    ----------
    inside, judged : (origins, h) as `Backtest.held` gives them
    """
    n = judged.sum(axis=0)
    x, held = np.arange(1.0, n.size + 1), np.where(n > 0, inside.sum(axis=0) / np.maximum(n, 1), np.nan)
    low, high = by_chance(inside, judged, level)
    wide = x if x.size > 1 else np.array([0.5, 1.5])
    least = float(np.nanmin([*held, *low], initial=level))
    told = bool(np.isfinite(low).all())
    grey = band(wide, 100 * np.resize(low, wide.size), 100 * np.resize(high, wide.size), TYPICAL_BAND) if told else []
    data = [
        *grey,
        trace(wide, np.full(wide.size, 100 * level), line={"color": TYPICAL, "width": 1.6, "dash": "4px,4px"}),
        trace(x, 100 * held, line={"color": FORECAST, "width": 2.2}, **_points(held)) | named("Held", "%{y:,.1f}%"),
    ]
    spec = {
        "data": data,
        "layout": _step_layout(x.size)
        | {
            "yaxis": {"range": [max(0.0, 100 * least - 8), 103], "nticks": 6, "ticksuffix": "%"},
            "annotations": [
                note(1, 100 * value, word, colour, xref="paper", xshift=6)
                for (word, value), colour in zip(_beside(float(held[-1]), level), (FORECAST, MUTED), strict=True)
            ],
        },
        "narrow": _NARROW,
    }
    rows = [
        (units(step), _share(share), units(count), f"{percent(a)} to {percent(b)}" if np.isfinite(a) else DASH)
        for step, share, count, a, b in zip(x, held, n, low, high, strict=True)
    ]
    caption = (
        f"Grey: where {percent(CHANCE)} of honest {percent(level)} intervals would lie by chance, as coverage varied "
        "from origin to origin; of so many periods a few lie outside."
        if told
        else f"What chance does to it cannot be told: it takes {ENOUGH} origins, with outcomes in every period."
    )
    heads = ("Step", "Held", "Outcomes", "By chance")
    return Chart(name, label, caption, spec, Table(heads, tuple(_spaced(rows))))


def by_chance(inside: Counts, judged: Counts, level: float) -> tuple[Vector, Vector]:
    """Range in which `CHANCE` of the coverages of honest intervals lie; NaN from fewer than `ENOUGH` origins.

    Series and periods seen from one origin share what happened after it, so what chance does is read from the spread
    of coverage over origins: Student's t for a ratio of sums over clusters (Cochran 1977, Sampling Techniques, 6.4).
    The range is never narrower than that of independent outcomes (binomial).

    Parameters
    ----------
    inside, judged : (origins, ...) outcomes inside the interval, and outcomes of which that is known

    Returns
    -------
    low, high : (...) share of outcomes
    """
    n, origins = judged.sum(axis=0), (judged > 0).sum(axis=0)
    outcomes, k = np.maximum(n, 1), np.maximum(origins, 2)
    surplus = inside - judged * (inside.sum(axis=0) / outcomes)
    error = np.sqrt(k / (k - 1) * np.square(surplus).sum(axis=0)) / outcomes
    spread = t.ppf((1 + CHANCE) / 2, k - 1) * error
    low, high = (binom.ppf(q, outcomes, level) / outcomes for q in ((1 - CHANCE) / 2, (1 + CHANCE) / 2))
    told = origins >= ENOUGH
    low, high = np.maximum(np.minimum(low, level - spread), 0.0), np.minimum(np.maximum(high, level + spread), 1.0)
    return np.where(told, low, np.nan), np.where(told, high, np.nan)


_NARROW: Spec = {"height": 230, "margin": {"l": 40, "r": 112, "t": 14, "b": 38}}


def _step_layout(steps: int) -> Spec:
    ticks = {"tickmode": "array", "tickvals": list(range(1, steps + 1, -(-steps // 7)))}
    around = {"range": [0.5, 1.5]} if steps == 1 else {"range": [1, steps]}
    return {
        "height": 280,
        "margin": {"l": 44, "r": 112, "t": 16, "b": 40},
        "xaxis": {"title": {"text": "periods ahead", "standoff": 8}} | ticks | around | BASE_X,
    }


def _points(values: Vector) -> Spec:
    """A single value has no line: it is a point."""
    return {"mode": "lines+markers", "marker": {"size": 7}} if values.size == 1 else {}


def _look(model: str, first: str, rules: Sequence[str]) -> Spec:
    if model == first:
        return {"color": FORECAST, "width": 2.6}
    if model in rules:
        return {"color": TYPICAL, "width": 1.8, "dash": "2px,3px" if rules.index(model) else "6px,4px"}
    return {"color": "--line-2", "width": 0.8}


def _apart(places: Sequence[tuple[str, float]], top: float) -> list[tuple[str, float]]:
    """Names at the ends of their lines, moved up until they can be read."""
    least, made = 0.075 * top, list[tuple[str, float]]()
    for name, place in sorted(places, key=lambda item: item[1]):
        made.append((name, max(place, made[-1][1] + least) if made else place))
    return made


def _beside(held: float, level: float) -> list[tuple[str, float]]:
    """Names of the two lines, at least a line apart."""
    value = held if np.isfinite(held) else level
    gap = 0.035 if value >= level else -0.035
    return [("held", value if abs(value - level) > abs(gap) else level + gap), (f"promised {percent(level)}", level)]


def _spaced(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    if not rows:
        return []
    return [rows[int(i)] for i in np.unique(np.linspace(0, len(rows) - 1, min(MOST_ROWS, len(rows))).astype(int))]


def _told(value: float) -> str:
    return f"{value:,.1f}" if np.isfinite(value) else DASH


def _share(value: float) -> str:
    return change(value).lstrip("+") if np.isfinite(value) else DASH
