"""Totals that agree with their series."""

from forecasting.hierarchy.nodes import Hierarchy, hierarchy_of, totals_of
from forecasting.hierarchy.reconcile import reconciled

__all__ = ["Hierarchy", "hierarchy_of", "reconciled", "totals_of"]
