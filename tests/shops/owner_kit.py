"""Whoever sells at a running shop by Fairfare's commands, and what Fairfare then says the prices are."""

import csv
import io
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess, run
from typing import Any
from xml.etree import ElementTree as ET

from api.clock import utc_now
from api.served.feeds import GOOGLE, Form
from api.settings import default_text, variable
from api.shopstock import STOCK_NAME, shop_stock
from api.store.database import open_database
from api.workspace import Workspace
from pricing.book import Listing
from pricing.model import Ladder, Offer
from pricing.money import parse_amount
from tests.api.store.book_kit import decision, publish

SHOP = "door"
"""What the owner calls the shop."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A workspace with one shop, whose secret is in the environment of every command."""

    place: Workspace
    secret: str

    @property
    def journal(self) -> Path:
        """What was sent to the shop."""
        return self.place.root / "shops" / SHOP / "journal.jsonl"

    def command(self, *words: str) -> Any:
        """How `fairfare` is started on the workspace."""
        program = [sys.executable, "-c", "from api.cli import main; main()", *words]
        told = {**os.environ, variable(SHOP): self.secret}
        return {"args": [*program, "--workspace", str(self.place.root)], "env": told}

    def fairfare(self, *words: str) -> CompletedProcess[str]:
        """Run `fairfare`."""
        return run(**self.command(*words), capture_output=True, text=True, check=False)

    def publish(self, prices: Mapping[str, str]) -> None:
        """Propose these prices, approve and publish them."""
        book = self.place.book
        listed, in_force = book.listings(), {price.offer: price for price in book.prices_in_force()}
        moves = []
        for name, price in prices.items():
            of_it = listed[name, "all"].offer
            bounds = {"floor": of_it.floor, "ceiling": of_it.ceiling, "ladder": of_it.ladder}
            moves.append(decision(name, price, now=str(in_force[name].price), **bounds))
        publish(book, *moves, at=utc_now())

    def left(self) -> dict[str, dict[str, float]]:
        """What each offer draws on in the shop by what was pulled, and how much is left of it."""
        engine = open_database(self.place.database)
        found = shop_stock(self.place.root, self.place.settings.shops, engine, now=utc_now())
        return {offer: {each.name: each.left for each in drawn} for (offer, _), drawn in found.supplies.items()}

    def pulled_anew(self) -> dict[str, dict[str, float]]:
        """The same once the shop was asked again."""
        (self.place.root / "shops" / SHOP / STOCK_NAME).unlink()
        assert self.fairfare("sync", "--dry-run").returncode == 0
        return self.left()

    def advertised(self) -> dict[str, dict[str, str]]:
        """What each feed says that each offer costs, by `fairfare export-feed`."""
        return {form.value: read(form, self.fairfare("export-feed", form.value).stdout) for form in Form}


def owner(folder: Path, settings: str, secret: str, offers: Mapping[str, tuple[str, str]]) -> Owner:
    """Whoever sells these offers, each at a price and a place of the shop."""
    head = f'allowed_networks = ["127.0.0.1/32"]\n{default_text()}\n[[shops]]\nname = "{SHOP}"\n'
    place = Workspace.create(folder, head + settings)
    sold = [offer(name, price) for name, (price, _) in offers.items()]
    place.book.import_offers(map(Listing, sold), by="ann", now=utc_now())
    (place.root / "shops" / SHOP).mkdir(parents=True)
    rows = ["place,offer", *(f"{at},{name}" for name, (_, at) in offers.items())]
    (place.root / "shops" / SHOP / "offers.csv").write_text("\n".join(rows))
    return Owner(place, secret)


def offer(name: str, price: str) -> Offer:
    """Something that may cost three quarters, or one and a half, of its price."""
    now = Decimal(price)
    floor, ceiling = parse_amount(now * Decimal("0.75"), "EUR"), parse_amount(now * Decimal("1.5"), "EUR")
    ladder = Ladder.of([str(floor + step) for step in range(int(ceiling - floor) + 1)], "EUR")
    return Offer(id=name, product=name, currency="EUR", current_price=now, floor=floor, ceiling=ceiling, ladder=ladder)


def read(form: Form, text: str) -> dict[str, str]:
    """What each offer costs by a feed, amount and currency; a sale price goes before a price, as for its reader."""
    match form:
        case Form.GOOGLE:
            rows: list[Any] = [{each.tag: each.text for each in item} for item in ET.fromstring(text).iter("item")]  # noqa: S314  # our own
            name = f"{{{GOOGLE}}}"
            return {row[f"{name}id"]: row.get(f"{name}sale_price", row[f"{name}price"]) for row in rows}
        case Form.JSON_LD:
            rows = json.loads(text)["@graph"]
            return {row["sku"]: f"{row['price']} {row['priceCurrency']}" for row in rows}
        case Form.META:
            return {row["id"]: row["price"] for row in csv.DictReader(io.StringIO(text))}
        case Form.JSON | Form.CSV:
            rows = json.loads(text)["items"] if form is Form.JSON else list(csv.DictReader(io.StringIO(text)))
            return {row["offer"]: f"{row['total_price']} {row['currency']}" for row in rows}
