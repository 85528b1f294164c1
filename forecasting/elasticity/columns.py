"""Columns of a table as arrays: combinations as codes, regressors as numbers, promotions as a flag."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecasting.elasticity.panel import Mask
from forecasting.elasticity.within import Codes, Vector, codes_of


def combined(rows: pd.DataFrame, names: Sequence[str]) -> Codes:
    """(n,) code of each combination of the columns, numbered in the order of their values."""
    codes = np.zeros(len(rows), dtype=np.int64)
    for name in names:
        level, values = pd.factorize(rows[name], sort=True)
        codes = codes_of(codes * max(len(values), 1) + level).astype(np.int64)
    return codes.astype(np.intp)


def numeric(rows: pd.DataFrame, names: Sequence[str]) -> Vector:
    """(n, k) numbers as they are, text as one dummy per level but the first."""
    if not names:
        return np.zeros((len(rows), 0))
    parts = [
        rows[[name]] if pd.api.types.is_numeric_dtype(rows[name]) else pd.get_dummies(rows[name], drop_first=True)
        for name in names
    ]
    return np.column_stack([part.to_numpy(np.float64) for part in parts])


def flag(promotion: pd.Series) -> Vector:
    """1 where a promotion ran: a number other than 0, or a text."""
    if pd.api.types.is_numeric_dtype(promotion):
        running = promotion.fillna(0) != 0
    else:
        running = ~promotion.fillna("").astype(str).str.strip().isin(["", "0", "False", "false"])
    return running.to_numpy().astype(np.float64)


def mixed(price: Vector, cell: Codes) -> Mask:
    """(cells,) whether log prices of a cell are more than half a per cent apart."""
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    if not len(starts):
        return np.zeros(0, dtype=bool)
    return np.maximum.reduceat(price[order], starts) - np.minimum.reduceat(price[order], starts) > 0.005
