"""How an operation of the API is declared: the scope it needs, what it takes, and that a write happens once.

Guarantees
----------
* An operation names the scope it needs (or scopes, of which one is enough); the check and the OpenAPI document read
  that one declaration, and an operation that names none answers nobody.
* A body is read exactly or refused, with everything wrong in it and its place: size, media type, NaN, repeated and
  unknown keys, wrong types. The key is looked at first.
* A write with an `Idempotency-Key` takes effect once: sent again with the same body it is answered as before, with
  another body it is refused. What is answered is recorded in the transaction of the effect.
* Every answer to a GET has an ETag, and is not sent again to a client that has it.

A route::

    def blueprint(backend: Backend, gate: Gate) -> Routes:
        routes = Routes("freeze", "Stopping every change of a price", backend, gate)

        @routes.writes("PUT", "/freeze", scope=Scope.ADMIN, responses={200: Frozen}, summary="Stop every change")
        def freeze(sent: Reason) -> Response:
            backend.book.freeze(by=g.holder, now=backend.now(), reason=sent.reason)
            return answer({"frozen": True})

        return routes

`path` and `query` are pydantic models, as flask-openapi has it; `sent` is the body, a `Strict` one. A body that is
left out is an empty one. Errors of `pricing.errors` may be raised anywhere: RefusedError is answered with 409,
and MismatchError with every place too, InputError with 422, UnavailableError with 503.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import msgspec
from flask import Response, abort, g, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.link import Link
from flask_openapi.models.tag import Tag
from flask_openapi.utils import parse_rule
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from api.bodies import received
from api.http.auth import Gate
from api.http.backend import Backend
from api.http.problems import problems, refuse
from api.store.keys import Scope
from api.store.requests import Answered, fingerprint, once
from api.strict_json import Strict, parse, validated
from pricing.errors import Finding, InputError

View = Callable[..., Response]
Scopes = Scope | tuple[Scope, ...]
NOWHERE: Mapping[str, Link] = {}
SCHEMA = "#/components/schemas/{model}"
BodyT = TypeVar("BodyT", bound=Strict)
NUMBER = re.compile(r"[0-9]{1,18}")


def check_cursor(text: str, form: re.Pattern[str]) -> str:
    """A cursor of this form (ValueError if it is none)."""
    if form.fullmatch(text) is None:
        raise ValueError("this is not a cursor: take `next` of the page before, as it is")
    return text


def _number(text: str) -> int:
    return int(check_cursor(text, NUMBER))


Cursor = (
    Annotated[int, BeforeValidator(_number), WithJsonSchema({"type": "string", "pattern": f"^{NUMBER.pattern}$"})]
    | SkipJsonSchema[None]
)
"""Where a list in the order of numbers goes on."""
Limit = Annotated[int, Field(ge=1, le=1000, description="how many at most")]
Text = str | SkipJsonSchema[None]
"""A parameter that may be left out; a query cannot say null."""
UNCHANGED: dict[int | str, Any] = {304: {"description": "Not modified since the ETag sent in If-None-Match"}}


class Parameters(BaseModel):
    """Parameters of one kind; their schema is made once: flask-openapi asks for it at every request."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401  # pydantic's signature
        """Make the schema, or give the one made before."""
        return _schema(cls, args, tuple(sorted(kwargs.items())))


