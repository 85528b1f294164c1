"""Shops and webhooks kept in step by themselves, for as long as a worker runs.

Guarantees
----------
* A shop whose settings say `sync_seconds`, and every endpoint of a webhook, is looked after by a thread of its own: one
  that is down, refuses its key or never ends an answer holds up no other.
* Settings, secrets and tables of offers are looked at again every `LOOK` seconds: what was connected is looked after
  from then on, what was disconnected no longer. While the settings cannot be read, or are not yet the same at two looks
  (an editor empties a file before it writes it anew), all stays as it was.
* What fails is tried again after waits that double. The log says what stands in the way once, not each time.
* Of all processes of a workspace one at a time looks after a shop; where somebody pushes meanwhile it waits its turn.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import Engine

from api.again import Said, Waits
from api.errands import Pulled
from api.locks import locked_file
from api.settings import FILE, Settings, ShopSettings, WebhookSettings, read_settings
from api.shops.errors import ShopError
from api.shops.journal import BusyError
from api.shops.opening import folder_of
from api.shops.shop import LOCKED_OUT
from api.store.book import PriceBook
from api.syncing import SYNC, Door, Pushed, entered, note_problem, pull, push
from api.webhooks import opened_outbox
from pricing.errors import FairfareError

LOOK = 1.0
"""How often it is looked whether settings, secrets or tables of offers changed [seconds]."""
WEBHOOKS = 2.0
"""How often it is looked whether there is something to tell an endpoint [seconds]."""
GRACE = 5.0
"""How long a round that has begun may take to end when the worker is asked to [seconds]."""
Round = Callable[[float], Iterable[str]]
"""Brings something in step at a time of a clock [seconds]; tells what is not as it should be."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Home:
    """What is kept in step with: a workspace, its database, the environment in which secrets are, and the clock."""

    root: Path
    engine: Engine
    environment: Mapping[str, str]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Ward:
    """A shop or endpoint that is looked after, as it was when that began.

    Attributes
    ----------
    networks : that are not public and may be spoken to
    changed : when its secret and its table of offers were written last; 0 where there is none [nanoseconds]
    """

    settings: ShopSettings | WebhookSettings
    networks: tuple[str, ...]
    changed: tuple[int, ...]

    @property
    def kind(self) -> str:
        """What it is, for the log."""
        return "shop" if isinstance(self.settings, ShopSettings) else "webhook"

    @property
    def seconds(self) -> float:
        """Between two rounds."""
        return float(getattr(self.settings, "sync_seconds", WEBHOOKS))


def wards(settings: Settings, root: Path) -> Iterator[Ward]:
    """All that is to be looked after."""
    for shop in settings.shops:
        if shop.sync_seconds is not None:
            files = (root / "secrets" / shop.name, folder_of(root, shop.name) / "offers.csv")
            yield Ward(shop, settings.allowed_networks, tuple(map(_written, files)))
    for hook in settings.webhooks:
        yield Ward(hook, settings.allowed_networks, (_written(root / "secrets" / hook.secret),))


