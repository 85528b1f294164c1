"""The price desk against its bars: first page, what-if, 5,000 products, and what a browser loads.

Prints one JSON line. Server times are processor time of this process, which others' work does not lengthen: of the
first page after start, and the median of the following; the bar is 300 ms. What-if is from a move of the slider to
drawn curves in Chromium, over 100 moves; the bar is 50 ms. Products are listed and filtered, and painted in Chromium,
which is left out where there is none.
"""

import argparse
import json
import logging
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server
from werkzeug.test import Client

from api.app import create_app
from api.clock import SteadyClock, utc_now
from api.pages.assets import read_assets
from api.rehearsal import rehearse
from api.served.follower import Follower
from api.served.snapshot import SNAPSHOT_NAME
from api.settings import default_text
from api.store.database import open_database
from api.store.users import Role, Users
from api.workspace import Workspace
from optimization import HighsOptimizer
from pricing.book import Decision, Listing, Proposal, Provenance, Verdict
from pricing.demand import Evidence, Identification
from pricing.model import ALL, Ladder, Offer
from pricing.outcome import Alternative, Explanation, Gain, Outcome

FIRST_PAGE_BAR, WHAT_IF_BAR = 300, 50
"""Longest that is good enough [ms]."""
PRODUCTS, REQUESTS, MOVES = 5_000, 20, 100
LADDER = Ladder.of(["9.50", "10.00", "10.50"], "EUR")
PRODUCT = Offer(
    id="P",
    product="Product",
    segment=ALL,
    event=ALL,
    currency="EUR",
    ladder=LADDER,
    floor=Decimal("9.00"),
    ceiling=Decimal("12.00"),
    current_price=Decimal("10.00"),
)
NAME, PASSWORD = "bench", "a password that nobody uses"
LISTS = {"list": "/desk/products", "filter": "/desk/products?state=held", "search": "/desk/products?q=49"}
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TURN = """async (moves) => {
    const slider = document.getElementById("wi"), times = [];
    for (let k = 0; k < moves; k += 1) {
        slider.value = (k * 7) % 21 - 10;
        const start = performance.now();
        slider.dispatchEvent(new Event("input"));
        await new Promise((done) => requestAnimationFrame(() => { const all = new MessageChannel();
            all.port1.onmessage = done; all.port2.postMessage(0); }));
        times.push(performance.now() - start);
    }
    return times;
}"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def application(place: Workspace) -> Flask:
    """The desk of a workspace, with one person."""
    Users(open_database(place.database)).add(NAME, Role.ADMIN, PASSWORD, by=NAME, now=utc_now())
    follower = Follower(place.database, place.root / SNAPSHOT_NAME, clock=SteadyClock())
    follower.refresh()
    return create_app(follower, root=place.root, now=follower.now, refresh=follower.refresh)


def signed_in(app: Flask) -> Client:
    """A client with a session; the overview was not asked for yet."""
    client = app.test_client()
    form = {"name": NAME, "password": PASSWORD}
    client.post("/desk/sign-in", data=form, headers={"Origin": "http://localhost"})
    return client


def server_time(client: Client, path: str) -> float:
    """Processor time of one answer [ms]."""
    start = time.process_time()
    answer = client.get(path)
    took = (time.process_time() - start) * 1e3
    if answer.status_code != HTTPStatus.OK:
        raise RuntimeError(f"{path} answered {answer.status}")
    return took


def usual(client: Client, path: str) -> float:
    """Median of several answers [ms]."""
    return round(statistics.median(server_time(client, path) for _ in range(REQUESTS)), 1)


def decision(offer: Offer, k: int) -> Decision:
    """Of each 20 products, one is held and 18 stay; the next moves."""
    verdict = {0: Verdict.HELD, 1: Verdict.MOVE}.get(k % 20, Verdict.KEEP)
    price = Decimal("10.50") if verdict is Verdict.MOVE else offer.current_price
    expected = Outcome(price, 40.0, 30.0, 50.0, 400.0, 300.0, 500.0)
    return Decision(
        offer.id,
        *(ALL, "EUR", offer.current_price, price, price, offer.floor, offer.ceiling, LADDER, verdict),
        reasons=("Expected to earn more.",),
        evidence=Evidence(Identification.IDENTIFIED, -1.4, 0.2, "40 price changes", "poisson"),
        now=expected,
        then=expected,
        gain=Gain(20.0, -5.0, 45.0, 0.1),
        explanation=Explanation(higher=Alternative(expected, 400.0, Gain(0.0, -9.0, 9.0, 0.5), "less likely to pay")),
    )


def assortment(root: Path, now: datetime) -> Workspace:
    """A shop of 5,000 products with a proposal for each."""
    place = Workspace.create(root, default_text(currency="EUR", time_zone="UTC", country=None))
    offers = [replace(PRODUCT, id=f"P{k:04}", product=f"Product {k:04}") for k in range(PRODUCTS)]
    place.book.import_offers([Listing(offer) for offer in offers], by=NAME, now=now)
    made = tuple(decision(offer, k) for k, offer in enumerate(offers))
    made_from = Provenance("bench", "bench", "none", sales_until=now - timedelta(days=1), fitted_at=now)
    place.book.propose(Proposal("bench", "engine", now, now + timedelta(days=1), made_from, made, place.book.version()))
    return place


@contextmanager
def shown(app: Flask) -> Iterator[tuple[Page, str]]:
    """A window of Chromium in which the person has signed in, and the address of the desk."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/desk/sign-in")
        page.fill("[name=name]", NAME)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_selector(".rails")
        yield page, url
        chromium.close()
    server.shutdown()


