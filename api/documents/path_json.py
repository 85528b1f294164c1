"""A problem file over several periods: `path` says when they start and how prices may move from one to the next.

Guarantees
----------
* Every offer has a demand for every period; instants have a time zone.
* `now` stands in the file, so that the same file gives the same plan whenever it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from api.documents.problem_models import PricedJson, ResourceJson, RiskJson
from api.documents.rule_models import Offered, RuleJson, Share
from api.strict_json import Amount, Currency, Name, Strict, Units, around, listed
from optimization.path import Cap, Direction, Path, Period, Staged
from pricing.problem import Choice, Objective


def _instant(value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ValueError(f'{value} is not an instant with a zone, such as "2026-03-01T18:00:00+00:00"')
    return instant


Instant = Annotated[datetime, PlainValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
Curve = Annotated[list[Units], Field(min_length=1)]


class StagedJson(PricedJson):
    """An offer with the units demanded in each period at each step, known or as draws.

    `announced` are prices buyers were told for coming periods.
    """

    demand: dict[Name, Curve] | None = None
    demand_draws: dict[Name, Annotated[list[Curve], Field(min_length=1)]] | None = None
    announced: dict[Name, Amount] = Field(default={})

    @model_validator(mode="after")
    def _shapes(self, info: ValidationInfo) -> Self:
        if (self.demand is None) == (self.demand_draws is None):
            raise ValueError("give either demand or demand_draws")
        if (periods := around(info).get("periods")) and set(self.rows()) != set(periods):
            raise ValueError(
                f"there is demand for {listed(self.rows()) if self.rows() else 'no period'}, not for {listed(periods)}"
            )
        rows = self.rows().values()
        if len({len(draws) for draws in rows}) > 1:
            raise ValueError("periods have different numbers of demand draws")
        if lengths := {len(row) for draws in rows for row in draws} - {len(self.ladder)}:
            raise ValueError(f"demand has {listed(sorted(lengths))} numbers, the ladder {len(self.ladder)} steps")
        return self

    def rows(self) -> Mapping[str, list[list[float]]]:
        """Period -> demand as draws."""
        return self.demand_draws or {period: [row] for period, row in (self.demand or {}).items()}


class PeriodJson(Strict):
    """A period; it ends where the next one starts."""

    id: Name
    starts_at: Instant


class CapJson(ResourceJson):
    """What the offers of one period share, on top of what all periods share."""

    period: Name


class PathJson(Strict):
    """The periods, and how prices may move.

    The dearer of two neighbouring periods' prices is at most `amount`, or a share `fraction` of the cheaper, above it.
    Prices of periods that start within `notice_hours` of `now` stay as announced, or as they are.
    """

    now: Instant
    periods: Annotated[list[PeriodJson], Field(min_length=1)]
    ends_at: Instant
    direction: Literal["up", "down", "free"] = "free"
    amount: Amount | None = None
    fraction: Share | None = None
    notice_hours: Annotated[float, Field(ge=0, le=8784)] = 24.0
    caps: list[CapJson] = Field(default=[])
    sold: dict[Name, dict[Offered, Units]] = Field(default={})

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if self.amount is not None and self.fraction is not None:
            raise ValueError("give either an amount or a fraction")
        return self


class PathProblemJson(Strict):
    """Choose one ladder step per offer and period; amounts in major units of `currency`."""

    currency: Currency
    objective: Literal["revenue", "margin"]
    offers: Annotated[list[StagedJson], Field(min_length=1)]
    path: PathJson
    resources: list[ResourceJson] = Field(default=[])
    rules: list[RuleJson] = Field(default=[])
    risk: RiskJson = RiskJson()


@dataclass(frozen=True, slots=True)
class DatedPath:
    """A path, and the instant from which it is planned."""

    path: Path
    now: datetime


def dated_path(model: PathProblemJson) -> DatedPath:
    """The path a document stands for."""
    found = model.path
    path = Path(
        model.currency,
        Objective(model.objective),
        tuple(_staged(offer, model) for offer in model.offers),
        tuple(Period(period.id, period.starts_at) for period in found.periods),
        found.ends_at,
        Direction(found.direction),
        found.amount,
        found.fraction,
        tuple(resource.shared() for resource in model.resources),
        tuple(Cap(cap.period, cap.shared()) for cap in found.caps),
        tuple(rule.rule() for rule in model.rules),
        model.risk.risk(),
        timedelta(hours=found.notice_hours),
        found.sold,
    )
    return DatedPath(path, found.now)


def _staged(offer: StagedJson, model: PathProblemJson) -> Staged:
    rows = offer.rows()
    demand = np.array([rows[period.id] for period in model.path.periods], dtype=np.float64).transpose(1, 0, 2)
    choice: Choice = offer.choice(model.currency, np.zeros((1, len(offer.ladder))))
    return Staged(choice, demand[:, :, np.array(offer.inside())], offer.announced)
