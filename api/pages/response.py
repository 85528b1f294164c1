"""Price response: how buyers of each group react to its price, how well that is known, and what it means for prices.

Guarantees
----------
* Every group of the fit is listed and counted, the best known first, all on one scale.
* A group that sales cannot tell about says so: its number is named as what similar groups do, and moves no price.
* Nothing is fitted for a page: the numbers are those kept with the fit.
* The table as a file runs nothing in a spreadsheet.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec
from flask import Response as Sent
from flask import render_template, request
from flask_babel import gettext

from api.estimates import Current, Estimates, Response
from api.grounds import Ground, PriceTest, load_grounds
from api.http.backend import Backend
from api.pages.demand import Axis, tried
from api.pages.desk import Answer, Desk, numbers_of
from api.pages.numbers import DASH, Numbers
from api.pages.paging import page_of
from api.pages.situation import situation
from api.spreadsheet import as_csv
from pricing.demand import Evidence, Identification
from pricing.guardrails.rails import distrust
from pricing.model import ALL
from pricing.policy import Policy

LOW, HIGH = -5.0, 1.0
"""The scale of every row; what lies beyond ends in an arrow at its edge."""
TICKS = (-4, -3, -2, -1, 0)
ON_A_PAGE = 100
RISE = 1.1
"""A reaction is told as that to a price 10 % higher."""
ORDER = tuple(Identification)


@dataclass(frozen=True)
class Group:
    """One row: a response as it was kept, and where it is drawn."""

    said: Response
    ground: Ground | None = None

    @property
    def name(self) -> str:
        """What is sold."""
        return self.said.product

    @property
    def audience(self) -> str:
        """To whom; empty if to all."""
        return self.said.segment if self.said.segment != ALL else ""

    @property
    def status(self) -> Identification:
        """Whether the response is known."""
        return Identification(self.said.status)

    @property
    def span(self) -> tuple[float, float, float] | None:
        """Low end, estimate and high end after pooling; None where there is no number."""
        said = self.said
        if said.elasticity is None or said.lower is None or said.upper is None:
            return None
        return said.lower, said.elasticity, said.upper

    @property
    def raw(self) -> float | None:
        """Estimate of this group alone; None where there is none."""
        return self.said.raw_elasticity

    @property
    def alone(self) -> tuple[float, float] | None:
        """Ends of the interval of this group alone; None where it has none."""
        alone = self.ground.alone if self.ground else None
        return (alone.lower, alone.upper) if alone else None

    @cached_property
    def distrusted(self) -> bool:
        """Whether the engine does not trust the number although sales tell it."""
        if self.status is Identification.NOT_IDENTIFIED or self.span is None:
            return False
        return distrust(Evidence(self.status, self.span[1], 0.0, self.said.reason, "")) is not None

    @property
    def priced(self) -> bool:
        """Whether prices move on it."""
        return self.status is not Identification.NOT_IDENTIFIED and self.span is not None and not self.distrusted


def place(slope: float) -> float:
    """Where a slope lies on the scale [% of its width], at an edge if beyond it."""
    return round(2 + 96 * (min(max(slope, LOW), HIGH) - LOW) / (HIGH - LOW), 2)


def in_words(group: Group, n: Numbers) -> str:
    """What a price 10 % higher would do."""
    if group.status is Identification.NOT_IDENTIFIED or group.span is None:
        return gettext("Sales cannot show how these buyers react. The number is what similar groups do.")
    low, mean, high = (n.change(RISE**slope - 1, 0) for slope in group.span)
    return gettext(
        "At a price %(rise)s higher: %(mean)s units (95%%: %(low)s to %(high)s).",
        rise=n.percent(RISE - 1),
        mean=mean,
        low=low,
        high=high,
    )


def meaning(group: Group, step: float, n: Numbers) -> str:
    """What it means for its prices."""
    if group.status is Identification.NOT_IDENTIFIED or group.span is None:
        return gettext("Prices stay as they are until you decide, or a test or price changes give evidence.")
    if group.distrusted:
        return gettext(
            "Prices stay: so weak or so strong a reaction is not trusted. Check the prices that were uploaded."
        )
    if group.status is Identification.WEAK:
        return gettext("Prices move by at most %(step)s a step, less than where it is sure.", step=n.percent(step))
    return gettext("Priced on its own evidence, by at most %(step)s a step.", step=n.percent(step))


def drawn_as(group: Group, n: Numbers) -> str:
    """The drawing of a row, for those who do not see it."""
    raw = gettext("alone %(raw)s", raw=n.decimal(group.raw)) if group.raw is not None else gettext("none alone")
    if group.span is None:
        return raw
    low, mean, high = map(n.decimal, group.span)
    pooled = gettext("pooled %(mean)s, 95%% range %(low)s to %(high)s", mean=mean, low=low, high=high)
    return f"{raw}; {pooled}"


def steps_of(policy: Policy) -> dict[Identification, float]:
    """How far prices may move in one run, by what is known."""
    return {Identification.WEAK: float(policy.weak_step), Identification.IDENTIFIED: float(policy.step)}


def currency_of(backend: Backend) -> str:
    """Of what is on sale; sales are in the same."""
    listings = situation(backend).listings.values()
    return next((each.offer.currency for each in listings), backend.settings.currency)


def groups_of(said: Estimates | None, grounds: Mapping[tuple[str, ...], Ground]) -> list[Group]:
    """All groups, the best known first, of these those that sold most."""
    groups = [Group(each, grounds.get(each.key)) for each in (said.responses if said else ())]
    return sorted(groups, key=lambda group: (ORDER.index(group.status), -_sold(group), group.said.key))


def _sold(group: Group) -> float:
    return group.ground.sold if group.ground else 0.0


TABLE = (
    *(name for name in Response.__struct_fields__ if name != "reason"),
    *("usual_price", "lowest_tried", "highest_tried", "price_changes", "dates", "units_sold"),
    *("test_low_price", "test_high_price", "test_weeks", "test_cost", "reason"),
)
"""Columns of the file."""


def table_of(groups: list[Group]) -> bytes:
    """One row a group: the response, what it rests on, and the price test proposed."""
    return as_csv(TABLE, (dict(_cells(group)) for group in groups))


def _cells(group: Group) -> Iterator[tuple[str, object]]:
    yield from msgspec.structs.asdict(group.said).items()
    if group.ground is None:
        return
    ground, (low, high) = group.ground, group.ground.tried or (None, None)
    yield from (("usual_price", ground.usual), ("lowest_tried", low), ("highest_tried", high))
    yield from (("price_changes", ground.moves), ("dates", ground.dates), ("units_sold", ground.sold))
    if ground.test is not None:
        yield from _tested(ground.test)


def _tested(test: PriceTest) -> Iterator[tuple[str, object]]:
    yield from (("test_low_price", test.low), ("test_high_price", test.high))
    yield from (("test_weeks", test.weeks), ("test_cost", test.cost))


def add(desk: Desk) -> None:
    """Add it to the desk."""
    backend = desk.backend
    current = Current(backend.root / "fits")

    def groups_now() -> tuple[Estimates | None, list[Group]]:
        said = current.estimates()
        grounds = load_grounds(backend.root / "fits", said.model_version) if said else None
        return said, groups_of(said, grounds.by_key if grounds else {})

    @desk.page("/response")
    def response() -> str:
        (said, groups), n = groups_now(), numbers_of(backend)
        only = request.args.get("status", "")
        only = only if only in [str(each) for each in ORDER] else ""
        chosen = [group for group in groups if only in {"", group.status}]
        steps, currency = steps_of(backend.settings.policy), currency_of(backend)
        return render_template(
            "desk/response.html",
            page="response",
            fitted_at=said.fitted_at if said else None,
            shown=page_of(chosen, request.args.get("page", "1"), ON_A_PAGE),
            counts=Counter(str(group.status) for group in groups),
            all=len(groups),
            still=sum(not group.priced for group in groups),
            only=only,
            order=[str(status) for status in ORDER],
            ticks=TICKS,
            place=place,
            edges=(LOW, HIGH),
            meaning=lambda group: meaning(group, steps.get(group.status, 0.0), n),
            drawn_as=lambda group: drawn_as(group, n),
            written=lambda number: DASH if number is None else n.decimal(number),
            tried=lambda ground: tried(ground, Axis(ground.usual, ground.alike, currency, n)),
        )

    @desk.page("/response.csv")
    def response_csv() -> Answer:
        sent = Sent(table_of(groups_now()[1]), content_type="text/csv; charset=utf-8")
        sent.headers["Content-Disposition"] = 'attachment; filename="price-response.csv"'
        return sent
