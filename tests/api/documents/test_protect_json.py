"""A protection problem is read exactly or refused with every finding at its place, and answered."""

import copy
import json
from typing import Any

import numpy as np
import pytest

from api.documents.protect_json import answer, read_protect, schemas, write_answer
from optimization.dynamic import best_rule
from optimization.exponential import Dwindling
from pricing.errors import InputError

DOCUMENT: dict[str, Any] = {
    "currency": "USD",
    "capacity": 119,
    "classes": [
        {"id": "Y", "fare": "1050.00", "mean": 17.3, "sd": 5.8},
        {"id": "B", "fare": 950, "mean": 45.1, "sd": 15},
        {"id": "M", "fare": "699", "mean": 39.6, "sd": 13.2},
        {"id": "Q", "fare": 520.0, "mean": 34, "sd": 11.3},
    ],
    "overbooking": {"cancellation": 0.06, "no_show": 0.05, "refund": 0.5, "denied_cost": "2500", "tolerance": 0.05},
    "dynamic": {
        "ladder": [300, "500.00", 700, 900, 1200],
        "periods": 30,
        "arrivals": 8,
        "exponential": {"a": 0.002},
    },
}


def changed(path: tuple[str | int, ...], value: object, *, leave_out: tuple[str, ...] = ()) -> str:
    """The document with another value at one place, or with a new one."""
    document = copy.deepcopy(DOCUMENT)
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    for name in leave_out:
        del inner[name]
    return json.dumps(document)


def places(text: str) -> list[str | None]:
    """Where the findings of a document are."""
    with pytest.raises(InputError) as caught:
        read_protect(text, file="p.json")
    assert all(finding.file == "p.json" for finding in caught.value.findings)
    return [finding.column for finding in caught.value.findings]


def without(*names: str) -> dict[str, Any]:
    """The document without some of its parts."""
    return {name: value for name, value in DOCUMENT.items() if name not in names}


def test_every_part_is_read() -> None:
    """Fares as written; who neither cancels nor stays away comes; half of what is cancelled is refunded."""
    case = read_protect(json.dumps(DOCUMENT))
    assert case.classes is not None
    assert case.shows is not None
    assert case.season is not None
    assert case.classes.fare.tolist() == [1050.0, 950.0, 699.0, 520.0]
    assert case.shows.show_up == pytest.approx(0.94 * 0.95)
    assert case.shows.refunded == pytest.approx(0.03)
    assert case.season.demand.shape == (1, 30, 5)
    assert case.season.demand[0, 7, 1] == pytest.approx(8 * np.exp(-1))


def test_every_rule_is_answered() -> None:
    """The reference case: levels, limits and revenue of each rule, what no rule and no partition reach."""
    found = answer(read_protect(json.dumps(without("overbooking", "dynamic"))))
    assert found.protection is not None
    rules = {control.rule: control for control in found.protection.controls}
    assert list(rules) == ["first-come", "emsr-a", "emsr-b", "optimal"]
    assert rules["optimal"].levels == [10, 54, 98]
    assert rules["optimal"].limits == [119, 109, 65, 21]
    assert rules["optimal"].revenue == pytest.approx(89457.5, abs=0.05)
    assert rules["emsr-b"].levels == pytest.approx([9.71, 53.27, 96.83], abs=0.0051)
    assert rules["emsr-b"].revenue == pytest.approx(89448.1, abs=0.05)
    assert rules["emsr-a"].revenue == pytest.approx(89214.4, abs=0.05)
    assert found.protection.partitioned is not None
    assert found.protection.hindsight is not None
    assert found.protection.partitioned.revenue < rules["optimal"].revenue < found.protection.hindsight
    assert (found.overbooking, found.dynamic) == (None, None)


def test_two_classes_have_littlewoods_rule() -> None:
    """Beside the others, which agree with it."""
    found = answer(read_protect(json.dumps({**without("overbooking", "dynamic"), "classes": DOCUMENT["classes"][:2]})))
    assert found.protection is not None
    rules = {control.rule: control for control in found.protection.controls}
    assert rules["littlewood"].levels == pytest.approx(rules["emsr-b"].levels)


def test_one_class_may_book_everything() -> None:
    """There is nothing to protect it from."""
    found = answer(read_protect(json.dumps({**without("overbooking", "dynamic"), "classes": DOCUMENT["classes"][:1]})))
    assert found.protection is not None
    assert {tuple(control.limits) for control in found.protection.controls} == {(119,)}


