"""What a workspace's settings say of the law holds at every door: command line, snapshot, HTTP and feeds."""

import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.app import serving_app
from api.cli.main import main
from api.clock import utc_now
from api.served.snapshot import SNAPSHOT_NAME, load
from api.settings import FILE
from api.store.database import open_database
from api.store.keys import Scope, create_key
from api.workspace import Workspace
from pricing.model import ALL
from tests.api.store.book_kit import decision, proposal

SETTINGS = """\
[policy]
step = 0.5
weak_step = 0.5
daily_cap = 0.5

[[markets]]
name = "UK"
country = "GB"
sells = "tickets"

[[markets.fees]]
name = "booking fee"
amount = 1.50
"""
OFFERS = "offer,product,currency,current_price,floor,ceiling,ladder\nseat,seat,EUR,10.00,10.00,12.00,10:13:1\n"


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """A seller of tickets in the United Kingdom, and an approved proposal to raise the price of a seat."""
    place, file = Workspace.create(tmp_path / "shop", SETTINGS), tmp_path / "offers.csv"
    file.write_text(OFFERS, encoding="utf-8")
    now = utc_now()
    place.ingest("offers", file, by="ann", now=now)
    raised = replace(decision("seat", "11.00"), channel=ALL)
    place.book.propose(proposal(raised, name="p1", base=1, at=now))
    place.approve("p1", by="bob", now=now, large=True)
    return place


def fairfare(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the command line in this process; how it ended."""
    monkeypatch.setattr(sys, "argv", ["fairfare", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def check(answer: dict[str, Any]) -> None:
    """The price of today, with its fee and the rise that is announced."""
    assert (answer["total_price"], answer["price"]) == ("11.50", "10.00")
    assert answer["fees"] == [{"name": "booking fee", "amount": "1.50"}]
    assert [coming["total_price"] for coming in answer["tier_notice"]["coming"]] == ["12.50"]
    assert answer["price_range"] == {"lowest": "11.50", "highest": "12.50"}


def test_a_rise_is_published_with_notice_and_announced_everywhere(
    shop: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At once it is refused and nothing changes; a day ahead it is taken, and every door says the same."""
    command = ("publish", "p1", "--by", "bob", "--workspace", shop.root)
    assert fairfare(monkeypatch, *command) == 2
    assert "24 hours ahead" in " ".join(capsys.readouterr().err.split())
    assert shop.book.version() == 1
    begins = utc_now() + timedelta(hours=23, minutes=59)
    assert fairfare(monkeypatch, *command, "--at", begins.isoformat()) == 2
    begins += timedelta(minutes=30)
    assert fairfare(monkeypatch, *command, "--at", begins.isoformat()) == 0
    kept = load(shop.root / SNAPSHOT_NAME)
    assert kept is not None
    check(msgspec.json.decode(kept.entries[0].price))
    out = tmp_path / "prices.json"
    assert fairfare(monkeypatch, "export-feed", "prices.json", "--workspace", shop.root, "--out", out) == 0
    check(json.loads(out.read_text(encoding="utf-8"))["items"][0])
    key = create_key(open_database(shop.database), {Scope.PRICES_READ}, holder="shop", by="ann", now=utc_now())
    client = serving_app(shop.root).test_client()
    check(client.get("/v1/prices/seat", headers={"Authorization": f"Bearer {key}"}).get_json())


def test_workers_started_at_different_times_serve_by_one_law(shop: Workspace) -> None:
    """Fees that change while a server runs are served once it is started again, not by the one worker that was."""
    begun_with = shop.settings
    (shop.root / FILE).write_text(SETTINGS.replace("1.50", "2.50"), encoding="utf-8")
    key = create_key(open_database(shop.database), {Scope.PRICES_READ}, holder="shop", by="ann", now=utc_now())
    headers, totals = {"Authorization": f"Bearer {key}"}, list[str]()
    for settings in (begun_with, None):
        client = serving_app(shop.root, settings=settings).test_client()
        totals.append(client.get("/v1/prices/seat", headers=headers).get_json()["total_price"])
    assert totals == ["11.50", "12.50"]
