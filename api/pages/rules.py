"""The rules prices keep: policy, mode and markets as they stand in the owner's settings, and what acted last.

Guarantees
----------
* What is shown is what the next step is held to: the settings are read anew for each page.
* How often a rail acted is counted from the last proposal itself.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from flask import render_template
from flask_babel import gettext, ngettext

from api.pages.desk import Desk, numbers_of
from api.pages.numbers import Numbers
from api.pages.situation import Situation, situation
from api.pages.words import OBJECTIVES, RAILS, RULES, named
from api.settings import FILE
from pricing.guardrails.rails import Rail
from pricing.policy import Policy

GROUPS = {
    "steps": ("step", "weak_step", "daily_cap", "cumulative_cap", "band"),
    "prices": ("bounds", "min_margin", "endings", "segment_order", "product_order"),
    "care": ("objective", "confidence", "sales_age_days", "fit_age_days", "breaker", "expiry_hours"),
}
"""Settings, in the order they are told."""
ACTED: dict[str, tuple[Rail, ...]] = {
    "step": (Rail.STEP,),
    "weak_step": (Rail.WEAK_STEP,),
    "daily_cap": (Rail.DAILY_CAP,),
    "cumulative_cap": (Rail.CUMULATIVE_CAP,),
    "band": (Rail.BAND,),
    "bounds": (Rail.FLOOR, Rail.CEILING, Rail.LADDER),
    "min_margin": (Rail.MARGIN, Rail.UNIT_COST),
    "endings": (Rail.ENDING,),
    "segment_order": (Rail.ORDER,),
    "confidence": (Rail.CONFIDENCE,),
    "sales_age_days": (Rail.SALES_AGE,),
    "fit_age_days": (Rail.FIT_AGE,),
}
"""Rails that a setting is behind."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A setting in words.

    Attributes
    ----------
    name : in the file of settings; `bounds` stand in the table of offers
    acted : how many prices its rails acted on in the last proposal
    """

    name: str
    title: str
    value: str
    meaning: str
    acted: int


def add(desk: Desk) -> None:
    """Add them to the desk."""
    backend = desk.backend

    @desk.page("/rules")
    def rules() -> str:
        at, n = situation(backend), numbers_of(backend)
        acted = _acted(at)
        told = {rule: [_rule(name, at.settings.policy, n, acted) for name in GROUPS[rule]] for rule in GROUPS}
        return render_template(
            "desk/rules.html",
            page="rules",
            groups=told,
            acted=[(named(RAILS, rail), count) for rail, count in acted.most_common()],
            decided=len(at.proposal.decisions) if at.proposal else 0,
            touched=sum(bool(decision.explanation.acted) for decision in at.proposal.decisions) if at.proposal else 0,
            policy=at.settings.policy,
            markets=at.settings.law.markets,
            file=FILE,
            overrides=sorted((each for each in at.overrides if at.now < each.until), key=lambda each: each.until),
        )


def _acted(at: Situation) -> Counter[str]:
    made = at.proposal.decisions if at.proposal else ()
    return Counter(rail for decision in made for rail in set(decision.explanation.acted))


def _rule(name: str, policy: Policy, n: Numbers, acted: Counter[str]) -> Rule:
    title, meaning = RULES[name]
    count = sum(acted[rail] for rail in ACTED.get(name, ()))
    return Rule(name, str(title), _value(name, policy, n), str(meaning), count)


def _value(name: str, policy: Policy, n: Numbers) -> str:
    """A setting as it is read."""
    if name == "bounds":
        return gettext("per price")
    value = getattr(policy, name)
    if value is None or value == ():
        return gettext("none")
    days = ngettext("one day", "%(num)d days", policy.cumulative_days)
    told: dict[str, Callable[[], str]] = {
        "objective": lambda: named(OBJECTIVES, value),
        "band": lambda: gettext("factor %(factor)s", factor=n.decimal(float(value))),
        "cumulative_cap": lambda: gettext("%(share)s in %(days)s", share=n.percent(float(value)), days=days),
        "sales_age_days": lambda: ngettext("one day", "%(num)d days", value),
        "fit_age_days": lambda: ngettext("one day", "%(num)d days", value),
        "expiry_hours": lambda: gettext("%(hours)s hours", hours=n.units(value)),
        "endings": lambda: ", ".join(value),
        "segment_order": lambda: _order(value),
        "product_order": lambda: _order(value),
    }
    return told.get(name, lambda: n.percent(float(value)))()


def _order(pairs: tuple[tuple[str, str], ...]) -> str:
    return "; ".join(f"{lower} ≤ {upper}" for lower, upper in pairs)
