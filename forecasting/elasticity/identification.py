"""Whether the data can tell how buyers react to the price, and why, in words.

Guarantees
----------
* A slope that may be zero or positive, or whose price shows no variation of its own, is never called identified.
* Where today's demand foretells tomorrow's price, or tomorrow's price today's demand, the price followed demand: the
  slope is at best weak (strict exogeneity: Wooldridge 2010, section 10.7; Su, Zhang and Wei 2016).
* What sales cannot show is said: a reaction of price to demand within the same period leaves no trace in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from forecasting.elasticity.cells import Panel
from forecasting.elasticity.errors import Error, jackknife
from forecasting.elasticity.feedback import ALARM_SINGLE, Feedback
from forecasting.elasticity.instruments import ALL_OF_IT, Instrumented
from forecasting.elasticity.panel import Fit, informative
from forecasting.elasticity.unusable import MISTAKEN, mistaken, rows, still, without_sales
from forecasting.elasticity.within import Codes, codes_of, demean
from pricing.demand import Identification

MIN_MOVES = 5
"""Distinct price moves below which there is too little to see."""
MIN_OWN = 0.01
"""Least standard deviation of log price beyond the effects: about one per cent of the price."""
MIN_FREE = 10
"""Cells beyond the number of effects and regressors below which a slope is not tried."""
ABSURD = -10.0
"""A slope below this is no buyers' reaction but another story, as a rule a cheaper price for large orders."""
MIXED = 0.2
"""Share of cells with several prices from which they are doubted."""
APART = 2.0
"""Standard errors beyond which slopes of the same instruments in units and in logs differ."""
GUESSED, MOSTLY_GUESSED = 0.25, 0.5
"""Share of cells without a row whose price is not known from which the slope is doubted, and refused."""
MIN_ROWS = 200
"""Cells with a past and a future below which the feedback test has little power."""
EXACT = 1e-5
"""Standard error below which a fit is exact, and its sales are no sales: planned, filled in or made up."""
_NOT_SETTLED = "The data do not settle on a number in {}."


