"""Charts as plain Plotly specifications, coloured by token so that one figure serves light and dark.

Guarantees
----------
* No text of a user enters a chart: Plotly reads some markup, and a name stays inert only outside it.
* Every chart has a sentence that says what it shows and a table of its numbers, for those who cannot see it.

A colour is written as the name of a CSS custom property (`--c-fc`); the page's script looks it up when it draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.report.bookings import Typical
from api.report.numbers import units

Vector = NDArray[np.float64]
Spec = dict[str, Any]

NOW, FORECAST, TYPICAL = "--c-now", "--c-fc", "--c-typ"
FORECAST_BAND, TYPICAL_BAND = "--c-fc-band", "--c-typ-band"
MUTED, SUNK, EDGE = "--ink-3", "--sunk", "--line-2"
BASE_X: Spec = {"showgrid": False, "showline": True, "ticks": "outside", "ticklen": 4}


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of a chart: heads and rows, all text."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of a page.

    Attributes
    ----------
    id : unique on its page
    label : what it shows, for a screen reader
    caption : how to read it
    spec : `data` and `layout` of Plotly, and in `narrow` what a phone's layout changes
    """

    id: str
    label: str
    caption: str
    spec: Spec
    table: Table


@dataclass(frozen=True, slots=True)
class Fan:
    """A mean with its 80 % band, along x."""

    x: Sequence[str] | Vector
    mean: Vector
    low: Vector
    high: Vector


def trace(x: Sequence[str] | Vector, y: Vector, **more: object) -> Spec:
    """A line that says nothing under the pointer."""
    return {"x": plain(x), "y": plain(y), "mode": "lines", "hoverinfo": "skip", **more}


def band(x: Sequence[str] | Vector, low: Vector, high: Vector, colour: str) -> list[Spec]:
    """The area between two lines."""
    edge = {"line": {"width": 0}}
    return [trace(x, high, **edge), trace(x, low, **edge, fill="tonexty", fillcolor=colour)]


def note(x: float | str, y: float, text: str, colour: str, **more: object) -> Spec:
    """A word beside what it names."""
    place = {"xanchor": "left", "yanchor": "middle", "showarrow": False}
    return {"x": x, "y": y, "text": text, "font": {"color": colour, "size": 12, "weight": 600}, **place, **more}


def rule(colour: str, dash: str = "solid", **place: object) -> Spec:
    """A straight line through the picture."""
    return {"type": "line", "line": {"color": colour, "width": 1.2, "dash": dash}, **place}


def plain(values: Sequence[str] | Vector) -> list[Any]:
    """Numbers short enough to be read in the page's source; what is not a number leaves a gap."""
    return [_short(float(v)) if isinstance(v, int | float | np.floating) else v for v in values]


