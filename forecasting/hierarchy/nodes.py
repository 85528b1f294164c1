"""Which totals a table of series has, and the history of each.

Guarantees
----------
* A total's history is the sum of its parts', period by period; a part that is not known counts as closed.
* No two totals are of the same series, unless a column's value has one part where other values have more; such a total
  is its part.
* A total's regressors are its parts', weighted by what each of them sold: an index, which a shift among parts with
  prices of their own does not move.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from forecasting.model import Future, History, Vector
from forecasting.series import Panel
from pricing.errors import Finding, InputError
from pricing.model import ALL

Key = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Series and the totals over them.

    Attributes
    ----------
    sums : (a, n) 1 where a total holds a series; totals of two series or more, each set of series once
    keys : (r,) name of each row of a total: a series' key with "all" for what is summed over
    nodes : (r,) what each row shows: a series (below n), or n + a total
    """

    sums: csr_array
    keys: tuple[Key, ...]
    nodes: NDArray[np.intp]


def hierarchy_of(keys: Sequence[Key], by: Sequence[str]) -> Hierarchy:
    """Every total over the `by` columns of series with these keys.

    Columns that determine each other (an event has one venue) are summed over together: the total of a venue's event
    over venues is the event.

    Raises
    ------
    InputError
        Where a series is itself called what a total would be.
    """
    rows: dict[Key, tuple[int, ...]] = {}
    for groups in _levels(keys):
        rows |= {key: parts for key, parts in groups.items() if key not in rows}
    rows = {key: parts for key, parts in rows.items() if keys[parts[0]] != key or len(parts) > 1}
    if taken := sorted(set(rows) & set(keys)):
        raise InputError(
            Finding(f'{", ".join(taken[0])} is a series and would be a total; rename the value "all"', column=by[0])
        )
    distinct = {parts: j for j, parts in enumerate(dict.fromkeys(p for p in rows.values() if len(p) > 1))}
    nodes = [len(keys) + distinct[parts] if len(parts) > 1 else parts[0] for parts in rows.values()]
    return Hierarchy(_membership(list(distinct), len(keys)), tuple(rows), np.array(nodes, dtype=np.intp))


def _levels(keys: Sequence[Key]) -> Iterator[dict[Key, tuple[int, ...]]]:
    """Totals by name, from the finest level to the grand total; levels that repeat a finer one are left out."""
    seen: set[tuple[tuple[int, ...], ...]] = {tuple((j,) for j in range(len(keys)))}
    columns = range(len(keys[0])) if keys else range(0)
    for kept in (kept for size in reversed(columns) for kept in combinations(columns, size)):
        groups: dict[Key, list[int]] = {}
        for place, key in enumerate(keys):
            groups.setdefault(tuple(key[j] if j in kept else ALL for j in columns), []).append(place)
        named = {key: tuple(parts) for key, parts in sorted(groups.items())}
        partition = tuple(sorted(named.values()))
        if partition not in seen:
            seen.add(partition)
            yield named


def _membership(totals: Sequence[tuple[int, ...]], n: int) -> csr_array:
    ends = np.cumsum([0, *(len(parts) for parts in totals)])
    columns = np.concatenate([*totals, ()]).astype(np.int64)
    return csr_array((np.ones(columns.size), columns, ends), shape=(len(totals), n))


def totals_of(panel: Panel, hierarchy: Hierarchy) -> tuple[list[History], list[Future]]:
    """History and future of every distinct total."""
    found = []
    for start, end in zip(hierarchy.sums.indptr[:-1], hierarchy.sums.indptr[1:], strict=True):
        parts = hierarchy.sums.indices[start:end]
        found.append(_total([panel.histories[j] for j in parts], [panel.futures[j] for j in parts]))
    return [history for history, _ in found], [future for _, future in found]


def _total(histories: Sequence[History], futures: Sequence[Future]) -> tuple[History, Future]:
    """Sums; what is capped sells out as a rule, so that the total is forecast as sold, not as demand."""
    first = histories[0]
    start, n = min(h.start for h in histories), max(h.sales.size for h in histories)
    sales, known, out = np.zeros(n), np.zeros(n, dtype=bool), np.zeros(n)
    for history in histories:
        window = slice(history.start - start, None)
        sold = np.nan_to_num(history.sales)
        sales[window] += sold
        known[window] |= history.known
        out[window] += sold * history.censored * np.isinf(history.capacity)
    weights = np.array([h.level * h.known.sum() for h in histories])
    total = History(
        first.grid,
        start,
        np.where(known, sales, np.nan),
        out / np.where(sales > 0, sales, 1.0),
        np.full(n, np.inf),
        first.names,
        _index([h.regressors for h in histories], weights, n) if first.names else np.empty((0, 0)),
        integer=all(h.integer for h in histories),
        carried=first.carried,
    )
    coming = _index([f.regressors for f in futures], weights, futures[0].periods.size) if first.names else None
    ahead = futures[0].regressors if coming is None else total.reach(coming)
    return total, Future(futures[0].periods, ahead, np.full(futures[0].periods.size, np.inf))


def _index(regressors: Sequence[Vector], weights: Vector, n: int) -> Vector:
    """(n, k) weighted mean; a series that began later counts with its first values before."""
    total = np.zeros((n, regressors[0].shape[1]))
    for values, weight in zip(regressors, weights / weights.sum(), strict=True):
        early = n - values.shape[0]
        total[early:] += weight * values
        total[:early] += weight * values[0]
    return total
