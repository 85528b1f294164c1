"""Price response of many groups on one scale: the view model both reports share.

Guarantees
----------
* Every group is counted, the best known are listed first.
* Every row says its status and its reason; a group without a usable number is shown as unknown, never as zero.
* Where the truth is known, the sentence counts every miss, marked or not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from api.report.numbers import count, decimal, typeset, units
from pricing.demand import Identification

LOW, HIGH = -5.0, 1.0
"""The scale of every forest; what lies beyond is drawn as an arrow at its edge."""
TICKS = (-5, -4, -3, -2, -1, 0, 1)
MOST_LISTED = 300
"""Groups listed on a page; the others are counted."""
ORDER = (Identification.IDENTIFIED, Identification.WEAK, Identification.NOT_IDENTIFIED)


@dataclass(frozen=True, slots=True)
class Group:
    """One group's price response.

    Attributes
    ----------
    names : values of the `by` columns, the first as the title
    slope, low, high : pooled elasticity and its 95 % interval; NaN if there is none
    raw : before pooling; NaN if there is none
    about : what it rests on, in words
    truth : known only in a simulation
    raw_low, raw_high : 95 % interval before pooling; NaN if it is not known
    link : id of what the page says of it alone; empty if nothing
    """

    names: tuple[str, ...]
    slope: float
    low: float
    high: float
    raw: float
    status: Identification
    reason: str
    about: str
    truth: float | None = None
    raw_low: float = float("nan")
    raw_high: float = float("nan")
    link: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a number with an interval."""
        return bool(np.isfinite([self.slope, self.low, self.high]).all())

    @property
    def verdict(self) -> str:
        """The first sentence of the reason."""
        return self.reason.partition(". ")[0].rstrip(".") + "."

    @property
    def detail(self) -> str:
        """What the reason says after its first sentence; may be empty."""
        return self.reason.partition(". ")[2]

    @property
    def holds_truth(self) -> bool | None:
        """Whether the interval contains the truth; None if either is unknown."""
        return self.low <= self.truth <= self.high if self.known and self.truth is not None else None


def by_columns(table: pd.DataFrame) -> list[str]:
    """The columns that name a group: those before the estimate."""
    return [str(column) for column in table.columns[: list(table.columns).index("elasticity")]]


def groups(table: pd.DataFrame, truth: Mapping[tuple[str, ...], float] | None = None) -> tuple[Group, ...]:
    """Rows of an elasticity table, the best known first."""
    by = by_columns(table) if len(table) else []
    made = [_group({str(name): row[name] for name in row}, by, truth or {}) for row in table.to_dict("records")]
    return tuple(sorted(made, key=lambda group: ORDER.index(group.status)))


def _group(row: Mapping[str, object], by: Sequence[str], truth: Mapping[tuple[str, ...], float]) -> Group:
    names = tuple(str(row[column]) for column in by)
    slope, low, high, raw = (_number(row[name]) for name in ("elasticity", "lower", "upper", "raw_elasticity"))
    rows, prices = (units(_number(row[name])) for name in ("n_obs", "n_prices"))
    return Group(
        names=tuple(name for name in names if name != "all") or names[:1],
        slope=slope,
        low=low,
        high=high,
        raw=raw,
        status=Identification(str(row["status"])),
        reason=typeset(str(row["reason"])),
        about=f"Rows: {rows}. Prices: {prices}. Method: {row['method']}",
        truth=truth.get(names),
    )


def _number(value: object) -> float:
    return float("nan") if value is None else float(str(value))


def position(slope: float) -> float:
    """Where a slope lies on the scale [% of its width]; NaN is NaN."""
    return float(round((np.clip(slope, LOW, HIGH) - LOW) / (HIGH - LOW) * 100, 2))


def truth_sentence(known: Sequence[Group]) -> str | None:
    """How often the intervals contain the truth, and whether the misses were marked."""
    judged = [group for group in known if group.holds_truth is not None]
    if not judged:
        return None
    missed = [group for group in judged if not group.holds_truth]
    bold = [group for group in missed if group.status is Identification.IDENTIFIED]
    unsure = sum(group.status is not Identification.IDENTIFIED for group in judged)
    first = f"{len(judged) - len(missed)} of {len(judged)} intervals contain the truth"
    if bold:
        names = "; ".join(" · ".join(group.names) for group in bold)
        misses = count(len(bold), "miss", "misses")
        return f"{first}; {misses} among those the engine was sure of: {names}. A 95% interval may miss 1 in 20."
    if not unsure:
        return f"{first}; the engine was sure of all of them."
    return f"{first}; every one the engine was not sure of is marked ({unsure} of {len(judged)})."


def description(group: Group) -> str:
    """One row's drawing, in words."""
    parts = ["no raw estimate" if np.isnan(group.raw) else f"raw {decimal(group.raw)}"]
    if group.known:
        parts.append(f"pooled {decimal(group.slope)}, 95 percent {decimal(group.low)} to {decimal(group.high)}")
    if group.truth is not None:
        parts.append(f"truth {decimal(group.truth)}")
    return ", ".join(parts)
