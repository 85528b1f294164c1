"""A process that is there for as long as a block runs.

Guarantees
----------
* If it ends by itself it is started again, after a pause; with the block it ends: asked first, then by force.
"""

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

LOOK = 0.5
"""How often it is looked whether it runs [seconds]."""
PAUSE = 5.0
"""How long to wait before it is started again [seconds]."""
PATIENCE = 20.0
"""How long it may take to end [seconds]; a worker lets its work put things in order, and gives its job back."""
log = structlog.get_logger()


@contextmanager
def running(command: Sequence[str], *, name: str) -> Iterator[None]:
    """Have a command running; what it says on standard output is not shown."""
    stopped = threading.Event()
    keeper = threading.Thread(target=_keep, args=(command, name, stopped), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopped.set()
        keeper.join()


def _keep(command: Sequence[str], name: str, stopped: threading.Event) -> None:
    while not stopped.is_set():
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, stdin=quiet, stdout=quiet) as process:  # noqa: S603  # our own command
            while process.poll() is None and not stopped.wait(LOOK):
                pass
            if stopped.is_set():
                _end(process)
                return
        log.warning("a process ended, and is started again", name=name, code=process.returncode, seconds=PAUSE)
        stopped.wait(PAUSE)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
