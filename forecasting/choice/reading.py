"""Reads choice tables, wide or long, as they are.

Guarantees
----------
* Everything wrong is reported at once, with file, row and column; nothing is guessed.
* What an alternative that is not available costs, or is like, does not count and may be blank.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from forecasting.choice.cells import Sheet
from forecasting.choice.choices import Choices, Codes, Matrix, Vector
from forecasting.choice.layout import Layout, Parts
from forecasting.choice.long import long
from forecasting.choice.wide import missing, wide
from pricing.errors import Finding, InputError


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
    parts = wide(sheet, layout) if layout.situation is None else long(sheet, layout)
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
        layout.outside, layout.person is not None,
    )  # fmt: skip
    return choices, tuple(parts.notes)


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
    if len(set(layout.labels)) < len(layout.labels):
        yield sheet.finding("two alternatives are written alike: see --alternatives")
    if both := set(layout.attributes) & set(layout.specific):
        yield sheet.finding("is named both in --attributes and in --specific", column=", ".join(sorted(both)))
    if taken := {*layout.described, layout.price_name} & {"constant", "logsum"}:
        yield sheet.finding("call it something else (--map): results use this name", column=", ".join(sorted(taken)))
    if layout.price_name in layout.described:
        yield sheet.finding("is the price, and cannot be an attribute too", column=layout.price_name)
    if layout.situation is None:
        yield from missing(sheet, layout)


def _chosen_rows(sheet: Sheet, layout: Layout) -> Sheet:
    """The rows that `where` keeps."""
    kept = np.ones(len(sheet.frame), dtype=bool)
    for column, wanted in layout.where.items():
        kept &= sheet.labels(column).isin([Sheet.label(value) for value in wanted]).to_numpy()
    if not kept.any():
        raise InputError(sheet.finding("no row is left: see --where"))
    return Sheet(sheet.frame[kept], sheet.file)


def _outside(parts: Parts, layout: Layout) -> None:
    """The outside option: first, always there, without price or attributes."""
    if layout.outside is not None:
        parts.available[:, 0] = True
        for value in parts.values.values():
            value[:, 0] = 0.0


def _usable(sheet: Sheet, value: Matrix, parts: Parts, name: str, *, negative: bool) -> Matrix:
    """The cells, 0 where not available; complains of what is no number, or a negative price."""
    columns = parts.columns[name]
    for j, column in enumerate(columns):
        there, cells = parts.available[:, j], value[:, j]
        sheet.complain(parts.rows[there & ~np.isfinite(cells), j], column, "is not a finite number")
        if not negative:
            sheet.complain(parts.rows[there & (cells < 0), j], column, "a price is not negative")
    return np.where(parts.available & np.isfinite(value), value, 0.0)


def _check_choice(sheet: Sheet, layout: Layout, parts: Parts) -> None:
    """Complain of choices of nothing known, or of what was not there."""
    rows = np.arange(len(parts.chosen))
    unknown = parts.chosen < 0
    said = ", ".join(dict.fromkeys(layout.alternatives.get(name, name) for name in layout.names))
    sheet.complain(parts.first[unknown], layout.choice, f"is none of the alternatives ({said}); see --where")
    taken = np.maximum(parts.chosen, 0)
    gone = ~unknown & ~parts.available[rows, taken]
    sheet.complain(parts.rows[rows, taken][gone], layout.choice, "was taken, but was not available")


def _weights(sheet: Sheet, layout: Layout, parts: Parts) -> Vector:
    if layout.weights is None:
        return np.ones(len(parts.first))
    weight = sheet.numbers(layout.weights)[parts.first]
    sheet.complain(parts.first[~((weight > 0) & np.isfinite(weight))], layout.weights, "a weight is a positive number")
    return weight


def _segments(sheet: Sheet, layout: Layout, parts: Parts) -> tuple[Codes, tuple[str, ...]]:
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
