"""Which of the changes that wait are chosen: all by default, and what is left out stays waiting.

Guarantees
----------
* What is chosen is in the address of the page alone: nothing is kept between requests, and an address means the same
  tomorrow, as a proposal never changes. One that cannot be read leaves nothing out, and that is what the page shows.
* What is expected of what is chosen is known exactly or said to be unknown; ranges are not added up.
"""

import base64
import binascii
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import Engine
from werkzeug.datastructures import MultiDict

from api.gains import only, part_gains
from api.http.backend import Backend
from api.pages.outlook import kept_stage
from api.pages.situation import Situation
from api.pages.words import CAPS
from api.stage import Stage
from api.store.checks import Key
from api.store.database import reading
from api.store.queries import standing_of
from api.store.steps import folded, foreseen, not_theirs, own_prices
from pricing.book import Decision, Proposal, Standing, Verdict
from pricing.model import ALL, Offer
from pricing.outcome import TotalGain

MOVES, HELD, CAPPED, STAYS = STATES = ("moves", "held", "capped", "stays")
"""What may be the matter with a price, the most urgent first; one that moves may be stopped by a rail on its way."""
CHANGES = ("up", "down", "large")
LARGE = 0.05
"""A change of at least this share is called large."""
RISKS = {"some": 2, "high": 4}
"""Of 20 outcomes, how many earn less at least."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What a price is sought by.

    Attributes
    ----------
    states : all that is the matter with it; never empty
    change : relative; 0 if it does not move
    less : of 20 outcomes, how many earn less
    rails : those that acted
    stake : what moving it is expected to gain [currency]
    """

    offer: Offer
    text: str
    states: tuple[str, ...]
    change: float
    less: int
    evidence: str
    rails: tuple[str, ...]
    stake: float

    @property
    def key(self) -> Key:
        """Offer and channel."""
        return self.offer.id, self.offer.channel


def fact_of(offer: Offer, decision: Decision | None, *, moves: bool) -> Fact:
    """Of an offer and what was decided about it; `moves`: whether that waits, and moves the price."""
    rails = decision.explanation.acted if decision else ()
    held = decision is not None and decision.verdict is Verdict.HELD
    capped = moves and any(rail in CAPS for rail in rails)
    found = tuple(name for name, is_so in ((MOVES, moves), (HELD, held), (CAPPED, capped)) if is_so)
    return Fact(
        offer=offer,
        text=f"{offer.id} {offer.product} {offer.segment} {offer.event} {offer.channel}".casefold(),
        states=found or (STAYS,),
        change=float(decision.allowed / decision.in_force) - 1 if decision and moves else 0.0,
        less=decision.gain.less if decision and moves else 0,
        evidence=decision.evidence.status.value if decision else "",
        rails=rails,
        stake=decision.gain.expected if decision and moves else 0.0,
    )


def remembered(at: Situation, name: str, make: Callable[[], Iterable[Fact]]) -> list[Fact]:
    """Facts about what is on sale, what needs a person first; worked out once for each step of the book."""
    if name not in at.memo:
        at.memo[name] = sorted(make(), key=lambda fact: (STATES.index(fact.states[0]), -fact.stake, fact.offer.id))
    return [fact for fact in at.memo[name] if fact.key in at.listings]


