"""Reads choice tables, wide or long, as they are.

Guarantees
----------
* Everything wrong is reported at once, with file, row and column; nothing is guessed.
* What an alternative that is not available costs, or is like, does not count and may be blank.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forecasting.choice.cells import Sheet
from forecasting.choice.choices import Choices, Codes, Mask, Matrix, Vector
from pricing.errors import Finding, InputError

SEPARATORS = (".", "_", "-", ":", " ", "")
"""Between the name of a column and of its alternative, in either order: price.train, TRAIN_CO."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns of a choice table mean.

    Attributes
    ----------
    alternatives : name -> as written in the table; constants are told against the first
    price : one column (long), one stem (wide: `price` for price.train), or one column per alternative
    choice : wide: the alternative taken; long: 1 in the row that was taken, 0 elsewhere
    attributes, specific : columns or stems with one coefficient for all alternatives, or one for each
    available : column or stem of 0 and 1; all are available without it
    person, weights, segment : columns that tell who chose, how many situations a row stands for, and kinds of buyers
    situation, alternative : columns of a long table; a table without `situation` is wide
    outside : alternative that means buying nothing here: utility 0, always available, without columns
    where : column -> values (as text) of the rows to use
    """

    alternatives: Mapping[str, str]
    price: Sequence[str]
    choice: str = "choice"
    attributes: Sequence[str] = ()
    specific: Sequence[str] = ()
    available: str | None = None
    person: str | None = None
    weights: str | None = None
    segment: str | None = None
    situation: str | None = None
    alternative: str = "alternative"
    outside: str | None = None
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Alternatives, the outside option first."""
        inside = tuple(name for name in self.alternatives if name != self.outside)
        return inside if self.outside is None else (self.outside, *inside)

    @property
    def price_name(self) -> str:
        """What the price is called in results."""
        return self.price[0] if len(self.price) == 1 else "price"

    @property
    def described(self) -> tuple[str, ...]:
        """Names of attributes, each once."""
        return tuple(dict.fromkeys((*self.attributes, *self.specific)))

    def place(self, sheet: Sheet, column: str) -> Codes:
        """(rows,) which alternative a cell names; -1 for none of them."""
        known = {label: i for i, name in enumerate(self.names) for label in (name, self.alternatives.get(name, name))}
        return np.asarray(sheet.labels(column).map(known).fillna(-1), dtype=np.int64)


def read_choices(frame: pd.DataFrame, layout: Layout, *, file: str | None = None) -> tuple[Choices, tuple[str, ...]]:
    """Read a table whose index is the row in the file.

    Returns
    -------
    the choices, and notes on what was assumed

    Raises
    ------
    InputError
        with every finding.
    """
    sheet = Sheet(frame, file)
    _refuse(_misnamed(sheet, layout))
    sheet = _chosen_rows(sheet, layout)
    parts = _wide(sheet, layout) if layout.situation is None else _long(sheet, layout)
    _outside(parts, layout)
    values = {
        name: _usable(sheet, value, parts, name, negative=name != layout.price_name)
        for name, value in parts.values.items()
    }
    _check_choice(sheet, layout, parts)
    weight = _weights(sheet, layout, parts)
    people = sheet.codes(layout.person, parts.first)[0] if layout.person else np.arange(len(parts.first))
    segment, segments = _segments(sheet, layout, parts)
    sheet.refuse()
    choices = Choices(
        layout.names, layout.price_name, values, parts.available, parts.chosen, weight, people, segment, segments,
        layout.outside,
    )  # fmt: skip
    return choices, tuple(parts.notes)


@dataclass(slots=True, eq=False)
class _Parts:
    """What both forms of a table come to; `rows` (n, m) and `first` (n,) say where in the sheet it stands."""

    values: dict[str, Matrix]
    columns: dict[str, tuple[str, ...]]
    available: Mask
    chosen: Codes
    rows: Codes
    notes: list[str]

    @property
    def first(self) -> Codes:
        """(n,) a row of each situation."""
        return np.maximum(self.rows.max(axis=1), 0)


