"""A network that exists is well posed; what is wrong with it is said all at once."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from scipy.sparse import csc_array

from optimization.network.values import IndependentDemand, Network, Product, SegmentedDemand, Vector
from pricing.errors import InputError
from tests.optimization.network.networks import parallel_flights, trips

NAN, INF = float("nan"), float("inf")


def reasons(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    """What was said."""
    return [finding.reason for finding in error.value.findings]


def test_names_and_amounts_become_arrays() -> None:
    """A product's use of each resource stands where the two meet."""
    network = Network.of(
        {"leg": 3.0, "bus": 9.0}, [Product("a", Decimal("9.50"), {"bus": 2.0}), Product("b", Decimal(1), {})]
    )
    assert network.uses.toarray().tolist() == [[0.0, 0.0], [2.0, 0.0]]
    assert network.fare.tolist() == [9.5, 1.0]


@pytest.mark.parametrize("number", [NAN, INF, -1.0, 1e16])
def test_every_bad_number_is_named(number: float) -> None:
    """Capacity, fare and use, in one go."""
    with pytest.raises(InputError) as error:
        Network(("leg",), np.array([number]), ("a",), np.array([number]), csc_array(np.array([[number]])))
    places = ("resource leg: capacity {}", "product a: fare {}", "product a: use {} of leg")
    assert reasons(error) == [f"{place.format(number)} is not a number from 0 to 1e+15" for place in places]


def test_every_unknown_and_repeated_name_is_named() -> None:
    """Resources that do not exist; ids that stand twice."""
    with pytest.raises(InputError) as error:
        Network.of(
            {"leg": 1.0}, [Product("a", Decimal(1), {"bus": 1.0, "leg": 1.0}), Product("b", Decimal(1), {"car": 1.0})]
        )
    assert reasons(error) == ["product a: there is no resource bus", "product b: there is no resource car"]
    with pytest.raises(InputError) as error:
        Network(("leg", "leg"), np.ones(2), ("a", "a"), np.ones(2), csc_array(np.ones((2, 2))))
    assert reasons(error) == ["resource leg appears twice", "product a appears twice"]


def test_arrays_of_other_lengths_are_refused() -> None:
    """Before any of their numbers is looked at."""
    with pytest.raises(InputError, match=r"capacity has shape \(2,\), not \(1,\)"):
        Network(("leg",), np.ones(2), ("a",), np.ones(1), csc_array(np.ones((1, 1))))
    with pytest.raises(InputError, match="no product"):
        Network.of({"leg": 1.0}, [])
    with pytest.raises(InputError, match="demand has shape"):
        IndependentDemand(trips().network, np.ones(3))


def test_demand_is_a_number_of_units() -> None:
    """NaN and less than nothing are named with their product."""
    demand = trips().demand.copy()
    demand[:2] = NAN, -1.0
    with pytest.raises(InputError) as error:
        IndependentDemand(trips().network, demand)
    assert [reason.split(" is not")[0] for reason in reasons(error)] == [
        "product SFO-BOS high: demand nan",
        "product SFO-CLT high: demand -1.0",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"periods": 0.0}, "0.0 is not a number of periods above 0"),
        ({"periods": NAN}, "nan is not a number of periods above 0"),
        ({"segments": ("a", "a", "c", "d")}, "segment a appears twice"),
        ({"rate": np.array([NAN, 1, 1, 1])}, "segment a: the rate of arrivals"),
        ({"weights": np.diag([1.0, 1, 1, -1]) @ np.ones((4, 6))}, "segment d: a weight"),
        ({"weights": np.diag([1.0, 1, 0, 1]) @ np.ones((4, 6))}, "segment c: every weight is 0"),
        ({"no_purchase": np.array([1.0, 0, 1, 1])}, "segment b: the weight of buying nothing is not above 0"),
        ({"no_purchase": np.array([1.0, 1, NAN, 1])}, "segment c: the weight of buying nothing is not above 0"),
        ({"no_purchase": np.array([1.0, 1, 1e-300, 1])}, "segment c: a weight is more than 1e+15 times"),
        ({"rate": np.ones(3)}, "rate has shape"),
    ],
)
def test_segments_that_cannot_choose_are_refused(change: dict[str, Vector], said: str) -> None:
    """Each fault is named with its segment."""
    with pytest.raises(InputError) as error:
        replace(parallel_flights(1.0, (1, 5, 5, 1)), **change)  # type: ignore[arg-type]  # one field of several kinds
    assert len(reasons(error)) == 1
    assert reasons(error)[0].startswith(said)


def test_no_segment_is_refused() -> None:
    """There is nobody to sell to."""
    with pytest.raises(InputError, match="no segment"):
        SegmentedDemand(trips().network, 1.0, (), np.ones(0), np.ones((0, 10)), np.ones(0))
