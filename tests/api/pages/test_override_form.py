"""What an override costs is the difference to the recommendation, in the draws that prices are decided on."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace as Made
from typing import Any, cast

import numpy as np

from api.pages import override_form
from api.pages.rows import Row
from api.stage import Stage
from pricing.demand import Identification
from pricing.guardrails import InForce
from pricing.market import Market, Sale
from pricing.model import Resource
from pricing.outcome import Gain
from pricing.problem import Objective
from tests.pricing.test_engine import NOW, Known, offer

NAMES = ("a", "b")
TWENTY, TWO = Decimal("20.00"), Decimal("18.00")


def stage(model: Known, capacity: float | None) -> Stage:
    """Two offers at 20, on one resource where there is a capacity."""
    offers = tuple(offer(name, resource=None if capacity is None else "room") for name in NAMES)
    resources = () if capacity is None else (Resource("room", capacity),)
    market = Market(offers, {name: InForce.steady(TWENTY) for name in NAMES}, resources)
    return Stage(market, model.curves(market.as_it_stands()), Objective.MARGIN, NOW + timedelta(days=1))


def rows(*names: str) -> list[Row]:
    """Rows of these offers, or of both."""
    return [cast("Row", Made(key=(name, "all"))) for name in names or NAMES]


def test_a_cost_is_that_of_the_whole_room_against_the_recommendation() -> None:
    """As if each step were sold through, the other price as recommended; nothing at the recommendation itself."""
    made = stage(Known(spread=0.3), capacity=150.0)
    costs = override_form._costs(made, rows(), {"a": TWO})
    base = Sale.at(made.market, made.curves, {"a": TWO, "b": TWENTY}, made.objective)
    for step in (Decimal("15.00"), TWENTY, Decimal("25.50")):
        then = Sale.at(made.market, made.curves, {"a": step, "b": TWENTY}, made.objective)
        gain = Gain.of(then.earned.sum(axis=1) - base.earned.sum(axis=1))
        assert costs["a"][step] == tuple(int(np.rint(each)) for each in (gain.expected, gain.low, gain.high))
    assert costs["a"][TWO] == costs["b"][TWENTY] == (0, 0, 0)


def test_what_another_takes_of_the_same_stock_counts_where_it_has_no_row() -> None:
    """On the page of one product, too, and at the price that is recommended for the other."""
    made = stage(Known(spread=0.3), capacity=150.0)
    both, one = (override_form._costs(made, shown, {"b": TWO}) for shown in (rows(), rows("a")))
    assert one == {"a": both["a"]}


def test_without_a_resource_an_offer_counts_alone() -> None:
    """Its own difference, whatever the other does."""
    made = stage(Known(), capacity=None)
    alone, beside = (override_form._costs(made, rows(), wished)["a"] for wished in ({}, {"b": TWO}))
    assert alone == beside


def test_where_sales_do_not_tell_no_cost_is_made_up() -> None:
    """The form says that it is not known."""
    assert override_form._costs(stage(Known(status=Identification.NOT_IDENTIFIED), None), rows(), {}) == {}


def test_a_form_carries_what_the_script_needs() -> None:
    """A step with its cost where one is known, and without where none is."""
    told: dict[str, Any] = {"row": Made(key=("a", "all"), name="a", audience="adult", now=TWENTY, currency="EUR")}
    form = override_form.Form(
        **told,
        target=TWO,
        waits=True,
        steps=(TWO, TWENTY),
        reach=(TWO, TWENTY),
        costs={TWO: (0, -1, 2)},
        until=NOW.date(),
        latest=NOW.date(),
    )
    assert form.plain["steps"] == [["18.00", 0, -1, 2], ["20.00"]]
    assert (form.plain["title"], form.plain["target"]) == ("a · adult", "18.00")
    assert replace(form, costs={}).plain["steps"] == [["18.00"], ["20.00"]]
