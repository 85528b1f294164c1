"""What stands between a computed price and a published one: rails on each price, and on each publication."""

from pricing.guardrails.in_force import InForce, history_from
from pricing.guardrails.publication import (
    above,
    dearer,
    declared,
    may_approve_itself,
    no_approval,
    objections,
    stale,
)
from pricing.guardrails.rails import ABSURD, Choices, Rail, broken, candidates, distrust

__all__ = [
    "ABSURD",
    "Choices",
    "InForce",
    "Rail",
    "above",
    "broken",
    "candidates",
    "dearer",
    "declared",
    "distrust",
    "history_from",
    "may_approve_itself",
    "no_approval",
    "objections",
    "stale",
]
