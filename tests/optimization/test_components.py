"""Independent parts are found, and solving them one by one solves the whole."""

from decimal import Decimal

from optimization.components import split
from pricing.problem import MaxChange, Measure, MinMargin, MinUnits, Order, Problem, Risk, Rule, SamePrice, Shared
from tests.optimization.problems import offer, problem

OFFERS = [offer(name, [10, 12], [9.0, 7.0], now="10") for name in "abcdef"]


def names(case: Problem) -> list[set[str]]:
    """Offers of each part."""
    return [{o.id for o in part.offers} for part in split(case)]


def test_each_way_of_sharing_links() -> None:
    """Order, common price, least units and a scarce resource each tie two offers; the rest stand alone."""
    scarce = Shared("r", 10.0, {"a": 1.0, "b": 1.0, "c": 0.0})
    linking: list[Rule] = [Order("a", "b"), SamePrice(("a", "b")), MinUnits(("a", "b"), 3.0)]
    for rule in linking:
        assert names(problem(*OFFERS, rules=[rule])) == [{"a", "b"}, {"c"}, {"d"}, {"e"}, {"f"}]
    assert names(problem(*OFFERS, resources=[scarce])) == [{"a", "b"}, {"c"}, {"d"}, {"e"}, {"f"}]


def test_what_cannot_bind_links_nothing() -> None:
    """A resource that cannot run out, and rules about single offers, leave every offer alone."""
    ample = Shared("r", 18.0, {"a": 1.0, "b": 1.0})
    rules: list[Rule] = [MaxChange(("a", "b", "c"), Decimal("0.1")), MinMargin(Decimal("0.1"))]
    parts = split(problem(*OFFERS, resources=[ample], rules=rules))
    assert [len(part.offers) for part in parts] == [1] * 6
    assert parts[0].rules == (MaxChange(("a",), Decimal("0.1")), MinMargin(Decimal("0.1")))
    assert parts[5].rules == (MinMargin(Decimal("0.1")),)


def test_chains_are_followed_to_their_end() -> None:
    """a-b by order, b-c by resource, c-d by price are one part."""
    case = problem(
        *OFFERS, rules=[Order("a", "b"), SamePrice(("c", "d"))], resources=[Shared("r", 1.0, {"b": 1.0, "c": 1.0})]
    )
    assert names(case) == [{"a", "b", "c", "d"}, {"e"}, {"f"}]


def test_the_tail_mean_is_never_split() -> None:
    """The worst draws of a sum are not the sum of worst draws."""
    assert len(split(problem(*OFFERS, risk=Risk(Measure.CVAR)))) == 1
