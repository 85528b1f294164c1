"""What to do about it: prices. Only here are Pyomo and highspy imported."""

from optimization.exhaustive import ExhaustiveOptimizer
from optimization.solve import HighsOptimizer

__all__ = ["ExhaustiveOptimizer", "HighsOptimizer"]
