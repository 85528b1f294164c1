"""The price book: the one door through which a price gets into force.

Guarantees
----------
* Exactly one price is in force per offer, channel and instant; a publication changes all its prices at once or none.
* What is published was approved by someone other than its proposer, has not expired, and was decided against the
  version that is still in force. Every guard rail is asked once more, within the transaction that publishes.
* A proposal that is split is closed by it; its parts hold each of its decisions once, and one that is published does
  not make the other stale.
* Nothing recorded is edited: a rollback is a new version that restores the prices before the one it undoes.
* While prices are frozen nothing changes, across restarts, until a person lifts the freeze; prices that were to begin
  later are taken back by it.
* A step that is refused leaves the book as it was and says why. One that is taken is in the log.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from api.store import log
from api.store.checks import Key, disagreement
from api.store.database import reading, writing
from api.store.parting import Gains, Reckon, name_after, parts_of, stand_for, tie
from api.store.queries import (
    all_publications,
    between,
    coming,
    decode,
    freeze_reason,
    history_of,
    in_force,
    known_proposal,
    latest_version,
    listing_of,
    moment,
    standing_of,
    standing_overrides,
)
from api.store.steps import (
    append_version,
    because_of,
    describe,
    first_price,
    forbids,
    moved_price,
    not_theirs,
    open_prices,
    orders_kept_later,
    outside,
    person,
    price_again,
    prices_known,
    record,
    replace_prices,
    taken_back,
    undoable,
)
from api.store.tables import freezes, prices, proposals, reviews
from pricing.book import Change, Decision, Listing, PriceInForce, Proposal, Publication, Standing, Verdict
from pricing.errors import RefusedError
from pricing.guardrails import InForce
from pricing.guardrails.contradictions import without_price
from pricing.law import Law
from pricing.policy import Policy

FIRST = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Step:
    """A step that is being taken, and what the log will say of it; nothing if it turned out to change nothing."""

    db: Connection
    subject: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    def tell(self, subject: str, body: Mapping[str, Any]) -> None:
        self.subject, self.body = subject, body


class PriceBook:
    """The price book of one workspace; every step is one transaction. All instants are aware; people are named."""

    def __init__(self, engine: Engine, anchor: Path | None = None) -> None:
        self._engine = engine
        self._anchor = anchor

    @contextmanager
    def _step(self, action: str, *, by: str, now: datetime) -> Iterator[_Step]:
        who = person(by)
        with writing(self._engine) as db:
            step = _Step(db)
            yield step
            if step.subject is not None:
                log.append(db, action, step.subject, step.body, by=who, now=now, anchor=self._anchor)

    def propose(self, proposal: Proposal) -> None:
        """Record a proposal made against the version in force."""
        with self._step("propose", by=proposal.proposed_by, now=proposal.proposed_at) as step:
            if proposal.base_version != (current := latest_version(step.db)):
                raise RefusedError(_stale(proposal, current))
            step.tell(proposal.id, {"sha256": record(step.db, proposal)})

    def proposal(self, proposal_id: str) -> Proposal:
        """One proposal, as it was proposed."""
        with reading(self._engine) as db:
            return known_proposal(db, proposal_id)

    def proposals(self) -> tuple[Proposal, ...]:
        """All proposals, the oldest first."""
        with reading(self._engine) as db:
            return tuple(decode(body) for body in db.scalars(select(proposals.c.body).order_by(proposals.c.number)))

    def latest_proposal(self) -> Proposal | None:
        """The proposal made last."""
        with reading(self._engine) as db:
            body = db.scalar(select(proposals.c.body).order_by(proposals.c.number.desc()).limit(1))
        return None if body is None else decode(body)

    def standing(self, proposal_id: str, *, now: datetime) -> Standing:
        """How far a proposal has come."""
        with reading(self._engine) as db:
            return standing_of(db, known_proposal(db, proposal_id), now)

    def approve(self, proposal_id: str, *, by: str, now: datetime, large: bool = False) -> None:
        """Allow a proposal to be published; its proposer may not.

        Parameters
        ----------
        large : whether the person has seen that it moves more prices at once than the breaker lets pass
        """
        self._review(proposal_id, Standing.APPROVED, by=by, now=now, large=large)

    def reject(self, proposal_id: str, *, by: str, now: datetime, reason: str = "") -> None:
        """Close a proposal for good."""
        self._review(proposal_id, Standing.REJECTED, by=by, now=now, reason=reason)

    def _review(
        self, proposal_id: str, verdict: Standing, *, by: str, now: datetime, large: bool = False, reason: str = ""
    ) -> None:
        with self._step("approve" if verdict is Standing.APPROVED else "reject", by=by, now=now) as step:
            proposal = known_proposal(step.db, proposal_id)
            _require(step.db, proposal, Standing.OPEN, now)
            if verdict is Standing.APPROVED and (why := not_theirs(by, proposal)):
                raise RefusedError(why)
            row = {"proposal": proposal_id, "verdict": verdict.value, "by": person(by), "at": now, "large": int(large)}
            step.db.execute(insert(reviews).values(row))
            step.tell(proposal_id, {"large": large} if verdict is Standing.APPROVED else {"reason": reason})

    def override(
        self,
        proposal_id: str,
        changed: Sequence[Decision],
        *,
        by: str,
        now: datetime,
        policy: Policy,
        law: Law,
        gains: Reckon | None = None,
    ) -> Proposal:
        """Replace a proposal by one of a person's own, in which these decisions stand for the ones it had.

        What could not be published because of them is refused, and the proposal stays as it was. `gains` tells what
        the new one gains, given the old one and it.
        """
        with writing(self._engine) as db:
            old, instead = known_proposal(db, proposal_id), {decision.key: decision for decision in changed}
            if unknown := sorted(instead.keys() - {decision.key for decision in old.decisions}):
                raise RefusedError(f"proposal {proposal_id} decides nothing about {', '.join(map(' '.join, unknown))}")
            _require(db, old, Standing.OPEN, now)
            decisions = tuple(instead.get(decision.key, decision) for decision in old.decisions)
            made = replace(
                old, id=name_after(old, by, now), proposed_by=by, proposed_at=now, decisions=decisions, gains=()
            )
            made = made if gains is None else replace(made, gains=gains(old, made))
            if wrong := tuple(because_of(db, made, instead.keys(), (policy, law), now)):
                raise RefusedError(f"a proposal with these prices could not be published: {'; '.join(wrong)}")
            self.reject(proposal_id, by=by, now=now)
            with self._step("override", by=by, now=now) as step:
                step.tell(made.id, {"sha256": record(db, made), "instead_of": proposal_id})
                stand_for(db, made, old)
        return made

    def split(
        self,
        proposal_id: str,
        keys: AbstractSet[Key],
        *,
        by: str,
        now: datetime,
        policy: Policy,
        law: Law,
        gains: tuple[Gains, Gains] = ((), ()),
    ) -> tuple[str, str]:
        """Close a proposal and record two in its place: its decisions about these offers, and the rest; returns both.

        Both keep who proposed them and when they lapse. Where publishing these decisions without the rest would break
        what the whole keeps, as the declared order of two prices, nothing is split.

        Parameters
        ----------
        gains : what is expected of each of the two, where it is known
        """
        with self._step("split", by=by, now=now) as step:
            whole = known_proposal(step.db, proposal_id)
            _require(step.db, whole, Standing.OPEN, now)
            made = parts_of(step.db, whole, keys, by=by, now=now, rules=(policy, law), gains=gains)
            step.tell(whole.id, {"parts": {part.id: record(step.db, part) for part in made}})
            tie(step.db, whole, made)
        return made[0].id, made[1].id

    def import_offers(self, offered: Iterable[Listing], *, by: str, now: datetime) -> int:
        """Record what is offered, and prices that are already in force outside; returns the version.

        An offer whose price the book knows keeps it; one that disagrees with the book is refused, because a price in
        force changes through a proposal only.
        """
        with self._step("import", by=by, now=now) as step:
            at = moment(step.db, now)
            known = {price.key: price for price in in_force(step.db, at)}
            later = {price.key: price for price in coming(step.db, at)}
            overrides = standing_overrides(step.db, at)
            listed = {(each.offer.id, each.offer.channel): each for each in offered}
            if wrong := [
                text
                for key, each in listed.items()
                for text in (
                    *disagreement(each.offer, known.get(key), later.get(key)),
                    *without_price(each.offer, overrides.get(key, ())),
                )
            ]:
                raise RefusedError("; ".join(wrong))
            described = describe(step.db, listed, now)
            new = [each.offer for key, each in listed.items() if key not in known]
            if not new:
                if described:
                    step.tell("offers", {"listings": described})
                return latest_version(step.db)
            made = append_version(step.db, Change.IMPORT, by=by, now=now)
            opened = open_prices(step.db, [first_price(offer, made) for offer in new])
            step.tell(str(made.version), {"listings": described, "prices": opened})
            return made.version

    def publish(
        self, proposal_id: str, *, by: str, now: datetime, policy: Policy, law: Law, at: datetime | None = None
    ) -> int:
        """Put an approved proposal's prices in force, all at once; returns the new version.

        Parameters
        ----------
        at : when the prices begin, in the future; at once if None
        """
        with self._step("publish", by=by, now=now) as step:
            proposal = known_proposal(step.db, proposal_id)
            _require(step.db, proposal, Standing.APPROVED, now)
            if at is not None and not at > now:
                raise RefusedError(f"{at:%Y-%m-%d %H:%M} {at.tzname()} is past: prices begin later, or at once")
            made = append_version(step.db, Change.PUBLISH, by=by, now=now, proposal=proposal_id, begins=at)
            before = {price.key: price for price in in_force(step.db, made.effective_at)}
            large = bool(step.db.scalar(select(reviews.c.large).where(reviews.c.proposal == proposal_id)))
            rules, begins = (policy, law), made.effective_at
            if wrong := forbids(step.db, proposal, before, rules, now=made.at, begins=begins, large=large):
                raise RefusedError(f"proposal {proposal_id} may not be published: {'; '.join(wrong)}")
            moved = [decision for decision in proposal.decisions if decision.verdict is Verdict.MOVE]
            opened = replace_prices(
                step.db, made, [moved_price(before[decision.key], decision, made) for decision in moved]
            )
            step.tell(str(made.version), {"proposal": proposal_id, "prices": opened})
            return made.version

    def rollback(self, version: int, *, by: str, now: datetime, policy: Policy) -> int:
        """Restore the prices that were in force before a publication, as a new version; returns that version.

        Publications that followed the one undone are undone with it, unless its prices have not begun: then it alone
        is taken back. Offers that came on sale since keep their price. Refused where prices that wait for their time
        would then break a declared order: they are taken back first.
        """
        with writing(self._engine) as db, orders_kept_later(db, version, policy, now):
            return self._take_back(version, by=by, now=now)

    def _take_back(self, version: int, *, by: str, now: datetime) -> int:
        with self._step("rollback", by=by, now=now) as step:
            made_so_far = all_publications(step.db)
            undone = undoable(made_so_far, version)
            made = append_version(step.db, Change.ROLLBACK, by=by, now=now, undone=version)
            changes = taken_back(step.db, undone, made.at)
            restored = [price_again(earlier, made) for _, earlier in changes]
            bounds = listing_of(step.db), standing_overrides(step.db, made.at)
            if wrong := [text for change in changes for text in outside(change, *bounds)]:
                raise RefusedError(f"version {version} may not be rolled back: {'; '.join(wrong)}")
            step.tell(str(made.version), {"undone": version, "prices": replace_prices(step.db, made, restored)})
            return made.version

    def price_at(self, offer: str, channel: str, at: datetime) -> PriceInForce | None:
        """The price of an offer in a channel at an instant; None if it was not on sale."""
        with reading(self._engine) as db:
            found = in_force(db, at, prices.c.offer == offer, prices.c.channel == channel)
        return found[0] if found else None

    def prices_in_force(self, at: datetime | None = None) -> tuple[PriceInForce, ...]:
        """All prices in force at an instant, or at that of the latest publication; sorted by offer and channel."""
        with reading(self._engine) as db:
            return in_force(db, at or moment(db, FIRST))

    def coming(self, now: datetime) -> tuple[PriceInForce, ...]:
        """All prices that begin later."""
        with reading(self._engine) as db:
            return coming(db, moment(db, now))

    def known(self, policy: Policy, *, now: datetime) -> dict[Key, InForce]:
        """What is in force now, by offer and channel, with what guard rails must know of the time before.

        A clock that went back does not bring back prices from before the latest publication.
        """
        with reading(self._engine) as db:
            return prices_known(db, policy, moment(db, now))

    def listings(self) -> dict[Key, Listing]:
        """What is offered, by offer and channel, as its owner last described it."""
        with reading(self._engine) as db:
            return listing_of(db)

    def entries(self, *, after: int = 0, limit: int = 100) -> tuple[log.Entry, ...]:
        """The log: what was done beyond an entry, the oldest first."""
        with reading(self._engine) as db:
            return tuple(log.entries(db, after=after, limit=limit))

    def prices_between(self, start: datetime, end: datetime) -> tuple[PriceInForce, ...]:
        """All prices that were in force at some instant from `start` to `end`; sorted by offer and channel."""
        with reading(self._engine) as db:
            return between(db, start, end)

    def history(self, offer: str) -> tuple[PriceInForce, ...]:
        """All prices an offer ever had, the oldest first."""
        with reading(self._engine) as db:
            return history_of(db, offer)

    def version(self) -> int:
        """Number of the latest publication; 0 for an empty book."""
        with reading(self._engine) as db:
            return latest_version(db)

    def publications(self) -> tuple[Publication, ...]:
        """All versions, the oldest first."""
        with reading(self._engine) as db:
            return tuple(all_publications(db).values())

    def freeze(self, *, by: str, now: datetime, reason: str) -> tuple[int, ...]:
        """Refuse every change of a price from now on; returns the versions that had not begun and are taken back."""
        with writing(self._engine) as db:
            later = () if freeze_reason(db) else sorted({price.version for price in coming(db, moment(db, now))})
            for version in later:
                self._take_back(version, by=by, now=now)
            self._set_frozen(True, by=by, now=now, reason=reason)
        return tuple(later)

    def unfreeze(self, *, by: str, now: datetime, reason: str) -> None:
        """Lift the freeze."""
        self._set_frozen(False, by=by, now=now, reason=reason)

    def _set_frozen(self, frozen: bool, *, by: str, now: datetime, reason: str) -> None:
        with self._step("freeze" if frozen else "unfreeze", by=by, now=now) as step:
            row = {"frozen": int(frozen), "by": person(by), "at": now, "reason": reason}
            step.db.execute(insert(freezes).values(row))
            step.tell("prices", {"reason": reason})

    def frozen(self) -> bool:
        """Whether prices are frozen."""
        with reading(self._engine) as db:
            return freeze_reason(db) is not None


def _require(db: Connection, proposal: Proposal, needed: Standing, now: datetime) -> None:
    reasons = {
        Standing.OPEN: "is not approved",
        Standing.APPROVED: "is approved already",
        Standing.REJECTED: "was rejected",
        Standing.PUBLISHED: "was published already",
        Standing.SPLIT: "was split; decide about its parts",
        Standing.EXPIRED: f"expired at {proposal.expires_at:%Y-%m-%d %H:%M} UTC; propose again",
    }
    if (standing := standing_of(db, proposal, now)) is Standing.STALE:
        raise RefusedError(_stale(proposal, latest_version(db)))
    if standing is not needed:
        raise RefusedError(f"proposal {proposal.id} {reasons[standing]}")


def _stale(proposal: Proposal, current: int) -> str:
    return (
        f"proposal {proposal.id} is stale: it was made against version {proposal.base_version} of the price book, "
        f"which is at {current}; propose again"
    )
