"""What pooling buys where rows are few, and whether estimates hold on the other half of the data.

Prints tables: mean squared error of pooled, own and common slopes where the truth is known, with 8 to 30 rows per
product; the error of a half of the outlets foretelling the sales of the other half, on simulated or real sales; how far
halves of the outlets and alternating stretches of 13 weeks differ, in standard errors; and own and cross elasticities
against the truth. Settings were chosen on seeds below 100; `--first 100` is the check.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.elasticity.cells import panels
from forecasting.elasticity.cross import cross_table
from forecasting.elasticity.identification import Estimate
from forecasting.elasticity.panel import poisson
from forecasting.elasticity.table import elasticity_table
from forecasting.elasticity.within import codes_of, demean

Array = NDArray[np.float64]

PRODUCTS, OUTLETS, WEEKS = 40, 10, 104
SHOCK, OWN = 0.25, 0.15
"""Standard deviations of log demand's shocks and of log price's own moves."""
PATTERN = {"near": (-2.0, 0.3), "apart": (-2.0, 0.6)}
"""Mean and deviation of the products' elasticities."""


def few_rows(rng: np.random.Generator, truths: Array, *, outlets: int, prices: Array) -> pd.DataFrame:
    """8 to 30 weekly rows per product, over so many outlets, about seven units a row."""
    return pd.concat(
        [
            _sales(rng, f"p{k:02d}", truth, outlets=outlets, weeks=int(rng.integers(8, 31)) // outlets, level=level)
            for k, (truth, level) in enumerate(zip(truths, prices, strict=True))
        ],
        ignore_index=True,
    )


def _sales(
    rng: np.random.Generator, name: str, truth: float, *, outlets: int, weeks: int, level: float = 1.0
) -> pd.DataFrame:
    move = rng.normal(0, OWN, (outlets, weeks))
    usual = 2.0 + rng.normal(0, 0.4, (outlets, 1)) + rng.normal(0, 0.2, weeks) * (outlets > 1)
    mean = np.exp(usual + truth * move + rng.normal(0, SHOCK, (outlets, weeks)))
    return _table(name, level + move, rng.poisson(mean).astype(np.float64))


def _table(name: str, price: Array, quantity: Array) -> pd.DataFrame:
    outlet, week = (index.ravel() for index in np.indices(price.shape))
    return pd.DataFrame(
        {
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * week, unit="D"),
            "product": name,
            "segment": "all",
            "event": "all",
            "channel": [f"outlet {k:02d}" for k in outlet],
            "price": np.exp(price).ravel(),
            "quantity": quantity.ravel(),
        }
    )


def scanner(folder: Path, name: str) -> pd.DataFrame:
    """Monthly sales of milk or sugar per product and outlet."""
    names = {"time": "date", "prodID": "product", "retID": "channel", "prices": "price", "quantities": "quantity"}
    rows = pd.read_csv(folder / f"polish_scanner/{name}.csv", dtype={"prodID": str, "retID": str})
    return rows.rename(columns=names).assign(date=lambda r: pd.to_datetime(r["date"]), segment="all", event="all")


def chain(rng: np.random.Generator, truths: Array) -> pd.DataFrame:
    """Weekly sales of products in ten outlets over two years."""
    return pd.concat(
        [_sales(rng, f"p{k:02d}", truth, outlets=OUTLETS, weeks=WEEKS) for k, truth in enumerate(truths)],
        ignore_index=True,
    )


def own_slopes(sales: pd.DataFrame, by: Sequence[str] = ("product",)) -> pd.DataFrame:
    """Each group's Poisson slope and spread, whatever is to be thought of it."""
    found = []
    for panel in panels(sales, by=by):
        fit = poisson(panel.quantity, panel.columns, panel.factors)
        estimate = Estimate.of(fit, panel.clusters, panel.shared) if fit.usable else None
        found.append((*panel.key, *((estimate.slope, estimate.spread) if estimate else (np.nan, np.nan))))
    return pd.DataFrame(found, columns=[*by, "slope", "spread"]).set_index(list(by))


def pooling(first: int, seeds: int) -> pd.DataFrame:
    """Mean squared errors where every product has 8 to 30 rows."""
    return pd.DataFrame(
        [
            _errors(f"{pattern}, {outlets} outlets, {what}", range(first, first + seeds), PATTERN[pattern], outlets, by)
            for pattern in PATTERN
            for outlets in (1, 2, 4)
            for what, by in (("nothing known", 0.0), ("dearer, more sensitive", 0.4))
        ]
    )


