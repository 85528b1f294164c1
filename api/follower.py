"""Keeps the prices that are served in step with the price book.

Guarantees
----------
* A new version of the book, or a new key, is served within about a second, without a restart and without a request
  ever waiting for the database.
* When the database does not answer, the last good prices are served, flagged stale; this also holds for a start with
  the database down. When it answers again, the flag goes.
* Prices nobody has confirmed for `STALE_AFTER` are flagged stale too, even if the database neither answers nor fails.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog

from api.answers import Mark, mark_of, take
from api.snapshot import NOTHING, Snapshot, View, load, write
from api.store.database import Place, open_to_read, reading
from pricing.errors import UnavailableError

INTERVAL = 0.5
"""How often the book is looked at [seconds]."""
STALE_AFTER = 10.0
"""How long a price is believed without being confirmed [seconds]."""

log = structlog.get_logger()


class Follower:
    """Follows the book in `database` and keeps the last good snapshot at `path`."""

    def __init__(self, database: Place, path: Path, *, now: Callable[[], datetime]) -> None:
        self._engine = open_to_read(database)
        self._path = path
        self._now = now
        self._mark: Mark | None = None
        self._lost = False
        self._view = View(load(path) or NOTHING, stale=True)
        self._confirmed = time.monotonic()
        self._stopped = threading.Event()

    def current(self) -> View:
        """What to serve at this moment."""
        view = self._view
        if view.stale or time.monotonic() - self._confirmed <= STALE_AFTER:
            return view
        return View(view.snapshot, stale=True)

    def refresh(self) -> None:
        """Look at the book once; whatever happens, there is something to serve afterwards."""
        try:
            mark, snapshot = self._read()
        except Exception as error:  # a follower that died would serve old prices as if they were new
            self._lose(error)
            return
        self._confirmed = time.monotonic()
        if snapshot is not None:
            self._view = View(snapshot, stale=False)
            log.info("serving", version=snapshot.content.version, offers=len(snapshot.content.entries))
            self._keep(snapshot)
        self._mark, self._lost = mark, False

    def start(self) -> None:
        """Look at the book now, and go on in a thread of its own."""
        self.refresh()
        threading.Thread(target=self._run, name="follower", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self.refresh()

    def _read(self) -> tuple[Mark, Snapshot | None]:
        with reading(self._engine) as db:
            mark = mark_of(db)
            return mark, None if mark == self._mark else take(db, now=self._now())

    def _lose(self, error: Exception) -> None:
        if not self._lost:
            known = isinstance(error, UnavailableError)
            version = self._view.snapshot.content.version
            log.warning("serving the last good prices", version=version, reason=str(error), exc_info=not known)
        self._lost, self._mark = True, None
        self._view = View(self._view.snapshot, stale=True)

    def _keep(self, snapshot: Snapshot) -> None:
        try:
            write(snapshot, self._path)
        except OSError as error:
            log.warning("the snapshot could not be written", path=str(self._path), reason=str(error))
