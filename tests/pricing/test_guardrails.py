"""A price that breaks a rule is never allowed, and the rule is named."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pricing.demand import Evidence, Identification
from pricing.guardrails import Choices, InForce, Rail, broken, candidates, distrust
from pricing.guardrails import rails as rails_module
from pricing.guardrails.rails import Refusal, refusals, scheduled, what_stopped
from pricing.model import Ladder, Offer
from pricing.overrides import Kind, Override
from pricing.policy import Mode, Policy

OFFER = Offer(
    id="night / stalls",
    product="stalls",
    currency="EUR",
    ladder=Ladder.parse("10:60:0.50", "EUR"),
    floor=Decimal(12),
    ceiling=Decimal(40),
    current_price=Decimal(20),
    unit_cost=Decimal(8),
)
SURE = Evidence(Identification.IDENTIFIED, -1.8, 0.2, "17 price moves", "booking curve")
LITTLE = (
    "buyers seem to mind the price so little (elasticity -0.70) that ever higher prices would look better; sales at "
    "higher prices are missing to tell where that ends"
)
WEAK = replace(SURE, status=Identification.WEAK)
POLICY = Policy()
AT_20 = InForce.steady(Decimal(20))
TAKE_BACK = "fairfare rollback VERSION"
SOON = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CEILING = Override(
    offer=OFFER.id,
    kind=Kind.CEILING,
    amount=Decimal("20.00"),
    currency="EUR",
    until=SOON + timedelta(days=7),
    reason="promised",
    by="Ann",
    at=SOON,
)
IN_EMERGENCY: dict[str, Any] = {"mode": Mode.EMERGENCY, "emergency_since": SOON}
WIDE = {name: Decimal(1) for name in ("step", "weak_step", "daily_cap", "cumulative_cap")}
"""Caps that let a price double, so that one rail can be looked at alone."""


def known(price: str = "20", **more: Any) -> InForce:
    """What is in force; every figure is given as text, and those of the day are the price unless given."""
    told = {name: Decimal(value) if isinstance(value, str) else value for name, value in more.items()}
    return InForce(**{"price": Decimal(price), "lowest": Decimal(price), "highest": Decimal(price)} | told)


def ask(price: str, in_force: InForce = AT_20, evidence: Evidence | None = SURE, **settings_: Any) -> list[Refusal]:
    """What the rails say of a price under some settings."""
    return list(refusals(Decimal(price), OFFER, in_force, evidence, Policy(**settings_)))


@pytest.mark.parametrize("price", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused_before_anything_is_asked(price: str) -> None:
    """It is never compared with anything."""
    assert ask(price) == [Refusal(Rail.FINITE, "not a number")]


UNSURE = replace(SURE, status=Identification.NOT_IDENTIFIED, reason="price followed demand")

REFUSED: Mapping[str, tuple[Rail, str, dict[str, Any], str]] = {
    "ladder": (Rail.LADDER, "20.25", {}, "not a step of the ladder"),
    "ending": (Rail.ENDING, "21", {"endings": (".50", "9.00")}, "does not end in .50 or 9.00"),
    "floor": (Rail.FLOOR, "11.50", {"in_force": known("12")}, "below its floor of 12"),
    "ceiling": (Rail.CEILING, "40.50", {"in_force": known("40")}, "above its ceiling of 40"),
    "override": (
        Rail.OVERRIDE,
        "20.50",
        {"in_force": replace(AT_20, overrides=(CEILING,))},
        "above the ceiling of 20.00 that Ann set until 2026-03-09 09:30 UTC (promised)",
    ),
    "step up": (Rail.STEP, "22.50", {}, "moves more than 10% in one run"),
    "step down": (Rail.STEP, "17.50", {}, "moves more than 10% in one run"),
    "weak step up": (Rail.WEAK_STEP, "21.50", {"evidence": WEAK}, "moves more than 5% in one run"),
    "weak step down": (Rail.WEAK_STEP, "18.50", {"evidence": WEAK}, "moves more than 5% in one run"),
    "day, from its lowest": (
        Rail.DAILY_CAP,
        "23.50",
        {"in_force": known("22", lowest="20")},
        "moves more than 15% in a day",
    ),
    "day, from its highest": (
        Rail.DAILY_CAP,
        "16.50",
        {"in_force": known("18", highest="20")},
        "moves more than 15% in a day",
    ),
    "lately, from its lowest": (
        Rail.CUMULATIVE_CAP,
        "20.50",
        {"in_force": known("20", lowest_lately="13.50")},
        "moves more than 50% in 28 days",
    ),
    "lately, from its highest": (
        Rail.CUMULATIVE_CAP,
        "19.50",
        {"in_force": known("20", highest_lately="40")},
        "moves more than 50% in 28 days",
    ),
    "band, above": (
        Rail.BAND,
        "20.50",
        {"in_force": known("20", usual="10")},
        "further than a factor of 2 from its usual price of 10",
    ),
    "band, below": (
        Rail.BAND,
        "19.50",
        {"in_force": known("20", usual="40")},
        "further than a factor of 2 from its usual price of 40",
    ),
    "unit cost": (Rail.UNIT_COST, "19.50", {"cost": "20"}, "below its unit cost of 20"),
    "margin": (Rail.MARGIN, "19.50", {"min_margin": Decimal("0.6")}, "leaves less than 60% margin"),
    "evidence": (Rail.EVIDENCE, "20.50", {"evidence": UNSURE}, "held: price followed demand"),
    "coming": (
        Rail.COMING,
        "20.50",
        {"in_force": known("20", coming=SOON)},
        f"held: a price that takes effect at {SOON:%Y-%m-%d %H:%M} UTC is scheduled; cancel it first: {TAKE_BACK}",
    ),
    "discount only": (
        Rail.DISCOUNT_ONLY,
        "20.50",
        {"mode": Mode.DISCOUNT_ONLY},
        "rises, and only discounts are allowed (mode discount-only)",
    ),
    "emergency": (
        Rail.EMERGENCY,
        "20.50",
        {"in_force": known("20", before_emergency="18.50"), **IN_EMERGENCY},
        "more than 10% above 18.50, its price before the emergency",
    ),
    "emergency, unknown": (
        Rail.EMERGENCY,
        "20.50",
        IN_EMERGENCY,
        "rises in an emergency, and the price before it is not known",
    ),
}
PASSES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "ending": ("19.50", {"endings": (".50", "9.00")}),
    "floor": ("12", {"in_force": known("12.50")}),
    "ceiling": ("40", {"in_force": known("39.50")}),
    "step up": ("22", {}),
    "step down": ("18", {}),
    "weak step up": ("21", {"evidence": WEAK}),
    "weak step down": ("19", {"evidence": WEAK}),
    "day, from its lowest": ("23", {"in_force": known("22", lowest="20")}),
    "day, from its highest": ("17", {"in_force": known("18", highest="20")}),
    "lately, from its lowest": ("21", {"in_force": known("20", lowest_lately="14")}),
    "lately, from its highest": ("19", {"in_force": known("20", highest_lately="38")}),
    "band, above": ("21", {"in_force": known("20", usual="10.50")}),
    "band, below": ("19", {"in_force": known("20", usual="38")}),
    "unit cost": ("20", {"cost": "20", "in_force": known("21")}),
    "margin": ("20", {"min_margin": Decimal("0.6"), "in_force": known("20.50")}),
    "nothing lost at a margin of none": ("20", {"min_margin": Decimal(0), "cost": "20", "in_force": known("21")}),
    "a person answers for it": ("22", {"evidence": None}),
    "discount": ("19.50", {"mode": Mode.DISCOUNT_ONLY}),
    "as it is": ("20", {"mode": Mode.DISCOUNT_ONLY}),
    "emergency, at its cap": ("22", {"in_force": known("21", before_emergency="20"), **IN_EMERGENCY}),
    "emergency, from above it": ("21.50", {"in_force": known("22", before_emergency="10"), **IN_EMERGENCY}),
    "emergency, as it is": ("22", {"in_force": known("22", before_emergency="10"), **IN_EMERGENCY}),
    "emergency, unknown": ("19.50", IN_EMERGENCY),
    "emergency, unknown, as it is": ("20", IN_EMERGENCY),
    "before the emergency is asked for in an emergency only": ("21", {"in_force": known("20", before_emergency="10")}),
}


def told(price: str, told_: dict[str, Any]) -> tuple[Refusal, ...]:
    """What the rails say in a case of the tables above."""
    case = dict(told_)
    offer = replace(OFFER, unit_cost=Decimal(case.pop("cost", "8")))
    in_force, evidence = case.pop("in_force", AT_20), case.pop("evidence", SURE)
    return refusals(Decimal(price), offer, in_force, evidence, Policy(**case))


@pytest.mark.parametrize("case", REFUSED)
def test_each_rail_forbids_what_it_is_there_for_and_says_so(case: str) -> None:
    """One step beyond its limit, one refusal, in its words."""
    rail, price, settings_, words = REFUSED[case]
    assert told(price, settings_) == (Refusal(rail, words),)


@pytest.mark.parametrize("case", PASSES)
def test_what_lies_at_a_limit_passes(case: str) -> None:
    """A cap of ten percent allows ten percent."""
    assert told(*PASSES[case]) == ()


def test_every_rail_of_a_price_has_its_case() -> None:
    """A rail that is added is tried above; none is asked twice or forgotten."""
    assert {rail for rail, *_ in REFUSED.values()} == set(rails_module.RAILS)


@pytest.mark.parametrize("case", REFUSED)
def test_a_rail_that_is_taken_away_lets_its_price_out(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: no other rail stands in for it."""
    rail, price, settings_, _ = REFUSED[case]
    monkeypatch.setattr(rails_module, "RAILS", {r: says for r, says in rails_module.RAILS.items() if r != rail})
    assert told(price, settings_) == ()


