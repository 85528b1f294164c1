"""Why a price is what it is, in words a manager understands: cause, then consequence, then what limited it."""

from pricing.book import Decision, Verdict
from pricing.demand import Identification
from pricing.guardrails import InForce, what_stopped
from pricing.model import Offer
from pricing.policy import Policy

STOPPED = "Stopped there by a guard rail"
"""How the reason begins where a rule forbade one step further."""
MENDING = "Moved although it earns no more: prices in force break a declared order, or a bound."


def reasons_for(
    decision: Decision,
    offer: Offer,
    in_force: InForce,
    policy: Policy,
    *,
    held: str,
    mending: bool,
    left: float | None,
) -> tuple[str, ...]:
    """The reasons for a decision, the most important first.

    Parameters
    ----------
    held : why the price may not move; empty if it may
    mending : whether its price in force, or one tied to it by orders, breaks a bound or a declared order
    left : what the offer's resource can still serve [units]; None if it has none
    """
    if decision.verdict is Verdict.HELD:
        return (f"Held: {held.rstrip('.')}.",)
    if decision.verdict is Verdict.KEEP:
        return (_why_kept(decision, policy, left),)
    stopped = what_stopped(decision.allowed, offer, in_force, decision.evidence, policy)
    why = MENDING if mending and decision.gain.expected <= 0 else _why_moved(decision, left)
    reasons = [why, _consequence(decision)]
    if stopped:
        reasons.append(f"{STOPPED}; one step further: {stopped}.")
    if decision.evidence.status is Identification.WEAK:
        reasons.append(f"Weak evidence, so half a step at most: {decision.evidence.reason.rstrip('.')}.")
    return tuple(reasons)


def _why_kept(decision: Decision, policy: Policy, left: float | None) -> str:
    if left is not None and left < 1:
        return "Kept: nothing is left to sell."
    if decision.wanted != decision.in_force:
        return f"Kept: no other allowed price earns more in {policy.confidence:.0%} of outcomes."
    return "Kept: no allowed step is expected to earn more."


def _why_moved(decision: Decision, left: float | None) -> str:
    slope = decision.evidence.elasticity
    if decision.allowed > decision.in_force:
        if decision.shadow_price > 0 and left is not None:
            return f"Demand exceeds the {left:.0f} left, so the seats go to those who value them more."
        return f"A 10% higher price loses only {1 - 1.1**slope:.0%} of sales, and each sale earns more."
    more = f"A 10% lower price brings {0.9**slope - 1:.0%} more sales"
    if left is None:
        return f"{more}."
    if decision.shadow_price > 0:
        worth = f"{decision.shadow_price:.2f} {decision.currency}"
        return f"{more}, which earns more than the {worth} that one of the {left:.0f} left would bring elsewhere."
    return f"{more} and seats would stay empty ({left:.0f} left)."


def _consequence(decision: Decision) -> str:
    what = "margin" if decision.unit_cost else "revenue"
    return (
        f"Expected {decision.now.units:.0f} to {decision.then.units:.0f} units, "
        f"{decision.gain.expected:+.0f} {decision.currency} {what} (80% range {decision.gain.low:+.0f} to "
        f"{decision.gain.high:+.0f}); {decision.gain.risk} outcomes earn less."
    )