def _misnamed(sheet: Sheet, layout: Layout) -> Iterator[Finding]:
    """Columns and alternatives that are not there."""
    singles = [layout.choice, layout.person, layout.weights, layout.segment, *layout.where]
    if layout.situation is not None:
        singles += [layout.situation, layout.alternative, layout.available, *layout.price, *layout.described]
    for name in dict.fromkeys(name for name in singles if name is not None):
        if name not in sheet.frame:
            yield sheet.finding("there is no such column", column=name)
    if len(layout.names) < 2:
        yield sheet.finding("a choice needs at least two alternatives: name them with --alternatives")
    if both := set(layout.attributes) & set(layout.specific):
        yield sheet.finding("is named both in --attributes and in --specific", column=", ".join(sorted(both)))
    if taken := {*layout.described, layout.price_name} & {"constant", "logsum"}:
        yield sheet.finding("call it something else (--map): results use this name", column=", ".join(sorted(taken)))
    if layout.price_name in layout.described:
        yield sheet.finding("is the price, and cannot be an attribute too", column=layout.price_name)
    if layout.situation is None:
        yield from _missing(sheet, layout)


def _missing(sheet: Sheet, layout: Layout) -> Iterator[Finding]:
    """Columns a wide table lacks."""
    inside = [name for name in layout.names if name != layout.outside]
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


def _chosen_rows(sheet: Sheet, layout: Layout) -> Sheet:
    """The rows that `where` keeps."""
    kept = np.ones(len(sheet.frame), dtype=bool)
    for column, wanted in layout.where.items():
        kept &= sheet.labels(column).isin([Sheet.label(value) for value in wanted]).to_numpy()
    if not kept.any():
        raise InputError(sheet.finding("no row is left: see --where"))
    return Sheet(sheet.frame[kept], sheet.file)


def _wide(sheet: Sheet, layout: Layout) -> _Parts:
    n, m = len(sheet.frame), len(layout.names)
    chosen = layout.place(sheet, layout.choice)
    if layout.outside is not None:
        chosen = np.where((sheet.labels(layout.choice) == "").to_numpy(), 0, chosen)
    parts = _Parts({}, {}, np.ones((n, m), dtype=bool), chosen, np.repeat(np.arange(n)[:, None], m, axis=1), [])
    if layout.available:
        cells, columns = _spread(sheet, layout, layout.available, blank=1.0)
        for j, column in enumerate(columns):
            sheet.complain(np.flatnonzero(~np.isin(cells[:, j], (0, 1))), column, "availability is 0 or 1")
        parts.available = cells == 1
        bare = [
            name for name, column in zip(layout.names, columns, strict=True) if not column and name != layout.outside
        ]
        if bare:
            parts.notes.append(f"{', '.join(bare)}: no column {layout.available}, so always available")
    for stem in (layout.price_name, *layout.described):
        parts.values[stem], parts.columns[stem] = _spread(sheet, layout, stem, blank=0.0)
        bare = [a for a, c in zip(layout.names, parts.columns[stem], strict=True) if not c and a != layout.outside]
        if bare:
            parts.notes.append(f"{', '.join(bare)}: no column {stem}, counted as 0")
    return parts


def _spread(sheet: Sheet, layout: Layout, stem: str, *, blank: float) -> tuple[Matrix, tuple[str, ...]]:
    """(n, m) cells of the columns of each alternative, and their names ("" where there is none)."""
    inside = [name for name in layout.names if name != layout.outside]
    if stem == layout.price_name and len(layout.price) > 1:
        found = dict(zip(inside, layout.price, strict=True))
    else:
        found = {name: _column(sheet, stem, name, layout) or "" for name in inside}
        if not any(found.values()):  # one column for all: it describes the buyer
            found = dict.fromkeys(inside, stem)
    columns = tuple(found.get(name, "") for name in layout.names)
    cells = [sheet.numbers(c) if c else np.full(len(sheet.frame), blank) for c in columns]
    return np.stack(cells, axis=1), columns


