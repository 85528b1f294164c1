"""What the owner allows.

Guarantees
----------
* Policy is one frozen object; it cannot hold a share outside (0, 1], an order rule that contradicts itself, or settings
  of a mode that is not on.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

from pricing.problem import Measure, Objective

LONGEST_EXPIRY = 24.0 * 31
"""What was decided a month ago was decided about another market [hours]."""
LONGEST_HORIZON = 730
LONGEST_MEMORY = 3650
"""Of anything counted in days back from now [days]."""
WIDEST_BAND = 100
_ENDING = re.compile(r"\d*\.?\d+", re.ASCII)


class Mode(StrEnum):
    """How a proposal becomes a price (docs/guardrails.md)."""

    MANUAL = "manual"
    AUTOMATIC = "automatic"
    DISCOUNT_ONLY = "discount-only"
    SHADOW = "shadow"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Limits on what the engine may propose and publish.

    Attributes
    ----------
    objective : what is maximised; margin is revenue where nothing costs anything per unit
    step : largest move per run, as a fraction of the price in force
    weak_step : the same where the evidence is weak
    daily_cap : largest distance from any price in force within the last 24 hours, as a fraction of that price
    cumulative_cap : the same for the last `cumulative_days`
    cumulative_days : how far back prices in force count for it [days]
    band : largest factor between a price and the usual one, the median over the last 90 days
    confidence : a price moves only if that is expected to earn more, and does in at least this share of posterior draws
    risk : "mean" maximises what is earned on average over all outcomes, "cvar" the average of the worst of them, of
        what is priced together: offers that share a resource or an order
    risk_alpha : which share of outcomes counts as the worst, where risk is "cvar"
    min_margin : least (price - unit cost) / price; None for no such rule
    segment_order : pairs (lower, upper) of segments: of one product, event and channel the lower never costs more
    product_order : pairs (lower, upper) of products, such as rear and front seats: for one segment, event and channel
        the lower never costs more
    endings : how prices may end, such as ".99" or ".50"; empty for no such rule
    expiry_hours : a proposal not published by then lapses [hours]
    horizon_days : how far ahead goods without an event are planned [days]
    breaker : largest share of the offers on sale whose price may move within 24 hours without a person who has seen how
        many they are
    breaker_least : so many offers may move in any case, so that a small catalogue can be priced at once [offers]
    sales_age_days : prices are held while the newest sales are older; a month counts from its begin [days]
    fit_age_days : prices are held while the model was fitted longer ago [days]
    mode : "manual" (a second person approves), "automatic" (small moves on identified evidence approve themselves),
        "discount-only" (no price rises), "shadow" (nothing is approved or published), or "emergency" (prices are capped
        at those before it)
    automatic_step : largest move that approves itself, as a fraction of the price in force
    emergency_since : when the emergency began, an instant with its zone; needed in mode emergency, and only there
    emergency_cap : how far a price may lie above the one in force then, as a fraction of that
    """

    objective: Objective = Objective.MARGIN
    step: Decimal = Decimal("0.10")
    weak_step: Decimal = Decimal("0.05")
    daily_cap: Decimal = Decimal("0.15")
    cumulative_cap: Decimal = Decimal("0.50")
    cumulative_days: int = 28
    band: Decimal = Decimal(2)
    confidence: float = 0.6
    risk: Measure = Measure.MEAN
    risk_alpha: float = 0.2
    min_margin: Decimal | None = None
    segment_order: tuple[tuple[str, str], ...] = ()
    product_order: tuple[tuple[str, str], ...] = ()
    endings: tuple[str, ...] = ()
    expiry_hours: float = 24.0
    horizon_days: int = 28
    breaker: Decimal = Decimal("0.75")
    breaker_least: int = 10
    sales_age_days: int = 62
    fit_age_days: int = 35
    mode: Mode = Mode.MANUAL
    automatic_step: Decimal = Decimal("0.05")
    emergency_since: datetime | None = None
    emergency_cap: Decimal = Decimal("0.10")

    def __post_init__(self) -> None:
        shares = [*self._shares()]
        if problems := [*shares, *([] if shares else self._contradictions()), *self._ranges(), *self._words()]:
            raise ValueError("; ".join(problems))

    def _shares(self) -> Iterator[str]:
        for name in ("step", "weak_step", "daily_cap", "cumulative_cap", "breaker", "automatic_step"):
            share = getattr(self, name)
            if not (share.is_finite() and 0 < share <= 1):
                yield f"{name} {share} is not in (0, 1]"

    def _contradictions(self) -> Iterator[str]:
        """Settings that cannot hold together."""
        if self.weak_step > self.step:
            yield f"weak_step {self.weak_step} is larger than step {self.step}"
        if self.mode is Mode.AUTOMATIC and self.automatic_step > self.step:
            yield f"mode automatic with automatic_step {self.automatic_step} larger than step {self.step}"
        if self.mode is Mode.EMERGENCY and self.emergency_since is None:
            yield "mode emergency without emergency_since"
        if self.mode is not Mode.EMERGENCY and self.emergency_since is not None:
            yield f"emergency_since with mode {self.mode}"

    def _ranges(self) -> Iterator[str]:
        margin = self.min_margin
        kept = {
            "confidence": ("[0, 1)", 0 <= self.confidence < 1),
            "risk_alpha": ("(0, 1]", 0 < self.risk_alpha <= 1),
            "min_margin": ("[0, 1)", margin is None or (margin.is_finite() and 0 <= margin < 1)),
            "expiry_hours": (f"(0, {LONGEST_EXPIRY:.0f}]", 0 < self.expiry_hours <= LONGEST_EXPIRY),
            "horizon_days": (f"(0, {LONGEST_HORIZON}]", 0 < self.horizon_days <= LONGEST_HORIZON),
            "band": (f"(1, {WIDEST_BAND}]", self.band.is_finite() and 1 < self.band <= WIDEST_BAND),
            "emergency_cap": ("[0, 1]", self.emergency_cap.is_finite() and 0 <= self.emergency_cap <= 1),
            "breaker_least": ("[1, ...)", self.breaker_least >= 1),
        }
        days = ("cumulative_days", "sales_age_days", "fit_age_days")
        kept |= {name: (f"[1, {LONGEST_MEMORY}]", 1 <= getattr(self, name) <= LONGEST_MEMORY) for name in days}
        return (f"{name} {getattr(self, name)} is not in {range_}" for name, (range_, fine) in kept.items() if not fine)

    def _words(self) -> Iterator[str]:
        if self.emergency_since is not None and self.emergency_since.tzinfo is None:
            yield f"emergency_since {self.emergency_since} has no time zone"
        for name in ("segment_order", "product_order"):
            if circle := _circle(getattr(self, name)):
                yield f"{name} contradicts itself: {' < '.join(circle)}"
        for end in self.endings:
            if not _ENDING.fullmatch(end):
                yield f"endings: {end!r} is not how a price ends"


def _circle(pairs: tuple[tuple[str, str], ...]) -> list[str]:
    """Names each to be cheaper than the next, the last being the first again; empty if there are none."""
    order = TopologicalSorter[str]()
    for lower, upper in pairs:
        order.add(upper, lower)
    try:
        order.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
