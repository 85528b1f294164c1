"""A problem file in which buyers choose among the offers: `choice` says who they are, in place of each offer's demand.

Guarantees
----------
* Every segment has a utility and a sensitivity for every offer; a nest's offers are in no other nest.

Utility and sensitivity are those of `pricing.choice`: an offer at price p attracts with exp(utility - sensitivity p).
"""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from api.documents.problem_models import PricedJson, ResourceJson
from api.documents.rule_models import Offered, OfferList, RuleJson
from api.strict_json import Currency, Name, Strict, Units, around
from pricing.choice import ChoiceDemand
from pricing.choice_problem import ChoiceProblem
from pricing.demand import Evidence, Identification
from pricing.problem import Objective, Problem

Utility = Annotated[float, Field(allow_inf_nan=False)]
Sensitivity = Annotated[float, Field(gt=0, allow_inf_nan=False)]

GIVEN = Evidence(Identification.NOT_IDENTIFIED, 0.0, 0.0, "given in the problem file, not estimated", "given")


class SegmentJson(Strict):
    """Who comes to choose: how many, what they see in each offer, and how prices put them off.

    `outside` is the utility of buying nothing; `sensitivity` one number for all offers, or one for each.
    """

    id: Name
    buyers: Units
    outside: Utility = 0.0
    utility: dict[Offered, Utility]
    sensitivity: Annotated[
        Annotated[Sensitivity, Tag("one")] | Annotated[dict[Offered, Sensitivity], Tag("one each")],
        Discriminator(lambda value: "one each" if isinstance(value, dict) else "one"),
    ]

    @field_validator("utility", "sensitivity")
    @classmethod
    def _every_offer(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, dict) and (missing := [name for name in around(info)["offers"] if name not in value]):
            raise ValueError(f"there is nothing for offer {', '.join(missing)}")
        return value

    def at(self, offer: str) -> tuple[float, float]:
        """Utility of an offer, and sensitivity to its price."""
        each = self.sensitivity
        return self.utility[offer], each[offer] if isinstance(each, dict) else each


class NestJson(Strict):
    """Offers nearer to each other than to others; `gamma` 1 no nearer, towards 0 the same."""

    offers: OfferList
    gamma: Annotated[float, Field(gt=0, le=1)]


class ChoiceJson(Strict):
    """The buyers, by segment, and the nests of offers; an offer in no nest is one by itself."""

    segments: Annotated[list[SegmentJson], Field(min_length=1)]
    nests: dict[Name, NestJson] = Field(default={})

    @model_validator(mode="after")
    def _once(self) -> Self:
        named = [name for nest in self.nests.values() for name in nest.offers]
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is in more than one nest")
        names = [segment.id for segment in self.segments]
        if len(set(names)) < len(names):
            raise ValueError("a segment appears twice")
        return self


class ChoiceProblemJson(Strict):
    """Choose one ladder step per offer, buyers choosing among the offers; amounts in major units of `currency`."""

    currency: Currency
    objective: Literal["revenue", "margin"]
    offers: Annotated[list[PricedJson], Field(min_length=1)]
    choice: ChoiceJson
    resources: list[ResourceJson] = Field(default=[])
    rules: list[RuleJson] = Field(default=[])


def choice_problem(model: ChoiceProblemJson) -> ChoiceProblem:
    """The problem a document stands for."""
    offers = tuple(offer.choice(model.currency, np.zeros((1, len(offer.ladder)))) for offer in model.offers)
    base = Problem(
        model.currency,
        Objective(model.objective),
        offers,
        tuple(resource.shared() for resource in model.resources),
        tuple(rule.rule() for rule in model.rules),
    )
    return ChoiceProblem(base, _demand(model, base))


def _demand(model: ChoiceProblemJson, base: Problem) -> ChoiceDemand:
    choice, offers = model.choice, base.offers
    nest = {name: nest for nest, entry in choice.nests.items() for name in entry.offers}
    nests = tuple(nest.get(offer.id, f"only {offer.id}") for offer in offers)
    taste = np.array([[segment.at(offer.id) for offer in offers] for segment in choice.segments])
    return ChoiceDemand(
        offers=tuple(offer.id for offer in offers),
        ladders=tuple(offer.ladder for offer in offers),
        nests=nests,
        segments=tuple(segment.id for segment in choice.segments),
        buyers=np.array([[segment.buyers for segment in choice.segments]]),
        utility=taste[None, :, :, 0],
        sensitivity=taste[None, :, :, 1],
        gamma=np.array([[choice.nests[n].gamma if n in choice.nests else 1.0 for n in dict.fromkeys(nests)]]),
        outside=np.array([[segment.outside for segment in choice.segments]]),
        evidence=(GIVEN,) * len(offers),
    )
