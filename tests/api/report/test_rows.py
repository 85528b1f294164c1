"""Every price carries its reason; what is held, kept or stopped says so; nobody is left out."""

from dataclasses import replace
from decimal import Decimal

import pytest

from api.report.rows import CAPPED, HELD, KEPT, NOTHING_KNOWN, UNKNOWN, Priced, PriceRow
from pricing.book import Decision, Verdict
from pricing.demand import Identification
from pricing.explain import STOPPED
from pricing.outcome import Gain, TotalGain
from tests.api.report.season import decision, offer


def row(made: Decision | None) -> PriceRow:
    """The row of one offer."""
    return Priced.of([offer()], [made] if made else [], {("all", "a", "all"): 7.0}, {}, ()).rows[0]


def test_a_move_shows_its_price_reason_gain_and_risk() -> None:
    """All in one row."""
    made = row(decision(gain=100, loss=0.15, reasons=("A 10 % higher price loses -1 sale.",)))
    assert (made.now, made.recommended, made.sold) == (Decimal(20), Decimal(21), 7.0)
    assert (made.gain, made.of_twenty, made.evidence) == (100, 3, Identification.IDENTIFIED)
    assert made.change == pytest.approx(0.05)
    assert made.reasons == ("A 10 % higher price loses −1 sale.",)


@pytest.mark.parametrize(
    ("made", "chip"),
    [
        (decision(), None),
        (decision(reasons=("Up.", f"{STOPPED}; one step further: outside.")), CAPPED),
        (decision(verdict=Verdict.HELD), HELD),
        (decision(verdict=Verdict.KEEP), KEPT),
        (None, UNKNOWN),
    ],
)
def test_each_state_has_its_chip(made: Decision | None, chip: object) -> None:
    """A guard rail that binds is named at the price."""
    assert row(made).chip is chip


def test_an_offer_nothing_was_decided_for_says_so() -> None:
    """It keeps its price, and its reason is that nothing is known."""
    made = row(None)
    assert (made.recommended, made.of_twenty, made.evidence) == (None, None, None)
    assert made.reasons == (NOTHING_KNOWN,)


def test_the_track_runs_from_floor_to_ceiling_and_prices_outside_stand_at_its_ends() -> None:
    """So that a price in force beyond its bounds is still drawn."""
    made = row(decision())
    assert [made.along(Decimal(p)) for p in (10, 15, 20, 25, 90)] == [4, 4, 50, 96, 96]
    fixed = replace(made, floor=Decimal(20), ceiling=Decimal(20))
    assert fixed.along(Decimal(20)) == 50


def test_decisions_go_with_their_offers() -> None:
    """A part of a season has the tally and the gain of its own offers."""
    offers = [offer("a"), offer("b", event="gala")]
    totals = [TotalGain("EUR", event, Gain(much, 0.0, much, 0.0)) for event, much in ((None, 140.0), ("gala", 40.0))]
    priced = Priced.of(offers, [decision("a", gain=100), decision("b", gain=40)], {}, {}, totals)
    gala = priced.of_event("gala")
    assert ([it.offer for it in gala.decisions], gala.gains[0].expected) == (["b"], 40)
    assert priced.gains[0].expected == 140
    assert (priced.tally.moving, gala.tally.moving, gala.tally.chip.text) == (2, 1, "1 ready")
