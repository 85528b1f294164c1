"""Overrides in the price book: bounds that people set on a price for a time.

Guarantees
----------
* An override that could not be kept is refused with every reason. Setting one changes no price: where a proposal waits
  for approval and does not keep it, one of the same person takes its place, which someone else must approve.
* Nothing set is edited: another of the same kind takes the place of the one before, and ending one early is a row too.
* Each step is one transaction and one entry of the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, insert

from api.store import log
from api.store.book import PriceBook
from api.store.checks import Key
from api.store.database import reading, writing
from api.store.parting import Reckon
from api.store.queries import coming, last_overrides, listing_of, moment, standing_of
from api.store.steps import person, prices_known
from api.store.tables import overrides
from pricing.book import Proposal, Standing, Verdict
from pricing.by_hand import by_hand
from pricing.errors import RefusedError
from pricing.guardrails import InForce
from pricing.guardrails.contradictions import contradictions
from pricing.guardrails.rails import nearest
from pricing.law import Law
from pricing.overrides import Override
from pricing.policy import Policy


@dataclass(frozen=True)
class Overrides:
    """The overrides of one workspace; `anchor` as in `PriceBook`."""

    engine: Engine
    anchor: Path | None = None

    def last(self) -> tuple[Override, ...]:
        """The override of each offer, channel and kind that was set last; those ended early left out."""
        with reading(self.engine) as db:
            return last_overrides(db)

    def standing(self, now: datetime) -> tuple[Override, ...]:
        """Those that stand."""
        return tuple(each for each in self.last() if now < each.until)

    def set(self, wanted: Override, *, policy: Policy, law: Law, gains: Reckon | None = None) -> Proposal | None:
        """Set an override; returns the proposal that took the place of the one that waited, if one did.

        Parameters
        ----------
        gains : as in `PriceBook.override`

        Raises
        ------
        RefusedError
            naming everything that it contradicts.
        """
        now = wanted.at
        with writing(self.engine) as db:
            at = moment(db, now)
            known = _without_replaced(prices_known(db, policy, at), wanted)
            later = {price.key: price for price in coming(db, at)}
            if wrong := list(contradictions(wanted, listing_of(db), known, later, policy)):
                raise RefusedError(f"{wanted.offer}: {'; '.join(wrong)}")
            self._record(db, "set-override", wanted)
            return self._mend(db, wanted, (policy, law), gains)

    def end(self, number: int, *, by: str, now: datetime, reason: str) -> Override:
        """End an override before its time; returns it."""
        with writing(self.engine) as db:
            found = next((each for each in last_overrides(db) if each.number == number), None)
            if found is None or not now < found.until:
                raise RefusedError(f"override {number} does not stand")
            self._record(db, "end-override", found, ended=(by, now, reason))
        return found

    def _record(
        self, db: Connection, action: str, override: Override, *, ended: tuple[str, datetime, str] | None = None
    ) -> None:
        by, now, reason = ended or (override.by, override.at, override.reason)
        row = {
            "offer": override.offer,
            "channel": override.channel,
            "kind": override.kind.value,
            "amount": None if ended else override.amount,
            "currency": override.currency,
            "until": now if ended else override.until,
            "reason": reason,
            "by": person(by),
            "at": now,
        }
        told = db.execute(insert(overrides).values(row).returning(overrides)).one()
        log.append(db, action, override.offer, log.about_override(told), by=person(by), now=now, anchor=self.anchor)

    def _mend(
        self, db: Connection, wanted: Override, rules: tuple[Policy, Law], gains: Reckon | None
    ) -> Proposal | None:
        """Let a waiting proposal keep the override; where no price that does is within reach today, the price stays."""
        (policy, law), book, now = rules, PriceBook(self.engine, self.anchor), wanted.at
        waiting = book.latest_proposal()
        if waiting is None or standing_of(db, waiting, now) is not Standing.OPEN:
            return None
        decision = next((each for each in waiting.decisions if each.key == wanted.key), None)
        if decision is None or wanted.allows(decision.allowed):
            return None
        known, offer = prices_known(db, policy, moment(db, now))[wanted.key], listing_of(db)[wanted.key].offer
        near = sorted(nearest(offer, known, policy), key=lambda price: abs(price - decision.allowed))
        if not near and decision.verdict is not Verdict.MOVE:
            return None
        try:
            changed = by_hand(decision, (near or [decision.in_force])[0], by=wanted.by, reason=wanted.reason)
        except ValueError as error:
            raise RefusedError(f"{wanted.offer}: {error}") from error
        return book.override(waiting.id, [changed], by=wanted.by, now=now, policy=policy, law=law, gains=gains)


def _without_replaced(known: Mapping[Key, InForce], wanted: Override) -> dict[Key, InForce]:
    """What is known of every offer, but for the override that another takes the place of."""
    found = dict(known)
    if (about := known.get(wanted.key)) is not None:
        kept = tuple(each for each in about.overrides if each.kind is not wanted.kind)
        found[wanted.key] = replace(about, overrides=kept)
    return found