def test_everything_that_forbids_a_price_is_said() -> None:
    """Not the first reason alone; of the two steps the one that holds for the evidence."""
    assert [refusal.rail for refusal in ask("22.50", evidence=WEAK)] == [Rail.WEAK_STEP]
    assert [refusal.rail for refusal in ask("60.25", known("20", usual="20"))] == [
        Rail.LADDER,
        Rail.CEILING,
        Rail.STEP,
        Rail.DAILY_CAP,
        Rail.CUMULATIVE_CAP,
        Rail.BAND,
    ]
    assert broken(Decimal("40.50"), OFFER, known("36"), SURE, POLICY) == (
        "above its ceiling of 40",
        "moves more than 10% in one run",
    )


def test_the_daily_cap_counts_from_every_price_of_the_day() -> None:
    """Allowed steps do not add up to more than the daily cap, neither in one direction nor down and up again."""
    down_and_back = InForce(Decimal("18.50"), Decimal(17), Decimal(20))
    assert broken(Decimal(20), OFFER, down_and_back, SURE, POLICY) == ("moves more than 15% in a day",)


def test_two_sellers_that_multiply_each_others_prices_do_not_run_away() -> None:
    """However often a price is raised by what a day allows, it stays within the cumulative cap."""
    prices = [Decimal(20)]
    for _ in range(28):
        in_force = known(str(prices[-1]), lowest_lately="20", highest_lately=str(max(prices)))
        prices.append(max(candidates(OFFER, in_force, SURE, POLICY)))
    assert prices[-1] == Decimal(30)


