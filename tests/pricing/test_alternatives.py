"""What else could have been decided follows the same rules as what was decided."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from pricing import alternatives
from pricing.alternatives import WEAKER, weaker
from pricing.book import Decision, Verdict
from pricing.demand import DemandCurves, Identification, constant_elasticity
from pricing.model import Offer, Resource
from pricing.outcome import Explanation
from pricing.policy import Policy
from pricing.problem import Measure
from tests.pricing.test_engine import LADDER, Known, offer, run


def explained(decision: Decision) -> Explanation:
    """The explanation, of a decision that has its alternatives."""
    assert decision.explanation.weaker_response is not None
    return decision.explanation


def test_the_neighbouring_steps_say_what_they_would_bring_and_why_they_were_not_chosen() -> None:
    """A price that fell until the cap stopped it: one step further is forbidden, one step back earns less."""
    made = run([offer("stalls", unit_cost=Decimal(5))], Known(elasticity=-2.0, spread=0.3))["stalls"]
    found = explained(made)
    assert made.allowed == Decimal(18)
    assert found.lower
    assert found.higher
    assert (found.lower.outcome.price, found.higher.outcome.price) == (Decimal("17.50"), Decimal("18.50"))
    assert found.lower.why_not == "moves more than 10% in one run"
    assert "less" in found.higher.why_not
    assert found.higher.gain.expected < made.gain.expected
    assert found.higher.margin == pytest.approx(found.higher.outcome.units * 13.5)
    assert found.binding == ("moves more than 10% in one run",)


def test_a_gain_is_what_the_market_would_earn_at_that_step() -> None:
    """The figures of a neighbouring step are those of a run in which it is the only choice."""
    offers = [offer("a", resource="room"), offer("b", resource="room")]
    room, model = [Resource("room", 150.0)], Known(elasticity=-1.5, spread=0.4)
    made = run(offers, model, resources=room, policy=Policy(confidence=0.0))
    other = explained(made["a"]).higher
    assert other
    fixed = {"a": other.outcome.price, "b": made["b"].allowed}
    curves = model.curves(offers)
    totals = []
    for prices in (fixed, {"a": made["a"].in_force, "b": made["b"].allowed}):
        wanted = np.column_stack([curves.of(name)[:, LADDER.index(price)] for name, price in prices.items()])
        share = np.minimum(1.0, 150.0 / wanted.sum(axis=1))
        totals.append((share[:, None] * wanted) @ np.array([float(price) for price in prices.values()]))
    assert other.gain.expected == pytest.approx(float((totals[0] - totals[1]).mean()))
    assert other.gain.loss_probability == pytest.approx(float((totals[0] < totals[1]).mean()))


def test_one_step_more_is_told_only_where_a_cap_stood_in_the_way() -> None:
    """With the cap one step wider the price falls to the next the owner may take; where none binds nothing is told."""
    capped = explained(run([offer("stalls")], Known(spread=0.3))["stalls"])
    assert capped.one_step_more
    assert capped.one_step_more.price == Decimal("17.50")
    assert capped.one_step_more.gain.expected > 0
    rounded = explained(run([offer("stalls")], Known(spread=0.3), policy=Policy(endings=(".00",)))["stalls"])
    assert rounded.one_step_more
    assert rounded.one_step_more.price == Decimal("17.00")
    free = run([offer("stalls", price="13.50", unit_cost=Decimal(7))], Known(spread=0.1))["stalls"]
    assert free.allowed == Decimal(14)
    assert explained(free).one_step_more is None


def test_a_weaker_response_may_change_the_decision_or_hold_the_price() -> None:
    """At -2 the price falls; at -1.6, too. At -1.1 it falls, but 20 % weaker nothing could be concluded any more."""
    sure = run([offer("stalls")], Known(elasticity=-2.0))["stalls"]
    still = explained(sure).weaker_response
    assert still
    assert still.price == sure.allowed
    shaky = run([offer("stalls")], Known(elasticity=-1.1))["stalls"]
    then = explained(shaky).weaker_response
    assert shaky.verdict is Verdict.MOVE
    assert then
    assert (then.price, then.gain.expected) == (Decimal(20), 0.0)
    assert "sales at higher prices are missing" in then.reason


def test_a_weaker_response_is_what_a_market_with_it_decides() -> None:
    """The answer is the price that the engine proposes when buyers do mind the price 20 % less."""
    offers = [offer("a", price="19", unit_cost=Decimal(8))]
    for slope in (-1.9, -1.6, -1.4):
        then = explained(run(offers, Known(elasticity=slope, base=90.0))["a"]).weaker_response
        assert then
        assert then.price == run(offers, AtPriceNow(elasticity=WEAKER * slope, base=_sold_now(slope)))["a"].allowed


class AtPriceNow(Known):
    """A market whose base is what sells at the price in force."""

    def curves(self, offers: Sequence[Offer]) -> DemandCurves:
        """As `Known`, but from the price in force."""
        curves = Known.curves(self, offers)
        factor = (float(offers[0].current_price) / 20.0) ** -self.elasticity
        return replace(curves, units=curves.units * factor)


def _sold_now(slope: float) -> float:
    return float(90.0 * (19 / 20) ** slope)


def test_nothing_is_told_of_other_prices_without_evidence() -> None:
    """Figures nobody can vouch for are not given."""
    held = run([offer("vip")], Known(status=Identification.NOT_IDENTIFIED))["vip"]
    assert held.explanation == Explanation(acted=("evidence",))


def test_a_declared_order_that_binds_is_named() -> None:
    """The student's price stands at the adult's: one step more would break the order, and says so."""
    offers = [
        offer("adult", product="stalls", segment="adult", price="20"),
        offer("student", product="stalls", segment="student", price="20", resource="room"),
    ]
    policy = Policy(segment_order=(("student", "adult"),))
    made = run(offers, resources=[Resource("room", 40.0)], policy=policy)["student"]
    found = explained(made)
    assert found.higher
    assert found.higher.why_not.startswith("would cost more than adult at ")
    assert found.higher.why_not in found.binding


def test_scarce_seats_are_named_with_what_one_more_would_earn() -> None:
    """The shadow price is told in words, too."""
    made = run([offer("stalls", resource="room")], resources=[Resource("room", 92.0)])["stalls"]
    assert made.shadow_price > 0
    assert any("room: one more than the 92 left" in text for text in made.explanation.binding)


@pytest.mark.parametrize("risk", list(Measure))
@pytest.mark.parametrize("seed", range(12))
def test_with_nothing_changed_the_answer_is_the_decided_price(
    seed: int, risk: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the response is no weaker at all, what would be decided is what was: the rules here are those of the whole."""
    monkeypatch.setattr(alternatives, "WEAKER", 1.0)
    rng = np.random.default_rng(seed)
    offers = [offer(name, resource="room" if rng.random() < 0.7 else None) for name in "abc"[: int(rng.integers(1, 4))]]
    model = Known(elasticity=float(rng.uniform(-2.5, -1.2)), spread=0.4, base=float(rng.uniform(40, 120)))
    policy = Policy(confidence=float(rng.choice([0.0, 0.6])) if len(offers) == 1 else 0.0, risk=risk)
    made = run(offers, model, resources=[Resource("room", float(rng.uniform(40, 300)))], policy=policy)
    for decision in made.values():
        then = explained(decision).weaker_response
        assert then
        assert then.price == decision.allowed
        assert then.gain.expected == pytest.approx(decision.gain.expected)


def test_a_response_of_the_same_strength_changes_nothing_and_a_weaker_one_keeps_todays_sales() -> None:
    """Constant elasticity e becomes factor times e, from the price in force."""
    prices, base = [10.0, 12.0, 15.0], np.array([50.0, 80.0])
    units = constant_elasticity(base, np.array([-2.0, -1.5]), 12.0, prices)
    assert weaker(units, 1, 1.0) == pytest.approx(units)
    assert weaker(units, 1, 0.5) == pytest.approx(constant_elasticity(base, np.array([-1.0, -0.75]), 12.0, prices))
    assert weaker(np.zeros((2, 3)), 1, 0.8) == pytest.approx(np.zeros((2, 3)))
