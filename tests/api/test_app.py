"""The API answers from memory, to those with a key, in the documented form."""

import dataclasses
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.app import create_app
from api.http.auth import Gate, Limit
from api.http.prices import Explanation, Price, PricePage
from api.http.problems import Problem
from api.served.feeds import FEEDS, Form, feed
from api.served.follower import Follower
from api.served.snapshot import NOTHING, SNAPSHOT_NAME, Snapshot, View
from api.store.database import DATABASE_NAME, open_database
from api.store.keys import Scope, create_key
from pricing.book import Listing
from pricing.model import Offer
from tests.api.clocks import still
from tests.api.store.book_kit import IDS, LADDER, NOW, OFFERS, book_with_prices, decision, publish

STRANGE = "Käse//Brot 50% <b>"
TRAP = f"{IDS[0]}/explanation"
"""An offer whose price has the address of another one's explanation; it is found in the list."""


FREE = Limit(rate=1e9, burst=10**9)
"""What no test reaches."""


class Fixed:
    """Serves one snapshot."""

    def __init__(self, snapshot: Snapshot, *, stale: bool = False) -> None:
        self.view = View(snapshot, stale)

    def current(self) -> View:
        """The same at every moment."""
        return self.view


class Served:
    """An application over five offers, one of them moved, and a key for each scope."""

    def __init__(self, folder: Path) -> None:
        book = book_with_prices(folder)
        publish(book, decision())
        strange = Offer(STRANGE, "cheese", "EUR", LADDER, LADDER[0], LADDER[2], LADDER[1], channel="web")
        book.import_offers([Listing(strange), Listing(dataclasses.replace(OFFERS[0], id=TRAP))], by="ann", now=NOW)
        engine = open_database(folder / DATABASE_NAME)
        self.keys = {scope: create_key(engine, {scope}, holder="shop", by="ann", now=NOW) for scope in Scope}
        follower = Follower(folder / DATABASE_NAME, folder / SNAPSHOT_NAME, clock=still())
        follower.refresh()
        self.snapshots = Fixed(follower.current().snapshot)
        gate = Gate(self.snapshots, requests=FREE, failures=FREE)
        self.app: Flask = create_app(self.snapshots, now=lambda: NOW + timedelta(seconds=5), gate=gate)
        self.client: FlaskClient = self.app.test_client()

    def get(self, path: str, *, scope: Scope = Scope.PRICES_READ, known: str = "") -> TestResponse:
        """Ask with a key, and with the ETag of an answer that is known."""
        headers = {"Authorization": f"Bearer {self.keys[scope]}", "If-None-Match": known}
        return self.client.get(path, headers={name: value for name, value in headers.items() if value})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """One application for all tests that only read."""
    return Served(tmp_path_factory.mktemp("served"))


def body(response: TestResponse) -> dict[str, Any]:
    """The JSON of an answer that went well."""
    assert response.status_code == 200, response.text
    return dict(response.get_json())


def check_problem(response: TestResponse, status: int) -> Problem:
    """The answer is a problem, and is not stored."""
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    found = Problem.model_validate(response.get_json())
    assert found.status == status
    return found


def test_a_price_carries_all_it_must(served: Served) -> None:
    """Text, currency, version, validity, total, flags, and a link to its reasons."""
    answer = body(served.get(f"/v1/prices/{IDS[0]}"))
    Price.model_validate(answer, strict=False)
    assert answer == {
        "offer": IDS[0],
        "channel": "all",
        "price": "11.00",
        "currency": "EUR",
        "total_price": "11.00",
        "version": 2,
        "valid_from": "2026-03-02T09:30:00.000001Z",
        "valid_until": None,
        "product": "hamlet",
        "segment": "adult",
        "event": "friday",
        "list_price": None,
        "market": None,
        "fees": [],
        "reduction": None,
        "tier_notice": None,
        "price_range": None,
        "disclosures": [],
        "explanation": f"/v1/prices/{IDS[0]}/explanation?channel=all",
        "stale": False,
    }


