"""The two small doors through which the engines enter; what crosses them is data.

Each has at least two implementations: the fitted models and the simulator's known truth; HiGHS and brute force.
"""

from collections.abc import Sequence
from typing import Protocol

from pricing.demand import DemandCurves
from pricing.model import Offer
from pricing.plan import Plan
from pricing.problem import Problem


class DemandModel(Protocol):
    """Answers what buyers would do at each step of each offer's ladder, over the coming horizon."""

    @property
    def version(self) -> str:
        """Names the fit, for provenance."""

    def curves(self, offers: Sequence[Offer]) -> DemandCurves:
        """Demand at every step of `offer.ladder`, in the order of `offers`."""


class Optimizer(Protocol):
    """Chooses one ladder step per offer."""

    def solve(self, problem: Problem, *, time_limit: float) -> Plan:
        """Return the best plan found within `time_limit` [seconds]; infeasible is a status, never an exception."""
