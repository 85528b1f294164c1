"""What the routes act on: the price book of one workspace, its settings, what is served and quoted, and the clock.

Guarantees
----------
* The settings are read anew at each step, so that a rule the owner changed acts at once; without usable settings
  nothing is written.
* A database that was moved away is unavailable, not an empty book.
* At most `AT_ONCE` requests of a worker are at the database at a time, so that others are left to answer from memory
  while it is locked or hangs; one more is told at once to try again.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path

from flask import g, has_request_context
from sqlalchemy import Engine

from api.location import database_of
from api.served.quoting import Desk
from api.served.snapshot import Snapshots
from api.settings import FILE, Settings, read_settings
from api.store.book import PriceBook
from api.store.database import Place, open_database
from api.store.log import ANCHOR_NAME
from pricing.errors import InputError, UnavailableError

AT_ONCE = 10
"""Fewer than the threads that answer, which leaves some for bodies (`api.bodies`) and some for what is in memory."""


class Backend:
    """The workspace at `root`, of which `snapshots` are served; `refresh` has this worker look at the book now."""

    def __init__(
        self, root: Path, snapshots: Snapshots, *, now: Callable[[], datetime], refresh: Callable[[], object]
    ) -> None:
        self.root = root
        self.snapshots = snapshots
        self.now = now
        self.refresh = refresh
        self.desk = Desk(lambda: self.settings, now)
        self._places = threading.BoundedSemaphore(AT_ONCE)

    @property
    def settings(self) -> Settings:
        """The owner's settings as they are now.

        Raises
        ------
        UnavailableError
            if they cannot be used; whoever asks cannot mend them.
        """
        try:
            return read_settings(self.root / FILE)
        except InputError as error:
            raise UnavailableError(f"the settings of this workspace cannot be used: {error}") from error

    @property
    def engine(self) -> Engine:
        """The price book's database, one and the same object at each step, so that steps can join."""
        place, engine = self._opened
        if isinstance(place, Path) and not place.is_file():
            raise UnavailableError("the price book's database is not where it was")
        self._enter()
        return engine

    def _enter(self) -> None:
        """Take a place at the database for the rest of the request."""
        if has_request_context() and "place" not in g:
            if not self._places.acquire(blocking=False):
                raise UnavailableError(f"{AT_ONCE} requests are at the database already")
            g.place = True

    def leave(self, _error: BaseException | None) -> None:
        """Give the place of a request that has ended to another."""
        if g.pop("place", False):
            self._places.release()

    @cached_property
    def _opened(self) -> tuple[Place, Engine]:
        place = database_of(self.root)
        return place, open_database(place)

    @property
    def book(self) -> PriceBook:
        """The price book."""
        return PriceBook(self.engine, self.root / ANCHOR_NAME)
