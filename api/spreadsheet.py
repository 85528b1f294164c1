"""Text in CSV files that a spreadsheet would take for a formula.

Guarantees
----------
* A CSV opened in a spreadsheet runs nothing that came with the data; reading it back gives the text as it was.
"""

import re

FORMULA = r"'*[=+\-@\t\r\n]"
"""Text that starts like this could be a formula; in CSV files it stands behind an apostrophe."""


def harmless(cell: object) -> object:
    """The cell, behind an apostrophe if it could be a formula; the reader takes it off again."""
    return f"'{cell}" if isinstance(cell, str) and re.match(FORMULA, cell) else cell
