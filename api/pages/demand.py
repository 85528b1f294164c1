"""The demand curve of a group over the sales it was learned from: in words, in numbers, and for the script.

Guarantees
----------
* Dots are the sales the fit kept, net of all but the price; where nothing could be fitted they are as sold, and the
  caption says so.
* Prices nobody has tried are told apart, in the picture and in the table.
* No text of a user enters the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext

from api.estimates import Response
from api.grounds import Dot, Ground
from api.pages.curve import Curve
from api.pages.numbers import Numbers

POINTS = 61
"""Prices at which the curve is drawn."""
LEAST_TOP, MOST_TOP = 150.0, 320.0
"""Least and largest index at the top of the picture."""
Z = 1.959964


@dataclass(frozen=True, slots=True)
class Axis:
    """Prices as they are where a group has one usual price, else as changes from each thing's own."""

    usual: float
    alike: bool
    currency: str
    n: Numbers

    def at(self, price: float) -> float:
        """Where a price lies."""
        return round(price if self.alike else 100 * (price / self.usual - 1), 4)

    def say(self, price: float) -> str:
        """A price in words."""
        return self.n.price(price, self.currency) if self.alike else self.n.change(price / self.usual - 1, 0)

    @property
    def ticks(self) -> tuple[str, str]:
        """What stands before and after a figure at the axis."""
        before, _, after = (self.n.whole(1, self.currency) if self.alike else self.n.percent(0.01)).partition("1")
        return before, after


def drawing(ground: Ground, said: Response, axis: Axis, now: Sequence[float]) -> dict[str, object] | None:
    """What the script draws; None where there is no price to draw over.

    Parameters
    ----------
    now : prices in force; one is marked, several are not
    """
    tried, usual = ground.tried, axis.usual
    if tried is None:
        return None
    now = now if axis.alike else ()
    low, high = min(tried[0] * 0.93, usual * 0.85), max(tried[1] * 1.07, usual * 1.15)
    prices = [low * (high / low) ** (i / (POINTS - 1)) for i in range(POINTS)]
    slopes = said.lower, said.elasticity, said.upper
    ends = [[] if slope is None else [_index(price, usual, slope) for price in prices] for slope in slopes]
    before, after = axis.ticks
    top = max([LEAST_TOP, 1.08 * max(ends[1], default=0.0), *(1.05 * (dot.sales + Z * dot.se) for dot in ground.dots)])
    return {
        "x": [axis.at(price) for price in prices],
        "mean": ends[1],
        "low": [round(min(pair), 2) for pair in zip(ends[0], ends[2], strict=True)],
        "high": [round(max(pair), 2) for pair in zip(ends[0], ends[2], strict=True)],
        "tried": [axis.at(price) for price in tried],
        "one": tried[1] <= tried[0] * 1.002,
        "sure": said.status != "not-identified",
        "marks": _marks(axis, [price for price in now if low <= price <= high]),
        "dots": [_dot(dot, axis) for dot in ground.dots],
        "bars": ground.kind != "raw",
        "top": min(top, MOST_TOP),
        "before": before,
        "after": after,
    }


def _marks(axis: Axis, now: Sequence[float]) -> list[list[object]]:
    """The one price in force, else the usual one: where, and what is said of it."""
    if len(now) == 1:
        return [[axis.at(now[0]), gettext("now %(price)s", price=axis.say(now[0]))]]
    usual = gettext("usual %(price)s", price=axis.say(axis.usual)) if axis.alike else gettext("usual price")
    return [[axis.at(axis.usual), usual]]


def _index(price: float, usual: float, slope: float) -> float:
    return round(float(100 * (price / usual) ** slope), 2)


def _dot(dot: Dot, axis: Axis) -> list[float]:
    return [axis.at(dot.price), round(dot.sales, 2), round(Z * dot.se, 2), dot.rows]


def curve(ground: Ground, said: Response, axis: Axis) -> Curve:
    """The same in words and as a table."""
    n = axis.n
    heads = (gettext("Price"), gettext("Sold"), gettext("95% range"), gettext("Rows"))
    rows = tuple(
        (
            axis.say(dot.price),
            n.units(dot.sales),
            gettext("%(low)s to %(high)s", low=n.units(dot.sales - Z * dot.se), high=n.units(dot.sales + Z * dot.se)),
            n.units(dot.rows),
        )
        for dot in ground.dots
    )
    return Curve(_label(ground, said, axis), _caption(ground, said), heads, rows)


def tried(ground: Ground, axis: Axis) -> str:
    """Between which prices it was sold."""
    low, high = (axis.say(price) for price in ground.tried or (axis.usual, axis.usual))
    return gettext("only %(price)s", price=low) if low == high else gettext("%(low)s to %(high)s", low=low, high=high)


def _label(ground: Ground, said: Response, axis: Axis) -> str:
    shown = gettext("Sales at each price; prices tried: %(tried)s.", tried=tried(ground, axis))
    if said.elasticity is None:
        return shown
    expected = gettext(
        "The curve is what an elasticity of %(mean)s expects, with its 95%% band.", mean=axis.n.decimal(said.elasticity)
    )
    return f"{shown} {expected}"


def _caption(ground: Ground, said: Response) -> str:
    index = gettext("100: usual sales at the usual price.")
    if ground.kind == "raw":
        dots = gettext("Dots: sales as they were; no curve could be fitted to them.")
    else:
        dots = gettext("Dots: sales at about one price, net of season, event and all else that is known; bars: 95%.")
    where = gettext("In the grey strip prices were really charged; beyond it the curve is a guess.")
    parts = [index, dots, where]
    if said.status == "not-identified":
        parts.append(gettext("The curve is what similar groups do."))
    if not ground.alike:
        parts.append(gettext("Each thing's price is compared with its own usual one."))
    return " ".join(parts)


def texts() -> dict[str, str]:
    """Texts of the script."""
    return {
        "sold": gettext("Sold"),
        "expected": gettext("Expected"),
        "tried": gettext("prices tried"),
        "one": gettext("only price tried"),
        "guess": gettext("not tried"),
        "band": gettext("95% band"),
        "price": gettext("price"),
        "change": gettext("change of the price"),
    }
