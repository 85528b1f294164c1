"""What was expected at the prices in force against what was sold, and what to do about it.

Guarantees
----------
* The expectation is the one the prices were decided on, written with the fit as data: nothing is fitted again here.
* A part of the horizon is held against its own part of the expectation: days that have not passed, days without a price
  and days after a sell-out count for neither side.
* An interval is one of sales, not of their mean: draws from the posterior, chance in counting, and what days differ by
  beyond it.
* An alarm is raised wrongly for at most `FALSE_ALARM` of fits, over all days and all groups together (see
  `pricing.drift`); half of that is for the fit as a whole, half is shared among the groups.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from pricing.drift import evidence
from pricing.model import ALL
from pricing.outcome import Span

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Key = tuple[str, str, str, str]
"""(event, product, segment, channel)"""

DRAWS = 400
"""From the posterior."""
FALSE_ALARM = 0.05
STEEPEST = -10.0
"""No draw of an elasticity is steeper, however little is known of it."""
COMMON_NOISE = 0.01
"""No day is foreseen better than to 10 %, however many kinds of buyers are added up (0.01 = 0.1 ** 2)."""
FIT = "everything"
"""What the group of all offers is called."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a fit expects to sell to one kind of buyer, day by day.

    Attributes
    ----------
    mean : at the price `reference`, over all of `shares` [units]
    spread : standard deviation of the log of its level, which stays as it is all along
    reference : [currency]
    elasticity, se : posterior mean and standard deviation of d ln(units) / d ln(price)
    noise : squared coefficient of variation of a day's demand around its mean, beyond chance in counting
    first : the day of the first share, in the owner's zone
    shares : share of `mean` on each day; they add up to 1, or there are none
    """

    event: str
    product: str
    segment: str
    channel: str
    mean: float
    spread: float
    reference: float
    elasticity: float
    se: float
    noise: float
    first: date
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        finite = np.isfinite([self.mean, self.spread, self.elasticity, self.se, self.noise, *self.shares]).all()
        if not (finite and min(self.mean, self.spread, self.se, *self.shares) >= 0 and self.noise > 0):
            raise ValueError(f"expectation of {self.key}: a number is negative, missing or infinite")
        if not 0 < self.reference < np.inf:
            raise ValueError(f"expectation of {self.key}: reference price {self.reference}")

    @property
    def key(self) -> Key:
        """Whom it is about."""
        return self.event, self.product, self.segment, self.channel


@dataclass(frozen=True, slots=True)
class Spell:
    """One price of one offer while it was in force, since the fit.

    Attributes
    ----------
    since : when the price took effect, or the fit began to look ahead, whichever is later
    in_force : whether it still is
    exposure : (days,) units that would have been wanted at the reference price, in the part of each day it was in force
    sold : (days,) net units
    revenue : [currency]
    otherwise : units of them that were paid with another price
    """

    offer: str
    channel: str
    currency: str
    price: Decimal
    since: datetime
    in_force: bool
    expectation: Expectation
    exposure: Vector = field(repr=False)
    sold: Vector = field(repr=False)
    revenue: float
    otherwise: float = 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Expected against realised; the interval is 80 %.

    Attributes
    ----------
    residual : (realised - expected) / standard deviation
    p_value : chance of being at least so far off on either side, if all is as expected
    """

    expected: Span
    realised: float
    residual: float
    p_value: float

    @classmethod
    def of(cls, draws: Vector, realised: float) -> "Comparison":
        """Of (draws,) possible outcomes and what came."""
        spread = float(draws.std())
        residual = (realised - float(draws.mean())) / spread if spread > 0 else 0.0
        low, high = ((side.sum() + 1) / (len(draws) + 1) for side in (draws <= realised, draws >= realised))
        return cls(Span.of(draws), realised, residual, float(min(1.0, 2 * low, 2 * high)))


