"""A workspace that is served, whose prices can be changed over HTTP: what the tests of the API share."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from api.app import create_app
from api.clock import SteadyClock
from api.http.auth import Gate, Limit
from api.served.follower import Follower
from api.served.snapshot import SNAPSHOT_NAME
from api.settings import FILE
from api.store.book import PriceBook
from api.store.database import open_database
from api.store.keys import Scope, create_key
from api.store.log import ANCHOR_NAME
from pricing.book import Decision
from tests.api.clocks import Machine
from tests.api.store.book_kit import NOW, Home, book_with_prices, decision, place_in, proposal

FREE = Limit(rate=1e9, burst=10**9)
"""What no test reaches."""
LENIENT = "[policy]\nstep = 1.0\nweak_step = 1.0\ndaily_cap = 1.0\ncumulative_cap = 1.0\n"


@dataclass
class Desk:
    """A price book with three offers at 10.00, an application that serves it, and people with keys."""

    home: Home
    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp()))
    machine: Machine = field(default_factory=Machine)
    requests: Limit = FREE
    failures: Limit = FREE

    def __post_init__(self) -> None:
        self.root = self.home if isinstance(self.home, Path) else self.root
        place = place_in(self.home)
        database = f'database = "{place}"\n' if isinstance(place, str) else ""
        (self.root / FILE).write_text(f"{database}{LENIENT}")
        book_with_prices(self.home)
        self.engine = open_database(place)
        self.book = PriceBook(self.engine, self.root / ANCHOR_NAME)
        self.clock: SteadyClock = self.machine.clock()
        self.follower = Follower(place, self.root / SNAPSHOT_NAME, clock=self.clock)
        self.keys: dict[tuple[str, Scope], str] = {}
        for who, scopes in (("ann", [Scope.PROPOSALS_WRITE]), ("bob", [Scope.PROPOSALS_APPROVE]), ("eve", Scope)):
            self.keys |= {(who, scope): self.key(who, [scope]) for scope in scopes}
        self.follower.refresh()
        self.gate = Gate(
            self.follower, requests=self.requests, failures=self.failures, clock=lambda: self.machine.uptime
        )
        self.app: Flask = create_app(
            self.follower, root=self.root, now=self.follower.now, refresh=self.follower.refresh, gate=self.gate
        )

    @property
    def now(self) -> datetime:
        """The instant at the desk."""
        return self.machine.wall

    def key(self, holder: str, scopes: Iterable[Scope]) -> str:
        """A new key."""
        return create_key(self.engine, list(scopes), holder=holder, by="test", now=NOW)

    def propose(self, *decisions: Decision, name: str = "p1", by: str = "ann") -> str:
        """A proposal against the version in force, made now."""
        self.book.propose(
            proposal(*(decisions or (decision(),)), name=name, base=self.book.version(), at=self.now, by=by)
        )
        return name

    def send(
        self, method: str, path: str, body: object = None, *, key: str = "", once: str = "", **options: Any
    ) -> TestResponse:
        """Ask with a key, and with an idempotency key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= {"Idempotency-Key": once} if once else {}
        headers |= options.pop("headers", {})
        sent: dict[str, Any] = {} if body is None else {"json": body}
        return self.app.test_client().open(path, method=method, headers=headers, **sent, **options)

    def ann(self, method: str, path: str, body: object = None, **options: Any) -> TestResponse:
        """As ann, who may propose."""
        return self.send(method, path, body, key=self.keys["ann", Scope.PROPOSALS_WRITE], **options)

    def bob(self, method: str, path: str, body: object = None, **options: Any) -> TestResponse:
        """As bob, who may approve and publish."""
        return self.send(method, path, body, key=self.keys["bob", Scope.PROPOSALS_APPROVE], **options)

    def admin(self, method: str, path: str, body: object = None, **options: Any) -> TestResponse:
        """As eve, who may do everything."""
        return self.send(method, path, body, key=self.keys["eve", Scope.ADMIN], **options)

    def price(self, offer: str = "hamlet-adult") -> str:
        """What is served."""
        return str(self.admin("GET", f"/v1/prices/{offer}").json["price"])  # type: ignore[index]  # it is there
