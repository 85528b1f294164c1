"""The pandera schema of a table, made from its declaration.

Guarantees
----------
* A frame that passes has every needed column, of the declared type, inside its bounds, without forbidden blanks, and a
  key that does not repeat.
* NaN never passes a bound: every check is "accept if inside".
"""

from collections.abc import Collection
from functools import partial
from typing import Any

import pandas as pd
import pandera.pandas as pa

from pricing.money import CURRENCIES
from pricing.tables.declaration import Column, Kind, Table

MISSING = "is missing"
REPEATED = "repeats: it names one row only"
UNKNOWN_CURRENCY = "not an ISO 4217 currency (for example EUR)"

_DTYPES: dict[Kind, str | None] = {
    Kind.TEXT: "str",
    Kind.NUMBER: "float64",
    Kind.MONEY: "object",
    Kind.DATE: "datetime64[us]",
    Kind.INSTANT: "datetime64[us, UTC]",
    Kind.CURRENCY: "str",
    Kind.LADDER: "str",
    Kind.ANY: None,
}


def schema(table: Table, needed: Collection[str] = ()) -> pa.DataFrameSchema:
    """Checks of a typed frame; `needed` raises further columns to needed ones."""
    columns = {column.name: _column(column, table, needed) for column in table.columns}
    others = {name: pa.Column(nullable=True) for name in needed if name not in columns}
    return pa.DataFrameSchema({**columns, **others}, strict=False, name=table.name)


def _column(column: Column, table: Table, needed: Collection[str]) -> pa.Column:
    return pa.Column(
        _DTYPES[column.kind],
        checks=_checks(column),
        nullable=column.blanks,
        unique=column.name == table.key,
        report_duplicates="all",
        required=column.needed or column.name in needed,
    )


def _checks(column: Column) -> list[pa.Check]:
    match column.kind:
        case Kind.NUMBER | Kind.MONEY:
            inside = partial(_inside, low=column.low, high=column.high)
            return [pa.Check(inside, name="inside", error=_bounds(column))]
        case Kind.CURRENCY:
            return [pa.Check(lambda codes: codes.isin(CURRENCIES), name="currency", error=UNKNOWN_CURRENCY)]
        case _:
            return []


def _inside(values: "pd.Series[Any]", *, low: float, high: float) -> "pd.Series[bool]":
    return (values >= low) & (values <= high)


def _bounds(column: Column) -> str:
    """Say what is allowed: `must be a finite number, 0 to 1,000,000,000,000`."""
    return f"must lie between {column.low:,.0f} and {column.high:,.0f}"
