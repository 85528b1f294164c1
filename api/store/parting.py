"""A proposal in two: what is decided about now, and what stays waiting.

Guarantees
----------
* The two hold each decision of the whole exactly once, and keep who proposed it and when it lapses.
* What would be forbidden only because the rest is missing, as a declared order of two prices, is found before.
"""

import hashlib
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, insert, literal, select

from api.store.checks import Key, faults
from api.store.queries import in_force, origin_of
from api.store.steps import dated, forbids
from api.store.tables import parts
from pricing.book import Proposal
from pricing.errors import RefusedError
from pricing.law import Law
from pricing.outcome import TotalGain
from pricing.policy import Policy

Gains = Sequence[TotalGain]
Reckon = Callable[[Proposal, Proposal], tuple[TotalGain, ...]]


def parts_of(
    db: Connection,
    whole: Proposal,
    keys: AbstractSet[Key],
    *,
    by: str,
    now: datetime,
    rules: tuple[Policy, Law],
    gains: tuple[Gains, Gains],
) -> tuple[Proposal, Proposal]:
    """The decisions about these offers, and the others; RefusedError where that cannot be parted."""
    if unknown := sorted(keys - {decision.key for decision in whole.decisions}):
        raise RefusedError(f"proposal {whole.id} decides nothing about {', '.join(map(' '.join, unknown))}")
    both = [tuple(each for each in whole.decisions if (each.key in keys) is chosen) for chosen in (True, False)]
    if not all(both):
        raise RefusedError(f"a part of proposal {whole.id} is some of its {len(whole.decisions)} decisions, not all")
    chosen, rest = (
        replace(whole, id=name_after(whole, f"{part} {by}", now), decisions=decisions, gains=tuple(known))
        for part, decisions, known in zip(("chosen", "rest"), both, gains, strict=True)
    )
    if wrong := _only_alone(db, whole, chosen, rules, dated(db, now)):
        raise RefusedError(f"these prices may not be put in force without the others: {'; '.join(wrong)}")
    return chosen, rest


def _only_alone(db: Connection, whole: Proposal, part: Proposal, rules: tuple[Policy, Law], at: datetime) -> list[str]:
    """What forbids publishing a part and not the whole; decisions that can no longer be published aside."""
    before = {price.key: price for price in in_force(db, at)}
    usable = (
        replace(each, decisions=tuple(d for d in each.decisions if not faults(d, before))) for each in (part, whole)
    )
    alone, together = (forbids(db, each, before, rules, now=at, begins=at, large=True) for each in usable)
    return [text for text in alone if text not in set(together)]


def tie(db: Connection, whole: Proposal, made: Sequence[Proposal]) -> None:
    """Record what these are parts of, which closes the whole."""
    origin = origin_of(db, whole.id) or whole.id
    db.execute(insert(parts), [{"proposal": part.id, "whole": whole.id, "origin": origin} for part in made])


def stand_for(db: Connection, made: Proposal, old: Proposal) -> None:
    """Record that a proposal is the part that another one was; nothing if that was none."""
    same = select(literal(made.id), parts.c.whole, parts.c.origin).where(parts.c.proposal == old.id)
    db.execute(insert(parts).from_select(["proposal", "whole", "origin"], same))


def name_after(old: Proposal, by: str, now: datetime) -> str:
    """An id for what takes the place of a proposal."""
    stamp = hashlib.sha256(f"{old.id} {by} {now.isoformat()}".encode()).hexdigest()
    return f"{now:%Y%m%d-%H%M%S}-{stamp[:6]}"
