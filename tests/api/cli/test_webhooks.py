"""`fairfare webhooks` tells endpoints that the settings name, and says what came of it."""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from api.cli.main import app
from api.cli.webhooks import webhooks
from api.settings import FILE, default_text
from api.store.book import PriceBook
from api.store.database import DATABASE_NAME, open_database
from api.store.migrations import upgrade
from pricing.errors import InputError
from tests.api.store.book_kit import IDS, LISTINGS, NOW, decision, publish

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def heard() -> Iterator[tuple[int, list[bytes]]]:
    """An endpoint on loopback: its port, and the bodies it got."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object, **__: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port, bodies
        server.shutdown()
        thread.join()


def run(place: Path, *words: str) -> str:
    """What the command prints."""
    assert webhooks in [command.callback for command in app.registered_commands]
    done = CliRunner().invoke(app, ["webhooks", "--workspace", str(place), *words], catch_exceptions=False)
    return done.output


def workspace(folder: Path, port: int, *, allowed: str = '"127.0.0.1/32"') -> PriceBook:
    """A workspace with a book and one endpoint."""
    hook = f'\n[[webhooks]]\nname = "till"\naddress = "http://127.0.0.1:{port}/hook"\n'
    (folder / FILE).write_text(f"allowed_networks = [{allowed}]\n{default_text()}{hook}")
    engine = open_database(folder / DATABASE_NAME)
    upgrade(engine)
    book = PriceBook(engine)
    book.import_offers(LISTINGS, by="ann", now=NOW)
    return book


def test_an_endpoint_is_told_of_what_is_published(
    tmp_path: Path, heard: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of what was before, then each publication once."""
    port, bodies = heard
    monkeypatch.setenv("FAIRFARE_SHOP_WEBHOOK_TILL", SECRET)
    book = workspace(tmp_path, port)
    assert run(tmp_path) == "till: 0 sent\n"
    publish(book, decision(IDS[0]))
    assert run(tmp_path) == "till: 1 sent\n"
    assert run(tmp_path, "--dead") == "till: 0 sent\ntill: 0 sent\n"
    assert [json.loads(body)["data"]["version"] for body in bodies] == [2]


def test_an_endpoint_that_may_not_be_spoken_to_waits(
    tmp_path: Path, heard: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loopback is closed unless the settings allow it; it is said when it is tried again."""
    port, bodies = heard
    monkeypatch.setenv("FAIRFARE_SHOP_WEBHOOK_TILL", SECRET)
    book = workspace(tmp_path, port, allowed="")
    run(tmp_path)
    publish(book, decision(IDS[0]))
    assert "till: 0 sent; one waits until" in run(tmp_path)
    assert bodies == []


def test_an_endpoint_without_a_secret_is_refused(tmp_path: Path) -> None:
    """It is said where the secret is looked for."""
    workspace(tmp_path, 9)
    with pytest.raises(InputError, match="FAIRFARE_SHOP_WEBHOOK_TILL"):
        run(tmp_path)
