"""A problem that exists is well posed; every fault of one that is not is named at once."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from pricing.errors import InputError
from pricing.model import Ladder
from pricing.problem import (
    Choice,
    MaxChange,
    Objective,
    Order,
    Problem,
    Risk,
    Rule,
    SamePrice,
    SellThrough,
    Shared,
    with_fee,
)

LADDER = Ladder((Decimal(10), Decimal(20)))
GOOD = Choice("a", LADDER, np.array([[5.0, 3.0]]))
OTHER = Choice("b", LADDER, np.array([[5.0, 3.0]]))


def made(*offers: Choice, resources: tuple[Shared, ...] = (), rules: tuple[Rule, ...] = ()) -> Problem:
    """A problem of these."""
    return Problem("EUR", Objective.REVENUE, offers, resources, rules)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1.0])
def test_demand_is_finite_and_not_negative(wrong: float) -> None:
    """A solver that is given NaN answers "optimal": it is refused here."""
    with pytest.raises(InputError, match="offer a: demand is"):
        made(replace(GOOD, demand=np.array([[5.0, wrong]])))


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (Shared("r", float("nan"), {}), "capacity nan"),
        (Shared("r", -1.0, {}), "capacity -1.0"),
        (Shared("r", 1.0, {"x": 1.0}), "there is no offer x"),
        (Shared("r", 1.0, {"a": float("nan")}), "use nan"),
        (Shared("r", 1.0, {}, Decimal(-1)), "spill loss -1"),
        (Shared("r", 1.0, {}, Decimal("NaN")), "spill loss NaN"),
    ],
)
def test_resources_are_numbers_of_known_offers(resource: Shared, words: str) -> None:
    """Capacity, use and loss are finite and not negative; offers exist."""
    with pytest.raises(InputError, match=words):
        made(GOOD, resources=(resource,))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Order("a", "x"), "rule Order: there is no offer x"),
        (MaxChange(("a",), Decimal("-0.1")), "rule MaxChange: fraction -0.1"),
        (SellThrough("s", 0.5), "rule SellThrough: there is no resource s"),
        (SellThrough("r", 0.5), "rule SellThrough: no offer draws on resource r"),
    ],
)
def test_rules_are_about_known_offers_and_resources(rule: Rule, words: str) -> None:
    """Each rule's own faults are named, too."""
    with pytest.raises(InputError, match=words):
        made(GOOD, OTHER, rules=(rule,), resources=(Shared("r", 9.0, {"a": 0.0}),))


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        (replace(GOOD, recent=(Decimal(0),)), "a recent price"),
        (replace(GOOD, totals=(Decimal(11),)), "total prices"),
        (replace(GOOD, totals=(Decimal(11), Decimal(19))), "total prices"),
        (replace(GOOD, totals=(Decimal(20), Decimal(20))), "total prices"),
        (replace(GOOD, totals=(Decimal(11), Decimal("NaN"))), "total prices"),
        (replace(GOOD, demand=np.array([[1e16, 3.0]])), r"above 9e\+15 units"),
    ],
)
def test_offers_are_possible(offer: Choice, words: str) -> None:
    """Prices are prices, totals are not below them and rise, and units can be told one from the next."""
    with pytest.raises(InputError, match=f"offer a: .*{words}"):
        made(offer)


def test_a_fee_comes_on_top_in_whole_cents() -> None:
    """Half a cent is rounded up, in the currency's own decimals."""
    ladder = Ladder((Decimal("10.10"), Decimal("20.30")))
    assert with_fee(ladder, "EUR", amount=Decimal(1), share=Decimal("0.05")) == (Decimal("11.61"), Decimal("22.32"))
    assert with_fee(Ladder((Decimal(110),)), "JPY", share=Decimal("0.05")) == (Decimal(116),)


def test_every_fault_is_named_at_once() -> None:
    """Six faults, six findings."""
    with pytest.raises(InputError) as caught:
        made(
            GOOD,
            GOOD,
            Choice("c", LADDER, np.array([[1.0]]), Decimal("NaN"), Decimal(0)),
            resources=(Shared("r", 1.0, {}), Shared("r", 1.0, {})),
            rules=(SamePrice(("a", "z")),),
        )
    assert len(caught.value.findings) == 6


def test_offers_have_as_many_draws_or_one() -> None:
    """Known demand goes with draws; three draws do not go with two."""
    two, three = (replace(GOOD, id=f"d{n}", demand=np.ones((n, 2))) for n in (2, 3))
    made(GOOD, two)
    with pytest.raises(InputError, match="different numbers of demand draws"):
        made(two, three)


def test_a_problem_without_offers_is_none() -> None:
    """There must be something to price."""
    with pytest.raises(InputError, match="no offer"):
        made()


@pytest.mark.parametrize("alpha", [0.0, 1.5, float("nan")])
def test_the_tail_is_a_share(alpha: float) -> None:
    """Of the outcomes, more than none and at most all."""
    with pytest.raises(ValueError, match="alpha"):
        Risk(alpha=alpha)