def test_overbooking_is_answered() -> None:
    """No limit exceeds what the tolerance allows; hindsight and partitions are for units, not for bookings."""
    found = answer(read_protect(json.dumps(without("dynamic"))))
    assert found.overbooking is not None
    assert found.protection is not None
    assert found.overbooking.service_limit is not None
    assert 119 < found.overbooking.service_limit < found.overbooking.value_limit
    assert found.overbooking.turned_away_chance <= 0.05
    assert max(control.limits[0] for control in found.protection.controls) == found.overbooking.service_limit
    assert (found.protection.partitioned, found.protection.hindsight) == (None, None)


def test_prices_are_answered_as_brackets_of_units_left() -> None:
    """Each period's prices are the rule's; steps of the ladder, as strings."""
    case = read_protect(json.dumps(without("classes", "overbooking")))
    found = answer(case).dynamic
    assert found is not None
    assert found.prices is not None
    assert case.season is not None
    step = best_rule(case.season).step
    for brackets, row in zip(found.prices, step, strict=True):
        spelled = np.zeros(119, dtype=int)
        for bracket in brackets:
            spelled[bracket.units_from - 1 :] = ["300.00", "500.00", "700.00", "900.00", "1200.00"].index(bracket.price)
        assert spelled.tolist() == row.tolist()
    assert found.closed_form is not None
    assert found.closed_form.revenue == Dwindling(119, 240 / np.e, 0.002).value()[-1]
    assert found.loss_probability is None


def test_whether_one_price_is_enough_is_said_in_words() -> None:
    """Plenty for all: one price; few units: not; too large: how much could be gained at most; nobody: so."""
    curve = {"ladder": [10, 20, 30, 40], "periods": 50, "arrivals": 1, "probability": [0.9, 0.6, 0.3, 0.15]}

    def words(capacity: int, **other: object) -> str:
        document = {"currency": "EUR", "capacity": capacity, "dynamic": {**curve, **other}}
        found = answer(read_protect(json.dumps(document))).dynamic
        assert found is not None
        return found.words

    assert words(100).startswith("One price is enough: 20.00 EUR throughout earns")
    assert words(12).startswith("Changing the price with stock and time earns")
    assert words(12, arrivals=0).startswith("Nobody is expected to buy")
    large = words(100_000, arrivals=4000)
    assert large.startswith("The season is too large")
    assert "no way of changing it earns more than" in large


def test_a_rule_that_earns_less_is_said_to() -> None:
    """One rule for draws far apart fits neither; what rounds to nothing is no loss."""
    rows = [[0.404, 0.199, 0.033], [0.714, 0.7, 0.602]]
    dynamic = {"ladder": [49, 65, 76], "periods": 28, "arrivals": 1, "probability_draws": rows}
    apart = answer(read_protect(json.dumps({"currency": "EUR", "capacity": 2, "dynamic": dynamic}))).dynamic
    assert apart is not None
    assert apart.words.startswith("One price is enough")
    assert apart.words.endswith("earns 6.7% less.")
    assert apart.loss_probability == 0.5
    alone = {"ladder": [10], "periods": 3, "arrivals": 1, "probability": [0.3]}
    one = answer(read_protect(json.dumps({"currency": "EUR", "capacity": 6, "dynamic": alone}))).dynamic
    assert one is not None
    assert one.words.endswith("earns 0.0% more.")


