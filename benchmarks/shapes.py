"""Does the comparison of shapes name the right one? Markets whose demand has a known shape, elasticity -2.

`python -m benchmarks.shapes [--markets 60] [--only NAME]` prints one JSON line per design and true shape: markets in
which the truth won, another shape won, the truth was refused, and the truth had the least deviance. Designs of several
products are judged by the rows of all of them, in a quarter of the markets.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.elasticity.comparison import shapes_table
from forecasting.elasticity.shapes import SHAPES, Shape

DESIGNS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "independent": {},
        "persistent": {"persistence": 0.7},
        "promotions": {"noise": 0.1, "promoted": 0.1},
        "eight products": {"products": 8},
        "eight products, persistent": {"products": 8, "persistence": 0.7},
        "eight products, few sales, large shocks": {"products": 8, "level": 0.0, "noise": 0.3, "shock": 0.9},
    }
)
OUTLETS, WEEKS, TRUTH = 12, 104, -2.0
FIRST_SEED = 1000
DISCOUNT = 0.35
"""Of a promotion, in logs."""


def main() -> None:
    """Print a line per design and shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=60)
    parser.add_argument("--only", choices=list(DESIGNS))
    asked = parser.parse_args()
    for name, design in DESIGNS.items():
        if asked.only in {None, name}:
            count = asked.markets // 4 if "products" in design else asked.markets
            for shape in SHAPES:
                print(
                    json.dumps({"design": name, "truth": shape.name, "markets": count} | judged(shape, design, count))
                )


def judged(shape: Shape, design: Mapping[str, float], count: int) -> dict[str, int]:
    """How often the comparison was right."""
    out = {"won": 0, "another won": 0, "refused": 0, "least deviance": 0}
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        sales = pd.concat(market(np.random.default_rng(seed), shape, **design), ignore_index=True)
        table = shapes_table(sales).head(len(SHAPES)).set_index("shape")
        winners = list(table.index[table["best"] == "yes"])
        out["won"] += winners == [shape.name]
        out["another won"] += bool(winners) and winners != [shape.name]
        out["refused"] += bool(table.loc[shape.name, "best"] == "no")
        out["least deviance"] += table["deviance"].idxmin() == shape.name
    return out


def market(
    rng: np.random.Generator,
    shape: Shape,
    *,
    products: float = 1,
    persistence: float = 0.0,
    noise: float = 0.2,
    promoted: float = 0.0,
    level: float = 3.0,
    shock: float = 0.25,
) -> Iterator[pd.DataFrame]:
    """Weekly sales of each product in all outlets, about exp(level) a week."""
    outlet, week = (index.ravel() for index in np.indices((OUTLETS, WEEKS)))
    for product in range(int(products)):
        moves = _persistent(rng, persistence, noise)
        moves -= DISCOUNT * (rng.random(moves.shape) < promoted)
        relative = np.exp(moves - moves.mean(axis=1, keepdims=True))
        response = shape.log(relative.ravel(), TRUTH).reshape(relative.shape)
        usual = level + rng.normal(0, 0.4, (OUTLETS, 1)) + rng.normal(0, 0.2, WEEKS)
        sold = rng.poisson(np.exp(usual + response + _persistent(rng, persistence, shock)))
        yield pd.DataFrame(
            {
                "date": pd.Timestamp("2023-01-02") + pd.to_timedelta(7 * week, unit="D"),
                "product": f"p{product}",
                "channel": [f"outlet {k:02d}" for k in outlet],
                "price": 3 * relative.ravel(),
                "quantity": sold.ravel().astype(float),
            }
        )


def _persistent(rng: np.random.Generator, share: float, sd: float) -> NDArray[np.float64]:
    out = rng.normal(0, sd, (OUTLETS, WEEKS))
    for t in range(1, WEEKS):
        out[:, t] = share * out[:, t - 1] + np.sqrt(1 - share**2) * out[:, t]
    return out


if __name__ == "__main__":
    main()
