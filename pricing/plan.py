"""How a pricing problem was answered: Status, Report, Plan.

Guarantees
----------
* There is no plan without a status; infeasible is a value, not an exception.
* What a status promises is one definition for every optimizer; `pricing.feasibility` checks what the plan says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Status(StrEnum):
    """What is known about an answer.

    Optimal: the gap is proven to be at most 1e-6, which is rounding. Feasible: at most 1e-4. Time-limit: there may be
    prices, but their gap is larger; without prices, none were found in time. Infeasible: proven to have no answer.
    """

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
    reason : what kept the search from its end, in words; empty if nothing did
    """

    status: Status
    method: str
    seconds: float
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Used:
    """Expected use of one resource, and what one more unit of it would earn [currency]."""

    id: str
    used: float
    capacity: float
    shadow_price: float


class Blame(StrEnum):
    """What is known about a conflict: no set with fewer rules has none; none of it can be left out; not even that."""

    SMALLEST = "smallest"
    IRREDUCIBLE = "irreducible"
    UNREDUCED = "unreduced"


@dataclass(frozen=True, slots=True)
class Loosened:
    """One limit, and the least it would have to be; None for a rule without one, which would have to go.

    Attributes
    ----------
    what : the rule or resource as it stands, in words
    """

    what: str
    limit: float | None
    needed: float | None


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Limits that, loosened together, leave an infeasible problem with an answer, in words and as data."""

    words: str
    changes: tuple[Loosened, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """One ladder price per offer, or an account of why there is none.

    Attributes
    ----------
    prices : offer id -> step of its ladder; empty if infeasible
    expected_units : offer id -> mean units at that price
    binding : the rules and resources that hold with equality at these prices, or as nearly as the ladder allows, in
        words
    conflict : if infeasible, rules and resources that cannot hold together, in words
    blame : if infeasible, whether fewer could have been named
    relaxation : if infeasible, what would help, the smallest change first
    total_prices : offer id -> what a buyer pays, fees included; of the offers that have fees
    """

    report: Report
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    expected_units: Mapping[str, float] = field(default_factory=dict)
    resources: tuple[Used, ...] = ()
    binding: tuple[str, ...] = ()
    conflict: tuple[str, ...] = ()
    total_prices: Mapping[str, Decimal] = field(default_factory=dict)
    blame: Blame | None = None
    relaxation: tuple[Relaxation, ...] = ()
