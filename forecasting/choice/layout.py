"""What the columns of a choice table mean, and what both of its forms come to.

Guarantees
----------
* An alternative has one way to be written; columns are found, never guessed: what is missing is said by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from forecasting.choice.cells import Sheet
from forecasting.choice.choices import Codes, Mask, Matrix


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
    def inside(self) -> tuple[str, ...]:
        """Alternatives but the outside option."""
        return tuple(name for name in self.names if name != self.outside)

    @property
    def labels(self) -> tuple[str, ...]:
        """How the table writes each alternative."""
        return tuple(Sheet.label(self.alternatives.get(name, name)) for name in self.names)

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
        known = {label: i for i, label in enumerate(self.labels)}
        return np.asarray(sheet.labels(column).map(known).fillna(-1), dtype=np.int64)


@dataclass(slots=True, eq=False)
class Parts:
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
        return first_of(self.rows)


def first_of(rows: Codes) -> Codes:
    """(n,) the first row of each situation, of rows (n, m), -1 for none; 0 where there is none at all."""
    there = rows >= 0
    first = np.where(there, rows, np.iinfo(np.int64).max).min(axis=1)
    return np.where(there.any(axis=1), first, 0)
