"""A small shop whose price response was estimated, with everything a report of it can show."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from api.report import Findings
from forecasting.elasticity.basis import Basis
from forecasting.elasticity.comparison import shapes_table
from forecasting.elasticity.cross import cross_table
from forecasting.elasticity.proposal import proposals
from forecasting.elasticity.table import elasticity_table
from tests.forecasting.elasticity.markets import market

SOURCE = (("Sales", "shop.csv"), ("Groups", "product"))


@dataclass(frozen=True, slots=True, eq=False)
class Shop:
    """Sales, and what was found in them."""

    sales: pd.DataFrame
    found: Findings


def make_shop() -> Shop:
    """Two products that tell, one too thin, one whose price followed demand, one whose price never changed."""
    rng = np.random.default_rng(3)
    parts = [
        market(rng, product="tea", truth=-2.0, outlets=6),
        market(rng, product="coffee", truth=-1.3, outlets=6, level=3.0),
        market(rng, product="thin", outlets=2, noise=0.05),
        market(rng, product="chased", outlets=6, reaction=0.6, persistence=0.8, shock=0.4),
        market(rng, product="card", outlets=6).assign(price=9.0),
    ]
    sales = pd.concat(parts, ignore_index=True).assign(currency="EUR")
    return Shop(sales, findings(sales))


def findings(sales: pd.DataFrame, **options: object) -> Findings:
    """Everything that can be found in sales by product."""
    basis: list[Basis] = []
    table = elasticity_table(sales, witness=basis.append, **options)  # type: ignore[arg-type]
    return Findings(
        table,
        basis,
        "EUR",
        sales["date"].min(),
        sales["date"].max(),
        SOURCE,
        tests=proposals(sales, table, by=["product"]),
        shapes=shapes_table(sales),
        cross=cross_table(sales),
    )
