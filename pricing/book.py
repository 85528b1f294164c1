"""The price book's words: decision, proposal, approval, publication, price in force.

Guarantees
----------
* What is recorded is never edited: each step appends a value that names who took it and when (UTC).
* A decision carries every reason and the provenance of its inputs, so that a price can be explained years later.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pricing.demand import Evidence
from pricing.model import Ladder, Offer
from pricing.outcome import UNEXPLAINED, Explanation, Gain, Outcome, TotalGain


class Verdict(StrEnum):
    """What the guard rails made of a proposed price."""

    MOVE = "move"
    KEEP = "keep"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Listing:
    """An offer as its owner last described it; `sold_until` is when it leaves sale (UTC), None for no such instant."""

    offer: Offer
    sold_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a decision was made from.

    Attributes
    ----------
    input_hash : SHA-256 of the tables that were read
    model_version : the fit the demand curves come from
    solver : status and method of the solve
    sales_until : begin of the newest period of sales; None if that is not known
    fitted_at : when the model was fitted; None if that is not known
    inputs : columns that the estimate was made from
    """

    input_hash: str
    model_version: str
    solver: str
    sales_until: datetime | None = None
    fitted_at: datetime | None = None
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What is proposed for one offer, and everything that led to it.

    Attributes
    ----------
    in_force : price when the decision was made
    wanted : price the optimizer chose, before the guard rails
    allowed : price that may be published; equals `in_force` when kept or held
    floor, ceiling, ladder : the owner's bounds when the decision was made; the price book checks them once more
    reasons : in words a manager understands, the most important first
    now, then : expected outcome at the price in force and at the allowed price
    gain : of the allowed price over the one in force, every other price being as proposed, in what is maximised; the
        gains of offers that share a resource do not add up to that of the proposal, which has its own
    shadow_price : what one more unit of the offer's resource would earn [currency]
    unit_cost : cost of a unit that counts against its price [currency]; 0 where revenue is what is maximised
    explanation : alternatives and what stands in the way
    set_by : who set this price instead of the engine; None: the engine chose it
    override : number of the override that asked for it, which must stand when it is published; None: none did
    """

    offer: str
    channel: str
    currency: str
    in_force: Decimal
    wanted: Decimal
    allowed: Decimal
    floor: Decimal
    ceiling: Decimal
    ladder: Ladder
    verdict: Verdict
    reasons: tuple[str, ...]
    evidence: Evidence
    now: Outcome
    then: Outcome
    gain: Gain
    shadow_price: float = 0.0
    unit_cost: Decimal = Decimal(0)
    explanation: Explanation = UNEXPLAINED
    set_by: str | None = None
    override: int | None = None

    def __post_init__(self) -> None:
        if self.verdict is not Verdict.MOVE and self.allowed != self.in_force:
            raise ValueError(f"offer {self.offer}: a price that is kept or held stays as it is")

    @property
    def key(self) -> tuple[str, str]:
        """(offer, channel): what has exactly one price at any instant."""
        return self.offer, self.channel


@dataclass(frozen=True, slots=True)
class Proposal:
    """Decisions made together; published together or not at all. Expires at `expires_at`.

    Attributes
    ----------
    base_version : version of the book the decisions were made against; the proposal is stale once the book moved on,
        other than by parts of the same proposal
    gains : of all moves together, by currency and event, and by currency over all; only where a price moves
    """

    id: str
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    provenance: Provenance
    decisions: tuple[Decision, ...]
    base_version: int
    gains: tuple[TotalGain, ...] = ()

    def __post_init__(self) -> None:
        if not self.proposed_at < self.expires_at:
            raise ValueError(f"proposal {self.id}: it expires before it was made")
        if self.proposed_at.tzinfo is None or self.expires_at.tzinfo is None:
            raise ValueError(f"proposal {self.id}: its instants have no time zone")
        if len({decision.key for decision in self.decisions}) != len(self.decisions):
            raise ValueError(f"proposal {self.id}: an offer is decided twice")


class Standing(StrEnum):
    """How far a proposal has come."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    PUBLISHED = "published"
    SPLIT = "split"
    EXPIRED = "expired"
    STALE = "stale"


class Change(StrEnum):
    """What made a version of the book."""

    IMPORT = "import"
    PUBLISH = "publish"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Publication:
    """One version of the book, and who made it.

    Attributes
    ----------
    proposal : id of the proposal that was published, if one was
    undone : the version a rollback took back: it and all that followed it no longer count; or it alone, where its
        prices had not begun
    effective_at : when its prices begin; `at`, unless they are scheduled
    """

    version: int
    change: Change
    proposal: str | None
    undone: int | None
    by: str
    at: datetime
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class PriceInForce:
    """The price of an offer in a channel from `valid_from` until `valid_until` (None: until replaced), UTC.

    `version` is the publication that set it; `terms` are what else the price's reader must know (product, segment,
    event, list price), fixed at publication. `number` is its place in the book, None before it is recorded.
    """

    offer: str
    channel: str
    price: Decimal
    currency: str
    version: int
    valid_from: datetime
    valid_until: datetime | None
    terms: dict[str, str | None]
    number: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """(offer, channel): what has exactly one price at any instant."""
        return self.offer, self.channel