@dataclass(frozen=True, slots=True)
class OfferOutcome:
    """How an offer has sold since its price took effect; `alarm` is what to do, in words, empty if nothing is wrong."""

    offer: str
    channel: str
    currency: str
    price: Decimal
    since: datetime
    units: Comparison
    revenue: Comparison
    otherwise: float
    alarm: str


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """How a group of offers has sold since the fit.

    Attributes
    ----------
    kind : "fit", "product and segment", "product", "segment" or "event"
    evidence : factor by which "something changed" explains the sales better than "all is as expected", at its highest;
        None for kinds that are not tested
    alarm : what to do, in words; empty if nothing is wrong
    """

    kind: str
    name: str
    units: Comparison
    evidence: float | None
    alarm: str


@dataclass(frozen=True, slots=True)
class Learned:
    """What sales tell about a fit; `alarms` are those of its groups."""

    offers: tuple[OfferOutcome, ...]
    groups: tuple[GroupOutcome, ...]

    @property
    def alarms(self) -> tuple[str, ...]:
        """What is wrong and what to do, the whole fit first."""
        return tuple(group.alarm for group in self.groups if group.alarm)


def learn(spells: Sequence[Spell], *, whole: slice, rng: np.random.Generator) -> Learned:
    """Compare what was expected with what was sold.

    Parameters
    ----------
    whole : the days that count from begin to end; others count for offers, not for groups and alarms, as nobody knows
        at which hours buyers come
    """
    spells = [spell for spell in spells if spell.exposure.sum() > 0]
    if not spells:
        return Learned((), ())
    factors = _factors(spells, rng)
    groups = tuple(_groups(spells, factors, whole, rng))
    alarms = {group.name: group.alarm for group in groups if group.alarm}
    offers = [
        _offer(spell, factor, alarms.get(_pair(spell)) or alarms.get(FIT) or "", rng)
        for spell, factor in zip(spells, factors, strict=True)
        if spell.in_force
    ]
    return Learned(tuple(sorted(offers, key=lambda told: (told.offer, told.channel))), groups)


def _factors(spells: Sequence[Spell], rng: np.random.Generator) -> Matrix:
    """(spells, draws) demand at each price over demand expected at the reference price.

    Offers of one event share what makes it do well or badly; offers of a product and segment share their response.
    """
    levels = _normals({_fortune(spell) for spell in spells}, rng)
    slopes = _normals({_pair(spell) for spell in spells}, rng)
    made = np.empty((len(spells), DRAWS))
    for row, spell in zip(made, spells, strict=True):
        about = spell.expectation
        slope = np.clip(about.elasticity + about.se * slopes[_pair(spell)], STEEPEST, 0.0)
        level = about.spread * levels[_fortune(spell)] - about.spread**2 / 2
        row[:] = np.exp(level + slope * np.log(float(spell.price) / about.reference))
    return made


def _normals(names: Iterable[object], rng: np.random.Generator) -> dict[object, Vector]:
    return {name: rng.standard_normal(DRAWS) for name in sorted(names, key=str)}


def _fortune(spell: Spell) -> Key:
    about = spell.expectation
    return (about.event, "", "", "") if about.event != ALL else about.key


def _pair(spell: Spell) -> str:
    return f"{spell.expectation.product} / {spell.expectation.segment}"


def _offer(spell: Spell, factor: Vector, alarm: str, rng: np.random.Generator) -> OfferOutcome:
    means = factor * spell.exposure.sum()
    units = _outcomes(means, _noise_of_sum(spell.exposure, spell.expectation.noise), rng)
    sold, price = float(spell.sold.sum()), float(spell.price)
    return OfferOutcome(
        spell.offer,
        spell.channel,
        spell.currency,
        spell.price,
        spell.since,
        Comparison.of(units, sold),
        Comparison.of(units * price, spell.revenue),
        spell.otherwise,
        alarm,
    )


def _noise_of_sum(exposure: Vector, noise: float) -> float:
    """Squared coefficient of variation of a sum over days that differ independently."""
    return noise * float((exposure**2).sum()) / float(exposure.sum()) ** 2


def _outcomes(means: Vector, noise: float, rng: np.random.Generator) -> Vector:
    """(draws,) units: gamma-distributed means, counted by chance."""
    shape = 1 / noise
    return rng.poisson(rng.gamma(shape, means / shape)).astype(np.float64)


