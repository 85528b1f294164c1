"""The report of price response: what the data can tell about each group, what they cannot, why, and what to test.

Guarantees
----------
* The verdict comes first, in words; every group is counted, and each listed says why it has its status.
* Every number comes from the estimate, the proposals and the comparisons that are handed in; none is computed here.
* What sales data can never show is said on the page.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
from babel.numbers import get_currency_symbol

from api.report.charts import Chart
from api.report.checks import Check, checks
from api.report.forest import Group, by_columns, groups
from api.report.numbers import DASH, LOCALE, decimal, percent, units
from api.report.page import render
from api.report.response import Axis, response
from api.report.tables import Crossed, Curves, Proposed, count_in_reach, crossed, curves, proposed
from forecasting.elasticity.basis import Basis
from pricing.demand import Evidence, Identification
from pricing.guardrails import distrust

MOST_EACH = 20
"""Groups of each status that are told one by one; the others are in the forest and the table."""
OPEN = 3
"""Groups shown opened."""


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """All that was found about price response.

    Attributes
    ----------
    table : as `forecasting.elasticity.table.elasticity_table` gives it
    basis : of each row, in the same order
    currency : ISO 4217; empty if unknown
    first, last : dates of the sales
    source : names and values of what it was made from
    tests, shapes, cross : tables of `proposals`, `shapes_table` and `cross_table`, where asked for
    """

    table: pd.DataFrame
    basis: Sequence[Basis]
    currency: str
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    source: tuple[tuple[str, str], ...] = ()
    tests: pd.DataFrame | None = None
    shapes: pd.DataFrame | None = None
    cross: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What the page says of one group alone."""

    group: Group
    sentence: str
    facts: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...]
    chart: Chart | None
    test: Proposed | None
    curves: Curves | None

    @property
    def engine(self) -> str:
        """What the engine makes of it."""
        held = _held(self.group)
        return f"leaves this price where it is: {held}." if held else _ENGINE[self.group.status]


_ENGINE: Mapping[Identification, str] = {
    Identification.IDENTIFIED: "prices this group on its own evidence, within the step you allow.",
    Identification.WEAK: "moves this price by half steps at most.",
    Identification.NOT_IDENTIFIED: "leaves this price where it is until a test or a price change gives evidence.",
}


@dataclass(frozen=True, slots=True)
class Shares:
    """How many groups have each status."""

    identified: int
    weak: int
    not_identified: int

    @property
    def total(self) -> int:
        """All groups."""
        return self.identified + self.weak + self.not_identified


