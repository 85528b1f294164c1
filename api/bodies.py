"""Reading what a client sends, without letting slow senders hold up everybody else.

Guarantees
----------
* At most `AT_ONCE` threads of a worker wait for bodies in each kind of place, so that others are left to answer;
  whoever finds no place within `PATIENCE` is told to try again.
* Strangers, who may send the desk a form to sign in with, wait in places of their own: they hold up nobody with a key.
* A file comes part by part, in places of its own. Whoever sends nothing for `SILENCE`, or less than `SLOWEST` over
  all, is given up: the thread that answers goes on.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

AT_ONCE = 2
"""Few of the threads that answer."""
PATIENCE = 0.2
"""How long a sender waits for a place [seconds]; a body that is there is read in microseconds."""
WITH_KEYS, AT_DESK, FILES = (threading.BoundedSemaphore(AT_ONCE) for _ in range(3))
"""Where senders wait."""
PART = 64 * 1024
"""How much of a file is read at a time [bytes]."""
AHEAD = 8
"""Parts that are read before they are asked for."""
SILENCE, START = 20.0, 60.0
"""How long a sender of a file may be silent, and how long speed is not asked for [seconds]."""
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


def flowing(
    read: Callable[[int], bytes], *, silence: float = SILENCE, clock: Callable[[], float] = time.monotonic
) -> Iterator[bytes] | None:
    """The parts of a file as they come; None if too many are on their way.

    They are read by a thread of their own, which waits until the sender goes on or is gone; it holds the place, so that
    there are few.

    Raises
    ------
    SlowError
        while they are iterated over, if the sender is too slow.
    """
    if not FILES.acquire(timeout=PATIENCE):
        return None
    parts: queue.Queue[bytes | Exception] = queue.Queue(AHEAD)
    left = threading.Event()
    threading.Thread(target=_listen, args=(read, parts, left), daemon=True).start()
    flow = _parts(parts, left, silence, clock)
    next(flow)  # from here on the reader is told when nobody listens any more
    return flow


def _listen(read: Callable[[int], bytes], parts: "queue.Queue[bytes | Exception]", left: threading.Event) -> None:
    try:
        while not left.is_set():
            part: bytes | Exception
            try:
                part = read(PART)
            except Exception as error:  # the sender is gone, or sends more than it said
                part = error
            while not left.is_set():
                with suppress(queue.Full):
                    parts.put(part, timeout=PATIENCE)
                    break
            if not isinstance(part, bytes) or not part:
                return
    finally:
        FILES.release()


def _parts(
    parts: "queue.Queue[bytes | Exception]", left: threading.Event, silence: float, clock: Callable[[], float]
) -> Iterator[bytes]:
    begun, size = clock(), 0
    try:
        yield b""
        while True:
            part = parts.get(timeout=silence)
            if isinstance(part, Exception):
                raise part
            if not part:
                return
            size += len(part)
            if clock() - begun > START + size / SLOWEST:
                raise SlowError
            yield part
    except queue.Empty:
        raise SlowError from None
    finally:
        left.set()
