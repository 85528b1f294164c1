"""One job, done in a process of its own: `python -m api.work WORKSPACE TASK`, started by `api.jobs`.

Guarantees
----------
* Whatever a model library does to its process, the worker goes on.
* It tells, a line of JSON at a time, how far it has come (never going back), and in the end what came of it. Only this
  goes to standard output, whatever libraries print.
* It ends when its worker does.
* It loads what its kind of job needs, and no more: an errand at a shop waits for no model library.
"""

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from api.jobs import GRACE, Task, Told
from api.location import database_of
from api.logs import configure
from api.settings import FILE, read_settings
from api.shop_work import run_errand
from api.store.database import open_database
from api.store.migrations import require_current
from api.store.runs import STAGES, Kind
from pricing.book import Verdict
from pricing.errors import FairfareError, Finding, InputError, RefusedError, listed
from pricing.policy import Mode

if TYPE_CHECKING:
    from api.workspace import Workspace

Progress = Callable[[str, int, int], None]
"""See `api.fitting.Progress`."""

ENGINE = "engine"
"""Who proposes what the engine computes; a person approves it, or the policy in mode automatic."""
REPORT = "report.html"
MOST = 200
"""Places of problems, and lines about them, that are told at most."""
ALIKE = 20
"""Of these with the same file, column and reason."""

log = structlog.get_logger()


class Steps:
    """Says how far a job has come, as the share of its stages that are done; it never goes back."""

    def __init__(self, stages: tuple[str, ...], say: Callable[[Told], None]) -> None:
        self._stages = stages
        self._say = say
        self._share = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take what a flow tells; of a stage that nobody knows, only its name."""
        if stage in self._stages:
            share = (self._stages.index(stage) + (min(done / total, 1.0) if total else 0.0)) / len(self._stages)
            self._share = max(self._share, share)
        self._say(Told(stage=stage, progress=self._share))


def _opened(root: Path) -> "Workspace":
    from api.workspace import Workspace

    return Workspace.open(root)


def _ingest(root: Path, task: Task, progress: Progress) -> dict[str, Any]:
    progress("taking in the file", 0, 0)
    from api.intake import take_in

    return take_in(_opened(root), task.arguments["upload"], by=task.by, now=task.now)


def _fit(root: Path, task: Task, progress: Progress) -> dict[str, Any]:
    progress("reading the history", 0, 0)
    made = _opened(root).fit(now=task.now, progress=progress)
    counts = made.elasticities["status"].value_counts()
    return {"model_version": made.version, "price_responses": {str(name): int(n) for name, n in counts.items()}}


def _price(root: Path, task: Task, progress: Progress) -> dict[str, Any]:
    progress("optimizing prices", 0, 0)
    from optimization import HighsOptimizer

    place = _opened(root)
    proposal = place.price(HighsOptimizer(), by=ENGINE, now=task.now)
    unused = place.available(task.now).unused
    for text in unused:
        log.warning(text)
    verdicts = [decision.verdict for decision in proposal.decisions]
    decisions = {verdict.value: verdicts.count(verdict) for verdict in Verdict}
    made = {"proposal": proposal.id, "decisions": decisions, **({"unused": list(unused)} if unused else {})}
    if place.settings.policy.mode is not Mode.AUTOMATIC:
        return made
    try:
        return made | {"version": place.approve_by_policy(proposal.id, now=task.now)}
    except RefusedError as error:
        return made | {"waits_for_a_person": str(error)}


def _report(root: Path, task: Task, progress: Progress) -> dict[str, Any]:
    progress("writing the report", 0, 0)
    place = _opened(root)
    if (proposal := place.book.latest_proposal()) is None:
        raise RefusedError("there is no proposal yet; ask for a run of kind price first")
    place.write_report(proposal, place.root / REPORT, now=task.now, truth=None)
    return {"proposal": proposal.id, "file": REPORT}


def _errand(root: Path, task: Task, progress: Progress) -> dict[str, Any]:
    progress("talking to the shop", 0, 0)
    return run_errand(root, task.arguments, os.environ, by=task.by, now=task.now)


WORK: Mapping[Kind, Callable[[Path, Task, Progress], dict[str, Any]]] = {
    Kind.INGEST: _ingest,
    Kind.FIT: _fit,
    Kind.PRICE: _price,
    Kind.REPORT: _report,
    Kind.SHOP: _errand,
}


def do(task: Task, root: Path, *, say: Callable[[Told], None]) -> None:
    """Do one job in a workspace and say what came of it; whatever goes wrong is said, not raised."""
    try:
        read_settings(root / FILE)
        require_current(open_database(database_of(root)))  # said now, not after minutes of work
        result = WORK[task.kind](root, task, Steps(STAGES[task.kind], say))
    except InputError as error:
        problems = tuple(islice(listed(error.findings), MOST))
        say(Told(problems=problems, findings=placed(error.findings), found=len(error.findings)))
    except FairfareError as error:
        say(Told(problems=(str(error),)))
    except Exception as error:
        log.exception("a run failed", kind=task.kind.value, reason=str(error))
        say(Told(problems=("We failed to do it; the worker's log says how.",)))
    else:
        say(Told(result=result))


def placed(findings: Sequence[Finding]) -> tuple[dict[str, Any], ...]:
    """Findings as they are told: the first `ALIKE` of those alike, `MOST` in all."""
    seen = Counter[tuple[str | None, str | None, str]]()
    told: list[dict[str, Any]] = []
    for each in findings:
        seen[alike := (each.file, each.column, each.reason)] += 1
        if seen[alike] <= ALIKE and (each.file or each.row or each.column):
            reason = str(Finding(each.reason, value=each.value))
            told.append({"file": each.file, "row": each.row, "column": each.column, "reason": reason})
    return tuple(told[:MOST])


def main() -> None:
    """Do the job that the arguments name."""
    root, task = sys.argv[1:]
    configure(as_json=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unfinished files are removed on the way out
    threading.Thread(target=_end_with_worker, daemon=True).start()
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0) as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        do(msgspec.json.decode(task, type=Task), Path(root), say=lambda told: _write(out.write, told))


def _write(write: Callable[[bytes], object], told: Told) -> None:
    write(msgspec.json.encode(told) + b"\n")


def _end_with_worker() -> None:
    """Wait for the end of standard input, which the worker holds open; then end, and all that was started here."""
    while os.read(sys.stdin.fileno(), 1):  # not through Python's own buffer, whose lock would be held at the end
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    main()
