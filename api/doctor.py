"""What is wrong with a workspace, and what to do about it.

Guarantees
----------
* Every part is looked at, whatever is wrong with the ones before it; nothing is changed.
* What is wrong could let a wrong price out, keep the right one from being served, or lose what is recorded. What is
  merely worth knowing (an old fit, a freeze) says so and leaves the workspace sound.
"""

import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

import msgspec
from sqlalchemy import Engine, text

from api.documents.problem_json import read_problem
from api.fitting import load_fit
from api.served.snapshot import SNAPSHOT_NAME, load
from api.store.database import DATABASE_NAME, open_to_read, reading
from api.store.keys import list_keys
from api.store.log import ANCHOR_NAME, entries, verify
from api.store.migrations import require_current
from api.store.queries import all_publications, freeze_reason, in_force, latest_version, moment, standing_overrides
from api.workspace import Workspace
from optimization import HighsOptimizer
from pricing.errors import FairfareError
from pricing.law import unclear
from pricing.policy import Mode

LEAST_SPACE = 500 * 2**20
"""Free space below this is no room for a backup beside the work [bytes]."""
SLOW_CLOCK = timedelta(seconds=5)
"""Two clocks this far apart disagree about what is in force."""
OLD_KEY = timedelta(days=365)
PRIVATE = (DATABASE_NAME, f"{DATABASE_NAME}-wal", SNAPSHOT_NAME, ANCHOR_NAME)
TINY = """{"currency": "EUR", "objective": "revenue", "offers": [{"id": "a", "ladder": ["1.00", "2.00"],
"demand": [10, 8], "unit_cost": "0", "current_price": "1.00"}]}"""
LIBRARIES = ("fairfare", "numpy", "pandas", "SQLAlchemy", "highspy", "prophet")


class Health(StrEnum):
    """How a part is."""

    SOUND = "sound"
    MIND = "mind"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and in words what was found and what to do."""

    part: str
    health: Health
    found: str


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at, and when."""

    place: Workspace
    engine: Engine
    now: datetime


Found = Iterator[tuple[Health, str]]


def examine(root: Path, *, now: datetime) -> tuple[Check, ...]:
    """Look at every part of a workspace.

    Raises
    ------
    InputError
        if it is no workspace, or its settings cannot be read.
    """
    place = Workspace.open(root)
    patient = Patient(place, open_to_read(place.database), now)
    settings = Check("settings", Health.SOUND, f"readable; mode {place.settings.policy.mode}")
    return (settings, *(check for part, look in PARTS.items() for check in _looked(part, look, patient)))


def _looked(part: str, look: Callable[[Patient], Found], patient: Patient) -> Iterator[Check]:
    try:
        for health, found in look(patient):
            yield Check(part, health, found)
    except (FairfareError, OSError, ValueError) as error:
        yield Check(part, Health.WRONG, str(error))


def _disk(patient: Patient) -> Found:
    free = shutil.disk_usage(patient.place.root).free
    enough = free >= LEAST_SPACE
    yield (
        (Health.SOUND if enough else Health.WRONG),
        f"{free / 2**20:,.0f} MiB free" + ("" if enough else "; make room"),
    )


def _permissions(patient: Patient) -> Found:
    paths = [patient.place.root / name for name in PRIVATE if (patient.place.root / name).exists()]
    open_to_others = [path for path in paths if path.stat().st_mode & 0o077]
    for path in open_to_others:
        yield Health.WRONG, f"{path.name} can be read by others than its owner: chmod 600 {path}"
    if not open_to_others:
        yield Health.SOUND, "only the owner can read what holds secrets"


def _database(patient: Patient) -> Found:
    require_current(patient.engine)
    with reading(patient.engine) as db:
        if db.dialect.name == "sqlite":
            said = list(db.scalars(text("PRAGMA integrity_check")))
            wrong = [] if said == ["ok"] else said
        else:
            guarded = db.scalar(text("SELECT count(*) FROM pg_constraint WHERE conname = 'prices_no_overlap'"))
            wrong = [] if guarded else ["the constraint that refuses overlaps is gone"]
    for reason in wrong:
        yield Health.WRONG, f"{reason}; restore a backup (docs/operations.md)"
    if not wrong:
        yield Health.SOUND, "reachable, current and whole"


def _log(patient: Patient) -> Found:
    findings = verify(patient.engine, patient.place.root / ANCHOR_NAME)
    with reading(patient.engine) as db:
        told = list(entries(db))
    for finding in findings:
        yield Health.WRONG, f"{finding}; freeze, then docs/operations.md"
    if not findings:
        last = f"; the last is {told[-1].number} {told[-1].hash}" if told else ""
        yield Health.SOUND, f"{len(told)} entries chained and anchored, and they give the book{last}"


