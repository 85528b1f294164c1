"""A network file is read exactly or refused, with every fault at its place."""

import copy
import json
from typing import Any

import pytest

from api.documents.network_json import read_network, write_answer
from api.documents.network_models import LARGEST, AllocationJson, OfferingJson
from optimization.network import IndependentDemand, SegmentedDemand, allocate, best_offering, values
from pricing.errors import InputError
from tests.real_data import ROOT

LEGS: dict[str, Any] = {
    "currency": "USD",
    "resources": [{"id": "SFO-CLT", "capacity": 10}, {"id": "CLT-BOS", "capacity": 10.0}],
    "products": [
        {"id": "SFO-BOS", "fare": "800.00", "uses": ["SFO-CLT", "CLT-BOS"], "demand": 6},
        {"id": "group", "fare": 1500, "uses": {"SFO-CLT": 4, "CLT-BOS": 2.5}, "demand": 1.5},
        {"id": "lounge", "fare": "30", "uses": {}, "demand": 0},
    ],
}
CHOICE: dict[str, Any] = {
    "currency": "EUR",
    "resources": [{"id": "room", "capacity": 18}],
    "products": [{"id": "low", "fare": "400", "uses": ["room"]}, {"id": "high", "fare": "800", "uses": ["room"]}],
    "periods": 300,
    "segments": [
        {"id": "early", "rate": 0.1, "weights": {"low": 5, "high": 1}, "no_purchase": 1},
        {"id": "late", "rate": 0.15, "weights": {"high": 2.5}, "no_purchase": 5},
    ],
}


def findings(document: dict[str, Any] | str) -> dict[str | None, str]:
    """Place -> reason."""
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(InputError) as error:
        read_network(text, file="legs.json")
    assert {found.file for found in error.value.findings} == {"legs.json"}
    return {found.column: found.reason for found in error.value.findings}


def changed(document: dict[str, Any], *path: str | int, to: Any) -> dict[str, Any]:
    """The document with one value replaced."""
    other: Any = copy.deepcopy(document)
    inner = other
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return other


def test_a_network_is_read_as_written() -> None:
    """Lists of resources stand for one unit of each."""
    read = read_network(json.dumps(LEGS))
    assert read.currency == "USD"
    assert isinstance(read.problem, IndependentDemand)
    assert read.problem.network.uses.toarray().tolist() == [[1, 4, 0], [1, 2.5, 0]]
    assert read.problem.network.fare.tolist() == [800, 1500, 30]
    assert read.problem.demand.tolist() == [6, 1.5, 0]


def test_segments_are_read_as_written() -> None:
    """A product a segment does not name is one it does not consider."""
    read = read_network(json.dumps(CHOICE))
    assert isinstance(read.problem, SegmentedDemand)
    assert read.problem.weights.tolist() == [[5, 1], [0, 2.5]]
    assert read.problem.periods == 300