@dataclass(frozen=True, slots=True)
class Estimate:
    """A slope before pooling, with its 95 % interval from t with so many degrees of freedom.

    `both_ways`: whether the error counts that rows of a stretch of time err alike.
    """

    slope: float
    se: float
    lower: float
    upper: float
    clusters: int
    freedom: float
    both_ways: bool = False

    @classmethod
    def of(cls, fit: Fit, clusters: Codes, shared: Codes | None = None) -> "Estimate":
        """Jackknifed over the clusters of the rows the fit kept, and over those that all units share."""
        kept, both = codes_of(clusters[fit.kept]), None if shared is None else codes_of(shared[fit.kept])
        error = jackknife(fit, kept, both) if fit.usable else Error(np.inf, 1.0)
        return cls.with_error(
            fit.slope, error.se, int(kept.max(initial=-1)) + 1, error.freedom, both_ways=error.both_ways
        )

    @classmethod
    def with_error(
        cls, slope: float, se: float, clusters: int, freedom: float | None = None, *, both_ways: bool = False
    ) -> "Estimate":
        """A slope whose standard error rests on this many clusters, by default one more than the degrees of freedom."""
        free = max(clusters - 1 if freedom is None else freedom, 1.0)
        half = se * float(stdtrit(free, 0.975))
        return cls(slope, se, slope - half, slope + half, clusters, free, both_ways)

    @property
    def spread(self) -> float:
        """Standard deviation of the normal with the same 95 % interval."""
        return (self.upper - self.lower) / (2 * 1.959964)

    @property
    def imprecise(self) -> bool:
        """Whether the interval is wider than the slope itself."""
        return self.upper - self.lower > abs(self.slope)

    def excludes(self, other: "Estimate") -> bool:
        """Whether the intervals have nothing in common."""
        return self.lower > other.upper or self.upper < other.lower


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status, one plain sentence or two why, and whether the slope may speak for other groups."""

    status: Identification
    reason: str
    credible: bool = False
    followed: bool = False
    """Whether the price was seen to follow demand."""
    tested: bool = True
    """Whether there were enough rows to see if the price followed demand."""
    test: Feedback | None = None


def own_variation(panel: Panel) -> float:
    """Standard deviation of log price beyond the effects and the other regressors."""
    if not len(panel):
        return 0.0
    ones = np.ones(len(panel))
    within = demean(panel.columns, panel.factors, ones, tolerance=1e-6)
    others = within[:, 1:]
    rest = within[:, 0] - others @ np.linalg.lstsq(others, within[:, 0], rcond=1e-9)[0] if others.shape[1] else within
    return float(np.sqrt(np.mean(rest**2)))


def too_little(panel: Panel, own: float) -> Verdict | None:
    """The verdict on a panel that no fit can help: nothing sold, prices of two kinds, or a price without own moves."""
    refused = Identification.NOT_IDENTIFIED
    if why := without_sales(panel):
        return Verdict(refused, why)
    if not panel.moves:
        return Verdict(refused, still(panel, absorbed=own < MIN_OWN))
    if (wrong := mistaken(panel)) > 0:
        return Verdict(
            refused,
            f"In {rows(wrong)} the price is more than {MISTAKEN:.0f} times above or below what the same thing "
            "usually costs: put right what is in cents, by the pack or given away, or leave it out.",
        )
    if own < MIN_OWN:
        return Verdict(
            refused,
            f"The price hardly moved on its own: it changed on {_dates(panel.moves)}, but by only {own:.1%} beyond "
            f"what season, product and other effects and controls explain; at least {MIN_OWN:.0%} is needed.",
        )
    if panel.moves < MIN_MOVES:
        why = f"The price moved too seldom: it changed on {_dates(panel.moves)}; at least {MIN_MOVES} are needed."
        return Verdict(refused, why, credible=panel.own_moves >= MIN_MOVES)
    return _too_few(panel)


def _too_few(panel: Panel) -> Verdict | None:
    refused = Identification.NOT_IDENTIFIED
    if panel.guessed > MOSTLY_GUESSED:
        return Verdict(
            refused,
            f"On {panel.guessed:.0%} of the dates nothing was sold and the table has no row, while the price changed: "
            "add rows with a quantity of 0 and the price of the day.",
        )
    levels = _estimated(panel.factors, panel.columns.shape[1])
    if len(panel) - levels < MIN_FREE:
        why = f"Too few data: {rows(len(panel))} for {levels} numbers to estimate."
        return Verdict(refused, why, credible=True)
    return None


def assess(panel: Panel, estimate: Estimate, test: Feedback | None, rival: Estimate | None = None) -> Verdict:
    """The rule for a slope from sales alone: sign, feedback, then precision.

    Parameters
    ----------
    rival : the same slope by least squares in logs, where counts are high enough for it
    """
    return replace(_ruled(panel, estimate, test, rival), test=test)


def _ruled(panel: Panel, estimate: Estimate, test: Feedback | None, rival: Estimate | None) -> Verdict:
    if refusal := _unsettled(panel, estimate) or _refusal(estimate, test):
        return refusal
    doubts, alarm = _doubts(panel, estimate, test, rival), test is not None and test.alarm
    if doubts:
        tested = test is not None and test.rows >= MIN_ROWS
        return Verdict(Identification.WEAK, with_care(doubts), not alarm, alarm, tested)
    return Verdict(Identification.IDENTIFIED, _identified(panel, estimate), credible=True)


def assess_instrumented(
    found: Instrumented, test: Feedback | None = None, rival: Instrumented | None = None
) -> tuple[Verdict, Estimate | None]:
    """The rule for a slope with instruments: what they are, their strength, sign, agreement, then precision.

    Where they are not strong the interval is the region of Anderson and Rubin, and if that has no end or reaches 0
    there is no estimate.

    Parameters
    ----------
    test : whether what the instruments did to the price followed demand
    rival : of a slope in units the same in logs, where counts are high enough for it
    """
    verdict, estimate = _ruled_instrumented(found, test, rival)
    return replace(verdict, test=test), estimate


def _no_instruments(found: Instrumented) -> str:
    """Why the instruments give no slope; empty where they give one."""
    if not found.rows:
        return "No row is left to learn from: each sold out, or sold nothing."
    if found.explained >= ALL_OF_IT:
        return (
            f"The instruments explain {found.explained:.0%} of what the price did on its own: they are the price, or "
            "all that sets it, and with them the number would be that of the sales alone, unchecked. Leave "
            "--instruments out: then it is checked whether price followed demand."
        )
    if np.isfinite(found.se):
        return _exact(found.slope, found.se)
    if found.explained > 0:
        return _NOT_SETTLED.format(rows(found.rows))
    return f"The instruments do not move the price in {rows(found.rows)}."


def _ruled_instrumented(
    found: Instrumented, test: Feedback | None, rival: Instrumented | None
) -> tuple[Verdict, Estimate | None]:
    refused = Identification.NOT_IDENTIFIED
    if why := _no_instruments(found):
        return Verdict(refused, why), None
    estimate = Estimate.with_error(found.slope, found.se, found.clusters)
    fit = f"the numbers that fit the sales: {found.region}"
    force = f"effective F {found.first_stage:.1f}, {found.needed:.1f} is needed"
    strength = f"the instruments hardly move the price ({force}; {fit})"
    if not found.strong:
        if not found.region.bounded or found.region.upper >= 0:
            return Verdict(refused, strength[0].upper() + strength[1:] + "."), None
        estimate = replace(estimate, lower=found.region.lower, upper=found.region.upper)
    if estimate.lower > 0:
        why = f"With what the instruments did to the price, dearer went with more sales ({_interval(estimate)})"
        return Verdict(refused, f"{why}: they touch demand themselves."), estimate
    if estimate.upper >= 0:
        return Verdict(refused, f"Too uncertain: {_no_reaction(estimate)}.", credible=True), estimate
    doubts = ([] if found.strong else [strength]) + _disagreement(found, rival) + _imprecise(estimate)
    followed = test is not None and test.alarm
    if test is not None and followed:
        doubts.append(f"the instruments partly followed demand, {_in_truth(test)}")
    if doubts:
        return Verdict(Identification.WEAK, with_care(doubts), found.strong and not followed), estimate
    reason = (
        f"The instruments move the price (effective F {found.first_stage:.0f}) and sales answered. That they touch "
        "demand only through the price is taken on trust: sales cannot show it."
    )
    return Verdict(Identification.IDENTIFIED, reason, credible=True), estimate


def _disagreement(found: Instrumented, rival: Instrumented | None) -> list[str]:
    if found.contradiction is not None and found.contradiction < ALARM_SINGLE:
        return [f"the instruments contradict each other (p = {found.contradiction:.4f}), so some of them touch demand"]
    if found.limited is not None and abs(found.limited - found.slope) > found.se:
        return [f"two ways to use the instruments differ ({found.slope:+.2f} and {found.limited:+.2f})"]
    if rival and rival.strong and abs(rival.slope - found.slope) > APART * max(rival.se, found.se):
        return [f"two ways to use the instruments differ ({found.slope:+.2f} in units, {rival.slope:+.2f} in logs)"]
    return []


def _unsettled(panel: Panel, estimate: Estimate) -> Verdict | None:
    settled = np.isfinite(estimate.lower) and np.isfinite(estimate.upper)
    why = _exact(estimate.slope, estimate.se) if settled else _NOT_SETTLED.format(rows(len(panel)))
    return Verdict(Identification.NOT_IDENTIFIED, why) if why else None


def _exact(slope: float, se: float) -> str:
    """Why a slope without an error is no estimate; empty where it has one."""
    if se > EXACT * max(1.0, abs(slope)):
        return ""
    return "Price and effects account for the sales without any error, as they never do: planned, filled in or made up?"


def with_care(doubts: list[str]) -> str:
    """The reason of a weak estimate."""
    return "Use with care: " + "; ".join(doubts) + "."


def _no_reaction(estimate: Estimate) -> str:
    return f"the sales fit with no reaction to price at all ({_interval(estimate)})"


def _interval(estimate: Estimate) -> str:
    return f"{estimate.slope:+.2f}, 95 % interval {estimate.lower:+.2f} to {estimate.upper:+.2f}"


def _imprecise(estimate: Estimate) -> list[str]:
    said = f"the number is imprecise ({estimate.lower:+.2f} to {estimate.upper:+.2f})"
    return [said] if estimate.imprecise else []


def _refusal(estimate: Estimate, test: Feedback | None) -> Verdict | None:
    refused = Identification.NOT_IDENTIFIED
    followed = f"Price followed demand: it was {_moved(test, estimate)}, so sales cannot show how buyers react"
    if estimate.slope < ABSURD:
        why = "as a rule because large orders got a lower price, not because buyers reacted to it"
        return Verdict(refused, f"The number is absurd ({_interval(estimate)}): {why}.")
    if estimate.lower > 0:
        return Verdict(refused, f"{followed} (dearer went with more sales: {_interval(estimate)}).", followed=True)
    if test is not None and test.swamps(estimate.slope):
        return Verdict(
            refused,
            f"{followed} (later prices already show in today's sales: {test.lead.coefficient:+.2f}).",
            followed=True,
        )
    if estimate.upper >= 0 and test is not None and test.alarm:
        return Verdict(refused, f"{followed} ({_interval(estimate)}).", followed=True)
    if estimate.upper >= 0:
        return Verdict(refused, f"Too uncertain: {_no_reaction(estimate)}.", credible=True)
    return None


def _moved(test: Feedback | None, estimate: Estimate) -> str:
    """How the price followed demand, in words."""
    if test is not None and test.stock:
        return "raised when less was left to sell than expected"
    lowered = test is not None and test.alarm and not test.raised and estimate.lower <= 0
    return f"{'lowered' if lowered else 'raised'} when demand was strong"


def _in_truth(test: Feedback) -> str:
    """Which way a slope is off that is made from prices that followed demand."""
    return f"so buyers may be {'more' if test.raised else 'less'} price sensitive than this"


def _doubts(panel: Panel, estimate: Estimate, test: Feedback | None, rival: Estimate | None) -> list[str]:
    doubts = []
    if rival is not None and rival.excludes(estimate):
        doubts.append(
            f"the answer depends on what counts: {estimate.slope:+.2f} where each unit counts alike, "
            f"{rival.slope:+.2f} where each row does, so buyers in large and small rows differ, and one number does "
            "not hold for all"
        )
    if test is not None and test.alarm:
        what = "what was left to sell" if test.stock else "demand"
        doubts.append(f"prices partly followed {what}, {_in_truth(test)}")
    doubts += _imprecise(estimate)
    if panel.mixed > MIXED:
        doubts.append(
            f"on {panel.mixed:.0%} of the dates buyers paid different prices, and a discount for large orders looks "
            "like price sensitivity"
        )
    if panel.guessed > GUESSED:
        doubts.append(
            f"on {panel.guessed:.0%} of the dates nothing was sold and the price is not known; rows with a quantity of "
            "0 would tell it"
        )
    if test is None or test.rows < MIN_ROWS:
        known = 0 if test is None else test.rows
        doubts.append(f"only {known} of the {MIN_ROWS} rows needed to check whether price followed demand")
    return doubts


def _identified(panel: Panel, estimate: Estimate) -> str:
    return (
        f"The price changed on {_dates(panel.moves)} and sales answered; no sign that price followed demand. A "
        "reaction of price to demand within the same period cannot be seen in sales; something unseen would have to "
        f"explain {robustness(estimate, freedom(panel)):.0%} of what is left of both price and demand to explain this "
        "away."
    )


def robustness(estimate: Estimate, freedom: int) -> float:
    """Share of the remaining variation of both price and demand an unseen cause must explain to bring the slope to 0.

    Cinelli and Hazlett (2020), equation 18 with q = 1.

    Parameters
    ----------
    freedom : residual degrees of freedom
    """
    squared = (estimate.slope / estimate.se) ** 2 / max(freedom, 1)
    return float((np.sqrt(squared**2 + 4 * squared) - squared) / 2)


def freedom(panel: Panel) -> int:
    """Cells that tell something, less the numbers estimated from them."""
    kept = informative(panel.quantity, panel.factors)
    return int(kept.sum()) - _estimated([codes_of(factor[kept]) for factor in panel.factors], panel.columns.shape[1])


def _estimated(factors: Sequence[Codes], columns: int) -> int:
    """Levels of the effects, and coefficients."""
    return sum(int(factor.max(initial=0)) for factor in factors) + 1 + columns


def _dates(n: int) -> str:
    return "1 date" if n == 1 else f"{n} dates"
