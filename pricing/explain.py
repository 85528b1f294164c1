"""Why a price is what it is, in words a manager understands: cause, then consequence, then what limited it."""

from collections.abc import Sequence

from pricing.book import Decision, Verdict
from pricing.demand import Identification
from pricing.guardrails import InForce
from pricing.guardrails.rails import what_stopped
from pricing.model import ALL, Offer
from pricing.policy import Policy

STOPPED = "Stopped there by a guard rail"
"""How the reason begins where a rule forbade one step further."""
MENDING = "Moved although it earns no more: prices in force break a declared order, or a bound."
NOTABLE = 0.1
"""From this probability of earning less on, it is said when that happens."""


def reasons_for(
    decision: Decision,
    offer: Offer,
    in_force: InForce,
    policy: Policy,
    *,
    held: str,
    forbidden: Sequence[str],
    mending: bool,
    left: float | None,
    sells_out: bool,
) -> tuple[str, ...]:
    """The reasons for a decision, the most important first.

    Parameters
    ----------
    held : why the price may not move; empty if it may
    forbidden : what the guard rails say where they leave no price but the one in force
    mending : whether its price in force, or one tied to it by orders, breaks a bound or a declared order
    left : what the offer's resource can still serve [units]; None if it has none
    sells_out : whether most outcomes in which the move earns less leave nothing of its resource
    """
    leads = {Verdict.KEEP: in_force.fixed, Verdict.MOVE: in_force.demanded, Verdict.HELD: None}
    asks = leads[decision.verdict]
    standing = tuple(f"Override: {each}." for each in in_force.overrides if each is not asks)
    if decision.verdict is Verdict.HELD:
        return (f"Held: {held.rstrip('.')}.", *standing)
    if decision.verdict is Verdict.KEEP:
        return (f"Kept by override: {asks}." if asks else _why_kept(decision, policy, left, forbidden), *standing)
    if asks:
        return (f"Moved by override: {asks}.", _consequence(decision, sells_out=sells_out), *standing)
    stopped = what_stopped(decision.allowed, offer, in_force, decision.evidence, policy)
    why = MENDING if mending and decision.gain.expected <= 0 else _why_moved(decision, left, goods=offer.event == ALL)
    reasons = [why, _consequence(decision, sells_out=sells_out)]
    if stopped:
        reasons.append(f"{STOPPED}; one step further: {stopped}.")
    if decision.evidence.status is Identification.WEAK:
        reasons.append(f"Weak evidence, so half a step at most: {decision.evidence.reason.rstrip('.')}.")
    return (*reasons, *standing)


def _why_kept(decision: Decision, policy: Policy, left: float | None, forbidden: Sequence[str]) -> str:
    if left is not None and left < 1:
        return "Kept: nothing is left to sell."
    if forbidden:
        return f"Kept: guard rails leave no other price: {', or '.join(forbidden)}."
    if decision.wanted != decision.in_force and policy.confidence:
        return (
            f"Kept: no other allowed price is expected to earn more and does so in {policy.confidence:.0%} of outcomes."
        )
    return "Kept: no allowed step is expected to earn more."


def _why_moved(decision: Decision, left: float | None, *, goods: bool) -> str:
    moved = f"At {_share(abs(float(decision.allowed / decision.in_force) - 1))} "
    if decision.allowed > decision.in_force:
        if decision.shadow_price > 0 and left is not None:
            what = "they" if goods else "the seats"
            return f"Demand exceeds the {left:.0f} left, so {what} go to those who value them more."
        return f"{moved}more, {_sales(decision, 'only ')} expected to be sold, and each sale earns more."
    cut = f"{moved}less, {_sales(decision)} expected to be sold"
    if left is None:
        return f"{cut}."
    if decision.shadow_price > 0:
        worth = f"{decision.shadow_price:.2f} {decision.currency}"
        return f"{cut}, which earns more than the {worth} that one of the {left:.0f} left would bring elsewhere."
    otherwise = "some would stay unsold" if goods else "seats would stay empty"
    return f"{cut} and {otherwise} otherwise ({left:.0f} left)."


def _share(share: float) -> str:
    """`5%`, `8.6%`; what rounds to nothing is written as less than the smallest."""
    return f"{max(100 * share, 0.1):.1f}".removesuffix(".0") + "%"


def _sales(decision: Decision, only: str = "") -> str:
    """How many more or fewer the move itself is expected to sell, what is left being shared out."""
    now, then = decision.now.units, decision.then.units
    change = then / now - 1 if now else 0.0
    if not round(100 * change):
        return "about as many are"
    return f"{change:.0%} more are" if change > 0 else f"{only}{-change:.0%} fewer are"


def _consequence(decision: Decision, *, sells_out: bool) -> str:
    what = "margin" if decision.unit_cost else "revenue"
    full = ", mostly those that sell out" if sells_out and decision.gain.loss_probability >= NOTABLE else ""
    return (
        f"Expected {decision.now.units:.0f} to {decision.then.units:.0f} units, "
        f"{decision.gain.expected:+.0f} {decision.currency} {what} (80% range {decision.gain.low:+.0f} to "
        f"{decision.gain.high:+.0f}); {decision.gain.risk} outcomes earn less{full}."
    )