def _snapshot(patient: Patient) -> Found:
    path = patient.place.root / SNAPSHOT_NAME
    with reading(patient.engine) as db:
        current, at = latest_version(db), moment(db, patient.now)
        costs = {price.key: f"{price.price:f}" for price in in_force(db, at)}
    if (kept := load(path)) is None:
        damaged = path.exists()
        advice = "is damaged: delete it" if damaged else "is not there yet"
        yield (Health.WRONG if damaged else Health.MIND), f"{path.name} {advice}; `fairfare serve` writes it anew"
    elif kept.content.version != current:
        yield Health.MIND, f"{path.name} holds version {kept.content.version}, the book {current}; is a server running?"
    elif {entry.key: msgspec.json.decode(entry.price)["price"] for entry in kept.at(at).entries} != costs:
        yield Health.WRONG, f"{path.name} holds other prices than the book: delete it; `fairfare serve` writes it anew"
    else:
        yield Health.SOUND, f"version {current}, {len(costs)} prices as in the book"


def _prices(patient: Patient) -> Found:
    with reading(patient.engine) as db:
        frozen, set_by_people = freeze_reason(db), standing_overrides(db, patient.now)
    for each in (each for found in set_by_people.values() for each in found):
        yield Health.MIND, f"{each.offer}: {each}"
    if frozen:
        yield Health.MIND, frozen
    if (mode := patient.place.settings.policy.mode) is Mode.SHADOW:
        yield Health.MIND, "mode shadow: nothing is published"
    if not frozen and mode is not Mode.SHADOW:
        yield Health.SOUND, "may change"


def _law(patient: Patient) -> Found:
    with reading(patient.engine) as db:
        priced = [(price.offer, price.channel, price.currency) for price in in_force(db, moment(db, patient.now))]
    wrong = unclear(priced, patient.place.settings.law)
    for reason in wrong:
        yield Health.WRONG, f"{reason}; until then fees and notices are not shown beside its price"
    if not wrong:
        yield Health.SOUND, f"it is clear whose holds for each of {len(priced)} prices"


def _clock(patient: Patient) -> Found:
    with reading(patient.engine) as db:
        last = max((made.at for made in all_publications(db).values()), default=patient.now)
        postgresql = db.dialect.name == "postgresql"
        told = db.scalar(text("SELECT clock_timestamp()")) if postgresql else patient.now
    behind = last - patient.now > SLOW_CLOCK
    apart = abs(told - patient.now) > SLOW_CLOCK
    if behind:
        yield Health.WRONG, f"the clock is behind the latest publication, {last:%Y-%m-%d %H:%M:%S} UTC: set it"
    if apart:
        yield Health.WRONG, f"this clock and PostgreSQL's are {abs(told - patient.now)} apart: set them"
    if not behind and not apart:
        yield Health.SOUND, f"{patient.now:%Y-%m-%d %H:%M:%S} UTC, after the latest publication"


def _keys(patient: Patient) -> Found:
    live = [key for key in list_keys(patient.engine) if key.revoked_at is None]
    for key in live:
        if patient.now - key.created_at > OLD_KEY:
            yield Health.MIND, f"key {key.number} of {key.holder} is from {key.created_at:%Y-%m-%d}; make a new one"
    yield Health.SOUND, f"{len(live)} can be used"


def _history(patient: Patient) -> Found:
    if patient.place.history.currency() is None:
        yield Health.MIND, "there are no sales yet; add them with: fairfare ingest sales FILE"
        return
    newest = patient.place.history.daily_sales()["date"].max()
    age = (patient.place.today(patient.now) - newest).days
    if age < 0:
        advice = "set the clock, or restore a backup from before it came (docs/operations.md)"
        yield Health.WRONG, f"the newest sale is of {newest:%Y-%m-%d}, which lies in the future: {advice}"
        return
    most = patient.place.settings.policy.sales_age_days
    late = "" if age <= most else f"; prices are held after {most}: ingest newer sales"
    yield (Health.MIND if late else Health.SOUND), f"the newest sale is {age} days old{late}"


def _fit(patient: Patient) -> Found:
    if not patient.place.fits.is_dir():
        yield Health.MIND, "there is none yet; make one with: fairfare fit"
        return
    fit, most = load_fit(patient.place.fits), patient.place.settings.policy.fit_age_days
    age = None if fit.fitted_at is None else (patient.now - fit.fitted_at).days
    fresh = age is not None and age <= most
    advice = "" if fresh else f"; prices are held after {most} days: fairfare fit"
    yield (
        (Health.SOUND if fresh else Health.MIND),
        f"{fit.version}, {'of unknown age' if age is None else f'{age} days old'}{advice}",
    )


def _solver(_: Patient) -> Found:
    price = HighsOptimizer().solve(read_problem(TINY), time_limit=10.0).prices["a"]
    right = f"{price}" == "2.00"
    yield (Health.SOUND if right else Health.WRONG), "solves" if right else "is wrong on a tiny problem: reinstall it"


def _versions(_: Patient) -> Found:
    known = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    yield Health.SOUND, f"Python {platform.python_version()}, {known}"


PARTS: dict[str, Callable[[Patient], Found]] = {
    "disk": _disk,
    "permissions": _permissions,
    "database": _database,
    "log": _log,
    "snapshot": _snapshot,
    "prices": _prices,
    "law": _law,
    "clock": _clock,
    "keys": _keys,
    "history": _history,
    "fit": _fit,
    "solver": _solver,
    "versions": _versions,
}
