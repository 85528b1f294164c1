"""What a proposal gains is told by currency and by event, with its range and its risk."""

import pytest

from api.report.gain import gains
from pricing.outcome import Gain, TotalGain

TOTALS = (
    TotalGain("EUR", None, Gain(130.0, -10.0, 270.0, 0.11)),
    TotalGain("EUR", "gala", Gain(30.0, 20.0, 40.0, 0.0)),
    TotalGain("USD", None, Gain(5.0, -1.0, 11.0, 0.3)),
)


def test_two_currencies_are_never_added() -> None:
    """Each has its own gain, as it was worked out when the proposal was made."""
    found = gains(TOTALS, None)
    assert [(gain.currency, gain.expected, gain.low, gain.high) for gain in found] == [
        ("EUR", 130.0, -10.0, 270.0),
        ("USD", 5.0, -1.0, 11.0),
    ]
    assert [gain.of_twenty for gain in found] == [2, 6]


def test_an_event_has_its_own_gain_and_one_without_moves_has_none() -> None:
    """Nothing is claimed where nothing moves."""
    (gain,) = gains(TOTALS, "gala")
    assert gain.expected == pytest.approx(30)
    assert gains(TOTALS, "matinee") == ()


def test_no_loss_in_any_draw_is_not_written_as_no_risk() -> None:
    """The draws are finite."""
    assert gains(TOTALS, "gala")[0].risk == "fewer than 1 of 20"