def _errors(name: str, seeds: range, pattern: tuple[float, float], outlets: int, by_price: float) -> dict[str, object]:
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        prices = rng.normal(1, 0.5, PRODUCTS)
        truths = np.minimum(rng.normal(*pattern, PRODUCTS) - by_price * (prices - 1) / 0.5, -0.2)
        sales = few_rows(rng, truths, outlets=outlets, prices=prices)
        table = elasticity_table(sales).assign(truth=truths).set_index("product")
        common = elasticity_table(sales, by=["segment"], effects=["product:channel", "product:month"])
        found.append(table.assign(common=float(common["raw_elasticity"].iloc[0]), seed=seed))
    rows = pd.concat(found)
    tried, believed = rows[rows["raw_elasticity"].notna()], rows[rows["status"] != "not-identified"]
    figures: dict[str, object] = {"design": name}
    for what, some in (("tried", tried), ("believed", believed)):
        figures |= {f"{what}": len(some) / len(rows)}
        for column, called in (("elasticity", "pooled"), ("raw_elasticity", "own"), ("common", "common")):
            figures[f"{called}, {what}"] = float(((some[column] - some["truth"]) ** 2).mean())
    figures |= _paired((tried["elasticity"] - tried["truth"]) ** 2 - (tried["common"] - tried["truth"]) ** 2, tried)
    held = rows["truth"].between(rows["lower"], rows["upper"]).mean()
    return figures | {"coverage": float(held), "highest": float(rows["elasticity"].max())}


def _paired(gap: pd.Series, rows: pd.DataFrame) -> dict[str, float]:
    """Pooled less common, tried, and its standard error over markets."""
    by_market = (gap - gap.mean()).groupby(rows["seed"]).sum()
    markets = len(by_market)
    error = np.sqrt(markets / (markets - 1) * (by_market**2).sum()) / len(gap)
    return {"pooled - common": float(gap.mean()), "its error": float(error)}


def halves(sales: pd.DataFrame) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Two halves of the outlets, and alternating stretches of 13 weeks."""
    outlet = pd.factorize(sales["channel"], sort=True)[0] % 2 == 0
    days = (sales["date"] - sales["date"].min()).dt.days.to_numpy()
    block = days // 91 % 2 == 0
    return [("outlets", sales[outlet], sales[~outlet]), ("13 weeks", sales[block], sales[~block])]


def splits(name: str, sales: pd.DataFrame, by: Sequence[str] = ("product",)) -> pd.DataFrame:
    """How far halves differ in standard errors, and how well each foretells the other's sales.

    Over the groups that have a slope of their own in both halves, and over those of them that are believed.
    """
    found: list[dict[str, object]] = []
    for split, first, second in halves(sales):
        parts = [first, second]
        slopes = [own_slopes(part, by) for part in parts]
        tables = [elasticity_table(part, by=by).set_index(list(by)) for part in parts]
        told = [table.index[table["raw_elasticity"].notna()] for table in tables]
        both = told[0].intersection(told[1])
        one, other = (table.loc[both].to_numpy(np.float64) for table in slopes)
        z = (one[:, 0] - other[:, 0]) / np.hypot(one[:, 1], other[:, 1])
        z = z[np.isfinite(z)]
        row: dict[str, object] = {"sales": name, "split": split, "groups": len(z), "rms z": np.sqrt((z**2).mean())}
        losses: dict[str, list[pd.DataFrame]] = {"tried": [], "believed": []}
        for table, rest in zip(tables, reversed(parts), strict=True):
            sure = both.intersection(table.index[table["status"] != "not-identified"])
            for what, some in (("tried", both), ("believed", sure)):
                losses[what].append(_foretold(rest, table.loc[some], by))
        for what, sides in losses.items():
            row |= _compared(pd.concat(sides).groupby(level=0).sum(), what)
        found.append(row)
    return pd.DataFrame(found)


def _compared(loss: pd.DataFrame, what: str) -> dict[str, float]:
    """Losses per unit with pooled and own slopes, and in how many groups the pooled one is the better."""
    found = {f"{name}, {what}": loss[name].sum() / loss["units"].sum() for name in ("pooled", "own")}
    return found | {f"better, {what}": (loss["pooled"] < loss["own"]).sum()}


def _foretold(sales: pd.DataFrame, slopes: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Squared errors of log units beyond the effects with pooled and own slopes from elsewhere, and units, by group.

    A row counts by its units, as in the Poisson likelihood.
    """
    loss = {}
    known = {str(key): (one, raw) for key, one, raw in slopes[["elasticity", "raw_elasticity"]].itertuples(name=None)}
    for panel in panels(sales, by=by):
        if panel.key[0] in known:
            sold = panel.quantity > 0
            weight: Array = panel.quantity[sold]
            columns = np.column_stack([np.log(weight), panel.columns[sold]])
            free: Array = demean(columns, [codes_of(factor[sold]) for factor in panel.factors], weight)
            root, others = np.sqrt(weight)[:, None], free[:, 2:]
            rest = free[:, :2] - np.dot(others, np.linalg.lstsq(root * others, root * free[:, :2], rcond=1e-9)[0])
            squares = [np.sum(weight * (rest[:, 0] - slope * rest[:, 1]) ** 2) for slope in known[panel.key[0]]]
            loss[panel.key[0]] = [*squares, weight.sum()]
    return pd.DataFrame.from_dict(loss, orient="index", columns=["pooled", "own", "units"])


