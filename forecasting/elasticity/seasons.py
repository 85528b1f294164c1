"""Groups by season and by days to the event, where the table has no column of these names.

Guarantees
----------
* A column of the table is never replaced: who has seasons of their own brings them as `season`.
* Both are told from dates alone, so that a period without a sale belongs to its own season and lead, not to those of
  the sale before it.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

STARTS = "starts_at"
"""Column of the table that says when the event starts; what counts is the day as it is written."""
LEADS = (7, 28)
"""Days before the event from which the next group of leads begins."""


def _season(rows: pd.DataFrame) -> pd.Series:
    """Half-year of the date: April to September, or October to March."""
    warm = pd.DatetimeIndex(rows["date"]).month.isin(range(4, 10))
    return pd.Series(np.where(warm, "April-September", "October-March"), index=rows.index)


def _lead(rows: pd.DataFrame) -> pd.Series:
    """Days from the sale to the event in groups; the day itself and later ones belong to the last days before."""
    start = pd.to_datetime(rows[STARTS].astype(str).str[:10], format="%Y-%m-%d", errors="coerce").dt.normalize()
    days = (start.to_numpy() - pd.DatetimeIndex(rows["date"]).normalize().to_numpy()) / np.timedelta64(1, "D")
    known = np.where(days < LEADS[0], f"0-{LEADS[0] - 1} days", f"{LEADS[0]}-{LEADS[1] - 1} days")
    known = np.where(days < LEADS[1], known, f"{LEADS[1]} days and more")
    return pd.Series(np.where(np.isfinite(days), known, "not known"), index=rows.index)


TOLD: Mapping[str, Callable[[pd.DataFrame], pd.Series]] = {"season": _season, "lead": _lead}
"""What can be told from dates, by the name it has in `by`."""
NEEDS = {"season": ("date",), "lead": ("date", STARTS)}
"""Columns each is told from."""


def told_by_date(sales: pd.DataFrame, by: Sequence[str]) -> list[str]:
    """Names in `by` that are no columns of the table but can be told from its dates."""
    return [name for name in by if name not in sales and name in TOLD and set(NEEDS[name]) <= set(sales)]


def with_seasons(sales: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The table with these columns told from its dates, anew where it has them."""
    return sales.assign(**{name: TOLD[name](sales) for name in names}) if names else sales
