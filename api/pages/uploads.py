"""Uploads: a file is brought, its columns are named, and a job takes it in; what is wrong is shown row by row.

Guarantees
----------
* Nothing of a file is in use until somebody has said what its columns mean; what was guessed says so.
* Either its rows are in use, or the page says what is wrong and where, and nothing has changed.
* A file is given out by nobody: only lists of its problems, and rows set aside, formula-safe.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import msgspec
from flask import Response, abort, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from api import uploads as files
from api.http.backend import Backend
from api.pages import table_words
from api.pages.desk import Answer, Desk, back_to, csrf_token
from api.pages.incoming import incoming
from api.pages.jobs import job_of
from api.pages.table_words import BROUGHT, COLUMNS, needed_of, template
from api.plain import DATES, Writing
from api.store.runs import Kind, Run, State, ask, find, newest
from api.store.users import Role
from api.uploads import Problems, Upload
from pricing.errors import InputError
from pricing.tables import TABLES, Table
from pricing.tables.guess import Match, guess_columns, guess_table

SHOWN = 3
"""Cells of a column that are shown."""
SINGLE = "1"
"""What is chosen for the units of a file whose rows are one unit each."""
AT_MOST = 50
"""Uploads that are listed."""


@dataclass(frozen=True, slots=True)
class Row:
    """A column that is needed or may be there, and the file's column that stands for it.

    Attributes
    ----------
    source : empty if none does; `SINGLE` if each row is one unit
    match : how it was guessed; None if somebody said it
    """

    name: str
    needed: bool
    source: str
    match: Match | None = None

    @property
    def idle(self) -> bool:
        """Whether the file can do without it, and does."""
        return not self.needed and not self.source

    @property
    def unsure(self) -> bool:
        """Whether a person should look."""
        return self.match is not None and not self.match.sure


@dataclass(frozen=True, slots=True)
class Paper:
    """An upload as it is shown: what it is taken for, and how far it has come.

    Attributes
    ----------
    table : None until it is said or clear
    state : columns, reading, problems or used
    problems : what was wrong when it was read last, also where those rows were set aside
    """

    upload: Upload
    table: Table | None
    run: Run | None
    state: str
    problems: Problems | None
    rows: tuple[Row, ...] = ()
    samples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def taken(self) -> int:
        """Rows that are in use."""
        return int((self.run.result or {}).get("rows", 0)) if self.run else 0

    @property
    def left_out(self) -> int:
        """Rows that were set aside."""
        return int((self.run.result or {}).get("aside", 0)) if self.run else 0

    @property
    def said(self) -> tuple[str, ...]:
        """What went wrong, where it is not about rows."""
        return tuple((self.run.result or {}).get("problems", ())) if self.run and not self.problems else ()


def add(desk: Desk) -> None:
    """Add them to the desk."""

    @desk.context_processor
    def naming() -> dict[str, object]:
        """What tables and columns are called."""
        return {"naming": table_words}

    _add_pages(desk, desk.backend)
    _add_tables(desk, desk.backend)
    _add_steps(desk, desk.backend)


def _add_pages(desk: Desk, backend: Backend) -> None:
    @desk.page("/uploads")
    def uploads() -> str:
        limits = backend.settings.uploads
        files.remove_old(backend.root, now=g.now, kept=timedelta(days=limits.keep_days))
        papers = [paper_of(backend, each) for each in files.newest(backend.root)[:AT_MOST]]
        return render_template("desk/uploads.html", page="uploads", papers=papers, limits=limits, tables=BROUGHT)

    @desk.page("/uploads/<name>")
    def upload(name: str) -> str:
        paper = paper_of(backend, _known(backend, name), request.args.get("table", ""))
        return render_template(
            "desk/upload.html",
            page="uploads",
            paper=paper,
            job=job_of(paper.run, newest(backend.engine, before=None, limit=AT_MOST), g.now) if paper.run else None,
            tables=BROUGHT,
            single=SINGLE,
            currency=backend.settings.currency,
            zone=backend.settings.time_zone,
        )


def _add_tables(desk: Desk, backend: Backend) -> None:
    @desk.page("/uploads/<name>/problems.csv")
    def upload_problems(name: str) -> Answer:
        return _given(files.problems_table_of(backend.root, _known(backend, name)), "problems.csv")

    @desk.page("/uploads/<name>/aside.csv")
    def upload_aside(name: str) -> Answer:
        return _given(files.aside_of(backend.root, _known(backend, name)), "set-aside.csv")

    @desk.page("/templates/<table>.csv")
    def table_template(table: str) -> Answer:
        if table not in BROUGHT:
            abort(HTTPStatus.NOT_FOUND)
        return _csv(template(table, g.now.date()).encode(), f"{table}.csv")


def _add_steps(desk: Desk, backend: Backend) -> None:
    @desk.take("/uploads", role=Role.ANALYST)
    def bring() -> BaseResponse:
        most = backend.settings.uploads.max_mb * 10**6
        by, now = g.session.user.name, backend.now()
        with incoming(token=csrf_token(), most=most) as form:
            made = files.receive(backend.root, form.parts, name=form.name, by=by, now=now, most=most)
            wanted = form.fields.get("table", "")
        return redirect(url_for("desk.upload", name=made.id, table=wanted or None), HTTPStatus.SEE_OTHER)

    @desk.act("/uploads/<name>", role=Role.ANALYST)
    def take_upload(name: str) -> BaseResponse:
        upload = _known(backend, name)
        if _open(backend, upload) or not files.file_of(backend.root, upload).exists():
            abort(HTTPStatus.CONFLICT)
        said = _said(upload, request.form)
        files.keep(backend.root, said)
        made = ask(
            backend.engine, Kind.INGEST, by=g.session.user.name, now=backend.now(), arguments={"upload": upload.id}
        )
        files.keep(backend.root, msgspec.structs.replace(said, run=made.id))
        return redirect(url_for("desk.upload", name=upload.id), HTTPStatus.SEE_OTHER)

    @desk.act("/uploads/<name>/remove", role=Role.ANALYST)
    def remove_upload(name: str) -> BaseResponse:
        upload = _known(backend, name)
        if _open(backend, upload):
            abort(HTTPStatus.CONFLICT)
        files.remove(backend.root, upload)
        return back_to(url_for("desk.uploads"), "upload-removed")


def _known(backend: Backend, name: str) -> Upload:
    return files.find(backend.root, name) or abort(HTTPStatus.NOT_FOUND)


def _run_of(backend: Backend, upload: Upload) -> Run | None:
    return find(backend.engine, upload.run) if upload.run else None


def _open(backend: Backend, upload: Upload) -> bool:
    run = _run_of(backend, upload)
    return run is not None and run.open


def paper_of(backend: Backend, upload: Upload, wanted: str = "") -> Paper:
    """An upload as it is shown.

    Parameters
    ----------
    wanted : the table it is to be taken for; empty: as it was said, or else guessed
    """
    run = _run_of(backend, upload)
    cells = {name: upload.sample.cells(name) for name in upload.sample.header}
    kind = wanted if wanted in BROUGHT else upload.kind or guess_table(cells) or ""
    table = TABLES.get(kind)
    samples = {name: tuple(dict.fromkeys(told))[:SHOWN] for name, told in cells.items()}
    return Paper(
        upload,
        table,
        run,
        _state(run, gone=not files.file_of(backend.root, upload).exists()),
        files.problems_of(backend.root, upload) if run else None,
        _rows(upload, table, cells) if table else (),
        samples,
    )


def _state(run: Run | None, *, gone: bool) -> str:
    if run is not None and run.open:
        return "reading"
    if gone or (run is not None and run.state is State.DONE):
        return "used"
    return "columns" if run is None or run.state is State.CANCELLED else "problems"


def _rows(upload: Upload, table: Table, cells: Mapping[str, tuple[str, ...]]) -> tuple[Row, ...]:
    """The columns of a table, those needed first."""
    if upload.kind == table.name:
        said = {**upload.mapping, **({"quantity": SINGLE} if upload.single else {})}
        found: dict[str, Match] = {}
    else:
        found = {match.column: match for match in guess_columns(table, cells)}
        said = {name: match.source for name, match in found.items()}
    needed = needed_of(table)
    rows = [Row(name, name in needed, said.get(name, ""), found.get(name)) for name in COLUMNS[table.name]]
    return tuple(sorted(rows, key=lambda row: (not row.needed, not row.source)))


def _said(upload: Upload, form: Mapping[str, str]) -> Upload:
    """What a form says of an upload.

    Raises
    ------
    InputError
        if a column of the file is to stand for two.
    """
    kind = form.get("table", "")
    if kind not in BROUGHT or form.get("decimal", ".") not in {".", ","} or form.get("dates", "ymd") not in DATES:
        abort(HTTPStatus.UNPROCESSABLE_ENTITY)
    chosen = {name: form.get(f"column.{name}", "") for name in COLUMNS[kind]}
    mapping = {name: source for name, source in chosen.items() if source in upload.sample.header}
    if twice := sorted({source for source in mapping.values() if list(mapping.values()).count(source) > 1}):
        raise InputError(f"one column of the file cannot stand for two: {', '.join(twice)}")
    writing = upload.writing
    return msgspec.structs.replace(
        upload,
        kind=kind,
        mapping=mapping,
        single=chosen.get("quantity") == SINGLE and SINGLE not in upload.sample.header,
        writing=Writing(writing.encoding, writing.delimiter, form.get("decimal", "."), form.get("dates", "ymd")),
        others="others" in form,
        replace="replace" in form,
        aside="aside" in form,
    )


def _given(path: Path, name: str) -> Answer:
    if not path.is_file():
        abort(HTTPStatus.NOT_FOUND)
    return _csv(path.read_bytes(), name)


def _csv(data: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, content_type="text/csv; charset=utf-8", headers=headers)
