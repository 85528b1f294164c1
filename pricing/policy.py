"""What the owner allows.

Guarantees
----------
* Policy is one frozen object; it cannot hold a share outside (0, 1] or an order rule that contradicts itself.
"""

from dataclasses import dataclass
from decimal import Decimal

from pricing.problem import Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Limits on what the engine may propose and publish.

    Attributes
    ----------
    objective : what is maximised; margin is revenue where nothing costs anything per unit
    step : largest move per run, as a fraction of the price in force
    weak_step : the same where the evidence is weak
    daily_cap : largest total move within 24 hours, as a fraction of the price in force at their start
    confidence : a price moves only if the move earns more in at least this share of posterior draws
    min_margin : least (price - unit cost) / price; None for no such rule
    segment_order : pairs (lower, upper) of segments: of one product, event and channel the lower never costs more
    expiry_hours : a proposal not published by then lapses [hours]
    horizon_days : how far ahead goods without an event are planned [days]
    """

    objective: Objective = Objective.MARGIN
    step: Decimal = Decimal("0.10")
    weak_step: Decimal = Decimal("0.05")
    daily_cap: Decimal = Decimal("0.15")
    confidence: float = 0.6
    min_margin: Decimal | None = None
    segment_order: tuple[tuple[str, str], ...] = ()
    expiry_hours: float = 24.0
    horizon_days: int = 28

    def __post_init__(self) -> None:
        shares = {"step": self.step, "weak_step": self.weak_step, "daily_cap": self.daily_cap}
        problems = [f"{name} {share} is not in (0, 1]" for name, share in shares.items() if not 0 < share <= 1]
        if not 0 <= self.confidence < 1:
            problems.append(f"confidence {self.confidence} is not in [0, 1)")
        if self.min_margin is not None and not 0 <= self.min_margin < 1:
            problems.append(f"min_margin {self.min_margin} is not in [0, 1)")
        if not (self.expiry_hours > 0 and self.horizon_days > 0):
            problems.append("expiry_hours and horizon_days must be positive")
        if any(lower == upper or (upper, lower) in self.segment_order for lower, upper in self.segment_order):
            problems.append("segment_order contradicts itself")
        if problems:
            raise ValueError("; ".join(problems))
