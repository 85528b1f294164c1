"""A limit on requests holds over any span of time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.shops.bucket import TokenBucket


class Clock:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        """Let them pass."""
        assert seconds > 0
        self.now += seconds


@given(st.integers(1, 600), st.integers(1, 20), st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_in_any_span_no_more_pass_than_its_share_and_a_burst(per_minute: int, burst: int, pauses: list[float]) -> None:
    """However requests come, between any two of them no more went than the limit allows."""
    clock = Clock()
    bucket = TokenBucket(per_minute, burst=burst, clock=lambda: clock.now, sleep=clock.sleep)
    passed = []
    for pause in pauses:
        clock.now += pause
        bucket.take()
        passed.append(clock.now)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            allowed = (passed[last] - passed[first]) * per_minute / 60 + burst
            assert last - first + 1 <= allowed + 1e-6


@pytest.mark.parametrize(("per_minute", "burst"), [(0, 1), (-1, 1), (float("nan"), 1), (60, 0)])
def test_a_limit_that_nothing_passes_is_refused(per_minute: float, burst: int) -> None:
    """A slip in a setting does not wait for ever."""
    with pytest.raises(ValueError, match="nothing would ever pass"):
        TokenBucket(per_minute, burst=burst)
