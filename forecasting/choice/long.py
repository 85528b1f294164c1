"""Long choice tables: one row per situation and alternative.

Guarantees
----------
* Every situation has each alternative at most once and one row taken (none: the outside option, if there is one).
* What describes the buyer is the same in all rows of a situation.
"""

import numpy as np
import pandas as pd

from forecasting.choice.cells import Sheet
from forecasting.choice.choices import Codes, Vector
from forecasting.choice.layout import Layout, Parts, first_of

_DIFFERS = "differs between rows of the same situation"


def long(sheet: Sheet, layout: Layout) -> Parts:
    """Rows of a long table, put where their situation and alternative say."""
    situation, names = sheet.codes(layout.situation or "", np.arange(len(sheet.frame)))
    place = layout.place(sheet, layout.alternative)
    sheet.complain(np.flatnonzero(place < 0), layout.alternative, "is none of --alternatives")
    known = np.flatnonzero(place >= 0)
    twice = pd.DataFrame({"s": situation[known], "a": place[known]}).duplicated().to_numpy()
    sheet.complain(known[twice], layout.alternative, "stands twice in the same situation")
    rows = np.full((len(names), len(layout.names)), -1, dtype=np.int64)
    rows[situation[known], place[known]] = known
    there = rows >= 0
    taken = sheet.numbers(layout.choice)
    sheet.complain(
        np.flatnonzero(~np.isin(taken, (0, 1))), layout.choice, "is 1 in the row that was taken, 0 elsewhere"
    )
    mark = np.where(there, taken[rows], 0.0) == 1
    first = first_of(rows)
    sheet.complain(first[mark.sum(axis=1) > 1], layout.choice, "more than one row of the situation is taken")
    if layout.outside is None:
        none = first[mark.sum(axis=1) == 0]
        sheet.complain(none, layout.choice, "no row of the situation is taken; is there an --outside option?")
    parts = Parts({}, {}, there, mark.argmax(axis=1).astype(np.int64), rows, [])
    if layout.available:
        parts.available = there & (_flags(sheet, layout.available)[rows] == 1)
    for name in (layout.price_name, *layout.described):
        parts.values[name] = np.where(there, sheet.numbers(name)[rows], 0.0)
        parts.columns[name] = (name,) * len(layout.names)
    _check_constant(sheet, layout, situation, first)
    return parts


def _check_constant(sheet: Sheet, layout: Layout, situation: Codes, first: Codes) -> None:
    """Complain of what describes the buyer, but differs between rows of a situation."""
    for column in (layout.person, layout.weights, layout.segment):
        if column is not None:
            codes = sheet.codes(column, np.arange(len(sheet.frame)))[0]
            sheet.complain(np.flatnonzero(codes != codes[first][situation]), column, _DIFFERS)


def _flags(sheet: Sheet, column: str) -> Vector:
    cells = sheet.numbers(column)
    sheet.complain(np.flatnonzero(~np.isin(cells, (0, 1))), column, "availability is 0 or 1")
    return cells
