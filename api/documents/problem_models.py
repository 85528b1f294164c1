"""The shape of a pricing problem and of a plan as JSON: strict models, and what their amounts and names must be.

Names are checked against the rest of the document, which comes as the validation context: `offers`, the ids that exist.
"""

from decimal import Decimal
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, model_validator

from api.documents.rule_models import Offered, RuleJson, Share
from api.strict_json import AMOUNT_PATTERN, Amount, Currency, Name, Strict, Units, around, listed
from pricing.model import Ladder
from pricing.plan import Blame, Status
from pricing.problem import Choice, Measure, Risk, Shared, with_fee


class FeeJson(Strict):
    """What a buyer pays on top of the price, and the owner does not keep: an amount, and a share of the price."""

    amount: Amount = Decimal(0)
    share: Share = Decimal(0)


class PricedJson(Strict):
    """One offer: its ladder, rising, its cost and what its price may be.

    `recent_prices` are other prices in force in the last 24 hours; steps outside `floor` and `ceiling` are not taken.
    """

    id: Name
    ladder: Annotated[list[Amount], Field(min_length=1)]
    unit_cost: Amount = Decimal(0)
    current_price: Amount | None = None
    recent_prices: list[Amount] = Field(default=[])
    fee: FeeJson | None = None
    floor: Amount | None = None
    ceiling: Amount | None = None

    @model_validator(mode="after")
    def _prices(self, info: ValidationInfo) -> Self:
        self.totals(Ladder(tuple(self.ladder)), around(info)["currency"])
        if not all(price is None or price > 0 for price in (self.current_price, *self.recent_prices)):
            raise ValueError("the current price, or a recent one, is not positive")
        if self.floor is not None and self.ceiling is not None and self.floor > self.ceiling:
            raise ValueError(f"the floor {self.floor} is above the ceiling {self.ceiling}")
        if not any(self.inside()):
            raise ValueError(f"no step of the ladder lies between floor {self.floor} and ceiling {self.ceiling}")
        return self

    def inside(self) -> list[bool]:
        """Which steps lie between floor and ceiling."""
        low, high = self.floor or Decimal(0), Decimal("inf") if self.ceiling is None else self.ceiling
        return [low <= price <= high for price in self.ladder]

    def choice(self, currency: str, demand: NDArray[np.float64]) -> Choice:
        """The offer with demand (draws, steps) over its whole ladder."""
        inside = np.array(self.inside())
        ladder = Ladder(tuple(price for price, kept in zip(self.ladder, inside, strict=True) if kept))
        recent, totals = tuple(self.recent_prices), self.totals(ladder, currency)
        return Choice(self.id, ladder, demand[:, inside], self.unit_cost, self.current_price, recent, totals)

    def totals(self, ladder: Ladder, currency: str) -> tuple[Decimal, ...]:
        """What a buyer pays at each step; empty without a fee."""
        return with_fee(ladder, currency, amount=self.fee.amount, share=self.fee.share) if self.fee else ()


class OfferJson(PricedJson):
    """An offer with the units demanded at each step, known or as draws."""

    demand: list[Units] | None = None
    demand_draws: Annotated[list[list[Units]], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _shapes(self) -> Self:
        if (self.demand is None) == (self.demand_draws is None):
            raise ValueError("give either demand or demand_draws")
        lengths = {len(row) for row in self.rows()}
        if lengths != {len(self.ladder)}:
            raise ValueError(f"demand has {listed(sorted(lengths))} numbers, the ladder {len(self.ladder)} steps")
        return self

    def rows(self) -> list[list[float]]:
        """Demand as draws."""
        return self.demand_draws or [self.demand or []]


class ResourceJson(Strict):
    """What offers share, how much each takes per unit sold, and the loss per unit beyond the capacity, if allowed."""

    id: Name
    capacity: Units
    uses: dict[Offered, Units]
    spill: Amount | None = None

    def shared(self) -> Shared:
        """What it stands for."""
        return Shared(self.id, float(self.capacity), self.uses, self.spill)


class RiskJson(Strict):
    """Maximise the mean over draws, or the mean of the worst share `alpha` of them."""

    measure: Literal["mean", "cvar"] = "mean"
    alpha: Annotated[float, Field(gt=0, le=1)] = 0.2

    def risk(self) -> Risk:
        """What it stands for."""
        return Risk(Measure(self.measure), self.alpha)


class ProblemJson(Strict):
    """Choose one ladder step per offer; amounts in major units of `currency`."""

    currency: Currency
    objective: Literal["revenue", "margin"]
    offers: Annotated[list[OfferJson], Field(min_length=1)]
    resources: list[ResourceJson] = Field(default=[])
    rules: list[RuleJson] = Field(default=[])
    risk: RiskJson = RiskJson()


class UsedJson(Strict):
    """Expected use of a resource, and what one more unit of it would earn in the linear relaxation."""

    id: str
    used: float
    capacity: float
    shadow_price: Annotated[float, Field(ge=0)]


class LoosenedJson(Strict):
    """A rule or resource as it stands, its limit, and the limit that would do; null where it has none and must go."""

    what: str
    limit: float | None
    needed: float | None


class RelaxationJson(Strict):
    """What would leave an infeasible problem with an answer: one limit, or several together."""

    words: str
    changes: list[LoosenedJson]


class PlanJson(Strict):
    """One price per offer, or an account of why there is none.

    `total_prices` are what buyers pay where there are fees; `path` are prices by offer and period, which `prices` names
    `offer@period`. `blame` says whether a conflict could be named with fewer rules. `objective`, `bound` and `gap` are
    null where there are no prices. `reason` says what kept the search from its end: time, or a fault of the solver.
    `seconds` is the wall time in whole seconds, rounded up, so that a problem solved within one gives the same bytes
    each time.
    """

    status: Status
    objective: float | None
    bound: float | None
    gap: Annotated[float, Field(ge=0)] | None
    seconds: int
    method: str
    currency: Currency
    prices: dict[str, Annotated[str, Field(pattern=AMOUNT_PATTERN)]]
    expected_units: dict[str, float]
    resources: list[UsedJson]
    binding: list[str]
    conflict: list[str]
    total_prices: dict[str, Annotated[str, Field(pattern=AMOUNT_PATTERN)]] = Field(default={})
    blame: Blame | None = None
    relaxation: list[RelaxationJson] = Field(default=[])
    reason: str = ""
    path: dict[str, dict[str, Annotated[str, Field(pattern=AMOUNT_PATTERN)]]] = Field(default={})
