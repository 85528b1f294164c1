"""The web application: routes, documentation, errors and headers, put together.

Guarantees
----------
* Loading and running it needs no pandas, model or solver, and a request never waits for the database.
* Every answer forbids a browser to run, embed or guess anything; every error is problem+json and is not stored.
"""

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, render_template, request
from flask_openapi.models.info import Info
from flask_openapi.models.tag import Tag
from flask_openapi.openapi import OpenAPI
from pydantic import AwareDatetime, BaseModel, Field

from api import pages
from api.clock import SteadyClock, utc_now
from api.http import (
    audit,
    forecasts,
    freezes,
    overrides,
    prices,
    proposals,
    publications,
    quotes,
    runs,
    sales,
    trace,
    uploads,
    what_if,
)
from api.http.auth import Gate, Limit
from api.http.backend import Backend
from api.http.express import Express
from api.http.express_quotes import ExpressQuotes
from api.http.problems import Problem, install, invalid, problem, problems
from api.http.routes import Routes
from api.http.trace import Watched
from api.location import database_of, settings_of
from api.served.follower import Follower
from api.served.metrics import MEDIA_TYPE, Meter
from api.served.snapshot import SNAPSHOT_NAME, Snapshots
from api.settings import Settings
from api.store.keys import Scope

STYLE = """
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif }
main { max-width: 44rem; margin: 3rem auto; padding: 0 1.25rem }
h1 { font-size: 1.9rem; margin: 0 } h2 { font-size: 1.15rem; margin-top: 2rem }
dl { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem } dt { opacity: .75; font-size: .85rem }
dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums }
pre { overflow-x: auto; padding: .9rem 1rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent) }
ul { padding-left: 1.2rem } .warn { padding: .6rem 1rem; border-left: 4px solid #b45309 }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": _CLOSED,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MAX_REQUEST = 1024 * 1024
"""Longest request body that is read [bytes]."""
BLUEPRINTS = (
    prices.blueprint,
    proposals.blueprint,
    publications.blueprint,
    freezes.blueprint,
    overrides.blueprint,
    quotes.blueprint,
    forecasts.blueprint,
    what_if.blueprint,
    runs.blueprint,
    uploads.blueprint,
    audit.blueprint,
    sales.blueprint,
)
"""Every subject under /v1."""


class Health(BaseModel):
    """The server runs."""

    status: str


class Readiness(BaseModel):
    """There are prices to serve."""

    status: str
    version: int
    offers: int
    stale: bool = Field(description="the price book cannot be reached; the last good prices are served")
    taken_at: AwareDatetime
    age_seconds: float = Field(description="time since the prices were read from the price book")


def create_app(
    snapshots: Snapshots,
    *,
    root: Path = Path(),
    now: Callable[[], datetime] = utc_now,
    refresh: Callable[[], object] = bool,
    gate: Gate | None = None,
    meter: Meter | None = None,
) -> Flask:
    """The application that serves what `snapshots` gives and writes to the price book of the workspace at `root`.

    Parameters
    ----------
    refresh : has `snapshots` look at the price book now
    gate : who may pass, and how often; by default each key of the snapshot at the usual rate
    meter : what counts the answers
    """
    gate = gate or Gate(snapshots, requests=pace_of(Settings()))
    backend = Backend(root, snapshots, now=now, refresh=refresh)
    app = OpenAPI(
        "api",
        info=Info(title="Fairfare", version="1", description="Prices in force, and why they are what they are."),
        security_schemes={"key": {"type": "http", "scheme": "bearer", "description": "`fairfare keys create`"}},
        validation_error_model=Problem,
        validation_error_callback=invalid,
        doc_ui=False,
        static_folder=None,
    )
    app.openapi_version = "3.1.0"
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST
    app.url_map.merge_slashes = False  # an address is what it is; nothing is redirected
    trace.install(app, meter := meter or Meter())
    app.after_request(_protect)
    app.teardown_request(backend.leave)
    install(app)
    for blueprint in BLUEPRINTS:
        app.register_api(blueprint(backend, gate))
    pages.install(app, backend)
    _add_health(app, snapshots, now)
    _add_metrics(app, gate, meter)
    _add_pages(app, snapshots)
    quick = ExpressQuotes(app.wsgi_app, backend, gate, HEADERS)
    lanes = Express(quick, snapshots, gate, HEADERS)
    app.wsgi_app = Watched(lanes, meter)  # type: ignore[method-assign]  # as Flask's docs do it
    return app


def pace_of(settings: Settings) -> Limit:
    """How often the owner lets each key ask."""
    return Limit(rate=settings.requests_per_second, burst=2 * settings.requests_per_second)


def serving_app(
    workspace: Path,
    *,
    settings: Settings | None = None,
    clock: SteadyClock | None = None,
    meter: Meter | None = None,
) -> Flask:
    """The application that serves a workspace and follows its price book, even if that cannot be reached now.

    Parameters
    ----------
    settings : by whose law and pace it serves; by default the workspace's as they are now
    """
    settings = settings or settings_of(workspace)
    follower = Follower(
        database_of(workspace),
        workspace / SNAPSHOT_NAME,
        clock=clock or SteadyClock(),
        law=settings.law,
        meter=(meter := meter or Meter()),
    )
    gate = Gate(follower, requests=pace_of(settings))
    follower.start()
    return create_app(follower, root=workspace, now=follower.now, refresh=follower.refresh, gate=gate, meter=meter)


def _protect(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        response.headers["Cache-Control"] = "no-store"
    return response


def _add_health(app: OpenAPI, snapshots: Snapshots, now: Callable[[], datetime]) -> None:
    tags: list[Tag | dict[str, Any]] = [Tag(name="health", description="For whoever watches the server")]

    @app.get("/healthz", tags=tags, responses={200: Health}, summary="Whether the server runs")
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.get("/readyz", tags=tags, responses={200: Readiness, **problems(503)}, summary="Whether there are prices")
    def readyz() -> Response:
        view = snapshots.current()
        if view.empty:
            return problem(503, "The price book cannot be reached and there is no snapshot of it.")
        content = view.snapshot.content
        return jsonify(
            status="ready",
            version=content.version,
            offers=len(view.snapshot.entries),
            stale=view.stale,
            taken_at=content.taken_at.isoformat(),
            age_seconds=(now() - content.taken_at).total_seconds(),
        )


def _add_metrics(app: OpenAPI, gate: Gate, meter: Meter) -> None:
    @app.get(
        "/metrics",
        tags=[Tag(name="health")],
        security=[{"key": [Scope.PRICES_READ.value]}],
        responses={200: {"description": "The figures", "content": {MEDIA_TYPE: {}}}, **problems(401, 403, 429, 503)},
        summary="What an operator watches, over all workers, in Prometheus' text format",
    )
    def metrics() -> Response:
        gate.admit(Scope.PRICES_READ)
        return Response(meter.exposition(), content_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def _add_pages(app: OpenAPI, snapshots: Snapshots) -> None:
    @app.route("/", methods=["GET"])
    def home() -> Response:
        view = snapshots.current()
        page = render_template(
            "served.html", view=view, content=view.snapshot.content, style=STYLE, root=request.url_root
        )
        return Response(page, headers={"Content-Security-Policy": f"{_CLOSED}; style-src 'sha256-{_HASH}'"})

    specification: dict[str, Any] = {}

    @app.route("/openapi.json", methods=["GET"])
    def openapi() -> Response:
        if not specification:
            specification.update(_specification(app))
        return jsonify(specification)


def _specification(app: OpenAPI) -> dict[str, Any]:
    """The OpenAPI document; only operations that take something can answer 422, whatever the framework adds."""
    document: dict[str, Any] = app.api_doc
    for blueprint in app.blueprints.values():
        document["components"]["schemas"] |= blueprint.bodies if isinstance(blueprint, Routes) else {}
    for item in document["paths"].values():
        for operation in item.values():
            if not operation.get("parameters") and "requestBody" not in operation:
                operation["responses"].pop("422", None)
    return document
