"""Wide choice tables: one row per choice, a column per alternative for what belongs to it.

Guarantees
----------
* A column is found by what is shared and the alternative's name (or how the table writes it), in either order.
* What only some alternatives have counts 0 for the others, and is said.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from forecasting.choice.cells import Sheet
from forecasting.choice.choices import Mask, Matrix
from forecasting.choice.layout import Layout, Parts
from pricing.errors import Finding

SEPARATORS = (".", "_", "-", ":", " ", "")
"""Between the name of a column and of its alternative, in either order: price.train, TRAIN_CO."""


def wide(sheet: Sheet, layout: Layout) -> Parts:
    """The parts of a wide table; a blank choice is the outside option, if there is one."""
    n, m = len(sheet.frame), len(layout.names)
    chosen = layout.place(sheet, layout.choice)
    if layout.outside is not None:
        chosen = np.where((sheet.labels(layout.choice) == "").to_numpy(), 0, chosen)
    parts = Parts({}, {}, np.ones((n, m), dtype=bool), chosen, np.repeat(np.arange(n)[:, None], m, axis=1), [])
    if layout.available:
        parts.available = _availability(sheet, layout, layout.available, parts)
    for stem in (layout.price_name, *layout.described):
        parts.values[stem], parts.columns[stem] = _spread(sheet, layout, stem, blank=0.0)
        if bare := _without(layout, parts.columns[stem]):
            parts.notes.append(f"{', '.join(bare)}: no column {stem}, counted as 0.")
    return parts


def _availability(sheet: Sheet, layout: Layout, stem: str, parts: Parts) -> Mask:
    cells, columns = _spread(sheet, layout, stem, blank=1.0)
    for j, column in enumerate(columns):
        sheet.complain(np.flatnonzero(~np.isin(cells[:, j], (0, 1))), column, "availability is 0 or 1")
    if bare := _without(layout, columns):
        parts.notes.append(f"{', '.join(bare)}: no column {stem}, so always available.")
    return cells != 0  # what is neither 0 nor 1 has been complained of


def _without(layout: Layout, columns: Sequence[str]) -> list[str]:
    """Alternatives that have no column."""
    return [a for a, column in zip(layout.names, columns, strict=True) if not column and a != layout.outside]


def missing(sheet: Sheet, layout: Layout) -> Iterator[Finding]:
    """Columns a wide table lacks."""
    inside = layout.inside
    if len(layout.price) not in {1, len(inside)}:
        yield sheet.finding(f"--price takes one name, or one for each of the {len(inside)} alternatives")
    elif len(layout.price) > 1:
        yield from (sheet.finding("there is no such column", column=c) for c in layout.price if c not in sheet.frame)
    else:
        for name in inside:
            if _column(sheet, layout.price[0], name, layout) is None:
                tried = f"{layout.price[0]}.{name}, {name}_{layout.price[0]} or alike"
                yield sheet.finding(f"no column has the price of {name}: {tried}")
    for stem in (*layout.described, *([layout.available] if layout.available else [])):
        if stem not in sheet.frame and not any(_column(sheet, stem, name, layout) for name in inside):
            yield sheet.finding("there is neither such a column, nor one for any alternative", column=stem)


def _column(sheet: Sheet, stem: str, name: str, layout: Layout) -> str | None:
    """The column that holds `stem` for an alternative, or None."""
    for label in dict.fromkeys((name, layout.alternatives.get(name, name))):
        for sign in SEPARATORS:
            for column in (f"{stem}{sign}{label}", f"{label}{sign}{stem}"):
                if column in sheet.frame:
                    return column
    return None


def _spread(sheet: Sheet, layout: Layout, stem: str, *, blank: float) -> tuple[Matrix, tuple[str, ...]]:
    """(n, m) cells of the columns of each alternative, and their names ("" where there is none)."""
    inside = layout.inside
    if stem == layout.price_name and len(layout.price) > 1:
        found = dict(zip(inside, layout.price, strict=True))
    else:
        found = {name: _column(sheet, stem, name, layout) or "" for name in inside}
        if not any(found.values()):  # one column for all: it describes the buyer
            found = dict.fromkeys(inside, stem)
    columns = tuple(found.get(name, "") for name in layout.names)
    cells = [sheet.numbers(c) if c else np.full(len(sheet.frame), blank) for c in columns]
    return np.stack(cells, axis=1), columns
