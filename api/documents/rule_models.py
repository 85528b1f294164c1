"""The rules of a pricing problem as JSON: a strict model each, and the rule it stands for.

Guarantees
----------
* A rule that is impossible by itself is refused at its place, with the reason `pricing.rules` gives.

Names are checked against the rest of the document, which comes as the validation context: `offers` and `resources`,
the ids that exist.
"""

from abc import abstractmethod
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from api.strict_json import Amount, Strict, Units, around
from pricing.rules import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    MinMargin,
    MinUnits,
    MostChanges,
    Order,
    Rule,
    SamePrice,
    SellThrough,
    faults,
)


def _share(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError("a fraction is a number from 0 up, such as 0.2")
    return Decimal(repr(value))


def _offered(name: str, info: ValidationInfo) -> str:
    if name not in around(info)["offers"]:
        raise ValueError(f"there is no offer {name}")
    return name


def _stocked(name: str, info: ValidationInfo) -> str:
    if name not in around(info)["resources"]:
        raise ValueError(f"there is no resource {name}")
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
PartOfPrice = Annotated[Share, Field(lt=1), WithJsonSchema({"type": "number", "minimum": 0, "exclusiveMaximum": 1})]
Offered = Annotated[str, AfterValidator(_offered)]
OfferList = Annotated[list[Offered], Field(min_length=1)]
SomeOrAll = Annotated[
    list[str],
    PlainValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"const": "*"}]}),
]


class RuleModel(Strict):
    """A rule: what it is called in a document, and what it says."""

    type: str

    @abstractmethod
    def rule(self) -> Rule:
        """The rule as the optimizer knows it."""

    @model_validator(mode="after")
    def _possible(self, info: ValidationInfo) -> Self:
        if found := [*faults(self.rule(), around(info)["currency"])]:
            raise ValueError("; ".join(found))
        return self


class OrderJson(RuleModel):
    """`upper` costs at least `min_gap` more than `lower`, fees included."""

    type: Literal["order"]
    lower: Offered
    upper: Offered
    min_gap: Amount = Decimal(0)

    def rule(self) -> Rule:
        """As the optimizer knows it."""
        return Order(self.lower, self.upper, self.min_gap)


class SamePriceJson(RuleModel):
    """All these offers cost the same, fees included."""

    type: Literal["same_price"]
    offers: OfferList

    def rule(self) -> Rule:
        """As the optimizer knows it."""
        return SamePrice(tuple(self.offers))


class MaxSpreadJson(RuleModel):
    """The dearest costs at most `amount`, or the share `fraction` of the cheapest, more than it, fees included."""

    type: Literal["max_spread"]
    offers: OfferList
    amount: Amount | None = None
    fraction: Share | None = None

    def rule(self) -> Rule:
        """As the optimizer knows it."""
        return MaxSpread(tuple(self.offers), self.amount, self.fraction)


class EndingJson(RuleModel):
    """Prices, fees included, end in one of these, written with the currency's decimals: `.99`, `9.50`."""

    type: Literal["ending"]
    offers: SomeOrAll
    endings: Annotated[list[str], Field(min_length=1)]

    def rule(self) -> Rule:
        """As the optimizer knows it."""
        return Ending(tuple(self.offers), tuple(self.endings))


class MaxChangeJson(RuleModel):
    """Prices move at most `fraction` of the current ones."""

    type: Literal["max_change"]
    offers: SomeOrAll
    fraction: Share

    def rule(self) -> Rule:
        """As the optimizer knows it."""
        return MaxChange(tuple(self.offers), self.fraction)


class DailyChangeJson(RuleModel):
    """Prices are at most `fraction` from every price in force in the last 24 hours."""

    type: Literal["daily_change"]
    offers: SomeOrAll
    fraction: Share

    def rule(self) -> Rule:
        """As the optimizer knows it."""
        return DailyChange(tuple(self.offers), self.fraction)


class MostChangesJson(RuleModel):
    """At most `count` of these prices differ from the current ones."""

    type: Literal["most_changes"]
    offers: SomeOrAll
    count: Annotated[int, Field(ge=0)]

    def rule(self) -> Rule:
        """As the optimizer knows it."""
        return MostChanges(tuple(self.offers), self.count)


class MinMarginJson(RuleModel):
    """Of each price at least `fraction` is left after the unit cost."""

    type: Literal["min_margin"]
    fraction: PartOfPrice

    def rule(self) -> Rule:
        """As the optimizer knows it."""
        return MinMargin(self.fraction)


class AverageMarginJson(RuleModel):
    """Of what these offers together take in, at least `fraction` is left after unit costs, in expectation."""

    type: Literal["average_margin"]
    offers: SomeOrAll = Field(default="*", validate_default=True)
    fraction: PartOfPrice

    def rule(self) -> Rule:
        """As the optimizer knows it."""
        return AverageMargin(tuple(self.offers), self.fraction)


class MinUnitsJson(RuleModel):
    """These offers together sell at least `units` in expectation."""

    type: Literal["min_units"]
    offers: OfferList
    units: Units

    def rule(self) -> Rule:
        """As the optimizer knows it."""
        return MinUnits(tuple(self.offers), self.units)


class SellThroughJson(RuleModel):
    """At least the share `share` of a resource's capacity is used in expectation."""

    type: Literal["sell_through"]
    resource: Annotated[str, AfterValidator(_stocked)]
    share: Annotated[float, Field(ge=0, le=1)]

    def rule(self) -> Rule:
        """As the optimizer knows it."""
        return SellThrough(self.resource, self.share)


RuleJson = Annotated[
    OrderJson
    | SamePriceJson
    | MaxSpreadJson
    | EndingJson
    | MaxChangeJson
    | DailyChangeJson
    | MostChangesJson
    | MinMarginJson
    | AverageMarginJson
    | MinUnitsJson
    | SellThroughJson,
    Field(discriminator="type"),
]

TAGS = frozenset(get_args(kind.model_fields["type"].annotation)[0] for kind in get_args(get_args(RuleJson)[0]))
"""What tells the kinds of rules apart in a document."""
