"""What `fairfare elasticity` says where the truth is known: bias, coverage, and what is called identified.

Every design is a market of 12 products in 20 outlets over 104 weeks, Poisson sales, elasticities from -3.2 to -1.0;
demand has a shock (sd .25) and the price moves of its own (sd .15). Prints a line per design: mean bias of the slopes
before pooling, share of 95 % intervals that hold the truth (of what is not refused), share identified, share
identified whose interval misses the truth, and seconds per market. Settings were chosen on seeds below 100;
`--first 100` is the check.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.elasticity.table import elasticity_table

PRODUCTS, OUTLETS, WEEKS = 12, 20, 104
TRUTHS = np.linspace(-3.2, -1.0, PRODUCTS)
SHOCK, OWN, REACTION = 0.25, 0.15, 0.3
SEASON = 26
"""Weeks for which a stock must last where the price reacts to it."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class State:
    """One product: what price setters may look at in a week, (outlets,) or (outlets, weeks).

    Attributes
    ----------
    shock : log demand beyond what the seller knows
    own : the price's own moves
    cost : of the goods, in logs
    promoted : whether a promotion runs
    sold : so far [units]
    usual : expected at the usual price [units per week]
    """

    shock: Array
    own: Array
    cost: Array
    promoted: Array
    sold: Array
    usual: Array


@dataclass(frozen=True)
class Design:
    """How demand and price of a market move.

    Attributes
    ----------
    shock, own : autocorrelation of the demand shock and of the price's own moves
    reaction : of log price in a week to what the seller knows
    options : of the estimator
    rationed : whether the stock of a week ends in a quarter of the weeks
    stocked : whether sales end with the stock of a season, and the table tells what is left
    """

    shock: float = 0.0
    own: float = 0.0
    reaction: Callable[[State, int], Array] = field(default=lambda state, _: np.zeros(len(state.shock)))
    options: Mapping[str, list[str]] = field(default_factory=dict)
    rationed: bool = False
    stocked: bool = False


def to_shock(state: State, week: int) -> Array:
    """Price follows the demand shock of the same week."""
    return REACTION * state.shock[:, week]


def to_sales(state: State, week: int) -> Array:
    """Price follows the sales of the week before."""
    if week == 0:
        return np.zeros(len(state.shock))
    return REACTION * np.log((state.sold[:, week - 1] + 0.5) / (state.usual + 0.5))


def to_stock(state: State, week: int, *, pull: float = 4.0) -> Array:
    """Price rises by so many hundredths with each hundredth of the season's stock sold ahead of plan."""
    start = week - week % SEASON
    return pull * (state.sold[:, start:week].sum(axis=1) - (week - start) * state.usual) / _stock(state.usual)


def _stock(usual: Array) -> Array:
    """Of a season [units]."""
    return np.ceil(1.2 * SEASON * usual)


def promotions(state: State, week: int) -> Array:
    """A fifth off where a promotion runs."""
    return -0.22 * state.promoted[:, week]


def costs(state: State, week: int, *, pull: float = 0.8) -> Array:
    """Price follows cost, and the demand shock of the same week."""
    return pull * state.cost[:, week] + REACTION * state.shock[:, week]


DESIGNS: dict[str, Design] = {
    "exogenous, independent": Design(),
    "exogenous, persistent .7": Design(shock=0.7, own=0.7),
    "reacts .3 to a shock that persists .5": Design(shock=0.5, reaction=to_shock),
    "reacts .3 to a shock that persists .7": Design(shock=0.7, reaction=to_shock),
    "reacts .3 to a shock that persists .9": Design(shock=0.9, reaction=to_shock),
    "reacts .3 to last week's sales": Design(shock=0.5, reaction=to_sales),
    "promotions at peaks, flag unknown": Design(shock=0.8, reaction=promotions),
    "promotions at peaks, flag a control": Design(0.8, 0.0, promotions, {"controls": ["promotion"]}),
    "reacts strongly to remaining stock": Design(shock=0.7, reaction=to_stock),
    "reacts weakly to remaining stock, not told": Design(shock=0.7, reaction=partial(to_stock, pull=0.4)),
    "reacts weakly to remaining stock, told": Design(shock=0.7, reaction=partial(to_stock, pull=0.4), stocked=True),
    "remaining stock told, no reaction": Design(shock=0.7, own=0.7, stocked=True),
    "cost as an instrument": Design(0.7, 0.0, costs, {"instruments": ["cost"]}),
    "cost as an instrument, in logs": Design(0.7, 0.0, costs, {"instruments": ["cost"], "method": "log-log"}),  # type: ignore[dict-item]
    "cost as an instrument that moves the price little": Design(
        0.7, 0.0, partial(costs, pull=0.2), {"instruments": ["cost"]}
    ),
    "an instrument that does not move the price": Design(0.7, 0.0, partial(costs, pull=0.0), {"instruments": ["cost"]}),
    "a quarter sold out": Design(rationed=True),
    "reacts .3 to an unpredictable shock": Design(reaction=to_shock),
}


