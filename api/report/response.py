"""The picture of one group's price response: the curve, its band, and the sales behind it.

Guarantees
----------
* Dots are sales net of everything but the price, with their own 95 % interval; the curve runs through them unless it
  leans on other groups. Where nothing could be fitted they are as sold, and the caption says so.
* The curve is solid only where prices were tried and the sales can tell; else it is dashed.
"""

from dataclasses import dataclass

import numpy as np

from api.report.charts import (
    BASE_X,
    EDGE,
    FORECAST,
    FORECAST_BAND,
    MUTED,
    NOW,
    SUNK,
    Chart,
    Spec,
    Table,
    Vector,
    band,
    named,
    note,
    plain,
    rule,
    trace,
)
from api.report.forest import Group
from api.report.numbers import count, decimal, percent, price, units
from forecasting.elasticity.basis import Basis, Dots
from pricing.demand import Identification

TOP = (150.0, 320.0)
"""Least and largest index at the top of a picture."""
_Z = 1.959964
_READ = {
    "net": "Dots: sales and price net of season and other effects, {cells} of about one price each; bars: 95%.",
    "instrumented": "Dots: sales net of effects, against the price as the instruments moved it; bars: 95%.",
    "raw": "Dots: sales as they were, against their own mean: no curve could be fitted to them.",
}


@dataclass(frozen=True, slots=True)
class Axis:
    """Prices as they are where a group has one usual price, else as changes from each thing's own.

    Attributes
    ----------
    usual : the usual price [currency]
    symbol : of the currency; may be empty
    alike : whether it is about everyone's
    """

    usual: float
    currency: str
    symbol: str
    alike: bool

    def at(self, prices: Vector) -> Vector:
        """Where prices lie."""
        return prices if self.alike else 100 * (prices / self.usual - 1)

    def say(self, amount: float) -> str:
        """A price in words."""
        moved = amount / self.usual - 1
        return price(amount, self.currency) if self.alike else f"{'+' if moved >= 0.005 else ''}{percent(moved)}"

    @property
    def layout(self) -> Spec:
        """What Plotly writes at its ticks."""
        ticks = {"tickprefix": self.symbol} if self.alike else {"ticksuffix": "%"}
        return {"nticks": 6, **ticks} | BASE_X


def response(name: str, one: Basis, group: Group, axis: Axis) -> Chart:
    """What was sold at each price, and what the elasticity expects there."""
    low, high = one.tried
    start, end = min(low * 0.93, one.usual * 0.85), max(high * 1.07, one.usual * 1.15)
    x = np.geomspace(start, end, 61)
    ends = _band(x, one.usual, group)
    top = float(np.clip(max(_highest(one.dots), 1.08 * _index(x, one.usual, group.slope).max()), *TOP))
    spec = {
        "data": [*_lines(x, ends, one, group, axis), *_marks(one.dots, axis)],
        "layout": {
            "height": 300,
            "margin": {"l": 40, "r": 10, "t": 22, "b": 30},
            "xaxis": {"range": [float(edge) for edge in axis.at(np.array([start, end]))]} | axis.layout,
            "yaxis": {"range": [0, top], "nticks": 5},
            "shapes": [_strip(one, axis), _usual(one, axis)],
            "annotations": _words(one, ends, x, axis, top),
        },
        "narrow": {"height": 250},
    }
    said = f"and what an elasticity of {decimal(group.slope)} expects, with its 95 percent band"
    label = f"Sales against price, {_tried(one, axis)}, {said}."
    return Chart(name, label, _caption(one, group), spec, _table(one.dots, axis))


def _index(prices: Vector, usual: float, slope: float) -> Vector:
    return np.asarray(100 * (prices / usual) ** slope)


def _band(x: Vector, usual: float, group: Group) -> Vector:
    """(n, 2) lower and upper ends."""
    return np.sort(np.column_stack([_index(x, usual, slope) for slope in (group.low, group.high)]), axis=1)


def _highest(dots: Dots | None) -> float:
    return 0.0 if dots is None else float(np.max(dots.sales + _Z * dots.se)) * 1.05