def _short(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


def named(name: str, template: str = "%{y:,.0f}") -> Spec:
    """What makes a trace say its name and value under the pointer."""
    return {"name": name, "hovertemplate": template, "hoverinfo": "all"}


def booking_curve(
    name: str,
    sold: tuple[Vector, Vector],
    typical: Typical | None,
    final: Fan,
    capacity: float | None,
    *,
    label: str,
    caption: str,
) -> Chart:
    """Units sold by days to the event, how similar events filled up, and where this one is expected to end."""
    lead, path = sold
    longest, now, on_hand = float(max(lead[0], 5)), float(lead[-1]), float(path[-1])
    top = max(final.high[-1], capacity or 0.0, path.max(), 1.0)
    data: list[Spec] = []
    notes = [
        note(now, 0, "today", MUTED, yshift=9, xshift=4),
        note(0, final.mean[-1], _ending(final), FORECAST, xshift=7, align="left"),
    ]
    if typical is not None:
        shown = typical.lead <= longest
        usual = typical.median[shown]
        top = max(top, float(typical.high[shown].max()))
        data += band(typical.lead[shown], typical.low[shown], typical.high[shown], TYPICAL_BAND)
        data.append(
            trace(typical.lead[shown], usual, line={"color": TYPICAL, "width": 1.6, "dash": "4px,4px"})
            | named("Typical")
        )
        notes += _curve_labels(sold, typical, final, longest)
    data += band(final.x, final.low, final.high, FORECAST_BAND)
    data.append(trace(final.x, final.mean, line={"color": FORECAST, "width": 2.2}) | named("Expected"))
    data.append(trace(lead, path, line={"color": NOW, "width": 2.6}) | named("Sold"))
    data.append(
        {"x": [now], "y": [on_hand], "mode": "markers", "hoverinfo": "skip"}
        | {"marker": {"color": NOW, "size": 8, "line": {"color": "--surface", "width": 2}}}
    )
    shapes = [rule("--line-2", x0=now, x1=now, y0=0, y1=top)]
    if capacity:
        shapes.append(rule(MUTED, "2px,3px", x0=longest, x1=0, y0=capacity, y1=capacity))
        notes.append(note(longest, capacity, f"Capacity {units(capacity)}", MUTED, yshift=10))
    spec = {
        "data": data,
        "layout": {
            "height": 360,
            "margin": {"l": 44, "r": 126, "t": 16, "b": 40},
            "xaxis": {
                "range": [longest * 1.01, 0],
                "title": {"text": "days before the event", "standoff": 8},
                "nticks": 8,
            }
            | BASE_X,
            "yaxis": {"range": [0, top * 1.09], "nticks": 6},
            "annotations": notes,
            "shapes": shapes,
        },
        "narrow": {"height": 280, "margin": {"l": 38, "r": 14, "t": 16, "b": 38}, "short": {1: units(final.mean[-1])}},
    }
    return Chart(name, label, caption, spec, _booking_table(sold, typical, final))


def _curve_labels(sold: tuple[Vector, Vector], typical: Typical, final: Fan, longest: float) -> list[Spec]:
    """Names at the two curves, on the sides where they do not cross; early in a sale typical is named further on."""
    lead, path = sold
    now = float(lead[-1])
    if longest - now < 0.25 * longest:
        at, beside = 0.45 * now, float(np.interp(-0.45 * now, -np.asarray(final.x, dtype=np.float64), final.mean))
        sold_label = note(longest, float(path[-1]), "Sold", NOW, yshift=15)
    else:
        at = now + 0.3 * (longest - now)
        beside = _at(lead, path, at)
        up = 15 if beside >= float(typical.at(at)) else -15
        sold_label = note(at, beside, "Sold", NOW, yshift=up, xanchor="center")
    usual = float(typical.at(at))
    down = -15 if beside >= usual else 15
    return [sold_label, note(at, usual, "Typical", MUTED, yshift=down, xanchor="center")]


def _ending(final: Fan) -> str:
    return f"{units(final.mean[-1])} expected<br>80%: {units(final.low[-1])} to {units(final.high[-1])}"


def _at(lead: Vector, path: Vector, x: float) -> float:
    return float(np.interp(-x, -lead, path))


def _booking_table(sold: tuple[Vector, Vector], typical: Typical | None, final: Fan) -> Table:
    """About a dozen leads: the path so far, then what is expected."""
    lead, path = sold
    past = np.unique(np.linspace(0, len(lead) - 1, min(8, len(lead))).astype(int))
    ahead = np.unique(np.linspace(0, len(final.mean) - 1, min(6, len(final.mean))).astype(int))[1:]

    def usual(at: float) -> str:
        return units(float(typical.at(at))) if typical is not None else "–"

    rows = [(units(lead[i]), units(path[i]), usual(lead[i]), "", "") for i in past]
    rows += [
        (units(x), "", usual(x), units(final.mean[i]), f"{units(final.low[i])} to {units(final.high[i])}")
        for i, x in ((i, float(final.x[i])) for i in ahead)
    ]
    return Table(("Days before", "Sold", "Typical", "Expected", "80% range"), tuple(rows))


def forecast(
    name: str,
    days: Sequence[str],
    sold: Vector,
    gone: NDArray[np.bool_],
    fan: Fan,
    *,
    label: str,
    caption: str,
) -> Chart:
    """Units sold by period, sold-out periods hollow, and the forecast with its band."""
    top = float(max(sold.max(initial=1.0), fan.high.max(initial=1.0)))
    out = [day for day, hidden in zip(days, gone, strict=True) if hidden]
    data: list[Spec] = [
        trace(days, sold, line={"color": NOW, "width": 1.3}) | named("Sold"),
        *band(fan.x, fan.low, fan.high, FORECAST_BAND),
        ahead(fan),
        {"x": out, "y": plain(sold[gone]), "mode": "markers", **named("Sold out")}
        | {"marker": {"size": 6, "symbol": "circle-open", "color": NOW, "line": {"width": 1.5}}},
    ]
    notes = [note(0, 1, "Sold", NOW, xref="paper", yref="paper", yshift=7, xshift=4)]
    if len(fan.mean):
        notes.append(note(1, 1, "Forecast", FORECAST, xref="paper", yref="paper", yshift=7, xanchor="right"))
    spec = {
        "data": data,
        "layout": {
            "height": 220,
            "margin": {"l": 34, "r": 8, "t": 22, "b": 26},
            "xaxis": {"type": "date", "nticks": 5, "tickformat": "%-d %b"} | BASE_X,
            "yaxis": {"range": [0, top * 1.06], "nticks": 5, "automargin": True},
            "annotations": notes,
        },
        "narrow": {"height": 200},
    }
    every = max(1, len(fan.mean) // 8)
    rows = [
        (str(fan.x[i])[:10], f"{fan.mean[i]:.1f}", f"{fan.low[i]:.1f} to {fan.high[i]:.1f}")
        for i in range(0, len(fan.mean), every)
    ]
    return Chart(name, label, caption, spec, Table(("Date", "Forecast", "80% range"), tuple(rows)))


def ahead(fan: Fan) -> Spec:
    """The forecast as a line, or as a point with its interval where it is a single period."""
    line = trace(fan.x, fan.mean, line={"color": FORECAST, "width": 2.2}) | named("Forecast", "%{y:,.1f}")
    if len(fan.mean) != 1:
        return line
    reach = {"array": plain(fan.high - fan.mean), "arrayminus": plain(fan.mean - fan.low)}
    bar = {"type": "data", "symmetric": False, "color": FORECAST, "thickness": 1.5, "width": 4} | reach
    return line | {"mode": "markers", "marker": {"size": 7, "color": FORECAST}, "error_y": bar}


def specs(charts: Sequence[Chart]) -> Mapping[str, Spec]:
    """What the page's script reads."""
    return {chart.id: chart.spec for chart in charts}
