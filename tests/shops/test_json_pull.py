"""A shop that asks: the commands of docs/shops/json.md, as they stand there, against a server that runs."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from api.clock import utc_now
from api.settings import default_text
from api.store.database import open_database, reading
from api.store.tables import sales
from api.workspace import Workspace
from tests.api.store.book_kit import IDS, LISTINGS, decision, publish
from tests.api.test_serve import serving
from tests.real_data import ROOT

PAGE = (ROOT / "docs" / "shops" / "json.md").read_text(encoding="utf-8")
FAIRFARE = f'fairfare() {{ {sys.executable} -c "from api.cli import main; main()" "$@"; }}\n'


def blocks() -> list[str]:
    """Each block of the page that is typed at a prompt."""
    return re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)


def typed(block: str) -> str:
    """What is typed in a block."""
    return "".join(line.removeprefix("$ ") for line in block.splitlines(keepends=True) if line.startswith("$ "))


def answered(block: str) -> str:
    """What the page says it answers."""
    return "".join(line for line in block.splitlines(keepends=True) if not line.startswith("$ "))


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands are curl's")
def test_prices_are_pulled_as_json_and_sales_posted_back_as_the_page_says(tmp_path: Path) -> None:
    """A first pull, a second that is not sent again, a third after a publication; a sale counts once."""
    place = Workspace.create(tmp_path / "season", default_text())
    place.book.import_offers(LISTINGS, by="ann", now=utc_now())
    publish(place.book, decision(), at=utc_now())
    connect, pull, again, sell = blocks()

    def run(script: str) -> str:
        """What a shell prints, in the folder beside the workspace."""
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    key = run(f"{FAIRFARE}{typed(connect)}echo $KEY").strip()
    with serving(place.root, "--no-worker") as url:
        known = f"API={url}\nKEY={key}\n"
        assert run(known + typed(pull)) == answered(pull)
        first = json.loads((tmp_path / "prices.json").read_text())
        assert run(known + typed(again)) == answered(again) == "304\n"
        assert run(known + typed(sell)) == answered(sell).replace("\n", "")
        publish(place.book, decision(price="12.00", now="11.00"), name="p2", at=utc_now())
        seen = run(known + f"for i in $(seq 100); do {typed(again).strip()} | grep 200 && break; sleep 0.1; done")
        later = json.loads((tmp_path / "prices.new").read_text())
    prices = [{row["offer"]: row["total_price"] for row in answer["items"]}[IDS[0]] for answer in (first, later)]
    assert (seen, first["version"], later["version"], prices) == ("200\n", 2, 3, ["11.00", "12.00"])
    with reading(open_database(place.database)) as db:
        rows = db.execute(select(sales.c.id, sales.c.offer, sales.c.quantity)).all()
    assert [tuple(row) for row in rows] == [("order-10017-1", IDS[0], 2)]
