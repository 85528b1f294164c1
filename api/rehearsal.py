"""The whole flow on a simulated season with known truth: what a user would do, step by step, from files to prices.

Guarantees
----------
* Nothing is passed by a back door: the season is written as CSV files, and these are ingested like anyone's.
* A folder that holds something else than an earlier rehearsal is left alone.
* What waits at the end is what the engine decides next, from the same sales and the prices that are then in force.
"""

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from api.atomic import write_bytes
from api.bookings import BOOKINGS_NAME
from api.fitting import Progress
from api.served.snapshot import SNAPSHOT_NAME
from api.settings import FILE as SETTINGS
from api.settings import default_text
from api.stage import STAGE_NAME
from api.store.database import DATABASE_NAME
from api.store.log import ANCHOR_NAME
from api.workspace import Workspace
from optimization import HighsOptimizer
from pricing.book import Proposal
from pricing.errors import Finding, InputError
from pricing.simulation import CURRENCY, Season, simulate

TRUTH, REPORT = "truth.json", "report.html"
DATABASE_FILES = (DATABASE_NAME, f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm", ANCHOR_NAME)
MADE = {
    TRUTH,
    SETTINGS,
    SNAPSHOT_NAME,
    STAGE_NAME,
    BOOKINGS_NAME,
    REPORT,
    "history",
    "fits",
    "uploads",
    *DATABASE_FILES,
}
"""What a rehearsal leaves in its folder."""
TABLES = ("events", "resources", "offers", "calendar", "sales")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of a rehearsal: the workspace, the season with its truth, the proposal, and the version in force.

    Attributes
    ----------
    waiting : the next proposal, which a person has to decide about
    """

    workspace: Workspace
    season: Season
    proposal: Proposal
    version: int
    waiting: Proposal


def rehearse(folder: Path, *, now: datetime, seed: int, manager: str, progress: Progress) -> Rehearsal:
    """Simulate, ingest, fit, price, approve as `manager`, publish, report and price again, in `folder`.

    Raises
    ------
    InputError
        if the folder holds anything but an earlier rehearsal.
    """
    _clear(folder)
    progress("simulating a season", 0, 0)
    season = simulate(now=now, rng=np.random.default_rng(seed))
    place = Workspace.create(
        folder, default_text(currency=CURRENCY, time_zone="UTC", country="DE", order=(("student", "adult"),))
    )
    truth = {f"{product} / {segment}": slope for (product, segment), slope in season.elasticity.items()}
    write_bytes(json.dumps(truth, indent=1).encode(), folder / TRUTH)
    uploads = folder / "uploads"
    uploads.mkdir()
    for kind in TABLES:
        progress(f"ingesting {kind}", 0, 0)
        getattr(season, kind).to_csv(uploads / f"{kind}.csv", index=False)
        place.ingest(kind, uploads / f"{kind}.csv", by=manager, now=now)
    place.fit(now=now, progress=progress)
    progress("optimizing prices", 0, 0)
    proposal = place.price(HighsOptimizer(), by="engine", now=now)
    progress("approving and publishing", 0, 0)
    place.book.approve(proposal.id, by=manager, now=now)
    version = place.publish(proposal.id, by=manager, now=now)
    progress("writing the report", 0, 0)
    place.write_report(proposal, folder / REPORT, now=now, truth=season.elasticity)
    progress("pricing again", 0, 0)
    waiting = place.price(HighsOptimizer(), by="engine", now=now)
    return Rehearsal(place, season, proposal, version, waiting)


def _clear(folder: Path) -> None:
    """Remove an earlier rehearsal, if the folder holds that and nothing else."""
    found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if not found:
        return
    if TRUTH not in found or found - MADE:
        raise InputError(Finding("holds something else; name a new folder for the demo", file=str(folder)))
    shutil.rmtree(folder)
