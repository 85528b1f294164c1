"""What the owner allows.

Guarantees
----------
* Policy is one frozen object; it cannot hold a share outside (0, 1] or an order rule that contradicts itself.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter

from pricing.problem import Measure, Objective

LONGEST_EXPIRY = 24.0 * 31
"""What was decided a month ago was decided about another market [hours]."""
LONGEST_HORIZON = 730
_ENDING = re.compile(r"\d*\.?\d+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Limits on what the engine may propose and publish.

    Attributes
    ----------
    objective : what is maximised; margin is revenue where nothing costs anything per unit
    step : largest move per run, as a fraction of the price in force
    weak_step : the same where the evidence is weak
    daily_cap : largest distance from any price in force within the last 24 hours, as a fraction of that price
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
    """

    objective: Objective = Objective.MARGIN
    step: Decimal = Decimal("0.10")
    weak_step: Decimal = Decimal("0.05")
    daily_cap: Decimal = Decimal("0.15")
    confidence: float = 0.6
    risk: Measure = Measure.MEAN
    risk_alpha: float = 0.2
    min_margin: Decimal | None = None
    segment_order: tuple[tuple[str, str], ...] = ()
    product_order: tuple[tuple[str, str], ...] = ()
    endings: tuple[str, ...] = ()
    expiry_hours: float = 24.0
    horizon_days: int = 28

    def __post_init__(self) -> None:
        shares = {"step": self.step, "weak_step": self.weak_step, "daily_cap": self.daily_cap}
        problems = [
            f"{name} {share} is not in (0, 1]"
            for name, share in shares.items()
            if not (share.is_finite() and 0 < share <= 1)
        ]
        if not problems and self.weak_step > self.step:
            problems.append(f"weak_step {self.weak_step} is larger than step {self.step}")
        if not 0 <= self.confidence < 1:
            problems.append(f"confidence {self.confidence} is not in [0, 1)")
        if not 0 < self.risk_alpha <= 1:
            problems.append(f"risk_alpha {self.risk_alpha} is not in (0, 1]")
        if self.min_margin is not None and not (self.min_margin.is_finite() and 0 <= self.min_margin < 1):
            problems.append(f"min_margin {self.min_margin} is not in [0, 1)")
        if not 0 < self.expiry_hours <= LONGEST_EXPIRY:
            problems.append(f"expiry_hours {self.expiry_hours} is not in (0, {LONGEST_EXPIRY:.0f}]")
        if not 0 < self.horizon_days <= LONGEST_HORIZON:
            problems.append(f"horizon_days {self.horizon_days} is not in (0, {LONGEST_HORIZON}]")
        problems += [
            f"{name} contradicts itself: {' < '.join(circle)}"
            for name in ("segment_order", "product_order")
            if (circle := _circle(getattr(self, name)))
        ]
        problems += [f"endings: {end!r} is not how a price ends" for end in self.endings if not _ENDING.fullmatch(end)]
        if problems:
            raise ValueError("; ".join(problems))


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
