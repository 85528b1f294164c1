"""Reading what a client sends, without letting slow senders hold up everybody else.

Guarantees
----------
* At most `AT_ONCE` threads of a worker wait for bodies in each kind of place, so that others are left to answer;
  whoever finds no place within `PATIENCE` is told to try again.
* Strangers, who may send the desk a form to sign in with, wait in places of their own: they hold up nobody with a key.
"""

import threading
from collections.abc import Callable

AT_ONCE = 2
"""Few of the threads that answer."""
PATIENCE = 0.2
"""How long a sender waits for a place [seconds]; a body that is there is read in microseconds."""
WITH_KEYS, AT_DESK = threading.BoundedSemaphore(AT_ONCE), threading.BoundedSemaphore(AT_ONCE)
"""Where senders wait."""


def received(read: Callable[[], bytes], places: threading.BoundedSemaphore = WITH_KEYS) -> bytes | None:
    """What `read` gives; None if too many bodies are on their way."""
    if not places.acquire(timeout=PATIENCE):
        return None
    try:
        return read()
    finally:
        places.release()
