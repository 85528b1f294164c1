"""Reading what a client sends, without letting slow senders hold up everybody else.

Guarantees
----------
* At most `AT_ONCE` threads of a worker wait for bodies, so that others are left to answer; whoever finds no place
  within `PATIENCE` is told to try again.
"""

import threading
from collections.abc import Callable

AT_ONCE = 2
"""Half of the threads that answer."""
PATIENCE = 0.2
"""How long a sender waits for a place [seconds]; a body that is there is read in microseconds."""
_places = threading.BoundedSemaphore(AT_ONCE)


def received(read: Callable[[], bytes]) -> bytes | None:
    """What `read` gives; None if too many bodies are on their way."""
    if not _places.acquire(timeout=PATIENCE):
        return None
    try:
        return read()
    finally:
        _places.release()
