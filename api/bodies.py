"""Reading what a client sends, without letting slow senders hold up everybody else.

Guarantees
----------
* At most `AT_ONCE` threads of a worker wait for bodies in each kind of place, so that others are left to answer;
  whoever finds no place within `PATIENCE` is told to try again.
* Strangers, who may send the desk a form to sign in with, wait in places of their own: they hold up nobody with a key.
* A file comes part by part, in places of its own: whoever stops in the middle of one holds up files alone, as long as
  they stay connected. Whoever sends less than `SLOWEST` over all is given up.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AT_ONCE = 2
"""Few of the threads that answer."""
PATIENCE = 0.2
"""How long a sender waits for a place [seconds]; a body that is there is read in microseconds."""
WITH_KEYS, AT_DESK, FILES = (threading.BoundedSemaphore(AT_ONCE) for _ in range(3))
"""Where senders wait."""
PART = 16 * 1024
"""How much of a file is read at a time [bytes]; a server waits until so much is there."""
START = 60.0
"""How long speed is not asked for [seconds]."""
SLOWEST = 10_000
"""Speed of a slow line [bytes a second]."""


class SlowError(Exception):
    """A sender was given up."""


def received(read: Callable[[], bytes], places: threading.BoundedSemaphore = WITH_KEYS) -> bytes | None:
    """What `read` gives; None if too many bodies are on their way."""
    if not places.acquire(timeout=PATIENCE):
        return None
    try:
        return read()
    finally:
        places.release()


@contextmanager
def flowing(
    read: Callable[[int], bytes], *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Iterator[bytes] | None]:
    """The parts of a file as they come, within the block; None if too many are on their way.

    Raises
    ------
    SlowError
        while they are iterated over, if the sender is too slow.
    """
    if not FILES.acquire(timeout=PATIENCE):
        yield None
        return
    try:
        yield _parts(read, clock)
    finally:
        FILES.release()


def _parts(read: Callable[[int], bytes], clock: Callable[[], float]) -> Iterator[bytes]:
    begun, size = clock(), 0
    while part := read(PART):
        size += len(part)
        if clock() - begun > START + size / SLOWEST:
            raise SlowError
        yield part
