"""How a pricing problem was answered: Status, Report, Plan; and a check of the answer that trusts no solver.

Guarantees
----------
* There is no plan without a status; infeasible is a value, not an exception.
* `violations` re-derives every rule from the problem's own data in exact decimals; it shares no code with a solver.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Status(StrEnum):
    """What is known about an answer."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    TIME_LIMIT = "time-limit"


PROVEN = frozenset({Status.OPTIMAL, Status.FEASIBLE})
"""The statuses whose prices may be considered for publication."""


@dataclass(frozen=True, slots=True)
class Report:
    """How good an answer is.

    Attributes
    ----------
    objective : value of the prices chosen [currency]; None without prices
    bound : no prices whatever can do better than this [currency]
    gap : (bound - objective) / max(|objective|, 1e-9)
    seconds : wall time of the solve
    """

    status: Status
    method: str
    seconds: float
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """Expected use of one resource, and what one more unit of it would earn [currency]."""

    id: str
    used: float
    capacity: float
    shadow_price: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One ladder price per offer, or an account of why there is none.

    Attributes
    ----------
    prices : offer id -> step of its ladder; empty if infeasible
    expected_units : offer id -> mean units at that price
    binding : the rules and resources that hold with equality at these prices, in words
    conflict : if infeasible, rules and resources that cannot hold together, in words
    """

    report: Report
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    expected_units: Mapping[str, float] = field(default_factory=dict)
    resources: tuple[Used, ...] = ()
    binding: tuple[str, ...] = ()
    conflict: tuple[str, ...] = ()
