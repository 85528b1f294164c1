"""The frame every page stands in: who is signed in, what they may do, and what a browser may load.

Guarantees
----------
* A page is open to nobody who is not signed in; it names the least role it needs, and one that names none is closed.
* Whatever changes something is a POST that carries the session's own token and comes from a page of this host; only
  what takes a file reads that token itself, from the beginning of what is sent.
* A browser runs and loads only what this host serves, and no other page may frame these.
* Nobody is sent to an address outside the desk, whatever a link says.
* Whatever goes wrong is told on a page, in the reader's language; our own failure says nothing of the inside.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import structlog
from flask import Blueprint, Response, abort, g, redirect, render_template, request
from flask_babel import get_locale
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from api.bodies import AT_DESK, received
from api.http.backend import Backend
from api.pages import words
from api.pages.assets import FOREVER, Asset, read_assets
from api.pages.language import LANGUAGES
from api.pages.numbers import DASH, Numbers
from api.pages.retold import retold
from api.store import sessions
from api.store.users import Role
from api.uploads import TooLargeError
from pricing.errors import InputError, RefusedError, UnavailableError

Answer = str | BaseResponse | tuple[str, int]
View = Callable[..., Answer]
SESSION, THEME = "fairfare_session", "theme"
HOME = "/desk/"
INSIDE = re.compile(r"/desk/[\w\-.~%/]*(\?[\w\-.~%?&=+!$'()*,:;@/]*)?", re.ASCII)
"""An address as our links write it; in a query werkzeug leaves more as it is."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # "no-referrer" would hide where a form comes from
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
MAX_FORM = 64 * 1024
"""Longest form that is read [bytes]; an upload has a limit of its own."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Need:
    """What a view asks of whoever calls it; `role` None: open to everyone; `reads`: it reads the body itself."""

    role: Role | None
    reads: bool = False


class Desk(Blueprint):
    """The pages of one workspace."""

    def __init__(self, backend: Backend) -> None:
        super().__init__("desk", __name__, url_prefix="/desk", template_folder="templates")
        self.backend = backend
        self._needs: dict[str, Need] = {}
        self._assets = read_assets()
        self.before_request(self._admit)
        self.after_request(_protect)
        self.context_processor(self._context)
        for kind in (HTTPException, RefusedError, InputError, UnavailableError, Exception):
            self.register_error_handler(kind, _tell)
        self.add_url_rule("/static/<hash_>/<name>", view_func=self._asset, methods=["GET"])
        self._needs["desk._asset"] = Need(None)
        self.view("/<path:rest>", "GET", role=Role.VIEWER)(_nowhere)

    def page(self, rule: str, *, role: Role = Role.VIEWER) -> Callable[[View], View]:
        """Declare a page."""
        return self.view(rule, "GET", role=role)

    def act(self, rule: str, *, role: Role) -> Callable[[View], View]:
        """Declare what changes something."""
        return self.view(rule, "POST", role=role)

    def take(self, rule: str, *, role: Role) -> Callable[[View], View]:
        """Declare what takes a file: it reads the form as it comes (`api.pages.incoming`), which checks its token."""
        return self.view(rule, "POST", role=role, reads=True)

    def view(self, rule: str, method: str, *, role: Role | None, reads: bool = False) -> Callable[[View], View]:
        """Declare a view; with `role` None it is open to those who are not signed in."""

        def declare(view: View) -> View:
            self._needs[f"{self.name}.{view.__name__}"] = Need(role, reads)
            self.add_url_rule(rule, view_func=view, methods=[method])
            return view

        return declare

    def asset(self, name: str) -> str:
        """Where a file is found."""
        return f"{self.url_prefix}/static/{self._assets[name].hash}/{name}"

    def _asset(self, hash_: str, name: str) -> Response:
        asset = self._assets.get(name)
        if asset is None or asset.hash != hash_:
            abort(HTTPStatus.NOT_FOUND)
        return _file(asset)

    def _admit(self) -> BaseResponse | None:
        """Find out who asks, and let them pass, sign in first, or turn back."""
        g.session, g.now = None, self.backend.now()
        need = self._needs.get(request.endpoint or "", Need(Role.ADMIN))
        if request.method == "POST":
            _require_own_page()
        if request.method == "POST" and not need.reads:
            request.max_content_length = request.max_content_length and min(request.max_content_length, MAX_FORM)
            if received(request.get_data, AT_DESK) is None:
                abort(HTTPStatus.SERVICE_UNAVAILABLE)
        if token := request.cookies.get(SESSION):
            g.session = sessions.find(self.backend.engine, token, now=g.now)
        if need.role is None:
            return None
        if g.session is None:
            wanted = here() if request.method == "GET" else HOME
            return redirect(f"/desk/sign-in?next={quote(wanted, safe='/')}", HTTPStatus.SEE_OTHER)
        if not g.session.user.role.may(need.role):
            abort(HTTPStatus.FORBIDDEN)
        if request.method != "POST" or need.reads:
            return None
        if request.form.get("token", request.headers.get("X-Token")) != csrf_token():
            abort(HTTPStatus.FORBIDDEN)
        return None

    def _context(self) -> dict[str, object]:
        """What every template may use."""
        locale = get_locale()
        return {
            "asset": self.asset,
            "n": numbers_of(self.backend),
            "words": words,
            "retold": retold,
            "now": g.now,
            "user": g.session.user if g.session else None,
            "may": may,
            "token": csrf_token() if g.session else "",
            "theme": request.cookies.get(THEME, "") if request.cookies.get(THEME) in {"light", "dark"} else "",
            "locale": locale,
            "languages": LANGUAGES,
            "here": here(),
            "dash": DASH,
        }


def numbers_of(backend: Backend) -> Numbers:
    """How numbers are written for whoever asks."""
    if "numbers" not in g:
        try:
            zone = ZoneInfo(backend.settings.time_zone)
        except UnavailableError:  # the page that says so needs a zone too
            zone = ZoneInfo("UTC")
        g.numbers = Numbers(get_locale(), zone)
    return g.numbers


def may(role: str) -> bool:
    """Whether whoever is signed in may do what this role may."""
    return g.session is not None and g.session.user.role.may(Role(role))


def csrf_token() -> str:
    """What a form must carry: known to the session's own pages only, and of no use without its cookie."""
    return hashlib.blake2b(g.session.token.encode(), digest_size=24, person=b"desk form").hexdigest()


