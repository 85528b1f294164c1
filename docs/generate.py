"""Writes the pages of this folder that are made from declarations in the code: `python docs/generate.py`.

Guarantees
----------
* A page says what the code checks, because both are made from the same declaration; a test fails when one is stale.
"""

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from api.settings import Schedule, Settings, ShopSettings, Uploads, WebhookSettings
from pricing.law import Fee, MarketLaw
from pricing.policy import Policy
from pricing.tables import TABLES, Column, Kind, Table

FOLDER = Path(__file__).parent

_INTRODUCTION = """\
# Tables you bring

<!-- Written by docs/generate.py from pricing/tables/declaration.py; change it there. -->

CSV (UTF-8, columns separated by commas, decimals with a point) or Parquet. The first row names the columns, in any
order. If yours are called otherwise, say so: `--map date=InvoiceDate,price=UnitPrice`. Columns that are not listed here
are kept and can be used as regressors.

Everything that is wrong with a file is reported at once, with row (the header is row 1), column and reason, and nothing
is changed. With `--quarantine FILE` rows that cannot be used are written to FILE, as they stand, each with its row and
reason, and the others are used. A row without any text is left out. Rows that repeat an earlier one exactly are kept
and reported; where a table has an id, an id that repeats is refused.

A column named after a protected characteristic (gender, nationality, disability, ...) is refused in every table, one
named after prices of competitors unless they are allowed: [law](law.md) says which names, and why.

* **date, or timestamp**: `2025-04-03`, `2025-04-03 19:30`, or with its zone `2025-04-03T19:30+02:00`; 1900 to 2199.
  Timestamps with and without a zone do not mix; those with one are told in the zone of `--time-zone`.
* **timestamp with zone**: `2025-04-03T19:30+02:00` or `2025-04-03T17:30Z`.
* **number**, **decimal**: `1250.5`; no thousands separator or currency sign, not NaN or infinite; a decimal has at most
  the decimals of its currency.
* **text**: as it stands. In CSV files, text that a spreadsheet could take for a formula (it starts with `=`, `+`, `-`,
  `@`, a tab or a line break, or goes on with one of them after a semicolon, a tab or a line break) has an apostrophe
  there, which is taken off when it is read.
"""


def tables_page() -> str:
    """The page about the tables a user brings."""
    return "\n".join([_INTRODUCTION, *(line for table in TABLES.values() for line in _section(table))])


def _section(table: Table) -> Iterator[str]:
    key = f" No two rows share `{table.key}`." if table.key else ""
    yield from (f"## {table.name}", "", f"{table.meaning}{key}", "")
    yield from ("| column | type | unit | needed | meaning |", "|---|---|---|---|---|")
    for column in table.columns:
        cells = (
            f"`{column.name}`",
            column.kind.value,
            column.unit,
            _needed(column),
            f"{column.meaning}{_bounds(column)}{_blanks(column)}",
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _needed(column: Column) -> str:
    return "yes" if column.needed else "no"


def _blanks(column: Column) -> str:
    """What a blank cell means."""
    if column.default is not None:
        return f'; blank or absent: "{column.default}"'
    return "; may be blank" if column.blanks else ""


def _bounds(column: Column) -> str:
    return "; not negative" if column.kind in {Kind.NUMBER, Kind.MONEY} and column.low == 0 else ""


_SETTINGS = """\
# Settings

<!-- Written by docs/generate.py from api/settings.py, pricing/policy.py and pricing/law.py; change it there. -->

`fairfare.toml` in a workspace. A setting left out has its default; an unknown one is an error. Shares are fractions:
0.10 is 10 %.
"""


def settings_page() -> str:
    """The page about the settings of a workspace."""
    rows = [_SETTINGS]
    kinds = (
        ("At the top", Settings),
        ("Under [policy]", Policy),
        ("Under [schedule]", Schedule),
        ("Under [uploads]", Uploads),
        ("Under [[shops]]", ShopSettings),
        ("Under [[webhooks]]", WebhookSettings),
        ("Under [[markets]]", MarketLaw),
        ("Under [[markets.fees]]", Fee),
    )
    for title, kind in kinds:
        rows += [f"## {title}", "", "| setting | default | meaning |", "|---|---|---|"]
        meanings = _meanings(kind)
        rows += [
            f"| `{setting.name}` | {_default(setting)} | {meanings[setting.name]} |"
            for setting in fields(kind)
            if setting.name not in TABLES_OF_SETTINGS
        ]
        rows.append("")
    return "\n".join(rows)


TABLES_OF_SETTINGS = {"policy", "schedule", "uploads", "shops", "webhooks", "markets", "fees"}
"""Settings with a table of their own."""


def _meanings(kind: type) -> dict[str, str]:
    """The `name : meaning` lines of a class's docstring; lines that go on are joined."""
    text = inspect.getdoc(kind) or ""
    lines = " ".join(text.partition("----------\n")[2].splitlines())
    names = [setting.name for setting in fields(kind)]
    parts = re.split(rf"\s*\b({'|'.join(names)}) : ", lines)
    return {name: " ".join(meaning.split()) for name, meaning in zip(parts[1::2], parts[2::2], strict=True)}


def _default(setting: Field[Any]) -> str:
    value = setting.default
    if value is MISSING:
        return "needed"
    return "none" if value is None else "`[]`" if value == () else f"`{value}`"


PAGES = {"settings.md": settings_page, "tables.md": tables_page}
"""File name -> what writes its text."""


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
