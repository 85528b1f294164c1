"""Text in CSV files that a spreadsheet would take for a formula.

Guarantees
----------
* A CSV opened in a spreadsheet runs nothing that came with the data, be it read with commas, semicolons or tabs
  between the cells; reading it back gives the text as it was.
* A row stays one row, whatever stands in its cells.

An apostrophe stands before what could be a formula: at the begin of a cell, and after a semicolon, tab or line break
within it, which begin a cell to spreadsheets of other languages. The reader takes that apostrophe off again.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

SIGNS = "=+\\-@＝＋－＠"  # full-width signs are signs, too
_FORMULA = rf"(?:\"|[^\S\t\r\n])*[{SIGNS}]"
_BEGIN = r"(?:^|(?<=[;\t\r\n]))"
COULD_RUN = re.compile(rf"{_BEGIN}(?='*{_FORMULA})|^(?='*[\t\r\n])")
"""Places in a text behind which a formula could begin; in CSV files an apostrophe stands there."""
KEPT_FROM_IT = re.compile(rf"{_BEGIN}'(?='*{_FORMULA})|^'(?='*[\t\r\n])")
"""These apostrophes."""


def harmless(cell: object) -> object:
    """The cell, with an apostrophe wherever a formula could begin."""
    return COULD_RUN.sub("'", cell) if isinstance(cell, str) else cell


def as_it_was(text: str) -> str:
    """The text of a cell as it was before `harmless`."""
    return KEPT_FROM_IT.sub("", text)


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Rows as a CSV file; a column that a row does not have is blank."""
    cells = [{name: harmless(cell) for name, cell in row.items()} for row in rows]
    # a carriage return inside a cell would end the row, were the cell not quoted
    returns = any(isinstance(cell, str) and "\r" in cell for row in cells for cell in row.values())
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n", quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL)
    writer.writeheader()
    writer.writerows(cells)
    return text.getvalue().encode()
