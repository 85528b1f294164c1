"""What a proposal gains is summed by currency, and its risk is never understated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.report.gain import gains
from pricing.book import Verdict
from tests.api.report.season import decision


def test_the_interval_of_one_move_has_the_share_of_losses_of_its_decision() -> None:
    """A loss in a tenth of the outcomes puts the lower end of the 80 % interval at nothing."""
    (gain,) = gains([decision(gain=100, loss=0.1)], {})
    assert [gain.expected, gain.low, gain.high] == pytest.approx([100, 0, 200], abs=1e-9)
    assert gain.worse == pytest.approx(0.1)
    assert gain.of_twenty == 2


def test_two_currencies_are_never_added() -> None:
    """Each has its own gain."""
    found = gains([decision("a", gain=100), decision("b", gain=30, currency="USD")], {})
    assert [(gain.currency, gain.expected) for gain in found] == [("EUR", 100), ("USD", 30)]


def test_what_does_not_move_gains_nothing() -> None:
    """No price moves, no gain is claimed."""
    assert gains([decision(gain=0, loss=0, verdict=Verdict.KEEP)], {}) == ()


def test_the_offers_of_one_resource_are_one_group() -> None:
    """A kept offer that loses seats to a moved one counts against it."""
    moved, kept = decision("a", gain=100), decision("b", gain=-40, loss=0, verdict=Verdict.KEEP)
    assert gains([moved, kept], {"a": "room", "b": "room"})[0].expected == 60
    assert gains([moved, kept], {})[0].expected == 100


def test_no_loss_in_any_draw_is_not_written_as_no_risk() -> None:
    """The draws are finite, so the interval keeps a width."""
    (gain,) = gains([decision(loss=0)], {})
    assert gain.low < gain.expected < gain.high
    assert gain.risk == "fewer than 1 of 20"


@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(0, 0.45)), min_size=1, max_size=6))
def test_the_interval_holds_the_mean_and_adding_groups_never_narrows_it(moves: list[tuple[float, float]]) -> None:
    """The width of the whole is the sum of the widths, whatever the signs."""
    decisions = [decision(str(i), gain=gain, loss=loss) for i, (gain, loss) in enumerate(moves)]
    (whole,) = gains(decisions, {})
    widths = [(part[0].high - part[0].low) for part in (gains([d], {}) for d in decisions)]
    assert whole.low <= whole.expected <= whole.high
    assert whole.high - whole.low == pytest.approx(sum(widths))
    assert 0 <= whole.worse <= 1
