"""The shape of a network and of what is known about it as JSON.

Names are checked against the rest of the document, which comes as the validation context: `resources` and `products`,
the ids that exist.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from api.strict_json import Amount, Currency, Name, Strict, around
from pricing.plan import Status

LARGEST = 1e15
"""As in `optimization.network.values`, which is not loaded for it."""

Quantity = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=LARGEST, allow_inf_nan=False)]


def _resource(name: str, info: ValidationInfo) -> str:
    if name not in around(info)["resources"]:
        raise ValueError(f"there is no resource {name}")
    return name


def _product(name: str, info: ValidationInfo) -> str:
    if name not in around(info)["products"]:
        raise ValueError(f"there is no product {name}")
    return name


def _uses(value: object) -> object:
    """A list of resources stands for one unit of each."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return value
    if len(set(value)) < len(value):
        raise ValueError("a resource stands here twice: write how many units of each")
    return dict.fromkeys(value, 1.0)


def _some(weights: Mapping[str, float]) -> Mapping[str, float]:
    if not any(weights.values()):
        raise ValueError("every weight is 0: this segment would buy nothing")
    return weights


_USES = {
    "anyOf": [
        {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    ]
}
Uses = Annotated[
    dict[Annotated[str, AfterValidator(_resource)], Quantity], BeforeValidator(_uses), WithJsonSchema(_USES)
]
Weights = Annotated[dict[Annotated[str, AfterValidator(_product)], Quantity], AfterValidator(_some)]


class ResourceJson(Strict):
    """What products draw on: a leg, a night, a room."""

    id: Name
    capacity: Quantity


class ProductJson(Strict):
    """What is sold at one fare; `uses` names the units it takes of each resource, or lists those it takes one of."""

    id: Name
    fare: Amount
    uses: Uses


class WantedJson(ProductJson):
    """A product and the requests expected for it."""

    demand: Quantity


class SegmentJson(Strict):
    """Buyers who choose: how many come per period, the weight of each product, and that of buying nothing."""

    id: Name
    rate: Quantity
    weights: Weights
    no_purchase: Positive


class NetworkJson(Strict):
    """A network whose buyers want one product and no other."""

    currency: Currency
    resources: list[ResourceJson]
    products: Annotated[list[WantedJson], Field(min_length=1)]


class ChoiceNetworkJson(Strict):
    """A network whose buyers choose among what is offered: the multinomial logit model."""

    currency: Currency
    resources: list[ResourceJson]
    products: Annotated[list[ProductJson], Field(min_length=1)]
    periods: Positive
    segments: Annotated[list[SegmentJson], Field(min_length=1)]


class _AnswerJson(Strict):
    """What is known. Without a proven status there is no objective, no gap, and nothing to act on.

    `bid_prices` says what a unit of each resource is worth at the margin; `seconds` is the wall time, rounded up, so
    that a problem solved within one gives the same bytes each time.
    """

    status: Status
    method: str
    seconds: int
    currency: Currency
    objective: float | None
    bound: float | None
    gap: Annotated[float, Field(ge=0)] | None
    bid_prices: dict[str, Annotated[float, Field(ge=0)]]


class AllocationJson(_AnswerJson):
    """Units of each product to sell."""

    allocation: dict[str, Annotated[float, Field(ge=0)]]


class OfferedJson(Strict):
    """Products offered together, and for how many periods in all."""

    products: list[str]
    periods: float


class OfferingJson(_AnswerJson):
    """Sets to offer, longest first, and the expected sales of each product."""

    offers: list[OfferedJson]
    sales: dict[str, Annotated[float, Field(ge=0)]]


def schemas() -> dict[str, Any]:
    """JSON Schemas of both kinds of network and of both kinds of answer."""
    models: dict[str, type[Strict]] = {
        "network": NetworkJson,
        "allocation": AllocationJson,
        "choice_network": ChoiceNetworkJson,
        "offering": OfferingJson,
    }
    return {name: model.model_json_schema() for name, model in models.items()}
