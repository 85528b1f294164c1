"""A few days of a season in a running pretix: what the benchmark counts is right from the first day on."""

import pytest

season = pytest.importorskip("benchmarks.pretix_season", reason="benchmarks are not part of this distribution")

pytestmark = pytest.mark.shops("pretix, a season")


def test_days_of_a_season_lose_no_order_and_leave_no_bounds() -> None:
    """Two events and two days: prices move, buyers pay them, and pretix, the book and the buyers count the same."""
    told = season.played(0, events=2, days=2)
    assert told["orders"] > 0
    assert told["prices in pretix's log"] > told["offers"]
    assert {
        name: told[name] for name in ("out of bounds", "seats oversold", "orders lost", "units lost")
    } == dict.fromkeys(("out of bounds", "seats oversold", "orders lost", "units lost"), 0)
    assert told["money lost"] == "0.00"
    assert told["oracle [%]"] > 0
