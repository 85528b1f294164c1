"""Intervals and risks are read off the draws as they are."""

from decimal import Decimal

import numpy as np
import pytest

from pricing.outcome import Gain, Outcome, Span


def test_a_span_holds_eight_of_ten_draws() -> None:
    """The mean is over all draws, the ends leave a tenth on either side."""
    assert Span.of(np.arange(11.0)) == Span(5.0, 1.0, 9.0)


def test_a_gain_counts_losses_and_not_ties() -> None:
    """To earn the same is not to lose."""
    gain = Gain.of(np.array([-1.0, 0.0, 0.0, 5.0]))
    assert (gain.expected, gain.loss_probability) == (1.0, 0.25)


def test_no_risk_is_written_as_nothing() -> None:
    """Draws are finite in number: none that loses does not mean that none can."""
    assert [Gain(1.0, 0.0, 2.0, p).risk for p in (0.0, 0.02, 0.11, 1.0)] == [
        "fewer than 1 of 20",
        "fewer than 1 of 20",
        "2 of 20",
        "20 of 20",
    ]


def test_an_outcome_is_worth_its_units_times_its_price() -> None:
    """At 2.50 each."""
    outcome = Outcome.of(Decimal("2.50"), np.array([10.0, 20.0]))
    assert (outcome.units, outcome.revenue) == (15.0, 37.5)
    assert outcome.revenue_high == pytest.approx(2.5 * outcome.units_high)
