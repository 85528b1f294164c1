"""What the routes act on: the price book of one workspace, its settings, what is served and quoted, and the clock.

Guarantees
----------
* The settings are read anew at each step, so that a rule the owner changed acts at once; without usable settings
  nothing is written.
* A database that was moved away is unavailable, not an empty book.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine

from api.location import database_of
from api.served.quoting import Desk
from api.served.snapshot import Snapshots
from api.settings import FILE, Settings, read_settings
from api.store.book import PriceBook
from api.store.database import Place, open_database
from api.store.log import ANCHOR_NAME
from pricing.errors import InputError, UnavailableError


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
        return engine

    @cached_property
    def _opened(self) -> tuple[Place, Engine]:
        place = database_of(self.root)
        return place, open_database(place)

    @property
    def book(self) -> PriceBook:
        """The price book."""
        return PriceBook(self.engine, self.root / ANCHOR_NAME)
