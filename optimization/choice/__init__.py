"""Prices where buyers choose among the offers: multinomial and nested logit, mixtures of them."""

from optimization.choice.solve import ChoiceOptimizer
from optimization.choice.unconstrained import FreePrices, best_prices

__all__ = ["ChoiceOptimizer", "FreePrices", "best_prices"]