def _long(sheet: Sheet, layout: Layout) -> _Parts:
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
    first = np.where(there.any(axis=1), rows.max(axis=1), 0)
    sheet.complain(first[mark.sum(axis=1) > 1], layout.choice, "more than one row of the situation is taken")
    none = mark.sum(axis=1) == 0
    if layout.outside is None:
        sheet.complain(first[none], layout.choice, "no row of the situation is taken; is there an --outside option?")
    parts = _Parts({}, {}, there, mark.argmax(axis=1).astype(np.int64), rows, [])
    if layout.available:
        parts.available = there & (_flags(sheet, layout.available)[rows] == 1)
    for name in (layout.price_name, *layout.described):
        parts.values[name] = np.where(there, sheet.numbers(name)[rows], 0.0)
        parts.columns[name] = (name,) * len(layout.names)
    for column in (layout.person, layout.weights, layout.segment):
        if column is not None:
            codes = sheet.codes(column, np.arange(len(sheet.frame)))[0]
            differs = codes != codes[first][situation]
            sheet.complain(np.flatnonzero(differs), column, "differs between rows of the same situation")
    return parts


def _flags(sheet: Sheet, column: str) -> Matrix:
    cells = sheet.numbers(column)
    sheet.complain(np.flatnonzero(~np.isin(cells, (0, 1))), column, "availability is 0 or 1")
    return cells


def _outside(parts: _Parts, layout: Layout) -> None:
    """The outside option: first, always there, without price or attributes."""
    if layout.outside is not None:
        parts.available[:, 0] = True
        for value in parts.values.values():
            value[:, 0] = 0.0


def _usable(sheet: Sheet, value: Matrix, parts: _Parts, name: str, *, negative: bool) -> Matrix:
    """The cells, 0 where not available; complains of what is no number, or a negative price."""
    columns = parts.columns[name]
    for j, column in enumerate(columns):
        there, cells = parts.available[:, j], value[:, j]
        sheet.complain(parts.rows[there & ~np.isfinite(cells), j], column, "is not a finite number")
        if not negative:
            sheet.complain(parts.rows[there & (cells < 0), j], column, "a price is not negative")
    return np.where(parts.available & np.isfinite(value), value, 0.0)


def _check_choice(sheet: Sheet, layout: Layout, parts: _Parts) -> None:
    """Complain of choices of nothing known, or of what was not there."""
    rows = np.arange(len(parts.chosen))
    unknown = parts.chosen < 0
    said = ", ".join(dict.fromkeys(layout.alternatives.get(name, name) for name in layout.names))
    sheet.complain(parts.first[unknown], layout.choice, f"is none of the alternatives ({said}); see --where")
    gone = ~unknown & ~parts.available[rows, np.maximum(parts.chosen, 0)]
    sheet.complain(parts.first[gone], layout.choice, "was taken, but was not available")


def _weights(sheet: Sheet, layout: Layout, parts: _Parts) -> Vector:
    if layout.weights is None:
        return np.ones(len(parts.first))
    weight = sheet.numbers(layout.weights)[parts.first]
    sheet.complain(parts.first[~((weight > 0) & np.isfinite(weight))], layout.weights, "a weight is a positive number")
    return weight


def _segments(sheet: Sheet, layout: Layout, parts: _Parts) -> tuple[Codes, tuple[str, ...]]:
    if layout.segment is None:
        return np.zeros(len(parts.first), dtype=np.int64), ("all",)
    codes, names = sheet.codes(layout.segment, parts.first)
    order = np.argsort(names)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[codes], tuple(f"{layout.segment}={names[i]}" for i in order)


def _refuse(findings: Iterator[Finding]) -> None:
    if found := list(findings):
        raise InputError(found)