def here() -> str:
    """The address that was asked for, as it would be written in a link; of what was sent, the first page."""
    if request.method == "POST":  # nothing there can be asked for
        return HOME
    query = request.query_string.decode("ascii", "replace")
    return quote(request.path) + (f"?{query}" if query else "")


def inside(address: str) -> str:
    """An address within the desk, or its first page if it is none."""
    return address if INSIDE.fullmatch(address) and "//" not in address else HOME


def back_to(address: str, done: str) -> BaseResponse:
    """After a step: the page it was taken on, as it was asked for, which says that it was."""
    path, _, query = inside(address).partition("?")
    asked = [pair for pair in query.split("&") if pair and not pair.startswith("done=")]
    return redirect(f"{path}?{'&'.join([*asked, f'done={done}'])}", HTTPStatus.SEE_OTHER)


def _require_own_page() -> None:
    """Turn back what another site's page sent."""
    origin = request.headers.get("Origin") or request.headers.get("Referer") or ""
    if urlsplit(origin).netloc != request.host:
        abort(HTTPStatus.FORBIDDEN)


def _protect(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _file(asset: Asset) -> Response:
    accepts = "gzip" in request.headers.get("Accept-Encoding", "")
    headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
    if accepts:
        headers["Content-Encoding"] = "gzip"
    return Response(asset.compressed if accepts else asset.data, headers=headers, content_type=asset.type)


def _nowhere(rest: str) -> BaseResponse:  # noqa: ARG001  # whatever is not a page
    abort(HTTPStatus.NOT_FOUND)


def _tell(error: Exception) -> tuple[str, int]:
    """What went wrong, as a page."""
    status, said = _said(error)
    return render_template("desk/error.html", status=status, said=said, page=""), status


def _said(error: Exception) -> tuple[int, tuple[str, ...]]:
    """The status, and what may be said of it."""
    match error:
        case TooLargeError():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, tuple(finding.reason for finding in error.findings)
        case RefusedError():
            return HTTPStatus.CONFLICT, tuple(str(error).split("; "))
        case InputError():
            return HTTPStatus.UNPROCESSABLE_ENTITY, tuple(finding.reason for finding in error.findings)
        case UnavailableError():
            log.warning("a page could not be shown", reason=str(error))
            mends = g.session is not None and g.session.user.role is Role.ADMIN
            return HTTPStatus.SERVICE_UNAVAILABLE, (str(error),) if mends else ()
        case HTTPException():
            return error.code or HTTPStatus.INTERNAL_SERVER_ERROR, ()
    log.error("a page failed", reason=str(error), exc_info=error)
    return HTTPStatus.INTERNAL_SERVER_ERROR, ()