def what_if(app: Flask, event: str) -> dict[str, float]:
    """From the move of the slider to drawn curves [ms]."""
    with shown(app) as (page, url):
        page.goto(f"{url}/desk/events/{event}")
        page.wait_for_selector("#curve .main-svg path", state="attached")
        page.evaluate(TURN, 10)
        times = page.evaluate(TURN, MOVES)
    return {"median_ms": round(statistics.median(times), 1), "max_ms": round(max(times), 1), "bar_ms": WHAT_IF_BAR}


def painted(app: Flask) -> dict[str, float]:
    """From asking to the first content on the screen [ms]; the second time, as one who works there sees it."""
    with shown(app) as (page, url):
        for path in 2 * [*LISTS.values()]:
            page.goto(url + path)
        return {name: round(_paint(page, url + path), 1) for name, path in LISTS.items()}


def _paint(page: Page, address: str) -> float:
    page.goto(address)
    for _ in range(200):
        if found := page.evaluate(PAINTED):
            return float(found)
        page.wait_for_timeout(10)
    raise TimeoutError(address)


def loaded() -> dict[str, Any]:
    """Files of the desk as they are sent, kept by the browser for good [bytes]."""
    sent = {name: len(asset.compressed) for name, asset in read_assets().items()}
    return {"compressed_bytes": sent, "bytes": sum(len(asset.data) for asset in read_assets().values())}


def main() -> None:
    """Measure and print one line."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    answer: dict[str, Any] = {"benchmark": "desk"}
    with tempfile.TemporaryDirectory() as folder:
        now = utc_now()
        season = rehearse(Path(folder) / "season", now=now, seed=7, manager="manager", progress=lambda *_: None)
        proposal = season.workspace.price(HighsOptimizer(), by="engine", now=now + timedelta(seconds=1))
        app = application(season.workspace)
        client = signed_in(app)
        cold = round(server_time(client, "/desk/"), 1)
        answer["first_page"] = {"cold_ms": cold, "warm_ms": usual(client, "/desk/"), "bar_ms": FIRST_PAGE_BAR}
        event = next(total.event for total in proposal.gains if total.event not in {None, ALL})
        answer["event_page_ms"] = usual(client, f"/desk/events/{event}")
        shop = application(assortment(Path(folder) / "shop", utc_now()))
        manager = signed_in(shop)
        answer["products"] = {"count": PRODUCTS} | {f"{it}_ms": usual(manager, path) for it, path in LISTS.items()}
        if CHROMIUM is not None:
            answer["what_if"] = what_if(app, str(event))
            answer["products_painted_ms"] = painted(shop)
    answer["assets"] = loaded()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