@functools.cache
def _schema(model: type[Parameters], args: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    return super(Parameters, model).model_json_schema(*args, **dict(named))


class Query(Parameters):
    """Parameters in the query; an unknown one is an error, because a misspelt filter would filter nothing."""

    model_config = ConfigDict(extra="forbid")


class Once(Parameters):
    """What makes sending a write again harmless."""

    key: Annotated[str, Field(pattern=r"^[!-~]{1,255}$")] | SkipJsonSchema[None] = Field(
        default=None,
        alias="Idempotency-Key",
        description="chosen by the client, kept for 7 days: the same request with the same key takes effect once",
    )


class Routes(APIBlueprint):
    """The operations of one subject under /v1."""

    def __init__(self, name: str, about: str, backend: Backend, gate: Gate) -> None:
        super().__init__(
            name,
            __name__,
            url_prefix="/v1",
            abp_tags=[Tag(name=name, description=about)],
            abp_responses=problems(401, 403, 422, 429, 503),
        )
        self._backend = backend
        self._gate = gate
        self._scopes: dict[str, tuple[Scope, ...]] = {}
        self.bodies: dict[str, dict[str, Any]] = {}
        """The schema of every body; flask-openapi would leave out what it does not know, such as `propertyNames`."""
        self.before_request(self._admit)
        self.after_request(_conditional)

    def reads(
        self,
        method: Literal["GET", "POST"],
        rule: str,
        *,
        scope: Scopes,
        responses: dict[Any, Any],
        summary: str,
        leads_to: Mapping[str, Link] = NOWHERE,
    ) -> Callable[[View], View]:
        """Declare an operation that changes nothing in the database.

        Parameters
        ----------
        leads_to : operations that go on from the answer, by name, and what of it they take
        """

        def declare(view: View) -> View:
            documented = {**(UNCHANGED if method == "GET" else problems(409, 411, 413, 415)), **responses}
            self._declare(method, rule, _with_body(view), scope=scope, responses=documented, summary=summary)
            self._link(method, rule, responses, leads_to)
            return view

        return declare

    def writes(
        self,
        method: Literal["POST", "PUT", "DELETE"],
        rule: str,
        *,
        scope: Scopes,
        responses: dict[Any, Any],
        summary: str,
        refresh: bool = False,
        leads_to: Mapping[str, Link] = NOWHERE,
    ) -> Callable[[View], View]:
        """Declare an operation that takes effect once.

        Parameters
        ----------
        refresh : whether this worker is to serve the effect at once
        leads_to : operations that go on from the answer, by name, and what of it they take
        """

        def declare(view: View) -> View:
            documented = {**problems(409, 411, 413, 415), **responses}
            acting = self._once(_with_body(view), refresh)
            self._declare(method, rule, acting, scope=scope, responses=documented, summary=summary)
            self._link(method, rule, responses, leads_to)
            return view

        return declare

    def brings(
        self,
        rule: str,
        *,
        scope: Scopes,
        media: Sequence[str],
        responses: dict[Any, Any],
        summary: str,
        leads_to: Mapping[str, Link] = NOWHERE,
    ) -> Callable[[View], View]:
        """Declare a POST whose body is a file, read part by part; the view acts within `once`.

        Parameters
        ----------
        media : types of files that are taken
        leads_to : operations that go on from the answer, by name, and what of it they take
        """

        def declare(view: View) -> View:
            content = {name: {"schema": {"type": "string", "format": "binary"}} for name in media}
            documented = {**problems(409, 411, 413, 415), **responses}
            self._declare("POST", rule, view, scope=scope, responses=documented, summary=summary, content=content)
            self._link("POST", rule, responses, leads_to)
            return view

        return declare

    def once(self, act: Callable[[], Response], key: str | None, *sent: str | bytes) -> Response:
        """Act, or answer as before if the request came before.

        Parameters
        ----------
        key : that it came with, if with any
        sent : what of its body tells it from another with the same key
        """
        if key is None:
            return act()
        mark = fingerprint(request.method, request.full_path, *sent)
        engine, now = self._backend.engine, self._backend.now()
        return _response(once(engine, functools.partial(_succeeded, act), holder=g.holder, key=key, mark=mark, now=now))

    def _declare(
        self,
        method: str,
        rule: str,
        view: View,
        *,
        scope: Scopes,
        responses: dict[Any, Any],
        summary: str,
        content: Mapping[str, Any] | None = None,
    ) -> None:
        scopes = (scope,) if isinstance(scope, Scope) else scope
        self._scopes[f"{self.name}.{view.__name__}"] = scopes
        options: dict[str, Any] = {
            "operation_id": view.__name__,
            "security": [{"key": [each.value]} for each in scopes],
            "responses": responses,
            "summary": summary,
        }
        if (model := _body_of(view)) is not None:
            self.bodies |= _schemas(model)
            content = {"application/json": {"schema": {"$ref": SCHEMA.format(model=model.__name__)}}}
            options["request_body"] = {"content": content, "required": _needs_body(model)}
        elif content is not None:
            options["request_body"] = {"content": content, "required": True}
        getattr(super(), method.lower())(rule, **options)(view)

    def _link(self, method: str, rule: str, responses: dict[Any, Any], leads_to: Mapping[str, Link]) -> None:
        """Document where an answer leads; flask-openapi knows links only of answers that are described in full."""
        operation = getattr(self.paths[parse_rule(rule, self.url_prefix)], method.lower())
        if leads_to:
            operation.responses[str(min(responses))].links = dict(leads_to)

    def _admit(self) -> None:
        self._gate.admit(*self._scopes[request.endpoint or ""])
        if repeated := [name for name, values in request.args.lists() if len(values) > 1]:
            refuse(422, f"Given more than once: {', '.join(repeated)}.")

    def _once(self, view: View, refresh: bool) -> View:
        """Answer as before if the request came before; else act, and record the answer with the effect."""

        @functools.wraps(view)
        def run(*, header: Once, **given: Any) -> Response:  # noqa: ANN401  # whatever the view takes
            g.writes = True
            sent = () if header.key is None else (_sent(),)  # all of it is here before we begin
            response = self.once(functools.partial(view, **given), header.key, *sent)
            if refresh:
                self._backend.refresh()
            return response

        run.__annotations__ = {**view.__annotations__, "header": Once}
        return run


def goes_to(operation: str, body: dict[str, str] | None = None, **parameters: str) -> dict[str, Link]:
    """That an answer leads to an operation, which takes these parts of it: `id="/proposal"`."""
    expressions = {name: f"$response.body#{pointer}" for name, pointer in parameters.items()}
    sent = None if body is None else {name: f"$response.body#{pointer}" for name, pointer in body.items()}
    return {operation: Link(operationId=operation, parameters=expressions or None, requestBody=sent)}


def answer(body: object, status: int = HTTPStatus.OK) -> Response:
    """An answer that went well."""
    return Response(msgspec.json.encode(body), status, mimetype="application/json")


def read_body(model: type[BodyT]) -> BodyT:
    """The body of the request, read exactly or refused."""
    data = _sent()
    if not data and not (request.mimetype and _needs_body(model)):
        return validated(model, {}, file=None, context={})
    if request.mimetype != "application/json":
        refuse(415, "Send the body as `Content-Type: application/json`.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(Finding(f"this is not UTF-8 text: {error.reason}")) from None
    return validated(model, parse(text, file=None, kind="body"), file=None, context={})


def _sent() -> bytes:
    """The bytes of the body; they stay with the request."""
    if "Transfer-Encoding" in request.headers and request.content_length is None:
        refuse(411, "Send the body with its Content-Length, not in chunks.")
    if (data := received(request.get_data)) is None:
        refuse(503, "Too many bodies are on their way.", headers={"Retry-After": "1"})
    return data


def _succeeded(act: Callable[[], Response]) -> Answered:
    response = act()
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        abort(response)  # out of the transaction, which is undone
    return Answered(response.status_code, response.get_data(as_text=True))


def _response(given: Answered) -> Response:
    return Response(given.body, given.status, mimetype="application/json")


def _body_of(view: View) -> type[Strict] | None:
    return get_type_hints(view).get("sent")


def _schemas(model: type[Strict]) -> dict[str, dict[str, Any]]:
    """The JSON schema of a model, and of those it is made of, by name."""
    schema = model.model_json_schema(ref_template=SCHEMA)
    return {**schema.pop("$defs", {}), model.__name__: schema}


def _needs_body(model: type[Strict]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _with_body(view: View) -> View:
    """Have the view be given what was sent, if it takes a body."""
    if (model := _body_of(view)) is None:
        return view

    @functools.wraps(view)
    def run(**given: Any) -> Response:  # noqa: ANN401  # whatever the view takes
        return view(**given, sent=read_body(model))

    return run


def _conditional(response: Response) -> Response:
    if request.method in {"GET", "HEAD"} and response.status_code == HTTPStatus.OK and "ETag" not in response.headers:
        response.add_etag()
        response.headers["Cache-Control"] = "private, no-cache"
        response.make_conditional(request)
    return response
