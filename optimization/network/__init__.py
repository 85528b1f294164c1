"""Networks: products that draw on several resources at once, what to sell of each, and what a unit of each is worth."""

from optimization.network.column_generation import choice_based
from optimization.network.control import open_to_sale, rehearse
from optimization.network.deterministic import Allocation, allocate
from optimization.network.mix import next_price, price_mix
from optimization.network.offering import Offering
from optimization.network.sales_program import disjoint, sales_based
from optimization.network.values import IndependentDemand, Network, Product, SegmentedDemand

__all__ = [
    "Allocation",
    "IndependentDemand",
    "Network",
    "Offering",
    "Product",
    "SegmentedDemand",
    "allocate",
    "best_offering",
    "next_price",
    "open_to_sale",
    "price_mix",
    "rehearse",
]


def best_offering(problem: SegmentedDemand, *, time_limit: float = 60.0) -> Offering:
    """Solve the choice-based linear program: sales-based where segments share no product, else by column generation."""
    solve = sales_based if disjoint(problem) else choice_based
    return solve(problem, time_limit=time_limit)
