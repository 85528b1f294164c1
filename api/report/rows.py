"""One row of a price table: what was decided for an offer, its reason, its gain and its risk.

Guarantees
----------
* Every price carries its reason in its row; one held back, kept or stopped by a guard rail says so with a chip.
* An offer nothing was decided for is shown, and says that nothing is known of it yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from api.report.gain import Gain, gains
from api.report.numbers import typeset
from api.report.whys import Whys, whys
from pricing.book import Decision, Verdict
from pricing.demand import Identification
from pricing.explain import STOPPED
from pricing.model import ALL, Offer
from pricing.outcome import TotalGain

NOTHING_KNOWN = "Nothing is known of its demand yet, so the price stays as it is."


@dataclass(frozen=True, slots=True)
class Chip:
    """A state, as icon and word; `kind` is ok, warn, bad, info or empty."""

    kind: str
    icon: str
    text: str


READY = Chip("info", "check", "Ready")
HELD = Chip("warn", "pause", "Held: you decide")
KEPT = Chip("", "check", "No change")
CAPPED = Chip("info", "cap", "Stopped by a guard rail")
UNKNOWN = Chip("", "q", "No forecast")


@dataclass(frozen=True, slots=True)
class PriceRow:
    """What is proposed for one offer.

    Attributes
    ----------
    audience : segment and channel, where there are several
    sold, left : units sold so far, and left to sell on what the offer draws on (None: not counted)
    recommended : the allowed price, or None where the price does not move
    gain, gain_low, gain_high : expected difference, in what is maximised, and its 80 % interval [currency]
    of_twenty : of 20 equally likely outcomes, how many earn less; None where the price does not move
    evidence : None where nothing was decided
    whys : what it rests on and what else could have been done; None where nothing was decided
    """

    product: str
    audience: str
    currency: str
    sold: float
    left: float | None
    now: Decimal
    recommended: Decimal | None
    floor: Decimal
    ceiling: Decimal
    reasons: tuple[str, ...]
    chip: Chip | None
    gain: float
    gain_low: float
    gain_high: float
    of_twenty: int | None
    evidence: Identification | None
    whys: Whys | None

    @property
    def change(self) -> float:
        """Relative change of the price."""
        return float(self.recommended / self.now) - 1 if self.recommended else 0.0

    def along(self, price: Decimal) -> float:
        """Where a price lies between floor and ceiling [% of the track]; outside them at its ends."""
        span = self.ceiling - self.floor
        share = float((price - self.floor) / span) if span else 0.5
        return round(4 + 92 * min(max(share, 0.0), 1.0), 2)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many prices move, are held, and stay."""

    moving: int
    held: int
    total: int

    @classmethod
    def of(cls, rows: Sequence[PriceRow]) -> "Tally":
        """Count them; an offer nothing is known of counts as staying."""
        return cls(
            sum(row.recommended is not None for row in rows),
            sum(row.chip is HELD for row in rows),
            len(rows),
        )

    @property
    def chip(self) -> Chip:
        """The one thing to know about a group of prices."""
        if self.moving:
            return Chip(READY.kind, READY.icon, f"{self.moving} ready")
        return Chip(HELD.kind, HELD.icon, f"{self.held} held") if self.held else KEPT


@dataclass(frozen=True, slots=True)
class Priced:
    """Offers with their rows, and the decisions on them.

    Attributes
    ----------
    totals : what all moves of the proposal gain together
    event : the event whose offers these are; None for all
    """

    offers: tuple[Offer, ...]
    rows: tuple[PriceRow, ...]
    decisions: tuple[Decision, ...]
    totals: tuple[TotalGain, ...]
    event: str | None = None

    @classmethod
    def of(
        cls,
        offers: Sequence[Offer],
        decisions: Sequence[Decision],
        sold: Mapping[tuple[str, str, str], float],
        left: Mapping[str, float],
        totals: Sequence[TotalGain],
    ) -> "Priced":
        """Build a row per offer.

        Parameters
        ----------
        decisions, totals : of the proposal
        sold : by (event, product, segment) [units]
        left : by resource [units]
        """
        by_key = {decision.key: decision for decision in decisions}
        decided = [by_key.get((offer.id, offer.channel)) for offer in offers]
        rows = [
            _row(offer, decision, sold.get((offer.event, *offer.key), 0.0), left)
            for offer, decision in zip(offers, decided, strict=True)
        ]
        return cls(tuple(offers), tuple(rows), tuple(decision for decision in decided if decision), tuple(totals))

    def of_event(self, event: str) -> "Priced":
        """The offers of one event, or those without one."""
        pairs = [(offer, row) for offer, row in zip(self.offers, self.rows, strict=True) if offer.event == event]
        keys = {(offer.id, offer.channel) for offer, _ in pairs}
        return replace(
            self,
            offers=tuple(offer for offer, _ in pairs),
            rows=tuple(row for _, row in pairs),
            decisions=tuple(decision for decision in self.decisions if decision.key in keys),
            event=event,
        )

    @property
    def gains(self) -> tuple[Gain, ...]:
        """What the moves are expected to gain, by currency."""
        return gains(self.totals, self.event)

    @property
    def tally(self) -> Tally:
        """How many prices move."""
        return Tally.of(self.rows)


def _row(offer: Offer, decision: Decision | None, sold: float, left: Mapping[str, float]) -> PriceRow:
    moves = decision is not None and decision.verdict is Verdict.MOVE
    return PriceRow(
        product=offer.product if offer.event != ALL else offer.id,
        audience=" · ".join(part for part in (offer.segment, offer.channel) if part != ALL),
        currency=offer.currency,
        sold=sold,
        left=left.get(offer.resource or ""),
        now=decision.in_force if decision else offer.current_price,
        recommended=decision.allowed if decision and moves else None,
        floor=offer.floor,
        ceiling=offer.ceiling,
        reasons=tuple(map(typeset, decision.reasons)) if decision else (NOTHING_KNOWN,),
        chip=_chip(decision),
        gain=decision.gain.expected if decision else 0.0,
        gain_low=decision.gain.low if decision else 0.0,
        gain_high=decision.gain.high if decision else 0.0,
        of_twenty=round(20 * decision.gain.loss_probability) if decision and moves else None,
        evidence=decision.evidence.status if decision else None,
        whys=whys(decision) if decision else None,
    )


def _chip(decision: Decision | None) -> Chip | None:
    if decision is None:
        return UNKNOWN
    if decision.verdict is not Verdict.MOVE:
        return HELD if decision.verdict is Verdict.HELD else KEPT
    return CAPPED if any(reason.startswith(STOPPED) for reason in decision.reasons) else None
