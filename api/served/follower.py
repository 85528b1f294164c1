"""Keeps the prices that are served in step with the price book.

Guarantees
----------
* A new version of the book, or a new key, is served within about a second, without a restart and without a request
  ever waiting for the database.
* A price that begins later is served from its instant on and not before, by `SteadyClock`, also without the database.
* When the database does not answer, or says what cannot be, the last good prices that any worker has read are served,
  flagged stale; this also holds for a start with the database down. When it answers again, the flag goes.
* Prices nobody has confirmed for `STALE_AFTER` are flagged stale too, even if the database neither answers nor fails.
"""

import threading
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import Connection, func, select

from api.clock import SteadyClock
from api.served.answers import Mark, mark_of, take
from api.served.metrics import Meter
from api.served.snapshot import NOTHING, Snapshot, View, check, load, write
from api.store.database import Place, open_to_read, reading
from pricing.errors import UnavailableError
from pricing.law import NO_LAW, Law

INTERVAL = 0.5
"""How often the book is looked at [seconds]."""
STALE_AFTER = 10.0
"""How long a price is believed without being confirmed [seconds]."""

log = structlog.get_logger()


class Follower:
    """Follows the book in `database`, keeps the last good snapshot at `path` and serves what is in force by `clock`.

    What stands beside a price is what `law` wants.
    """

    def __init__(
        self, database: Place, path: Path, *, clock: SteadyClock, law: Law = NO_LAW, meter: Meter | None = None
    ) -> None:
        self._engine = open_to_read(database)
        self._path = path
        self._clock = clock
        self._law = law
        self._meter = meter or Meter()
        self._mark: Mark | None = None
        self._lost = False
        self._view = View(load(path) or NOTHING, stale=True)
        self._kept = self._view.snapshot
        self._seen, self._full = 0, False
        clock.reach(self._view.snapshot.since)
        self._confirmed = time.monotonic()
        self._looking, self._changing = threading.Lock(), threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def now(self) -> datetime:
        """The instant that decides which prices are in force."""
        return self._clock.now()

    def current(self) -> View:
        """What to serve at this moment."""
        view = self._view
        if self._clock.now() >= view.snapshot.until:
            view = self._switch()
        if view.stale or time.monotonic() - self._confirmed <= STALE_AFTER:
            return view
        return View(view.snapshot, stale=True)

    def refresh(self) -> None:
        """Look at the book once; whatever happens, there is something to serve afterwards."""
        with self._looking:  # of two looks the later one is the newer
            try:
                mark, snapshot = self._read()
            except Exception as error:  # a follower that died would serve old prices as if they were new
                self._lose(error)
            else:
                self._confirm(mark, snapshot)
            if (snapshot := self.current().snapshot) is not self._kept:
                self._keep(snapshot)
            self._meter.share()

    def start(self) -> None:
        """Look at the book now, and go on in a thread of its own."""
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        """Look no more: when this returns, the last look is over."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            try:
                self.refresh()
            except Exception as error:  # whatever it is, such as too little memory: the next look may go well
                log.exception("a look at the price book failed", reason=str(error))

    def _switch(self) -> View:
        """Prices have begun or ended: the first request that comes arranges them for all."""
        with self._changing:
            self._view = View(self._view.snapshot.at(self._clock.now()), self._view.stale)
            return self._view

    def _read(self) -> tuple[Mark, Snapshot | None]:
        with reading(self._engine) as db:
            self._clock.follow(_clock_of(db))
            mark = mark_of(db)
            if mark == self._mark:
                return mark, None
            snapshot = take(db, now=self._clock.now(), law=self._law)
        check(snapshot.content)
        self._clock.reach(snapshot.since)
        return mark, snapshot

    def _confirm(self, mark: Mark, snapshot: Snapshot | None) -> None:
        self._confirmed = time.monotonic()
        if snapshot is not None:
            with self._changing:
                self._view = View(snapshot.at(self._clock.now()), stale=False)
            log.info("serving", version=snapshot.content.version, offers=len(snapshot.entries))
        self._mark, self._lost = mark, False
        self._meter.confirmed(self._view.snapshot, now=self._clock.now())

    def _lose(self, error: Exception) -> None:
        if not self._lost:
            known = isinstance(error, UnavailableError)
            version = self._view.snapshot.content.version
            log.warning("serving the last good prices", version=version, reason=str(error), exc_info=not known)
        self._meter.failed()
        self._lost, self._mark = True, None
        snapshot = self._latest()
        with self._changing:
            self._view = View(snapshot, stale=True)

    def _latest(self) -> Snapshot:
        """What is served, or what another worker or whoever published got onto the disk while it could."""
        served = self._view.snapshot
        with suppress(OSError):
            if (seen := self._path.stat().st_mtime_ns) != self._seen:
                self._seen = seen
                found = load(self._path)
                if found is not None and found.content.version > served.content.version:
                    self._clock.reach(found.since)
                    return found.at(self._clock.now())
        return served

    def _keep(self, snapshot: Snapshot) -> None:
        """Put on disk what is served, so that a start without the database goes on from here; try until it works."""
        try:
            write(snapshot, self._path)
        except OSError as error:
            if not self._full:
                log.warning("the snapshot could not be written", path=str(self._path), reason=str(error))
            self._full = True
        else:
            self._kept, self._full = snapshot, False


def _clock_of(db: Connection) -> datetime | None:
    """What the database server's clock says; None for a file, which has none of its own."""
    return db.scalar(select(func.clock_timestamp())) if db.dialect.name == "postgresql" else None