@pytest.mark.parametrize(
    ("document", "place", "reason"),
    [
        (changed(LEGS, "resources", 1, "capacity", to=-1), "resources[1].capacity", "must be at least 0"),
        (changed(LEGS, "resources", 1, "capacity", to=float("nan")), "resources[1].capacity", "not a finite number"),
        (changed(LEGS, "resources", 1, "capacity", to=1e16), "resources[1].capacity", "must be at most"),
        (changed(LEGS, "resources", to=[*LEGS["resources"], LEGS["resources"][0]]), "resources[2].id", "appears twice"),
        (changed(LEGS, "products", 1, "id", to="SFO-BOS"), "products[1].id", "appears twice"),
        (changed(LEGS, "products", 1, "uses", to=["bus"]), "products[1].uses.bus", "there is no resource bus"),
        (changed(LEGS, "products", 1, "uses", to=["CLT-BOS", "CLT-BOS"]), "products[1].uses", "twice"),
        (changed(LEGS, "products", 1, "uses", to={"CLT-BOS": -1}), "products[1].uses.CLT-BOS", "must be"),
        (changed(LEGS, "products", 1, "uses", to="CLT-BOS"), "products[1].uses", "this is not an object"),
        (changed(LEGS, "products", 0, "fare", to="-8"), "products[0].fare", "negative"),
        (changed(LEGS, "products", 0, "fare", to="8,00"), "products[0].fare", "comma"),
        (changed(LEGS, "products", 0, "demand", to=None), "products[0].demand", "this is not a number"),
        (changed(LEGS, "products", 0, "demand", to="6"), "products[0].demand", "this is not a number"),
        (changed(LEGS, "products", to=[]), "products", "this is empty"),
        (changed(LEGS, "colour", to="red"), "colour", "there is no such key"),
        (changed(CHOICE, "products", 0, "demand", to=3), "products[0].demand", "there is no such key"),
        (changed(CHOICE, "periods", to=0), "periods", "must be above 0"),
        (changed(CHOICE, "segments", to=[]), "segments", "this is empty"),
        (changed(CHOICE, "segments", 1, "id", to="early"), "segments[1].id", "appears twice"),
        (changed(CHOICE, "segments", 1, "weights", to={"high": 0}), "segments[1].weights", "every weight is 0"),
        (changed(CHOICE, "segments", 1, "weights", to={}), "segments[1].weights", "every weight is 0"),
        (changed(CHOICE, "segments", 1, "weights", to={"mid": 1}), "segments[1].weights.mid", "there is no product"),
        (changed(CHOICE, "segments", 1, "no_purchase", to=0), "segments[1].no_purchase", "must be above 0"),
        (changed(CHOICE, "segments", 1, "rate", to=-0.1), "segments[1].rate", "must be at least 0"),
    ],
)
def test_a_fault_is_named_at_its_place(document: dict[str, Any], place: str, reason: str) -> None:
    """One fault, one finding."""
    found = findings(document)
    assert list(found) == [place]
    assert reason in found[place]


def test_every_fault_is_named_at_once() -> None:
    """In one reading; a key that stands twice is one of them."""
    broken = changed(changed(LEGS, "resources", 0, "capacity", to=-1), "products", 0, "demand", to=-1)
    text = json.dumps(broken).replace('"currency"', '"currency": "EUR", "currency"')
    assert set(findings(text)) == {"currency", "resources[0].capacity", "products[0].demand"}


def test_a_fare_beyond_all_reason_is_refused_by_name() -> None:
    """It is an amount, but no number to count with."""
    found = findings(changed(LEGS, "products", 0, "fare", to="9" * 20))
    assert "product SFO-BOS: fare" in found[None]


@pytest.mark.parametrize("limit", [9.0, 0.0])
def test_answers_keep_their_schema_and_give_the_same_bytes(limit: float) -> None:
    """Both kinds, proven or not: without a proof there is nothing to act on."""
    legs, choice = read_network(json.dumps(LEGS)), read_network(json.dumps(CHOICE))
    assert isinstance(legs.problem, IndependentDemand)
    assert isinstance(choice.problem, SegmentedDemand)
    texts = [
        (
            write_answer(legs, allocate(legs.problem, time_limit=limit)),
            write_answer(choice, best_offering(choice.problem, time_limit=limit)),
        )
        for _ in range(2)
    ]
    assert texts[0] == texts[1]
    allocation = AllocationJson.model_validate_json(texts[0][0])
    offering = OfferingJson.model_validate_json(texts[0][1])
    for answer, plan in ((allocation, allocation.allocation), (offering, offering.offers)):
        proven = answer.status == "optimal"
        assert proven == (limit > 0)
        assert proven == bool(plan) == bool(answer.bid_prices) == (answer.objective is not None)
        assert answer.bound is not None


def test_the_largest_number_is_the_solvers() -> None:
    """The shape of the file knows it without loading a solver."""
    assert LARGEST == values.LARGEST


def test_what_the_documentation_shows_is_read() -> None:
    """Its network as it stands, and its segments in place of the demand."""
    page = (ROOT / "docs" / "optimization" / "network.md").read_text(encoding="utf-8")
    network, segments = (part.split("```")[0] for part in page.split("```json\n")[1:3])
    shown = json.loads(network)
    assert isinstance(read_network(network).problem, IndependentDemand)
    products = [{"id": name, "fare": "9.00", "uses": ["SFO-CLT"]} for name in ("low", "high")]
    choosing = {**shown, "products": products, **json.loads("{" + segments + "}")}
    assert isinstance(read_network(json.dumps(choosing)).problem, SegmentedDemand)