def _groups(spells: Sequence[Spell], factors: Matrix, whole: slice, rng: np.random.Generator) -> Iterable[GroupOutcome]:
    """The whole fit, then product and segment, which are tested; then product, segment and event, which are not."""
    pairs = _members(spells, "product and segment")
    bar = {"fit": 2 / FALSE_ALARM, "product and segment": 2 * len(pairs) / FALSE_ALARM}
    yield _group("fit", FIT, spells, factors, whole, bar["fit"], rng)
    for kind in ("product and segment", "product", "segment", "event"):
        for name, rows in _members(spells, kind).items():
            members = [spells[i] for i in rows]
            yield _group(kind, name, members, factors[rows], whole, bar.get(kind), rng)


def _members(spells: Sequence[Spell], kind: str) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i, spell in enumerate(spells):
        name = _pair(spell) if kind == "product and segment" else str(getattr(spell.expectation, kind))
        found.setdefault(name, []).append(i)
    return dict(sorted(found.items()))


def _group(  # noqa: PLR0917  # what a group is, and what it is held against
    kind: str,
    name: str,
    spells: Sequence[Spell],
    factors: Matrix,
    whole: slice,
    bar: float | None,
    rng: np.random.Generator,
) -> GroupOutcome:
    exposure = np.stack([spell.exposure[whole] for spell in spells])
    sold = np.sum([spell.sold[whole] for spell in spells], axis=0)
    means = factors.T @ exposure
    noise = _noise_of_days(spells, exposure)
    total = means.sum(axis=1)
    by_day = means.mean(axis=0)
    spread = float((noise * by_day**2).sum()) / max(float(by_day.sum()) ** 2, 1e-12)
    units = Comparison.of(_outcomes(total, max(spread, 1e-6), rng), float(sold.sum()))
    if bar is None or not len(sold):
        return GroupOutcome(kind, name, units, None, "")
    highest = float(_evidence(spells, factors, whole).max())
    alarm = _words(name, units) if highest >= np.log(bar) else ""
    return GroupOutcome(kind, name, units, float(np.exp(min(highest, 700.0))), alarm)


def _evidence(spells: Sequence[Spell], factors: Matrix, whole: slice) -> Vector:
    """(days,) natural log of the evidence of change: the mean of that of goods and of each event.

    A mean of test martingales is one. Fortunes of events are not summed before, as no number of draws is enough to hold
    one like each of several: all is as expected would look unlikely.
    """
    logs = []
    for rows in _members(spells, "event").values():
        exposure = np.stack([spells[i].exposure[whole] for i in rows])
        sold = np.sum([spells[i].sold[whole] for i in rows], axis=0)
        noise = _noise_of_days([spells[i] for i in rows], exposure)
        logs.append(evidence(np.maximum(sold, 0.0), factors[rows].T @ exposure, noise))
    return np.asarray(np.logaddexp.reduce(logs, axis=0) - np.log(len(logs)))


def _noise_of_days(spells: Sequence[Spell], exposure: Matrix) -> Vector:
    """(days,) squared coefficient of variation of each day's sum."""
    noise = np.array([spell.expectation.noise for spell in spells])
    total = exposure.sum(axis=0)
    apart = (noise[:, None] * exposure**2).sum(axis=0) / np.maximum(total, 1e-12) ** 2
    return np.asarray(np.maximum(apart, COMMON_NOISE))


def _words(name: str, units: Comparison) -> str:
    expected, realised = units.expected, units.realised
    off = abs(realised / expected.mean - 1) if expected.mean > 0 else 0.0
    way = "more" if realised > expected.mean else "fewer"
    said = (
        f"{name}: {off:.0%} {way} sold than the fit expects ({realised:,.0f} units; expected {expected.mean:,.0f}, "
        f"80 % range {expected.low:,.0f} to {expected.high:,.0f}), more than chance explains."
    )
    if realised < expected.mean / 4:
        return f"{said} See whether all sales still arrive; hold prices until it is clear, then fit again."
    return f"{said} Demand has changed: hold prices, and fit again."
