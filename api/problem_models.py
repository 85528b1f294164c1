"""The shape of a pricing problem and of a plan as JSON: strict models, and what their amounts and names must be.

Names are checked against the rest of the document, which comes as the validation context: `offers`, the ids that exist.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from api.strict_json import AMOUNT_PATTERN, Amount, Currency, Name, Strict, Units, around
from pricing.model import Ladder
from pricing.plan import Status


def _share(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError("a fraction is a number from 0 up, such as 0.2")
    return Decimal(repr(value))


def _known(name: str, info: ValidationInfo) -> str:
    if name not in around(info)["offers"]:
        raise ValueError(f"there is no offer {name}")
    return name


def _names(value: object, info: ValidationInfo) -> list[str]:
    everything: Iterable[str] = around(info)["offers"]
    if value == "*":
        return list(everything)
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise ValueError('write a list of offers, or "*" for all')
    if missing := [name for name in value if name not in everything]:
        raise ValueError(f"there is no offer {', '.join(missing)}")
    return value


Share = Annotated[Decimal, PlainValidator(_share), WithJsonSchema({"type": "number", "minimum": 0})]
Offered = Annotated[str, AfterValidator(_known)]
OfferList = Annotated[list[Offered], Field(min_length=1)]
SomeOrAll = Annotated[
    list[str],
    PlainValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"const": "*"}]}),
]


class OfferJson(Strict):
    """One offer: its ladder, rising, and the units demanded at each step, known or as draws."""

    id: Name
    ladder: Annotated[list[Amount], Field(min_length=1)]
    demand: list[Units] | None = None
    demand_draws: Annotated[list[list[Units]], Field(min_length=1)] | None = None
    unit_cost: Amount = Decimal(0)
    current_price: Amount | None = None

    @model_validator(mode="after")
    def _shapes(self) -> Self:
        Ladder(tuple(self.ladder))
        if (self.demand is None) == (self.demand_draws is None):
            raise ValueError("give either demand or demand_draws")
        if self.current_price is not None and self.current_price <= 0:
            raise ValueError("the current price is not positive")
        lengths = {len(row) for row in self.rows()}
        if lengths != {len(self.ladder)}:
            raise ValueError(f"demand has {sorted(lengths)} numbers, the ladder {len(self.ladder)} steps")
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


class OrderJson(Strict):
    """`upper` costs at least `min_gap` more than `lower`."""

    type: Literal["order"]
    lower: Offered
    upper: Offered
    min_gap: Amount = Decimal(0)

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.lower == self.upper:
            raise ValueError(f"{self.lower} cannot be ordered against itself")
        return self


class MaxChangeJson(Strict):
    """Prices move at most `fraction` of the current ones."""

    type: Literal["max_change"]
    offers: SomeOrAll
    fraction: Share


class SamePriceJson(Strict):
    """All these offers cost the same."""

    type: Literal["same_price"]
    offers: OfferList


class MinMarginJson(Strict):
    """Of each price at least `fraction` is left after the unit cost."""

    type: Literal["min_margin"]
    fraction: Annotated[Share, Field(lt=1), WithJsonSchema({"type": "number", "minimum": 0, "exclusiveMaximum": 1})]


class MinUnitsJson(Strict):
    """These offers together sell at least `units` in expectation."""

    type: Literal["min_units"]
    offers: OfferList
    units: Units


class RiskJson(Strict):
    """Maximise the mean over draws, or the mean of the worst share `alpha` of them."""

    measure: Literal["mean", "cvar"] = "mean"
    alpha: Annotated[float, Field(gt=0, le=1)] = 0.2


RuleJson = Annotated[
    OrderJson | MaxChangeJson | SamePriceJson | MinMarginJson | MinUnitsJson, Field(discriminator="type")
]


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


class PlanJson(Strict):
    """One price per offer, or an account of why there is none.

    `objective`, `bound` and `gap` are null where there are no prices. `seconds` is the wall time in whole seconds,
    rounded up, so that a problem solved within one gives the same bytes each time.
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