@pytest.mark.parametrize(
    ("curve", "shape"),
    [
        ({"probability": [0.5, 0.1]}, (1, 3, 2)),
        ({"probability_by_period": [[0.5, 0.1], [0.4, 0.1], [0.3, 0.2]]}, (1, 3, 2)),
        ({"probability_draws": [[0.5, 0.1], [0.4, 0.1]]}, (2, 3, 2)),
        ({"exponential": {"a_draws": [0.1, 0.2, 0.3, 0.4]}}, (4, 3, 2)),
    ],
)
def test_demand_is_a_curve_a_curve_for_each_period_or_draws(curve: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Times arrivals, which may differ from period to period."""
    dynamic = {"ladder": [5, 9], "arrivals": [1, 2.5, 0], **curve}
    case = read_protect(json.dumps({"currency": "EUR", "capacity": 4, "dynamic": dynamic}))
    assert case.season is not None
    assert case.season.demand.shape == shape
    assert np.all(case.season.demand[:, 2] == 0)
    found = answer(case).dynamic
    assert found is not None
    assert (found.loss_probability is None) == (shape[0] == 1)


def test_the_same_problem_gives_the_same_bytes() -> None:
    """And they hold what the schema says."""
    texts = {write_answer(answer(read_protect(json.dumps(DOCUMENT)))) for _ in range(2)}
    assert len(texts) == 1
    assert set(json.loads(texts.pop())) == set(schemas()["answer"]["properties"])


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("currency",), "XYZ", "currency"),
        (("capacity",), 0, "capacity"),
        (("capacity",), 2.5, "capacity"),
        (("capacity",), 10**9, "capacity"),
        (("surprise",), 1, "surprise"),
        (("classes",), [], "classes"),
        (("classes",), [{"id": f"{n}", "fare": 900 - n, "mean": 1, "sd": 1} for n in range(101)], "classes"),
        (("classes", 1, "id"), "Y", "classes[1].id"),
        (("classes", 1, "fare"), 1050, "classes[1].fare"),
        (("classes", 1, "fare"), 12.345, "classes[1].fare"),
        (("classes", 3, "fare"), 0, "classes[3].fare"),
        (("classes", 2, "mean"), 0, "classes[2].mean"),
        (("classes", 2, "mean"), "39.6", "classes[2].mean"),
        (("classes", 2, "mean"), float("nan"), "classes[2].mean"),
        (("classes", 2, "mean"), 1e300, "classes[2].mean"),
        (("classes", 2, "sd"), -1, "classes[2].sd"),
        (("classes", 2, "sd"), float("inf"), "classes[2].sd"),
        (("overbooking", "no_show"), 1, "overbooking.no_show"),
        (("overbooking",), {"no_show": 0.9999, "denied_cost": "1e9"}, "overbooking.denied_cost"),
        (("overbooking",), {"no_show": 0.9999, "denied_cost": "1000000000"}, "overbooking"),
        (("overbooking", "refund"), 1.5, "overbooking.refund"),
        (("overbooking", "denied_cost"), 0, "overbooking.denied_cost"),
        (("overbooking", "denied_cost"), 900, "overbooking.denied_cost"),
        (("overbooking", "tolerance"), 1, "overbooking.tolerance"),
        (("dynamic", "ladder"), [], "dynamic.ladder"),
        (("dynamic", "ladder"), [500, 300], "dynamic"),
        (("dynamic", "periods"), None, "dynamic"),
        (("dynamic", "periods"), 0, "dynamic.periods"),
        (("dynamic", "arrivals"), -1, "dynamic.arrivals"),
        (("dynamic", "arrivals"), [1, -1], "dynamic.arrivals[1]"),
        (("dynamic", "arrivals"), [], "dynamic.arrivals"),
        (("dynamic", "arrivals"), [1, 2], "dynamic"),
        (("dynamic", "arrivals"), True, "dynamic.arrivals"),
        (("dynamic", "probability"), [0.1] * 5, "dynamic"),
        (("dynamic", "exponential"), None, "dynamic"),
        (("dynamic", "exponential"), {"a": 0}, "dynamic.exponential.a"),
        (("dynamic", "exponential"), {"a": 1e-320}, "dynamic.exponential.a"),
        (("dynamic", "exponential"), {"a_draws": [1.0, 1e300]}, "dynamic.exponential.a_draws[1]"),
        (("dynamic", "exponential"), {}, "dynamic.exponential"),
        (("dynamic", "exponential"), {"a_draws": [1.0] * 1_000_000}, "dynamic"),
    ],
)
def test_what_is_not_a_problem_is_refused_at_its_place(path: tuple[str | int, ...], value: object, place: str) -> None:
    """Nothing is guessed, nothing is coerced."""
    assert places(changed(path, value)) == [place]


@pytest.mark.parametrize(
    ("curve", "place"),
    [
        ({"probability": [0.5]}, "dynamic"),
        ({"probability": [0.5, 1.1]}, "dynamic.probability[1]"),
        ({"probability_by_period": [[0.5, 0.1]]}, "dynamic"),
        ({"probability_draws": []}, "dynamic.probability_draws"),
    ],
)
def test_curves_must_fit_ladder_and_periods(curve: dict[str, Any], place: str) -> None:
    """One number for each price, one row for each period."""
    dynamic = {"ladder": [5, 9], "arrivals": [1, 2.5, 0], **curve}
    assert places(json.dumps({"currency": "EUR", "capacity": 4, "dynamic": dynamic})) == [place]


def test_findings_of_all_parts_come_together() -> None:
    """Also those that only classes and costs together can have."""
    document = copy.deepcopy(DOCUMENT)
    document["classes"][1]["fare"] = 2000
    document["classes"][3]["mean"] = 0
    document["overbooking"]["denied_cost"] = 0
    assert places(json.dumps(document)) == ["classes[1].fare", "classes[3].mean", "overbooking.denied_cost"]


def test_nothing_asked_is_refused() -> None:
    """Overbooking alone has no fares to weigh."""
    assert places('{"currency": "EUR", "capacity": 4}') == [None]
    assert places(json.dumps(without("classes"))) == [None]
