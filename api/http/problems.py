"""Every error as problem+json (RFC 9457).

Guarantees
----------
* Whatever goes wrong is answered in the same form, and never cached.
* Our own failure says nothing about the inside; the log does.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NoReturn

import msgspec
import structlog
from flask import Flask, Response, abort
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.response import Response as BaseResponse

from api.strict_json import BESIDE_THE_POINT, in_words
from pricing.errors import Finding, InputError, MismatchError, RefusedError, UnavailableError

MEDIA_TYPE = "application/problem+json"
RETRY = "5"
"""When to try again if something does not answer [seconds]."""
log = structlog.get_logger()


class Fault(BaseModel):
    """One thing wrong with a request."""

    where: str = Field(description="the parameter or the place in the body, for example `limit` or `prices[0].price`")
    reason: str


class Problem(BaseModel):
    """What went wrong, in words."""

    type: str = Field(description="`about:blank`: the status says what kind of problem it is")
    title: str
    status: int
    detail: str
    errors: list[Fault] = Field(default=[], description="everything wrong with the request, all at once")


def problem(
    status: int, detail: str, *, headers: dict[str, str] | None = None, errors: list[dict[str, str]] | None = None
) -> Response:
    """An answer that says what went wrong."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": errors or []}
    return Response(msgspec.json.encode(body), status, headers, mimetype=MEDIA_TYPE)


def invalid(error: ValidationError) -> Response:
    """A request that cannot be understood: every reason at once."""
    found = [each for each in error.errors() if each["type"] not in BESIDE_THE_POINT]
    faults = [{"where": str(each["loc"][0]), "reason": in_words(each)} for each in found]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The request has unusable parameters.", errors=faults)


def problems(*statuses: int) -> dict[int | str, Any]:
    """The documentation of answers that are problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def refuse(status: int, detail: str, *, headers: dict[str, str] | None = None) -> NoReturn:
    """Stop here and answer with a problem."""
    abort(problem(status, detail, headers=headers))


def install(app: Flask) -> None:
    """Answer every error of an application with a problem."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(InputError, _unusable)
    app.register_error_handler(RefusedError, _refused)
    app.register_error_handler(MismatchError, _mismatched)
    app.register_error_handler(UnavailableError, _unavailable)
    app.register_error_handler(Exception, _own)


def _unusable(error: InputError) -> Response:
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The request cannot be used.", errors=_faults(error.findings))


def _mismatched(error: MismatchError) -> Response:
    return problem(HTTPStatus.CONFLICT, "The request does not fit the price book.", errors=_faults(error.findings))


def _faults(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [{"where": finding.column or "", "reason": finding.reason} for finding in findings]


def _refused(error: RefusedError) -> Response:
    return problem(HTTPStatus.CONFLICT, str(error))


def _unavailable(error: UnavailableError) -> Response:
    log.warning("a request could not be answered", reason=str(error))
    detail = "The price book cannot be reached, or its settings cannot be used; our log says why. Try again."
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": RETRY})


def _http(error: HTTPException) -> BaseResponse:
    if error.response is not None:
        return error.response
    kept = {name: value for name, value in error.get_headers() if name in {"Allow", "Location", "Retry-After"}}
    return problem(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, error.description or "", headers=kept)


def _own(error: Exception) -> Response:
    log.error("a request failed", reason=str(error), exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "We failed to answer; the failure was logged.")
