"""A form with a file, read as it comes.

Guarantees
----------
* Nothing of the file is read before it is known who sends it; the first field of the form must be the session's token.
* Neither the form nor the file is held in memory.
"""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from flask import abort, request
from werkzeug.exceptions import HTTPException, UnprocessableEntity
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from api.bodies import PART, SlowError, flowing

FIELDS, LONGEST_FIELD = 8, 1024
"""What may come before the file: so many fields, each so long [bytes]."""
AROUND = 64 * 1024
"""What a form may add to its file [bytes]."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A form that is being sent: the fields before its file, what the file is called, and its parts."""

    fields: dict[str, str]
    name: str
    parts: Iterator[bytes]


@contextmanager
def incoming(*, token: str, most: int) -> Iterator[Incoming]:
    """The form of this request, up to its file; the rest is read within the block.

    Parameters
    ----------
    token : what the first field, called `token`, must hold
    most : largest file [bytes]
    """
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not 0 < len(boundary) <= 200:
        abort(HTTPStatus.UNPROCESSABLE_ENTITY)
    request.max_content_length = most + AROUND
    with flowing(request.stream.read) as parts:
        if parts is None:
            abort(HTTPStatus.SERVICE_UNAVAILABLE)
        yield _begin(_events(parts, boundary), token)


def _begin(events: Iterator[Event], token: str) -> Incoming:
    fields: dict[str, str] = {}
    for event in events:
        if isinstance(event, File) and fields.get("token"):
            return Incoming(fields, event.filename, _file(events))
        if isinstance(event, Field) and len(fields) < FIELDS:
            fields[event.name] = _value(events)
            if not hmac.compare_digest(fields.get("token", "").encode(), token.encode()):
                abort(HTTPStatus.FORBIDDEN)
        elif isinstance(event, File):
            abort(HTTPStatus.FORBIDDEN)
    raise UnprocessableEntity


def _events(parts: Iterator[bytes], boundary: str) -> Iterator[Event]:
    decoder = MultipartDecoder(boundary.encode(), max_form_memory_size=4 * PART)
    try:
        for part in parts:
            decoder.receive_data(part)
            while not isinstance(event := decoder.next_event(), NeedData):
                yield event
                if isinstance(event, Epilogue):
                    return
        decoder.receive_data(None)
        yield decoder.next_event()
    except SlowError:
        abort(HTTPStatus.REQUEST_TIMEOUT)
    except HTTPException:
        raise
    except (ValueError, OSError):  # no form, or broken off
        abort(HTTPStatus.BAD_REQUEST)


def _value(events: Iterator[Event]) -> str:
    value = b""
    for event in events:
        if isinstance(event, Data):
            value += event.data
            if len(value) > LONGEST_FIELD:
                abort(HTTPStatus.UNPROCESSABLE_ENTITY)
            if not event.more_data:
                break
    return value.decode(errors="replace")


def _file(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, Data):
            yield event.data
            if not event.more_data:
                return
    abort(HTTPStatus.BAD_REQUEST)