def _written(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0


@contextmanager
def kept_in_step(home: Home) -> Iterator[None]:
    """Keep shops and webhooks in step while a block runs."""
    stopped = threading.Event()
    keeper = threading.Thread(target=_keep_all, args=(home, stopped), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopped.set()
        keeper.join()


def _keep_all(home: Home, stopped: threading.Event) -> None:
    kept: dict[Ward, _Kept] = {}
    found: set[Ward] | None = None
    said = Said(log.bind(workspace=home.root.name))
    while True:
        before = found
        try:
            found = set(wards(read_settings(home.root / FILE), home.root))
            said.done(())
        except (FairfareError, OSError) as error:
            found = None
            said.failed(str(error))
        wanted = found if found is not None and (found == before or not kept) else set(kept)
        for gone in kept.keys() - wanted:
            kept.pop(gone).stopped.set()
        for new in wanted - kept.keys():
            kept[new] = _Kept.begun(home, new)
        if stopped.wait(LOOK):
            break
    for each in kept.values():
        each.stopped.set()
    end = time.monotonic() + GRACE
    for each in kept.values():
        each.thread.join(max(0.0, end - time.monotonic()))


@dataclass(frozen=True, slots=True)
class _Kept:
    """A thread that looks after something until it is stopped."""

    thread: threading.Thread
    stopped: threading.Event

    @classmethod
    def begun(cls, home: Home, ward: Ward) -> "_Kept":
        stopped = threading.Event()
        thread = threading.Thread(target=keep, args=(home, ward, stopped), daemon=True)
        thread.start()
        return cls(thread, stopped)


def keep(home: Home, ward: Ward, stopped: threading.Event) -> None:
    """Bring one shop or endpoint in step again and again, until it is stopped."""
    said, waits = Said(log.bind(**{ward.kind: ward.settings.name})), Waits(ward.seconds)
    while not stopped.is_set():
        try:
            with _opened(home, ward) as bring_in_step:
                while not stopped.is_set():
                    said.done(bring_in_step(time.monotonic()))
                    waits.done()
                    stopped.wait(ward.seconds)
        except BusyError:
            stopped.wait(ward.seconds)
        except FairfareError as error:
            said.failed(str(error))
            stopped.wait(waits.failed())
        except Exception as error:
            said.failed(f"we failed: {type(error).__name__}", trace=True)
            stopped.wait(waits.failed())


def _opened(home: Home, ward: Ward) -> AbstractContextManager[Round]:
    if isinstance(ward.settings, ShopSettings):
        return _shop(home, Settings(shops=(ward.settings,), allowed_networks=ward.networks), ward)
    return _endpoint(home, Settings(allowed_networks=ward.networks), ward.settings)


@contextmanager
def _endpoint(home: Home, settings: Settings, hook: WebhookSettings) -> Iterator[Round]:
    book = PriceBook(home.engine)

    def tell(_: float) -> tuple[()]:
        box.deliver(lambda after: book.entries(after=after), now=home.now())
        return ()

    with opened_outbox(hook, settings, home.root, home.environment) as box:
        yield tell


@contextmanager
def _shop(home: Home, settings: Settings, ward: Ward) -> Iterator[Round]:
    name = ward.settings.name
    with (
        _claimed(folder_of(home.root, name)),
        entered(home.root, settings, name, home.environment, now=home.now()) as door,
    ):
        yield ShopRound(door, home, Waits(ward.seconds))


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Be the only one who looks after a shop; busy where another process, or a thread that is about to end, is."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked_file(folder / "sync.lock", busy=BusyError("another process looks after this shop")):
        yield


@dataclass(slots=True)
class ShopRound:
    """Pulls what was sold and pushes what is in force.

    Where a place did not take its price, all is pushed again after growing waits, or at once when something else is
    published.
    """

    door: Door
    home: Home
    waits: Waits
    _version: int = field(default=-1, init=False)
    _pushed: list[str] = field(default_factory=list, init=False)
    _due: float = field(default=-math.inf, init=False)

    def __call__(self, at: float) -> list[str]:
        """One round; where sales cannot be read, prices go out all the same."""
        try:
            pulled = pull(self.door, self.home.engine, now=self.home.now())
        except ShopError as error:
            if error.status not in LOCKED_OUT:
                self._push_if_due(at)
                note_problem(self.door.folder, error, now=self.home.now())
            raise
        if pulled.new:
            log.info("sales came in", shop=self.door.name, new=pulled.new)
        self._push_if_due(at)
        return [*_of_sales(pulled), *self._pushed]

    def _push_if_due(self, at: float) -> None:
        version = PriceBook(self.home.engine).version()
        if version != self._version or at >= self._due:
            self._version, self._pushed = version, self._push(at)

    def _push(self, at: float) -> list[str]:
        pushed = push(self.door, self.home.engine, by=SYNC, now=self.home.now())
        if pushed.report is not None:
            counts = Counter(result.outcome.value for result in pushed.report.results)
            log.info("prices pushed", shop=self.door.name, decision=pushed.decision, **counts)
        if pushed.arrived:
            self.waits.done()
        self._due = at if pushed.arrived else at + self.waits.failed()
        return list(_of_prices(pushed))


def _of_sales(pulled: Pulled) -> Iterator[str]:
    """What of the sales is not as it should be."""
    yield from pulled.refused
    yield from (f"sold at {place}, which offers.csv does not name" for place in pulled.unmapped)
    if pulled.stock:
        yield pulled.stock


def _of_prices(pushed: Pushed) -> Iterator[str]:
    """What of the prices is not as it should be."""
    plan = pushed.plan
    if pushed.frozen and plan.steps:
        yield "prices are frozen, so nothing is pushed"
    yield from (f"{each.place}: somebody changed {each.ours} to {each.found}" for each in plan.drifted)
    yield from (f"{each.place}: {each.decision} was rolled back" for each in plan.held)
    yield from (f"{each.place}: {each.reason}" for each in plan.refused)
    results = () if pushed.report is None else pushed.report.results
    yield from (f"{each.place}: {each.outcome}: {each.reason}" for each in results if each.reason)
    yield from (f"{each.place}: {problem}" for each in pushed.checks for problem in each.problems)
