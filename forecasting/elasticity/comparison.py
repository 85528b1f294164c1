"""Which shape of demand foretells sales best, and whether the data can tell.

Guarantees
----------
* Out of sample: see `holdout`.
* A shape wins only where it misses later sales less than each other shape beyond chance, and foretells falls at most
  rises of the price; else the answer is that the data cannot tell. Error and sign are reported together.
* What decides is the Poisson deviance, which is least where expected sales are right. Absolute errors (WAPE) are shown,
  but are least at the median: where sales scatter they prefer the shape that foretells too little (Gneiting 2011).
* Same sales, same table: nothing here is random.

The test pairs the deviances of two shapes on the same cells and compares their sums over stretches of dates, shared by
all units, with t(stretches - 1) (Diebold and Mariano 1995; by blocks as in Ibragimov and Mueller 2010). Intervals of
WAPE and sign accuracy leave out one stretch at a time.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit, xlogy
from threadpoolctl import threadpool_limits

from forecasting.elasticity.cells import Panel, panels
from forecasting.elasticity.holdout import Calendar, Foretold, foretold, usual, without_sold_out
from forecasting.elasticity.identification import Estimate, own_variation, too_little
from forecasting.elasticity.panel import Mask
from forecasting.elasticity.shapes import SHAPES, Curve, fitted
from forecasting.elasticity.within import Codes, Vector, codes_of

LEAST_CELLS, LEAST_STRETCHES = 40, 5
"""Cells foretold, and stretches with any, below which shapes are not compared."""
LEVEL = 0.01
"""Size of each paired test."""
WRONG = 0.5
"""Share of the price rises at which a fall is foretold, below which no shape is one of demand."""
SOLD_OUT = 0.10
"""Share of sold-out cells beyond which no winner is named: leaving them out bends every shape."""
COLUMNS = (
    "shape", "elasticity", "lower", "upper", "deviance", "wape", "wape_lower", "wape_upper", "sign_accuracy",
    "sign_lower", "sign_upper", "sales_fell", "rises", "n", "p", "best", "why",
)  # fmt: skip
"""Columns of the table after those of `by`. `best` is yes (better than each other beyond chance), maybe (not worse than
the one with the least `deviance`, a mean per cell) or no; `p` is of being as good as that one."""
_WRONG_SIGN = "At most rises of the price more sales are foretold, so what fits best is no shape of demand."
_TOO_FEW = "Too few sales, or moves of the price, to try the shapes on later dates."


def shapes_table(
    sales: pd.DataFrame,
    *,
    by: Sequence[str] = ("product",),
    controls: Sequence[str] = (),
    effects: Sequence[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Compare the shapes out of sample: four rows per group, and with several groups four of all of them together.

    Parameters
    ----------
    sales : canonical sales with `price`
    by, controls, effects : as in `forecasting.elasticity.table.elasticity_table`
    progress : called with 1 after each group

    Returns
    -------
    the `by` columns ("all" in the rows of all groups, which come first; "all groups" where one is called so), then
    `COLUMNS`
    """
    calendar = Calendar.of(pd.DatetimeIndex(sales["date"]).normalize())
    tables, pieces, flags = list[pd.DataFrame](), list[Foretold](), list[Mask]()
    with threadpool_limits(limits=1, user_api="blas"):
        for panel in panels(sales, by=by, effects=effects, controls=controls):
            seen = without_sold_out(panel)
            usable = too_little(seen, own_variation(seen)) is None
            told = foretold(seen, calendar) if usable else Foretold.nothing()
            slopes = _elasticities(seen) if usable else None
            tables.append(_rows(panel.key, by, slopes, told, _sold_out([panel.sold_out])))
            pieces.append(told)
            flags.append(panel.sold_out)
            if progress:
                progress(1)
    if len(tables) > 1:
        taken = any((table[list(by)] == "all").all(axis=None) for table in tables)
        tables.insert(
            0,
            _rows(("all groups" if taken else "all",) * len(by), by, None, Foretold.together(pieces), _sold_out(flags)),
        )
    empty = pd.DataFrame(columns=[*by, *COLUMNS])
    return pd.concat(tables, ignore_index=True) if tables else empty


def _sold_out(flags: Sequence[Mask]) -> float:
    """Share of all these cells."""
    cells = sum(len(flag) for flag in flags)
    return sum(int(flag.sum()) for flag in flags) / cells if cells else 0.0


def _elasticities(panel: Panel) -> list[Estimate | None]:
    """The elasticity at the usual price by each shape, over the whole time."""
    relative = np.exp(panel.price - usual(panel, np.ones(len(panel), dtype=bool))[panel.unit])
    curves = [fitted(shape, panel.quantity, relative, panel.others, panel.factors) for shape in SHAPES]
    return [_estimate(curve, panel) for curve in curves]


def _estimate(curve: Curve, panel: Panel) -> Estimate | None:
    return Estimate.of(curve.fit, panel.clusters, panel.shared) if curve.fit.usable else None