def test_the_link_leads_to_the_reasons(served: Served) -> None:
    """Evidence, expectation, risk and provenance, for an offer whose id needs quoting too."""
    answer = body(served.get(body(served.get(f"/v1/prices/{IDS[0]}"))["explanation"]))
    explained = Explanation.model_validate(answer)
    assert (explained.verdict, explained.reasons) == ("move", ["because 11.00 earns more"])
    assert (explained.loss_probability, explained.provenance and explained.provenance.model_version) == (0.1, "fit-1")
    assert explained.gain
    assert explained.higher
    assert (explained.gain.low, explained.gain.high) == (-5.0, 45.0)
    assert (explained.higher.outcome.price, explained.higher.why_not) == ("12.00", "it is a test")
    assert explained.one_step_more is None
    listed = body(served.get("/v1/prices?product=cheese"))["items"][0]
    assert (listed["offer"], listed["channel"]) == (STRANGE, "web")
    assert body(served.get(listed["explanation"]))["offer"] == STRANGE


def test_every_price_is_listed_once(served: Served) -> None:
    """Page by page, with filters."""
    first = body(served.get("/v1/prices?limit=3"))
    PricePage.model_validate(first)
    second = body(served.get(f"/v1/prices?limit=3&cursor={first['next']}"))
    assert [item["offer"] for item in first["items"] + second["items"]] == sorted([*IDS, STRANGE, TRAP])
    assert second["next"] is None
    chosen = body(served.get("/v1/prices?segment=child&event=friday"))["items"]
    assert [item["offer"] for item in chosen] == [IDS[1]]
    assert body(served.get("/v1/prices?segment=nobody")) == {"items": [], "next": None}


def test_an_unknown_offer_is_a_404_that_helps(served: Served) -> None:
    """A channel without a price says where there is one."""
    assert check_problem(served.get("/v1/prices/nope"), 404).detail == "No such offer."
    assert "web" in check_problem(served.get(f"/v1/prices/{STRANGE}?channel=desk"), 404).detail


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "segmnet=adult", "event=a&event=b", "cursor=%FF", "cursor=e30"]
)
def test_an_unusable_parameter_is_a_422(served: Served, query: str) -> None:
    """A misspelt filter too, because it would filter nothing."""
    check_problem(served.get(f"/v1/prices?{query}"), 422)


