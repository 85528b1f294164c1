"""What to do about it: prices. Only here are Pyomo and highspy imported, and only once a solver is asked for."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimization.exhaustive import ExhaustiveOptimizer
    from optimization.solve import HighsOptimizer

__all__ = ["ExhaustiveOptimizer", "HighsOptimizer"]


def __getattr__(name: str) -> object:
    """Load a solver when it is first asked for, so that commands that offer its options start at once."""
    if name == "ExhaustiveOptimizer":
        from optimization.exhaustive import ExhaustiveOptimizer  # noqa: PLC0415  # as the docstring says

        return ExhaustiveOptimizer
    if name == "HighsOptimizer":
        from optimization.solve import HighsOptimizer  # noqa: PLC0415  # as the docstring says

        return HighsOptimizer
    raise AttributeError(f"optimization has no {name}")