@dataclass(frozen=True, slots=True)
class ElasticityView:
    """All an elasticity report says.

    Attributes
    ----------
    held : groups that are not refused, but in which the engine does not trust the number
    tests : how many groups have a price test in reach
    overall : shapes of all groups together, or of the only one; None if they were not compared
    winners : shapes that win alone, with the number of groups
    instrumented : whether instruments were used
    """

    made_at: datetime
    shares: Shares
    forest: tuple[Group, ...]
    cards: tuple[Card, ...]
    held: int
    tests: int
    overall: Curves | None
    winners: tuple[tuple[str, int], ...]
    cross: Crossed | None
    instrumented: bool
    source: tuple[tuple[str, str], ...]
    first: pd.Timestamp | None
    last: pd.Timestamp | None

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Every chart of the page."""
        return tuple(card.chart for card in self.cards if card.chart)

    @property
    def opened(self) -> int:
        """Cards shown opened."""
        return OPEN

    @property
    def untold(self) -> int:
        """Groups that are only in the forest."""
        return self.shares.total - len(self.cards)


def elasticity_report(found: Findings, *, now: datetime) -> str:
    """Write the report as one HTML file."""
    view = elasticity_view(found, now=now)
    return render("elasticity.html", view, view.charts)


def elasticity_view(found: Findings, *, now: datetime) -> ElasticityView:
    """Build what the report says."""
    by = by_columns(found.table)
    order = np.argsort([-one.sold for one in found.basis], kind="stable")
    keys = [tuple(str(part) for part in key) for key in found.table[by].itertuples(index=False, name=None)]
    made = [_with_interval(groups(found.table.iloc[[i]])[0], found.basis[i]) for i in order]
    ranked = sorted(zip(made, order, strict=True), key=lambda pair: list(Identification).index(pair[0].status))
    tests, shapes = proposed(found.tests, by, found.currency), curves(found.shapes, by)
    forest, cards, told = list[Group](), list[Card](), Counter[Identification]()
    for group, i in ranked:
        told[group.status] += 1
        if told[group.status] > MOST_EACH:
            forest.append(group)
            continue
        linked = replace(group, link=f"group-{len(cards) + 1}")
        forest.append(linked)
        cards.append(_card(linked, found.basis[i], found.currency, tests.get(keys[i]), shapes.get(keys[i])))
    return ElasticityView(
        made_at=now,
        shares=Shares(*(told[status] for status in Identification)),
        forest=tuple(forest),
        cards=tuple(cards),
        held=sum(_held(group) is not None for group in forest),
        tests=count_in_reach(found.tests),
        overall=next(iter(shapes.values()), None),  # rows of all groups come first
        winners=_winners([one for key, one in shapes.items() if key in set(keys)]),
        cross=None if found.cross is None else crossed(found.cross),
        instrumented=any(one.instrumented for one in found.basis),
        source=found.source,
        first=found.first,
        last=found.last,
    )


def _held(group: Group) -> str | None:
    """Why the engine does not move a price although the sales tell; None where it does, or they do not."""
    if group.status is Identification.NOT_IDENTIFIED or not group.known:
        return None
    return distrust(Evidence(group.status, group.slope, 0.0, group.reason, ""))


def _with_interval(group: Group, one: Basis) -> Group:
    """The group with its interval before pooling, where that has ends."""
    if one.estimate is None or not np.isfinite(one.estimate.lower + one.estimate.upper):
        return group
    return replace(group, raw_low=one.estimate.lower, raw_high=one.estimate.upper)


def _winners(each: Sequence[Curves]) -> tuple[tuple[str, int], ...]:
    """Shapes that win in some group, the most frequent first."""
    return tuple(Counter(one.winner for one in each if one.winner).most_common())


def _card(group: Group, one: Basis, currency: str, test: Proposed | None, shapes: Curves | None) -> Card:
    symbol = get_currency_symbol(currency, locale=LOCALE) if currency else ""
    axis = Axis(one.usual, currency, symbol, one.alike)
    drawn = group.known and np.isfinite(one.usual)
    chart = response(f"response-{group.link}", one, group, axis) if drawn else None
    return Card(group, _in_words(group), _facts(one, group, axis), checks(one), chart, test, shapes)


def _facts(one: Basis, group: Group, axis: Axis) -> tuple[tuple[str, str], ...]:
    """The few numbers beside a picture."""
    tried = DASH if not np.isfinite(one.usual) else " to ".join(dict.fromkeys(axis.say(edge) for edge in one.tried))
    return (
        ("Before pooling", DASH if np.isnan(group.raw) else decimal(group.raw)),
        ("Prices tried", tried),
        ("Dates on which it moved", units(one.moves)),
        ("Units sold", units(one.sold)),
    )


def _in_words(group: Group) -> str:
    """What a price 10 % higher would do."""
    if group.status is Identification.NOT_IDENTIFIED:
        return "These sales cannot show how buyers react; the number is what similar groups do."
    mean, low, high = (1.1**slope - 1 for slope in (group.slope, group.high, group.low))
    first = percent(abs(low)) + (f" {_fewer(low)}" if _fewer(low) != _fewer(high) else "")
    return (
        f"A price 10% higher should sell {percent(abs(mean))} {_fewer(mean)} units "
        f"(95%: {first} to {percent(abs(high))} {_fewer(high)})."
    )


def _fewer(share: float) -> str:
    return "fewer" if share < 0 else "more"