def test_everything_wrong_is_said_at_once(served: Served) -> None:
    """Two mistakes, two reasons."""
    found = check_problem(served.get("/v1/prices?limit=0&segmnet=adult"), 422)
    assert [fault.where for fault in found.errors] == ["limit", "segmnet"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer ff_wrong", "Basic YTpi", "ff_wrong"])
@pytest.mark.parametrize("path", ["/v1/prices", "/v1/prices/x", "/v1/prices/x/explanation", "/v1/prices?limit=0"])
def test_without_a_key_nothing_is_answered(served: Served, path: str, header: str | None) -> None:
    """No header, another scheme, an unknown key: 401, before anything else is looked at."""
    response = served.client.get(path, headers={} if header is None else {"Authorization": header})
    check_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_opens_only_what_its_scope_says(served: Served) -> None:
    """Another scope is refused; admin is not."""
    answers = {scope: served.get("/v1/prices", scope=scope).status_code for scope in Scope}
    assert answers == dict.fromkeys(Scope, 403) | {Scope.PRICES_READ: 200, Scope.ADMIN: 200}
    check_problem(served.get("/v1/prices", scope=Scope.SALES_WRITE), 403)


def test_an_unchanged_answer_is_not_sent_again(served: Served) -> None:
    """With its ETag: 304 and no body; once the stale flag changes, the whole answer."""
    for path in ("/v1/prices", f"/v1/prices/{IDS[0]}", f"/v1/prices/{IDS[0]}/explanation"):
        tag = served.get(path).headers["ETag"]
        again = served.get(path, known=tag)
        assert (again.status_code, again.data) == (304, b"")
        stale = create_app(Fixed(served.snapshots.view.snapshot, stale=True)).test_client()
        key = {"Authorization": f"Bearer {served.keys[Scope.ADMIN]}"}
        assert stale.get(path, headers=key | {"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("form", Form)
def test_a_feed_is_served_to_those_who_may_read_prices(served: Served, form: Form) -> None:
    """All prices of one version, as the media type says, and not sent again while nothing changed."""
    answer = served.get(f"/v1/feeds/{form}")
    assert answer.status_code == 200
    assert answer.mimetype == FEEDS[form].media_type
    assert answer.data == feed(form, served.snapshots.current())
    assert served.get(f"/v1/feeds/{form}", known=answer.headers["ETag"]).status_code == 304
    check_problem(served.client.get(f"/v1/feeds/{form}"), 401)


def test_a_stale_price_says_so(served: Served) -> None:
    """In the price, the list, the explanation, on the page and in readiness; it is served all the same."""
    client = create_app(Fixed(served.snapshots.view.snapshot, stale=True), now=lambda: NOW).test_client()
    key = {"Authorization": f"Bearer {served.keys[Scope.PRICES_READ]}"}
    assert body(client.get(f"/v1/prices/{IDS[0]}", headers=key))["stale"] is True
    assert body(client.get(f"/v1/prices/{IDS[0]}/explanation", headers=key))["stale"] is True
    assert all(item["stale"] for item in body(client.get("/v1/prices", headers=key))["items"])
    assert body(client.get("/readyz"))["stale"] is True
    assert "cannot be reached" in client.get("/").text


def test_before_any_price_is_known_it_is_unavailable() -> None:
    """Healthy, but not ready: 503, with when to try again; the page says it in words."""
    client = create_app(Fixed(NOTHING, stale=True)).test_client()
    assert client.get("/healthz").status_code == 200
    check_problem(client.get("/readyz"), 503)
    response = client.get("/v1/prices/x", headers={"Authorization": "Bearer x"})
    check_problem(response, 503)
    assert response.headers["Retry-After"] == "5"
    assert "No price is known yet" in client.get("/").text


def test_readiness_says_what_is_served(served: Served) -> None:
    """Version, number of offers, and how old it is."""
    answer = body(served.client.get("/readyz"))
    assert (answer["version"], answer["offers"], answer["age_seconds"]) == (3, len(OFFERS) + 2, 5.0)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("GET", "/v1//prices", 404), ("POST", "/v1/prices", 405), ("DELETE", "/", 405)],
)
def test_every_error_is_a_problem(served: Served, method: str, path: str, status: int) -> None:
    """Routes that do not exist and methods that are not allowed."""
    response = served.client.open(path, method=method)
    check_problem(response, status)
    assert ("Allow" in response.headers) == (status == 405)


def test_our_own_failure_says_nothing_about_the_inside() -> None:
    """500 as a problem, without the reason."""

    class Broken(Fixed):
        def current(self) -> View:
            raise RuntimeError("secret")

    client = create_app(Broken(NOTHING)).test_client()
    response = client.get("/v1/prices")
    check_problem(response, 500)
    assert "secret" not in response.text


@pytest.mark.parametrize("path", ["/", "/v1/prices", "/healthz", "/nope", "/openapi.json"])
def test_a_browser_may_run_and_embed_nothing(served: Served, path: str) -> None:
    """A closed content policy, no sniffing, no referrer, on errors too."""
    headers = served.client.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")


def test_the_page_has_no_script_and_its_style_is_allowed_by_hash(served: Served) -> None:
    """Version, number of prices and links stand on it."""
    response = served.client.get("/")
    assert response.mimetype == "text/html"
    assert "<script" not in response.text
    assert re.search(r"style-src 'sha256-[\w+/]+='", response.headers["Content-Security-Policy"])
    for text in ("<dd>5</dd>", "<dd>3</dd>", 'href="/openapi.json"', 'href="/readyz"'):
        assert text in response.text


def test_the_document_names_every_answer(served: Served) -> None:
    """Routes under /v1 document what may go wrong as problems, and ask for a key."""
    paths = body(served.client.get("/openapi.json"))["paths"]
    assert {*ROUTES, "/healthz", "/readyz"} <= set(paths)
    one = paths["/v1/prices/{offer}"]["get"]
    assert set(one["responses"]) == {"200", "304", "401", "403", "404", "422", "429", "503"}
    assert one["security"] == [{"key": ["prices:read"]}]
    assert set(paths["/healthz"]["get"]["responses"]) == {"200"}
    for status in ("401", "403", "404", "422", "429", "503"):
        assert list(one["responses"][status]["content"]) == ["application/problem+json"]


def test_serving_loads_no_model_solver_or_pandas() -> None:
    """The path that serves a price imports none of them, so none of them can fail there."""
    heavy = ["pandas", "prophet", "pyomo", "highspy", "statsmodels", "scipy", "sklearn", "alembic", "plotly", "duckdb"]
    code = f"import sys, api.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


ROUTES = ("/v1/prices", "/v1/prices/{offer}", "/v1/prices/{offer}/explanation", "/v1/feeds/{form}")