def _lines(x: Vector, ends: Vector, one: Basis, group: Group, axis: Axis) -> list[Spec]:
    at, solid = axis.at(x), group.status is not Identification.NOT_IDENTIFIED
    curve = _index(x, one.usual, group.slope)
    dashed = trace(at, curve, line={"color": FORECAST, "width": 1.8, "dash": "5px,4px"}) | named("Expected")
    lines = [*band(at, ends[:, 0], ends[:, 1], FORECAST_BAND), dashed]
    if solid:
        tried = np.geomspace(*one.tried, 41)
        thick = {"color": FORECAST, "width": 3}
        lines.append(trace(axis.at(tried), _index(tried, one.usual, group.slope), line=thick))
    return lines


def _marks(dots: Dots | None, axis: Axis) -> list[Spec]:
    if dots is None:
        return []
    bars = {"type": "data", "array": plain(_Z * dots.se), "color": EDGE, "thickness": 1.2, "width": 0}
    size = plain(5 + 4 * np.sqrt(dots.cells / dots.cells.max()))
    mark = {
        "mode": "markers",
        "marker": {"size": size, "color": NOW},
        **({} if dots.kind == "raw" else {"error_y": bars}),
    }
    return [{"x": plain(axis.at(dots.prices)), "y": plain(dots.sales), **mark, **named("Sold")}]


def _strip(one: Basis, axis: Axis) -> Spec:
    low, high = one.tried if one.tried[1] > one.tried[0] * 1.002 else (one.usual * 0.995, one.usual * 1.005)
    edges = {"x0": float(axis.at(np.array(low))), "x1": float(axis.at(np.array(high)))}
    return (
        {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "fillcolor": SUNK, "line": {"width": 0}}
        | edges
        | {"layer": "below"}
    )


def _usual(one: Basis, axis: Axis) -> Spec:
    at = float(axis.at(np.array(one.usual)))
    return rule(MUTED, "2px,3px", x0=at, x1=at, y0=0, y1=1, yref="paper")


def _words(one: Basis, ends: Vector, x: Vector, axis: Axis, top: float) -> list[Spec]:
    middle = float(axis.at(np.array(sum(one.tried) / 2)))
    single = one.tried[1] <= one.tried[0] * 1.002
    usual = f"usual {axis.say(one.usual)}" if axis.alike else "usual price"
    above = min(float(ends[-4, 1]), 0.92 * top)
    return [
        note(
            middle, 1, "only price tried" if single else "prices tried", MUTED, yref="paper", yshift=9, xanchor="center"
        ),
        note(float(axis.at(np.array(one.usual))), 0, usual, MUTED, yref="paper", yshift=10, xshift=4),
        note(float(axis.at(x[-1])), above, "95%", FORECAST, xanchor="right", yshift=10),
    ]


def _tried(one: Basis, axis: Axis) -> str:
    low, high = (axis.say(edge) for edge in one.tried)
    return f"the only price tried {low}" if low == high else f"prices tried {low} to {high}"


def _caption(one: Basis, group: Group) -> str:
    cells = count(int(np.median(one.dots.cells)), "row") if one.dots is not None else ""
    read = _READ[one.dots.kind].format(cells=cells) if one.dots is not None else ""
    lean = "the line is what similar groups do" if group.status is Identification.NOT_IDENTIFIED else ""
    where = "Grey: prices really charged; outside it the line is a guess"
    units_ = "" if one.alike else " Each thing's price is compared with its own usual one."
    return f"100 is usual sales at the usual price. {read} {where}{'; ' + lean if lean else ''}.{units_}"


def _table(dots: Dots | None, axis: Axis) -> Table:
    heads = ("Price", "Sales index", "95% range", "Rows")
    if dots is None:
        return Table(heads, ())
    ends = [f"{units(s - _Z * e)} to {units(s + _Z * e)}" for s, e in zip(dots.sales, dots.se, strict=True)]
    rows = zip(dots.prices, dots.sales, ends, dots.cells, strict=True)
    return Table(heads, tuple((axis.say(float(p)), units(s), reach, units(n)) for p, s, reach, n in rows))