def test_nothing_is_sold_below_what_it_costs() -> None:
    """An offer that loses money at every allowed price is held, not praised."""
    dear = replace(OFFER, unit_cost=Decimal(50))
    assert "below its unit cost of 50" in broken(Decimal(21), dear, AT_20, SURE, POLICY)
    assert candidates(dear, AT_20, SURE, POLICY) == Ladder((Decimal(20),))


@pytest.mark.parametrize(
    ("status", "elasticity", "said"),
    [
        ("not-identified", -1.8, "price followed demand"),
        ("identified", 0.4, "an elasticity of 0.40 is not how buyers react; check the prices and units uploaded"),
        ("weak", 0.0, "an elasticity of 0.00 is not how buyers react; check the prices and units uploaded"),
        ("identified", -10.1, "an elasticity of -10.10 is not how buyers react; check the prices and units uploaded"),
        (
            "identified",
            -0.7,
            LITTLE,
        ),
    ],
)
def test_an_elasticity_that_cannot_be_trusted_moves_nothing(status: str, elasticity: float, said: str) -> None:
    """Positive, zero, inelastic, absurd or not identified: keeping the price is the only choice, and it says why."""
    evidence = Evidence(Identification(status), elasticity, 0.2, "price followed demand", "booking curve")
    assert candidates(OFFER, AT_20, evidence, POLICY) == Ladder((Decimal(20),))
    assert distrust(evidence) == said


@pytest.mark.parametrize("elasticity", [-1.0, -10.0])
def test_an_elasticity_at_the_edge_of_what_is_believed_is_believed(elasticity: float) -> None:
    """Between one and ten percent fewer units for a percent more."""
    assert distrust(replace(SURE, elasticity=elasticity)) is None


def test_only_a_scheduled_price_is_said_to_be_scheduled() -> None:
    """Without one there is nothing to cancel."""
    assert scheduled(AT_20) is None
    assert scheduled(known(coming=SOON)) is not None


def test_prices_end_as_the_owner_wants() -> None:
    """With endings, no other step is a choice; the price in force may stay as it is."""
    allowed = candidates(OFFER, AT_20, SURE, Policy(endings=(".50", "9.00")))
    assert [str(price) for price in allowed] == ["18.50", "19.00", "19.50", "20", "20.50", "21.50"]


