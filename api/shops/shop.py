"""A shop: its demand, stock and prices, and the careful ways to change those.

Guarantees
----------
* `plan` writes nothing; `push` writes what the plan says, and nothing where somebody changed the price since, as far as
  it has read: one that takes long reads again and again.
* What is out of the owner's bounds, not finite, or not in the place's currency never gets as far as a request.
* One place that may not be priced keeps no other back: it is refused with its reason.
* A push that was asked for by the digest of a comparison writes what that one showed, or nothing.
* A push that was killed is taken up where it stood: what had arrived is not written again, what had not is.
* `rollback` puts back exactly what was written before, empty and absent values included, and leaves alone what is no
  longer ours. What it took back is not written again until a later price is decided, or a person accepts the place.
* What a push says of a place was read afresh after it.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from api.shops.connector import Connector
from api.shops.errors import ShopError
from api.shops.journal import ACCEPTED, Entry, Journal, digest_of
from api.shops.model import (
    Batch,
    Capabilities,
    Change,
    Check,
    Demand,
    Drift,
    Held,
    Listed,
    Outcome,
    Plan,
    Refused,
    Report,
    Result,
    Shown,
    Step,
    Stock,
    Write,
    Written,
)
from pricing.errors import RefusedError
from pricing.money import parse_amount

ROLLBACK = "rollback of "
"""What the decision of a rollback is called in the journal."""
TAKEN_BACK = re.compile(rf"{ROLLBACK}version (\d+)")
FRESH, READING = 30.0, 10.0
"""A push reads again what stands there after so many seconds, or as many times as long as reading took [seconds, 1]."""
LOCKED_OUT = {401, 403}
"""After these answers every other request would fare alike."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What writes are sent for; see `Shop.push`."""

    decision: str
    now: datetime
    by: str | None
    digest: str = ""
    stopped: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop that Fairfare reads and writes; the journal is its own."""

    connector: Connector
    journal: Journal

    @property
    def capabilities(self) -> Capabilities:
        """What the system can do."""
        return self.connector.capabilities

    def pull_demand(self, since: str | None = None) -> Demand:
        """What was sold and given back since a cursor."""
        return self.connector.pull_demand(since)

    def pull_inventory(self) -> tuple[Stock, ...]:
        """What can still be sold."""
        return self.connector.pull_inventory()

    def read_prices(self) -> tuple[Listed, ...]:
        """Every place where a price stands."""
        return self.connector.read_prices()

    def plan(self, changes: Sequence[Change]) -> Plan:
        """What a push of those of these prices that may be pushed would change; nothing is written."""
        listed, standing = {each.place: each for each in self.read_prices()}, self.journal.standing()
        counts = Counter(each.place for each in changes)
        once = {place for place, count in counts.items() if count == 1}
        refused = [Refused(c.place, text) for c in changes for text in _wrong(c, listed.get(c.place), once)]
        drifted = {each.place: each for each in self._drift(listed)}
        left = {each.place for each in refused} | drifted.keys()
        steps = {each.place: _step(each, listed[each.place]) for each in changes if each.place not in left}
        held = {c.place: d for c in changes if (d := _taken_back(c, standing.get(c.place))) is not None}
        moved = [step for step in steps.values() if step.after != step.shown]
        return Plan(
            steps=tuple(step for step in moved if step.place not in held),
            kept=tuple(step for step in steps.values() if step.after == step.shown),
            drifted=tuple(drifted[each.place] for each in changes if each.place in drifted),
            held=tuple(Held(step.place, step.name, held[step.place]) for step in moved if step.place in held),
            refused=tuple(refused),
        )

    def left_to_do(self, plan: Plan) -> bool:
        """Whether a push has anything to write, or to find out about what an earlier one wrote."""
        standing = self.journal.standing()
        open_still = {place for place, entry in standing.items() if entry.outcome is None}
        return bool(plan.steps) or any(step.place in open_still for step in plan.kept)

    def push(
        self,
        plan: Plan,
        decision: str,
        *,
        now: datetime,
        by: str | None = None,
        digest: str = "",
        stopped: Callable[[], str] = str,
    ) -> Report:
        """Write what a plan says, for a decision; run again after a kill, it does what is left.

        Parameters
        ----------
        by : who wants it
        digest : of the comparison they saw (`api.shops.journal.digest_of`); empty: they ask for whatever is decided
        stopped : asked before each request that writes: why no more may be sent, empty while more may

        Raises
        ------
        RefusedError
            if they saw another one; nothing was written.
        """
        with self.journal.held():
            held = {each.place for each in plan.held}
            begun = [write for write in self.journal.seen(digest) if write.place not in held]
            if digest and digest_of(decision, {*begun, *plan.writes}) != digest:
                raise RefusedError(f"what would be written is no longer what was shown: look at it again ({decision})")
            kept = {step.place for step in plan.kept}
            arrived = {write.place: write for write in begun if write.place in kept}
            writes = arrived | {write.place: write for write in plan.writes}
            return self._carry_out(list(writes.values()), _Wish(decision, now, by, digest, stopped))

    def verify(self, plan: Plan) -> tuple[Check, ...]:
        """What stands at each place of a plan now, to whoever runs the shop and to a buyer."""
        return self.check({step.place: step.after for step in (*plan.steps, *plan.kept)})

    def check(self, expected: Mapping[str, Decimal]) -> tuple[Check, ...]:
        """What stands at places where these prices are to be."""
        listed, taxed = {each.place: each for each in self.read_prices()}, self.capabilities.tax_included
        shown = {each.place: each for each in self.connector.read_shown(expected.keys() & listed.keys())}
        return tuple(_check(p, wanted, listed.get(p), shown.get(p), taxed=taxed) for p, wanted in expected.items())

    def rollback(self, decision: str, *, now: datetime, by: str | None = None) -> Report:
        """Put back what stood in the shop before a decision was pushed; it is not pushed again by itself.

        A rollback is not taken back: that would be a push, which asks for bounds, overrides and freezes first.
        """
        with self.journal.held():
            standing = self.journal.standing()
            ours = {e.sent.place: e for e in self.journal.entries() if e.sent.decision == decision and e.stands}
            if not ours or decision == ACCEPTED or decision.startswith(ROLLBACK):
                raise RefusedError(f"nothing of decision {decision} was pushed to this shop")
            undone = {ROLLBACK + decision, decision}
            later = [place for place in ours if standing[place].sent.decision not in undone]
            kept = [Result(place, Outcome.DRIFTED, _in_force(standing[place].sent.decision)) for place in later]
            writes = [Write(p, e.sent.after, e.sent.before) for p, e in ours.items() if p not in later]
            done = self._carry_out(writes, _Wish(ROLLBACK + decision, now, by))
            return replace(done, results=(*done.results, *kept))

    def accept(self, places: Collection[str], *, by: str, now: datetime) -> tuple[Drift, ...]:
        """Take what stands at these places for right, so that a push may change it again.

        It concerns places where somebody else changed our price, and those that a rollback put back.
        """
        with self.journal.held():
            listed = {each.place: each for each in self.read_prices() if each.place in places}
            found = [*self._drift(listed), *self._put_back(listed)]
            for each in found:
                self.journal.accept(each.place, each.ours, each.found, by=by, now=now)
        return tuple(found)

    def _drift(self, listed: Mapping[str, Listed]) -> Iterator[Drift]:
        for place, entry in self.journal.standing().items():
            if place in listed and not _ours(entry, listed[place].written):
                yield Drift(place, listed[place].name, entry.sent.after, listed[place].written)

    def _put_back(self, listed: Mapping[str, Listed]) -> Iterator[Drift]:
        """Places where what a rollback wrote still stands."""
        for place, entry in self.journal.standing().items():
            if place in listed and entry.sent.decision.startswith(ROLLBACK) and _ours(entry, listed[place].written):
                yield Drift(place, listed[place].name, entry.sent.after, listed[place].written)

    def _carry_out(self, writes: Sequence[Write], wish: _Wish) -> Report:
        results = self._part(writes, wish)
        while left := [write for write in writes if write.place not in results]:
            results |= self._part(left, wish)
        return Report(wish.decision, tuple(results[write.place] for write in writes))

    def _part(self, writes: Sequence[Write], wish: _Wish) -> dict[str, Result]:
        """End what need not be sent, and send the rest for as long as what stands there was read lately."""
        began = time.monotonic()
        standing, found = self.journal.standing(), self._written()
        until = began + max(FRESH, READING * (time.monotonic() - began))
        settled = {w.place: r for w in writes if (r := _settled(w, found.get(w.place), standing.get(w.place)))}
        self.journal.end(list(settled.values()), wish.decision, now=wish.now)
        self.journal.settle(found, now=wish.now)
        left = [write for write in writes if write.place not in settled]
        return settled | {result.place: result for result in self._send(left, until, wish)}

    def _send(self, writes: Sequence[Write], until: float, wish: _Wish) -> list[Result]:
        """Send writes until some time, one group at least, then read what has become of them."""
        errors: dict[str, ShopError] = {}
        stopped: ShopError | None = None
        tried: list[Write] = []
        for group in self.connector.batches(writes):
            if tried and stopped is None and time.monotonic() > until:
                break
            tried += group
            if stopped is None and (reason := wish.stopped()):
                stopped = ShopError(reason, permanent=False)
            if stopped is None:
                try:
                    self.connector.write(self._begun(group, wish))
                    continue
                except ShopError as error:
                    errors.update(dict.fromkeys((write.place for write in group), error))
                    stopped = error if not error.permanent or error.status in LOCKED_OUT else None
            else:
                errors.update(dict.fromkeys((write.place for write in group), stopped))
        return self._ended(tried, errors, wish)

    def _begun(self, group: Sequence[Write], wish: _Wish) -> Batch:
        return self.journal.begin(group, wish.decision, now=wish.now, by=wish.by, digest=wish.digest)

    def _ended(self, writes: Sequence[Write], errors: Mapping[str, ShopError], wish: _Wish) -> list[Result]:
        if not writes:
            return []
        try:
            found = self._written()
        except ShopError as error:  # what was sent may have arrived: the journal leaves its end open
            return [Result(w.place, Outcome.FAILED, f"whether it arrived is not known: {error}") for w in writes]
        results = [_ended(write, found.get(write.place), errors.get(write.place)) for write in writes]
        self.journal.end(results, wish.decision, now=wish.now)
        return results

    def _written(self) -> dict[str, Written]:
        return {each.place: each.written for each in self.read_prices()}


def _wrong(change: Change, listed: Listed | None, once: Collection[str]) -> Iterator[str]:
    """Why a change may not be made; `once` are the places with one change."""
    if change.place not in once:
        yield "it is to be given two prices"
    if listed is None:
        yield "the shop has no price there"
    elif change.currency != listed.currency:
        yield f"it is priced in {listed.currency}, not in {change.currency}"
    if not (change.floor.is_finite() and change.ceiling.is_finite() and 0 < change.floor <= change.ceiling):
        yield f"floor {change.floor} and ceiling {change.ceiling} do not enclose a price"
    elif not (change.price.is_finite() and change.floor <= change.price <= change.ceiling):
        yield f"{change.price} is not between {change.floor} and {change.ceiling}"
    else:
        yield from _not_an_amount(change.price, change.currency)


def _not_an_amount(price: Decimal, currency: str) -> Iterator[str]:
    try:
        parse_amount(price, currency)
    except ValueError as error:
        yield str(error)


def _in_force(decision: str) -> str:
    """Why a place is left alone by the rollback of an earlier decision."""
    return "a price set by hand was taken for right there" if decision == ACCEPTED else f"{decision} is in force"


def _taken_back(change: Change, last: Entry | None) -> str | None:
    """The decision that brought this very price and was rolled back; None: the price may be written."""
    found = None if last is None else TAKEN_BACK.fullmatch(last.sent.decision)
    if found is None or change.version is None or change.version > int(found[1]):
        return None
    return f"version {found[1]}"


def _step(change: Change, listed: Listed) -> Step:
    return Step(
        place=change.place,
        name=listed.name,
        currency=change.currency,
        before=listed.written,
        shown=listed.price,
        after=parse_amount(change.price, change.currency),
        floor=change.floor,
        ceiling=change.ceiling,
        lowest=change.lowest,
    )


def _ours(entry: Entry, found: Written) -> bool:
    """Whether what was found is what we left there; where it is not known if a write arrived, both would be."""
    return found == entry.sent.after or (entry.outcome is None and found == entry.sent.before)


def _settled(write: Write, found: Written | None, last: Entry | None) -> Result | None:
    """How a write ends without being sent; None: it must be sent."""
    if found is None:
        return Result(write.place, Outcome.REFUSED, "the shop no longer has it")
    if found == write.after:
        open_still = last is not None and last.outcome is None and last.sent.after == write.after
        return Result(write.place, Outcome.DONE if open_still else Outcome.ALREADY)
    if found != write.before or (last is not None and not _ours(last, found)):
        ours = write.before if last is None else last.sent.after
        return Result(write.place, Outcome.DRIFTED, f"somebody changed {ours} to {found}")
    return None


def _ended(write: Write, found: Written | None, error: ShopError | None) -> Result:
    """How a write that was sent ended, by what stands there now."""
    if found == write.after:
        return Result(write.place, Outcome.DONE)
    if error is not None:
        return Result(write.place, Outcome.REFUSED if error.permanent else Outcome.FAILED, str(error))
    return Result(write.place, Outcome.FAILED, f"the shop took {write.after} and shows {found}")


def _check(place: str, expected: Decimal, listed: Listed | None, shown: Shown | None, *, taxed: bool) -> Check:
    price = None if listed is None else listed.price
    asked = None if shown is None else shown.price
    problems = [
        (price != expected, f"the shop has {price}, not {expected}"),
        (taxed and asked is not None and asked != expected, f"a buyer is asked for {asked}, not {expected}"),
        (not taxed and asked is not None and asked < expected, f"a buyer is asked for {asked}, tax included"),
    ]
    found = tuple(text for wrong, text in problems if wrong)
    name = place if listed is None else listed.name
    return Check(place=place, name=name, expected=expected, listed=price, shown=asked, problems=found)
