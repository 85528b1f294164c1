"""A limit on requests: so many a minute, however they are asked for.

Guarantees
----------
* In any span of time no more are let through than its share of a minute's, and `burst` more.
"""

import threading
import time
from collections.abc import Callable


class TokenBucket:
    """Lets `per_minute` through, after a pause at most `burst` at once; any thread may take.

    Parameters
    ----------
    clock : seconds since some fixed moment
    sleep : waits so many seconds
    """

    def __init__(
        self,
        per_minute: float,
        *,
        burst: int = 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not (per_minute > 0 and burst >= 1):
            raise ValueError(f"{per_minute} a minute, {burst} at once: nothing would ever pass")
        self._rate, self._burst = per_minute / 60, float(burst)
        self._clock, self._sleep = clock, sleep
        self._tokens, self._filled = self._burst, clock()
        self._lock = threading.Lock()

    def take(self) -> None:
        """Wait for one's turn."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
            self._filled = now
            self._tokens -= 1
            wait = -self._tokens / self._rate
        if wait > 0:
            self._sleep(wait)