def test_keeping_the_price_is_always_a_choice_inside_the_bounds() -> None:
    """Even when the price in force is off the ladder, or at a bound."""
    assert Decimal("20.17") in candidates(OFFER, known("20.17"), SURE, POLICY)
    cheaper_ladder = replace(OFFER, ladder=Ladder.parse("11:13:0.10", "EUR"))
    assert Decimal(12) in candidates(replace(cheaper_ladder, floor=Decimal(12)), known("12"), SURE, POLICY)
    off_ladder = replace(OFFER, ladder=Ladder.parse("10.25:60.25:0.50", "EUR"))
    assert Decimal(12) in candidates(off_ladder, known("12"), SURE, POLICY)
    assert Decimal(40) in candidates(off_ladder, known("40"), SURE, POLICY)


def test_a_price_outside_the_bounds_comes_back_inside_when_a_step_reaches_it() -> None:
    """Keeping a price above the ceiling is no choice once an allowed step lies inside."""
    assert all(OFFER.floor <= price <= OFFER.ceiling for price in candidates(OFFER, known("42"), SURE, POLICY))
    assert all(OFFER.floor <= price <= OFFER.ceiling for price in candidates(OFFER, known("11.50"), SURE, POLICY))
    assert candidates(OFFER, known("60"), SURE, POLICY) == Ladder((Decimal(60),))


def names(choices: Choices) -> list[str]:
    """The rails that acted."""
    return [refusal.rail.value for refusal in choices.acted]


def test_a_rail_acted_if_a_step_would_be_within_reach_without_it() -> None:
    """Floor and daily cap forbid steps too, but the step cap forbids those anyway."""
    assert names(Choices.of(OFFER, AT_20, SURE, POLICY)) == ["step"]
    assert names(Choices.of(OFFER, AT_20, WEAK, POLICY)) == ["weak-step"]
    assert names(Choices.of(OFFER, known("12.50"), SURE, POLICY)) == ["floor", "step"]
    assert names(Choices.of(OFFER, AT_20, SURE, Policy(endings=(".50",)))) == ["ending", "step"]
    assert names(Choices.of(OFFER, AT_20, UNSURE, POLICY)) == ["evidence"]
    assert names(Choices.of(replace(OFFER, ladder=Ladder((Decimal(20),))), AT_20, UNSURE, POLICY)) == []


def test_rails_that_forbid_the_same_steps_acted_together() -> None:
    """Neither may be dropped because of the other."""
    policy = Policy(step=Decimal("0.15"), daily_cap=Decimal("0.15"))
    assert names(Choices.of(OFFER, AT_20, SURE, policy)) == ["step", "daily-cap"]


def test_a_rail_that_acted_speaks_of_the_lowest_step_it_took() -> None:
    """One refusal for each rail, the words of the first."""
    acted = Choices.of(OFFER, known("20", coming=SOON), SURE, POLICY).acted
    assert [(each.rail, each.reason[:15]) for each in acted] == [(Rail.COMING, "held: a price t")]
    floors = Choices.of(OFFER, known("12.50"), SURE, POLICY).acted
    assert [each.reason for each in floors] == ["below its floor of 12", "moves more than 10% in one run"]


def test_what_stopped_a_move_is_named() -> None:
    """A move up to the cap names the cap; a move that stopped by itself names nothing."""
    assert what_stopped(Decimal(22), OFFER, AT_20, SURE, POLICY) == "moves more than 10% in one run"
    assert what_stopped(Decimal(18), OFFER, AT_20, SURE, POLICY) == "moves more than 10% in one run"
    assert what_stopped(Decimal(21), OFFER, AT_20, WEAK, POLICY) == "moves more than 5% in one run"
    assert what_stopped(Decimal(21), OFFER, AT_20, SURE, POLICY) is None
    assert what_stopped(Decimal(19), OFFER, AT_20, SURE, POLICY) is None
    assert what_stopped(Decimal(20), OFFER, AT_20, SURE, POLICY) is None
    assert what_stopped(Decimal(20), OFFER, AT_20, UNSURE, POLICY) is None
    short = replace(OFFER, ladder=Ladder.parse("18:22:0.50", "EUR"))
    assert what_stopped(Decimal(22), short, AT_20, SURE, POLICY) == "the end of its ladder"
    assert what_stopped(Decimal(18), short, AT_20, SURE, POLICY) == "the end of its ladder"