def market(rng: np.random.Generator, design: Design) -> pd.DataFrame:
    """Weekly sales of all products, as a table a user brings."""
    return pd.concat([_product(rng, design, truth, f"p{k:02d}") for k, truth in enumerate(TRUTHS)], ignore_index=True)


def _product(rng: np.random.Generator, design: Design, truth: float, name: str) -> pd.DataFrame:
    shape = (OUTLETS, WEEKS)
    shock = _persistent(rng, design.shock, SHOCK)
    promoted = (shock + rng.normal(0, 0.1, shape) > 0.25).astype(np.float64)
    usual = np.exp(2.0 + rng.normal(0, 0.4, OUTLETS))
    state = State(
        shock, _persistent(rng, design.own, OWN), _persistent(rng, 0.5, OWN), promoted, np.zeros(shape), usual
    )
    season, level = rng.normal(0, 0.2, WEEKS), rng.normal(0, 0.2, OUTLETS)
    price, demand, left = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf)
    for week in range(WEEKS):
        move = state.own[:, week] + design.reaction(state, week)
        price[:, week] = 1 + level + move
        demand[:, week] = rng.poisson(usual * np.exp(season[week] + truth * move + shock[:, week]))
        if design.stocked:
            left[:, week] = _stock(usual) - state.sold[:, week - week % SEASON : week].sum(axis=1)
        state.sold[:, week] = np.minimum(demand[:, week], left[:, week])
    if design.rationed:
        left = np.broadcast_to(np.quantile(demand, 0.75, axis=1, keepdims=True), shape)
    outlet, date = (index.ravel() for index in np.indices(shape))
    table = pd.DataFrame(
        {
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * date, unit="D"),
            "product": name,
            "segment": "all",
            "event": "all",
            "channel": [f"outlet {k:02d}" for k in outlet],
            "price": np.exp(price).ravel(),
            "quantity": np.minimum(demand, left).ravel(),
            "cost": state.cost.ravel(),
        }
    )
    if design.rationed or design.stocked:
        table["available"] = left.ravel()
    if "controls" in design.options:
        table["promotion"] = promoted.ravel()
    return table


def _persistent(rng: np.random.Generator, correlation: float, sd: float) -> Array:
    """(outlets, weeks) first-order autoregression of this standard deviation."""
    noise = rng.normal(0, sd, (OUTLETS, WEEKS))
    for week in range(1, WEEKS):
        noise[:, week] = correlation * noise[:, week - 1] + np.sqrt(1 - correlation**2) * noise[:, week]
    return noise


def results(design: Design, seeds: range) -> pd.DataFrame:
    """What was said about every product of every market, with its truth."""
    found = []
    for seed in seeds:
        sales = market(np.random.default_rng(seed), design)
        start = time.process_time()
        table = elasticity_table(sales, **design.options)  # type: ignore[arg-type]
        found.append(table.assign(truth=TRUTHS, seconds=time.process_time() - start))
    return pd.concat(found, ignore_index=True)


def summary(rows: pd.DataFrame) -> dict[str, float]:
    """The figures of one design."""
    own = rows[rows["status"] != "not-identified"]
    held = (rows["lower"] <= rows["truth"]) & (rows["truth"] <= rows["upper"])
    identified = rows["status"] == "identified"
    return {
        "bias": float((rows["raw_elasticity"] - rows["truth"]).mean()),  # of those that have a slope
        "coverage": float(held[own.index].mean()),
        "identified": float(identified.mean()),
        "identified and wrong": float((identified & ~held).mean()),
        "refused": float((rows["status"] == "not-identified").mean()),
        "seconds": float(rows["seconds"].mean()),
    }


def main() -> None:
    """Print the table, a line as each design is done."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--design", default="", help="only designs whose name contains this")
    asked = parser.parse_args()
    print("| design | bias | coverage | identified | identified and wrong | refused | s per market |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name, design in DESIGNS.items():
        if asked.design in name:
            f = summary(results(design, range(asked.first, asked.first + asked.seeds)))
            print(
                f"| {name} | {f['bias']:+.3f} | {f['coverage']:.3f} | {f['identified']:.3f} | "
                f"{f['identified and wrong']:.3f} | {f['refused']:.3f} | {f['seconds']:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