def crossed(first: int, seeds: int) -> pd.DataFrame:
    """Cross elasticities of 3 and 6 products in ten outlets over two years: substitutes, complements, strangers."""
    found = []
    for products, persistence in ((3, 0.0), (6, 0.0), (6, 0.7)):
        tables = []
        for seed in range(first, first + seeds):
            rng = np.random.default_rng(seed)
            truth = _truths(rng, products)
            tables.append(cross_table(_basket(rng, truth, persistence)).assign(truth=truth.ravel()))
        found.append({"products": products, "shocks persist": persistence, **_judged(pd.concat(tables))})
    return pd.DataFrame(found)


def _judged(rows: pd.DataFrame) -> dict[str, float]:
    rows = rows.assign(
        held=rows["truth"].between(rows["lower"], rows["upper"]), error=rows["elasticity"] - rows["truth"]
    )
    own = rows["relation"] == "own"
    other, sign = rows[~own], np.sign(rows.loc[~own, "truth"])
    named = other["relation"].map({"substitute": 1, "complement": -1, "no clear effect": 0})
    return {
        "own bias": rows.loc[own, "error"].mean(),
        "own coverage": rows.loc[own, "held"].mean(),
        "bias": other["error"].mean(),
        "towards 0": -(other["error"] * sign)[sign != 0].mean(),
        "coverage": other["held"].mean(),
        "found": (named == sign)[sign != 0].mean(),
        "wrong sign": (named * sign < 0).mean(),
        "named of none": (named != 0)[sign == 0].mean(),
    }


def _truths(rng: np.random.Generator, products: int) -> Array:
    """(products, products) symmetric but for the own elasticities, which differ."""
    cross = np.triu(rng.choice([0.0, 0.0, 0.3, 0.6, -0.3, -0.6], (products, products)), 1)
    truth: Array = cross + cross.T + np.diag(rng.uniform(-3.2, -1.6, products))
    return truth


def _basket(rng: np.random.Generator, truth: Array, persistence: float) -> pd.DataFrame:
    shape = (OUTLETS, WEEKS)
    moves, season, tables = rng.normal(0, OWN, (len(truth), *shape)), rng.normal(0, 0.2, WEEKS), []
    for k, row in enumerate(truth):
        shock = rng.normal(0, SHOCK, shape)
        for week in range(1, WEEKS):
            fresh = np.sqrt(1 - persistence**2) * shock[:, week]
            shock[:, week] = persistence * shock[:, week - 1] + fresh
        mean = np.exp(2.0 + rng.normal(0, 0.4, (OUTLETS, 1)) + season + np.tensordot(row, moves, 1) + shock)
        tables.append(_table(f"p{k}", moves[k], rng.poisson(mean).astype(np.float64)))
    return pd.concat(tables, ignore_index=True)


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--only", choices=("pooling", "splits", "cross"), help="only these tables")
    parser.add_argument("--data", type=Path, help="folder with polish_scanner/, for halves of milk and sugar")
    asked = parser.parse_args()
    if asked.only in {None, "pooling"}:
        print(pooling(asked.first, asked.seeds).round(3).to_string(index=False), flush=True)
    if asked.only in {None, "splits"}:
        rng = np.random.default_rng(asked.first)
        tables = [splits("simulated", chain(rng, rng.uniform(-3.2, -1.0, PRODUCTS)))]
        for name in ("milk", "sugar") if asked.data else ():
            sales = scanner(asked.data, name)
            tables += [splits(f"{name}, by product", sales), splits(f"{name}, as one", sales, by=("segment",))]
        print(pd.concat(tables).round(4).to_string(index=False), flush=True)
    if asked.only in {None, "cross"}:
        print(crossed(asked.first, asked.seeds).round(3).to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
