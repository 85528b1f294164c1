"""The cells of a table as text and numbers, with every complaint kept until all have been made.

Guarantees
----------
* 1, 1.0 and "1" are the same label; a blank is no number.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecasting.choice.choices import Codes, Vector
from pricing.errors import Finding, InputError


class Sheet:
    """A table whose index is the row in the file, and what is wrong with it so far."""

    def __init__(self, frame: pd.DataFrame, file: str | None) -> None:
        self.frame = frame
        self.file = file
        self._found: dict[tuple[int, str], Finding] = {}
        self._numbers: dict[str, Vector] = {}

    @staticmethod
    def label(cell: object) -> str:
        """A cell as a label: whole numbers without decimals."""
        text = "" if cell is None or cell != cell else str(cell).strip()  # noqa: PLR0124  # NaN
        whole, point, decimals = text.partition(".")
        return whole if point and whole.lstrip("-").isdigit() and not decimals.strip("0") else text

    def labels(self, column: str) -> "pd.Series[Any]":
        """The cells of a column as labels."""
        cells = self.frame[column]
        known = {cell: self.label(cell) for cell in cells.dropna().unique()}
        return cells.map(known).fillna("")

    def numbers(self, column: str) -> Vector:
        """The cells of a column as numbers; NaN for what is none."""
        if column not in self._numbers:
            cells = pd.to_numeric(self.frame[column], errors="coerce")
            self._numbers[column] = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        return self._numbers[column]

    def codes(self, column: str, rows: Codes) -> tuple[Codes, Sequence[str]]:
        """Codes 0.. of the labels in these rows (by position), and the labels; a blank is complained of."""
        labels = self.labels(column).iloc[rows]
        self.complain(rows[(labels == "").to_numpy()], column, "is missing")
        codes, names = pd.factorize(labels)
        return codes.astype(np.int64), [str(name) for name in names]

    def finding(self, reason: str, *, column: str | None = None) -> Finding:
        """A finding about the file or a column."""
        return Finding(reason, self.file, column=column)

    def complain(self, rows: Codes, column: str, reason: str) -> None:
        """Keep a finding for each of these rows (by position); the first about a cell stays."""
        for row in rows.tolist():
            cell = self.frame[column].iloc[row]
            key = (row, column)
            value = "" if cell is None or cell != cell else str(cell)  # noqa: PLR0124  # NaN
            self._found.setdefault(key, Finding(reason, self.file, int(self.frame.index[row]), column, value))

    def refuse(self) -> None:
        """Raise `InputError` with every finding, if there is one."""
        if self._found:
            raise InputError([self._found[key] for key in sorted(self._found)])