@dataclass(frozen=True, slots=True)
class Sift:
    """What is looked for; empty: everything."""

    q: str = ""
    event: str = ""
    state: str = ""
    change: str = ""
    risk: str = ""
    evidence: str = ""
    rail: str = ""

    @classmethod
    def asked(cls, args: Mapping[str, str]) -> "Sift":
        """As the address says."""
        return cls(**{name: args.get(name, "").strip()[:200] for name in cls.__slots__})

    @property
    def named(self) -> dict[str, str]:
        """What is not empty, for an address."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}

    def found(self, facts: Iterable[Fact]) -> list[Fact]:
        """Those it is about, whatever state they are in."""
        tests = tuple(self._tests())
        return [fact for fact in facts if all(test(fact) for test in tests)]

    def _tests(self) -> Iterator[Callable[[Fact], bool]]:
        words = self.q.casefold().split()
        if words:
            yield lambda fact: all(word in fact.text for word in words)
        if self.event:
            yield lambda fact: fact.offer.event == self.event
        if self.change in CHANGES:
            yield {
                "up": lambda fact: fact.change > 0,
                "down": lambda fact: fact.change < 0,
                "large": lambda fact: abs(fact.change) >= LARGE,
            }[self.change]
        if least := RISKS.get(self.risk):
            yield lambda fact: fact.less >= least
        if self.evidence:
            yield lambda fact: fact.evidence == self.evidence
        if self.rail:
            yield lambda fact: self.rail in fact.rails


@dataclass(frozen=True)
class Choice:
    """Of the moves that wait, in their order, those that are left out, by their place."""

    moves: tuple[Key, ...]
    left: frozenset[int] = frozenset()

    @classmethod
    def asked(cls, moves: tuple[Key, ...], args: "MultiDict[str, str]") -> "Choice":
        """As the address says: what was left out before, and what was ticked on the page it comes from."""
        left = _unpack(args.get("left", ""), len(moves))
        seen, ticked = _places(args.get("seen", "").split("."), moves), _places(args.getlist("pick"), moves)
        return cls(moves, frozenset((left - seen) | (seen - ticked)))

    @cached_property
    def places(self) -> Mapping[Key, int]:
        """Where each move stands."""
        return {key: place for place, key in enumerate(self.moves)}

    def after(self, step: str, keys: Iterable[Key]) -> "Choice":
        """With these left out (`leave`), chosen (`take`), or chosen alone (`only`)."""
        about = {self.places[key] for key in keys if key in self.places}
        left = {
            "leave": self.left | about,
            "take": self.left - about,
            "only": frozenset(range(len(self.moves))) - about,
        }
        return Choice(self.moves, frozenset(left.get(step, self.left)))

    @property
    def code(self) -> str:
        """What is left out, as a short text for an address; empty if nothing is."""
        bits = sum(1 << place for place in self.left)
        packed = zlib.compress(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), 9) if bits else b""
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    def takes(self, key: Key) -> bool:
        """Whether a move is chosen."""
        return key in self.places and self.places[key] not in self.left


def moves_of(proposal: Proposal) -> tuple[Key, ...]:
    """What a proposal moves, in its order: the places of a choice."""
    return tuple(each.key for each in proposal.decisions if each.verdict is Verdict.MOVE)


def choice_of(proposal: Proposal, args: "MultiDict[str, str]", matching: Iterable[Key]) -> Choice:
    """What an address leaves out, after a step about all that matches."""
    return Choice.asked(moves_of(proposal), args).after(args.get("do", ""), matching)


def stage_of(backend: Backend) -> Stage | None:
    """The draws that are kept, at the prices that are served."""
    return kept_stage(backend.root, backend.snapshots.current().snapshot)


def _unpack(code: str, size: int) -> frozenset[int]:
    try:
        packed = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
        bits = int.from_bytes(zlib.decompressobj().decompress(packed, size // 8 + 1), "little") if packed else 0
    except (binascii.Error, ValueError, zlib.error):
        return frozenset()
    return frozenset(place for place in range(size) if bits >> place & 1)


def _places(texts: Collection[str], moves: Sequence[Key]) -> frozenset[int]:
    return frozenset(int(each) for each in texts if each.isdecimal() and len(each) < 9 and int(each) < len(moves))


@dataclass(frozen=True, slots=True)
class Part:
    """What would be decided about now: a proposal, or the part of it that is about an event, less what is left out.

    Attributes
    ----------
    event : the one it is about; empty for all of the proposal
    keys : every decision of it, also those that keep a price
    moves : what changes
    left : changes left out within what it is about
    beyond : changes of the proposal that it is not about
    gains : of the moves together; empty where that is not known
    """

    proposal: Proposal
    event: str
    keys: frozenset[Key]
    moves: tuple[Decision, ...]
    left: int
    beyond: int
    gains: tuple[TotalGain, ...]

    @property
    def totals(self) -> tuple[TotalGain, ...]:
        """The gains over all events, by currency."""
        return tuple(total for total in self.gains if total.event is None)


def part_of(at: Situation, proposal: Proposal, choice: Choice, event: str, stage: Stage | None) -> Part:
    """The part of a proposal that is chosen."""
    about = {
        each.key
        for each in proposal.decisions
        if not event or (each.key in at.listings and at.listings[each.key].offer.event == event)
    }
    moving = [each for each in proposal.decisions if each.verdict is Verdict.MOVE]
    moves = tuple(each for each in moving if each.key in about and choice.takes(each.key))
    left = {each.key for each in moving if each.key in about} - {each.key for each in moves}
    chosen = {each.key for each in moves}
    return Part(
        proposal=proposal,
        event=event,
        keys=frozenset(about - left),
        moves=moves,
        left=len(left),
        beyond=len(moving) - len(moves) - len(left),
        gains=part_gains(proposal, chosen, stage, at.listings) if moves else (),
    )


@dataclass(frozen=True, slots=True)
class Foresight:
    """What approving a part now would meet.

    Attributes
    ----------
    refused : why this person could not put its prices in force at once, in words; empty if they could
    named : changes that these words name, which could be left out
    large : why the approver must say that they have seen how much moves; empty if they need not
    """

    refused: tuple[str, ...]
    named: frozenset[Key]
    large: str


def foresee(engine: Engine, at: Situation, part: Part, *, by: str, now: datetime) -> Foresight:
    """Ask the guard rails before anyone approves, and whether this person may."""
    asked = only(part.proposal, part.keys)
    with reading(engine) as db:
        approved = standing_of(db, part.proposal, now) is Standing.APPROVED
        refused, large = foreseen(db, asked, (at.settings.policy, at.settings.law), now=now)
    names = {_name(each): each.key for each in part.moves} if refused else {}
    named = {names[name] for text in refused if (name := named_in(text, names))}
    why = "" if approved else not_theirs(by, asked)
    proposer = folded(by) == folded(asked.proposed_by)  # who may approve no part of it
    own = {each.key for each in own_prices(by, asked)} if why and not proposer else set[Key]()
    return Foresight((*([why] if why else []), *refused), frozenset(named | own), large)


def _name(decision: Decision) -> str:
    return decision.offer if decision.channel == ALL else f"{decision.offer} ({decision.channel})"


def named_in(text: str, names: Iterable[str]) -> str:
    """The offer an objection is about, empty if it is none of these: rails and law begin with its name."""
    begun = (name for name in names if text.startswith((f"{name}: ", f"{name} ", f"offer {name} ")))
    return max(begun, key=len, default="")  # a name may begin with another's
