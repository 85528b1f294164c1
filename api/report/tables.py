"""Proposed price tests, shapes of demand and cross effects as a report says them.

Guarantees
----------
* Every row keeps the words it came with; a number that is missing is said to be, never shown as 0.
* A relation between two products is named only where its interval excludes 0; the others are counted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from api.report.numbers import DASH, decimal, percent, price, typeset, whole

Key = tuple[str, ...]
Row = Mapping[str, object]
Write = Callable[[float], str]

MOST_RELATIONS = 40
"""Relations listed, the strongest first."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A price test: facts where one is in reach, else the sentence why none is."""

    facts: tuple[tuple[str, str], ...]
    sentence: str

    @property
    def in_reach(self) -> bool:
        """Whether there is a test that would tell."""
        return bool(self.facts)


def count_in_reach(table: pd.DataFrame | None) -> int:
    """Groups with a test that would tell."""
    return 0 if table is None else int(table["weeks"].notna().sum())


def proposed(table: pd.DataFrame | None, by: Sequence[str], currency: str) -> dict[Key, Proposed]:
    """The test of each group that has one proposed, by its key."""
    if table is None:
        return {}
    return {_key(row, by): _test(row, currency) for row in _rows(table)}


def _rows(table: pd.DataFrame) -> Iterator[Row]:
    return ({str(name): row[name] for name in row} for row in table.to_dict("records"))


def _key(row: Row, by: Sequence[str]) -> Key:
    return tuple(str(row[name]) for name in by)


def _test(row: Row, currency: str) -> Proposed:
    sentence = typeset(str(row["proposal"]))
    if np.isnan(_number(row["weeks"])):
        return Proposed((), sentence)
    low, high, usual = (price(_number(row[name]), currency) for name in ("low_price", "high_price", "usual_price"))
    loss, bad = (_number(row[name]) for name in ("cost", "bad_case_cost"))
    places, step = int(_number(row["places"])), _number(row["high_price"]) / _number(row["usual_price"]) - 1
    how = (
        f"by place: half of the {places} at one price, half at the other, swapped after a week, by lot"
        if places
        else "by time: in each pair of weeks one at each price, the order by lot"
    )
    facts = (
        ("Prices", f"{low} and {high} instead of {usual} ({percent(step)} down and up)"),
        ("How", how),
        ("How long", f"{_number(row['weeks']):.0f} weeks; all buyers pay the same at a time and place"),
        ("What it tells", f"the elasticity with an error of {decimal(_number(row['promised_se']))}"),
        ("What it costs", f"{_cost(loss, currency)} expected, {_cost(bad, currency)} in a bad case"),
    )
    return Proposed(facts, sentence)


def _cost(amount: float, currency: str) -> str:
    said = whole(abs(amount), currency) if currency else f"{abs(amount):,.0f}"
    return f"{said} {'less' if amount >= 0 else 'more'} revenue"


def _number(value: object) -> float:
    return float(str(value))


@dataclass(frozen=True, slots=True)
class Curve:
    """One shape: its elasticity at the usual price, its deviance, error and sign on later dates; all text.

    Attributes
    ----------
    best : yes, maybe or no
    """

    name: str
    elasticity: str
    interval: str
    deviance: str
    wape: str
    wape_range: str
    sign: str
    best: str


@dataclass(frozen=True, slots=True)
class Curves:
    """The shapes compared in one group, and what the comparison says."""

    rows: tuple[Curve, ...]
    why: str
    note: str

    @property
    def told(self) -> bool:
        """Whether any shape could be tried."""
        return any(row.wape != DASH for row in self.rows)

    @property
    def winner(self) -> str:
        """The shape that is better than each other beyond chance; empty if none."""
        return next((row.name for row in self.rows if row.best == "yes"), "")


def curves(table: pd.DataFrame | None, by: Sequence[str]) -> dict[Key, Curves]:
    """The shapes of each group, by its key."""
    if table is None or not len(table):
        return {}
    grouped = table.groupby([table[name].astype(str) for name in by], sort=False)
    return {tuple(str(part) for part in key): _curves(rows) for key, rows in grouped}


def _curves(rows: pd.DataFrame) -> Curves:
    first = rows.iloc[0]
    made = tuple(
        Curve(
            str(row["shape"]),
            _or_dash(row["elasticity"], decimal),
            _interval(row["lower"], row["upper"], decimal),
            _or_dash(row["deviance"], decimal),
            _or_dash(row["wape"], _tenth),
            _interval(row["wape_lower"], row["wape_upper"], _tenth),
            _or_dash(row["sign_accuracy"], percent),
            str(row["best"]),
        )
        for row in _rows(rows)
    )
    fell = _number(first["sales_fell"])
    seen = (
        ""
        if np.isnan(fell)
        else f" At {int(first['rises']):,} rises of the price sales fell {percent(fell)} of the time."
    )
    note = f"{int(first['n']):,} rows foretold from earlier ones.{seen}" if first["n"] else ""
    return Curves(made, str(first["why"]), note)


def _tenth(share: float) -> str:
    return f"{100 * share:.1f}%"


def _or_dash(value: object, write: Write) -> str:
    number = _number(value)
    return DASH if np.isnan(number) else write(number)


def _interval(low: object, high: object, write: Write) -> str:
    return f"{_or_dash(low, write)} to {_or_dash(high, write)}" if not np.isnan(_number(low)) else DASH


@dataclass(frozen=True, slots=True)
class Relation:
    """What a dearer product does to the sales of another."""

    product: str
    on_price_of: str
    slope: float
    low: float
    high: float
    relation: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Crossed:
    """The relations named, and how many pairs show none."""

    relations: tuple[Relation, ...]
    unlisted: int
    unclear: int


def crossed(table: pd.DataFrame) -> Crossed:
    """What a report says of a cross table."""
    others = table[table["relation"] != "own"]
    clear = others[others["relation"] != "no clear effect"]
    ranked = clear.reindex(clear["elasticity"].abs().sort_values(ascending=False, kind="stable").index)
    listed = tuple(_relation(row) for row in _rows(ranked.head(MOST_RELATIONS)))
    return Crossed(listed, len(clear) - len(listed), len(others) - len(clear))


def _relation(row: Row) -> Relation:
    product, other = str(row["product"]), str(row["on_price_of"])
    slope, low, high = (_number(row[name]) for name in ("elasticity", "lower", "upper"))
    moved = 1.1**slope - 1
    sentence = f"sells {percent(abs(moved))} {'more' if moved > 0 else 'less'}"
    return Relation(product, other, slope, low, high, str(row["relation"]), sentence)
