"""What an estimate rests on, line by line: the diagnostics behind a click.

Guarantees
----------
* Each line has what was found and, where the status depends on it, what is needed; the mark says whether it is met.
* Nothing is computed here: numbers come with the estimate, thresholds from where they are applied.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from babel.dates import format_date

from api.report.numbers import LOCALE, count, decimal, percent, typeset, units
from forecasting.elasticity.basis import Basis
from forecasting.elasticity.feedback import ALARM_SINGLE, Direction, Feedback
from forecasting.elasticity.identification import GUESSED, MIN_MOVES, MIN_OWN, MIN_ROWS, MIXED, Estimate
from forecasting.elasticity.instruments import Instrumented

Met = Literal["yes", "no", "open"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, what was found, what is needed; met is "open" where nothing depends on it."""

    label: str
    found: str
    needed: str = ""
    met: Met = "open"


def checks(one: Basis) -> tuple[Check, ...]:
    """All lines of one group."""
    return (*_data(one), *_estimate(one), *_feedback(one.test), *_instruments(one.instrumented), *_beyond(one))


def _met(condition: bool) -> Met:
    return "yes" if condition else "no"


def _data(one: Basis) -> Iterator[Check]:
    things = f"{count(one.units, 'series', 'series')} over {count(one.dates, 'date')}"
    yield Check("Rows", f"{units(one.cells)}, {things}; {units(one.sold)} units sold")
    yield Check(
        "Dates on which the price moved", units(one.moves), f"{MIN_MOVES} or more", _met(one.moves >= MIN_MOVES)
    )
    own = f"{100 * one.own:.1f}%"
    yield Check("Price variation left beyond effects", own, f"{MIN_OWN:.0%} or more", _met(one.own >= MIN_OWN))
    if one.sold_out > 0:
        yield Check("Rows sold out", percent(one.sold_out))
    if one.mixed > 0:
        yield Check("Rows with several prices", percent(one.mixed), f"at most {MIXED:.0%}", _met(one.mixed <= MIXED))
    if one.guessed > 0:
        most = f"at most {GUESSED:.0%}"
        yield Check("Dates without a sale or a price", percent(one.guessed), most, _met(one.guessed <= GUESSED))


def _estimate(one: Basis) -> Iterator[Check]:
    raw = one.estimate
    if raw is None:
        yield Check("Own estimate, before pooling", "none")
        return
    needed, met = "95% range below 0 and no wider than the number", _met(raw.upper < 0 and not raw.imprecise)
    yield Check("Own estimate, before pooling", _estimated(raw), needed, met)
    if one.rival is not None:
        met = _met(not one.rival.excludes(raw))
        yield Check("The same, each row counting alike (in logs)", _estimated(one.rival), "ranges that overlap", met)
    kind = "series" if one.clustered else "stretches of time"
    both = ", and by stretches of dates that all share" if one.both_ways else ""
    yield Check("Errors", f"jackknifed over {units(raw.clusters)} {kind}{both}")


def _estimated(one: Estimate) -> str:
    if not np.isfinite(one.se):
        return decimal(one.slope)
    return f"{decimal(one.slope)}, error {decimal(one.se)} (95%: {decimal(one.lower)} to {decimal(one.upper)})"


def _feedback(test: Feedback | None) -> Iterator[Check]:
    if test is None:
        yield Check("Did price follow demand?", "not tested", f"{MIN_ROWS} rows or more", "no")
        return
    rows = f"{MIN_ROWS} or more"
    yield Check("Rows to test whether price followed demand", units(test.rows), rows, _met(test.rows >= MIN_ROWS))
    ways = {
        "Today's demand in the next price": test.lag,
        "The next price in today's demand": test.lead,
        "What is left to sell in the price": test.left,
    }
    for label, way in ways.items():
        if way.z or way.p < 1:
            yield _direction(label, way, test.level)


def _direction(label: str, way: Direction, level: float) -> Check:
    return Check(label, f"{decimal(way.coefficient)}, {_p(way.p)}", f"p of {level:g} or more", _met(way.p >= level))


def _instruments(found: Instrumented | None) -> Iterator[Check]:
    if found is None:
        return
    if np.isfinite(found.first_stage):
        strength = f"effective F {found.first_stage:,.1f}"
        yield Check("Strength of the instruments", strength, f"{found.needed:.1f} or more", _met(found.strong))
        yield Check("Share of the price's own moves they explain", percent(found.explained))
    yield Check("Elasticities the sales do not contradict", typeset(str(found.region)))
    if found.contradiction is not None:
        agree = _met(found.contradiction >= ALARM_SINGLE)
        yield Check("Do the instruments agree?", _p(found.contradiction), f"p of {ALARM_SINGLE:g} or more", agree)
    if found.limited is not None:
        yield Check("By limited information", decimal(found.limited))


def _beyond(one: Basis) -> Iterator[Check]:
    if one.robustness is not None:
        share = percent(one.robustness)
        yield Check("An unseen cause would have to explain", f"{share} of what is left of both price and demand")
    if (change := one.change) is not None:
        day = format_date(date.fromisoformat(change.day), "d MMM y", locale=LOCALE)
        moved = f"{decimal(change.before)} before {day}, {decimal(change.since)} since, {_p(change.p)}"
        yield Check("Reaction over time", moved, "no clear change", _met(not change.large))


def _p(value: float) -> str:
    return "p below 0.001" if value < 0.001 else f"p = {value:.3f}" if value < 0.1 else f"p = {value:.2f}"