def _rows(
    key: Sequence[str], by: Sequence[str], slopes: list[Estimate | None] | None, told: Foretold, gone: float
) -> pd.DataFrame:
    """Four rows of the table."""
    count = len(SHAPES)
    numbers = [(e.slope, e.lower, e.upper) if e else (np.nan,) * 3 for e in slopes or [None] * count]
    scores = _scores(told) if _enough(told) else [(np.nan,) * 7] * count
    p, best, why = _ranked(told, gone)
    fell = float(told.fell.mean()) if len(told.fell) else np.nan
    rows = [
        [*key, shape.name, *numbers[k], *scores[k], fell, len(told.fell), len(told.actual), p[k], best[k], why]
        for k, shape in enumerate(SHAPES)
    ]
    return pd.DataFrame(rows, columns=[*by, *COLUMNS])


def _enough(told: Foretold) -> bool:
    enough = len(told.actual) >= LEAST_CELLS and len(np.unique(told.stretch)) >= LEAST_STRETCHES
    return enough and bool(told.actual.any())


def _scores(told: Foretold) -> list[tuple[float, ...]]:
    """Mean deviance of each shape, its WAPE and its sign accuracy, both with their intervals."""
    errors, missed = np.abs(told.actual[:, None] - told.expected), _deviance(told).mean(axis=0)
    rises = np.ones(len(told.when))
    return [
        (
            float(missed[k]),
            *_ratio(errors[:, k], told.actual, told.stretch),
            *_share(_ratio(told.falls[:, k], rises, told.when)),
        )
        for k in range(len(SHAPES))
    ]


def _deviance(told: Foretold) -> Vector:
    """(n, shapes) Poisson deviances."""
    y, mu = told.actual[:, None], np.maximum(told.expected, 1e-9)
    return np.asarray(2 * (xlogy(y, y / mu) - (y - mu)))


def _share(interval: tuple[float, float, float]) -> tuple[float, ...]:
    return tuple(float(np.clip(edge, 0.0, 1.0)) for edge in interval)


def _ratio(above: Vector, below: Vector, stretch: Codes) -> tuple[float, float, float]:
    """A ratio of sums with its 95 % interval, from leaving out one stretch at a time."""
    codes = codes_of(stretch)
    tops, bottoms = np.bincount(codes, above), np.bincount(codes, below)
    if len(tops) < 2 or not bottoms.sum() > 0:
        return (np.nan,) * 3
    whole, rest = tops.sum() / bottoms.sum(), bottoms.sum() - bottoms
    if not np.all(rest > 0):
        return float(whole), np.nan, np.nan
    without = (tops.sum() - tops) / rest
    se = np.sqrt((len(tops) - 1) / len(tops) * np.sum((without - whole) ** 2))
    half = float(stdtrit(len(tops) - 1, 0.975)) * se
    return float(whole), float(whole - half), float(whole + half)


def _ranked(told: Foretold, gone: float) -> tuple[Vector, list[str], str]:
    """P-values against the shape with the least deviance, who may be best, and why in words."""
    count = len(SHAPES)
    if not _enough(told):
        return np.full(count, np.nan), ["maybe"] * count, _TOO_FEW
    missed, codes = _deviance(told), codes_of(told.stretch)
    sums = np.column_stack([np.bincount(codes, missed[:, k]) for k in range(count)]).astype(np.float64)
    least = int(np.argmin(sums.sum(axis=0)))
    p = np.array([_paired(sums[:, k] - sums[:, least]) if k != least else np.nan for k in range(count)])
    worse = p < LEVEL
    if len(told.falls) and told.falls[:, least].mean() < WRONG:
        return p, ["no"] * count, _WRONG_SIGN
    if gone > SOLD_OUT:
        why = f"{gone:.0%} of the rows sold out and were left out, which bends every shape: no winner is named."
        return p, ["maybe"] * count, why
    if worse.sum() == count - 1:
        best = ["yes" if k == least else "no" for k in range(count)]
        return p, best, f"{_capital(SHAPES[least].name)} foretells later sales better than each other shape."
    return p, ["no" if w else "maybe" for w in worse], _in_words(worse, least)


def _in_words(worse: Mask, least: int) -> str:
    if not worse.any():
        return f"The data cannot tell the shapes apart; {SHAPES[least].name} came closest."
    left = [shape.name for shape, out in zip(SHAPES, worse, strict=True) if not out]
    gone = [shape.name for shape, out in zip(SHAPES, worse, strict=True) if out]
    return f"The data cannot tell {_listed(left)} apart; {_listed(gone)} {'is' if len(gone) == 1 else 'are'} worse."


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _paired(differences: Vector) -> float:
    """Two-sided p-value of a mean difference of 0 between blocks."""
    n, spread = len(differences), float(differences.std(ddof=1))
    if not spread > 0:
        return 1.0
    return float(2 * stdtr(n - 1, -abs(differences.mean()) * np.sqrt(n) / spread))
