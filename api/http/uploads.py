"""The route by which a system brings a file, which a worker then takes in; people bring theirs at the desk.

Guarantees
----------
* A file is received part by part and never held in memory; nothing is kept of one that is refused or broken off.
* Sent again with the same key and the same bytes, a file is taken in once.
* A system knows its file: it is read as docs/tables.md says, and nothing about it is guessed.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec
from flask import Response, g, request
from pydantic import Field

from api import uploads
from api.bodies import SlowError, flowing
from api.http.auth import Gate
from api.http.backend import Backend
from api.http.problems import problems, refuse
from api.http.routes import Once, Query, Routes, Text, answer, goes_to
from api.http.runs import RunAnswer, says_where, told
from api.plain import UTF8, Writing
from api.store.keys import Scope
from api.store.runs import Kind, Run, ask
from api.uploads import CSV, PARQUET, TooLargeError, Upload
from pricing.errors import Finding, InputError
from pricing.tables import TABLES

MEDIA = {"text/csv": CSV, "application/vnd.apache.parquet": PARQUET}
"""What is taken, and how such a file is kept."""


class FileQuery(Query):
    """What the file is."""

    kind: Literal["sales", "events", "offers", "resources", "calendar"] = Field(description="which table it holds")
    name: str = Field(default="file", min_length=1, max_length=120, description="what it is called, for people")
    map: Text = Field(default=None, description="columns that are called otherwise: `date=time,price=unit price`")
    others: bool = Field(default=False, description="keep columns that are not of the table, too")
    replace: bool = Field(default=False, description="replace sales of the same products and days")


def blueprint(backend: Backend, gate: Gate) -> Routes:
    """The routes under /v1/uploads."""
    routes = Routes("uploads", "Files that a system brings", backend, gate)
    routes.after_request(says_where)

    @routes.brings(
        "/uploads",
        scope=Scope.PROPOSALS_WRITE,
        media=tuple(MEDIA),
        responses={202: RunAnswer, **problems(400, 408)},
        summary="Bring a file and have it taken in",
        leads_to=goes_to("one_run", id="/id") | goes_to("cancel_run", id="/id"),
    )
    def bring_file(query: FileQuery, header: Once) -> Response:
        g.writes = True
        named = _mapping(query)
        most = backend.settings.uploads.max_mb * 10**6
        digest, asked = hashlib.sha256(), list[Run]()
        upload = _received(backend, query.name, _sent(most, digest.update), most)

        def take() -> Response:
            said = _said(upload, query, named)
            uploads.keep(backend.root, said)  # before it is asked for: a worker may be there at once
            arguments = {"upload": upload.id}
            asked.append(ask(backend.engine, Kind.INGEST, by=g.holder, now=backend.now(), arguments=arguments))
            uploads.keep(backend.root, msgspec.structs.replace(said, run=asked[0].id))
            return answer(told(asked[0]), 202)

        try:
            return routes.once(take, header.key, request.mimetype, digest.digest())
        except BaseException:
            asked.clear()
            raise
        finally:
            if not asked:  # it was refused, or came before
                uploads.remove(backend.root, upload)

    return routes


def _mapping(query: FileQuery) -> dict[str, str]:
    """Declared column -> the file's column, as far as they are called otherwise."""
    table, named, wrong = TABLES[query.kind], dict[str, str](), list[str]()
    for pair in query.map.split(",") if query.map is not None else ():
        name, _, column = pair.partition("=")
        if not column or table.column(name) is None:
            wrong.append(f"{pair!r} does not name a column of {query.kind} and, behind =, one of the file")
        elif name in named:
            wrong.append(f"{name} is named twice")
        named[name] = column
    if wrong:
        raise InputError([Finding(reason, column="map") for reason in wrong])
    return named


def _sent(most: int, also: Callable[[bytes], object]) -> Iterator[bytes]:
    """The parts of the body, each told to `also` too."""
    if request.content_length is None:
        refuse(411, "Send the file with its Content-Length, not in chunks.")
    if request.mimetype not in MEDIA:
        refuse(415, f"Send the file as {' or '.join(MEDIA)}.")
    request.max_content_length = most
    with flowing(request.stream.read) as parts:
        if parts is None:
            refuse(503, "Too many files are on their way.", headers={"Retry-After": "5"})
        size = 0
        for part in parts:
            size += len(part)
            also(part)
            yield part
    if size != request.content_length:  # to some servers a sender that is gone is the end of what was sent
        refuse(400, "The file broke off; nothing of it was kept.")


def _received(backend: Backend, name: str, parts: Iterator[bytes], most: int) -> Upload:
    try:
        return uploads.receive(backend.root, parts, name=name, by=g.holder, now=backend.now(), most=most)
    except SlowError:
        refuse(408, "The file came too slowly; nothing of it was kept.")
    except TooLargeError as error:
        refuse(413, str(error))


def _said(upload: Upload, query: FileQuery, named: dict[str, str]) -> Upload:
    """The upload as its sender says it is to be read.

    Raises
    ------
    InputError
        if it is not what it was said to be.
    """
    header = upload.sample.header
    wrong = [Finding(f"the file has no column {name!r}", column="map") for name in named.values() if name not in header]
    if upload.ending != MEDIA[request.mimetype]:
        wrong.append(Finding(f"this is not {request.mimetype}"))
    elif upload.ending == CSV and upload.writing.encoding != UTF8:
        wrong.append(Finding("this is not UTF-8 text"))
    if wrong:
        raise InputError(wrong)
    columns = {column.name: column.name for column in TABLES[query.kind].columns} | named
    mapping = {name: column for name, column in columns.items() if column in header}
    read = {"kind": query.kind, "mapping": mapping, "others": query.others, "replace": query.replace}
    return msgspec.structs.replace(upload, writing=Writing(), **read)
