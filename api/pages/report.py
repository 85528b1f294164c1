"""The report that the last job wrote: when it was made, to open, to print and to keep.

Guarantees
----------
* The file is shown apart from the desk: a browser gives it no origin, so that nothing in it can act for the reader.
* Of its scripts only those run whose hashes it names itself, as Fairfare writes them; of any other file, none.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from http import HTTPStatus
from pathlib import Path

from flask import Response, abort, render_template

from api.pages.desk import Answer, Desk

REPORT = "report.html"
"""As `api.work` names it."""
OWN = re.compile(
    r"default-src 'none'; script-src(?: 'sha256-[\w+/]{43}=')+; style-src 'unsafe-inline'; img-src data: blob:; "
    r"base-uri 'none'; form-action 'none'",
    re.ASCII,
)
"""The policy a report carries (`api.report.page`)."""
WITHOUT = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
APART = "sandbox allow-scripts allow-modals; frame-ancestors 'none'"
"""Modals: the dialog to print."""
HTML = "text/html; charset=utf-8"
HEAD = 4096
"""Bytes in which a policy stands."""


@dataclass(frozen=True, slots=True)
class File:
    """A report: when it was made, and how large it is [bytes]."""

    made_at: datetime
    size: int


def file_of(path: Path) -> File | None:
    """What is known of a report without reading it; None if there is none."""
    try:
        known = path.stat()
    except OSError:
        return None
    return File(datetime.fromtimestamp(known.st_mtime, UTC), known.st_size)


def policy_of(page: bytes) -> str:
    """What a browser may do with a report."""
    found = OWN.search(unescape(page[:HEAD].decode(errors="replace")))
    return f"{found[0] if found else WITHOUT}; {APART}"


def add(desk: Desk) -> None:
    """Add it to the desk."""
    backend = desk.backend
    path = backend.root / REPORT

    def read() -> bytes:
        try:
            return path.read_bytes()
        except OSError:
            abort(HTTPStatus.NOT_FOUND)

    @desk.page("/report")
    def report() -> str:
        return render_template("desk/report.html", page="report", file=file_of(path))

    @desk.page("/report/file")
    def report_file() -> Answer:
        page = read()
        return Response(
            page, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy_of(page)}
        )

    @desk.page("/report/download")
    def report_download() -> Answer:
        kept = {"Content-Disposition": 'attachment; filename="fairfare-report.html"'}
        return Response(
            read(), content_type="text/html; charset=utf-8", headers=kept | {"Content-Security-Policy": WITHOUT}
        )
