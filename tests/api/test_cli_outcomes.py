"""`fairfare outcomes` says what was expected, what was sold, and what to do."""

import importlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api.store.database import open_database
from api.store.sales import Sale, record
from api.workspace import Workspace
from tests.api.test_workspace import Bring

main = importlib.import_module("api.cli.main")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)
SALES = "date,product,quantity,price\n" + "".join(
    f"{(NOW - timedelta(days=back)):%Y-%m-%d},milk,{20 + back % 5},1.50\n" for back in range(1, 91)
)
OFFERS = "offer,product,currency,current_price,floor,ceiling,ladder\nmilk [1l],milk,EUR,1.50,1.20,1.80,1.20:1.80:0.10\n"


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, place: Workspace, bring: Bring) -> Workspace:
    """A fit that expects 22 bottles a day, ten days ago; the clock stands."""
    place.ingest("sales", bring(SALES, "s.csv"), by="me", now=NOW)
    place.ingest("offers", bring(OFFERS, "o.csv"), by="me", now=NOW)
    place.fit(now=NOW, progress=lambda *_: None)
    monkeypatch.setattr("api.clock.utc_now", lambda: NOW + 10 * DAY)
    monkeypatch.setattr(main, "COMMANDS", ("outcomes",))
    return place


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, shop: Workspace) -> Any:
    """Call the command as the shell would; returns the exit code."""

    def call(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["fairfare", "outcomes", "--workspace", str(shop.root), *map(str, words)])
        try:
            main.main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return call


def sell(shop: Workspace, units: float) -> None:
    """So many bottles on each of ten days."""
    batch = [
        Sale(f"s{day}", "milk [1l]", NOW + day * DAY + timedelta(hours=1), units, Decimal("1.50"), "EUR")
        for day in range(10)
    ]
    record(open_database(shop.database), batch, by="shop", now=NOW + 10 * DAY)


def test_it_prints_expected_and_sold_and_no_alarm(
    shop: Workspace, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """As expected: a line per offer, and that nothing has changed."""
    sell(shop, 22)
    assert run() == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "milk [1l]" in said
    assert "220" in said
    assert "No sign that demand has changed" in said


def test_it_prints_the_alarm_and_what_to_do(shop: Workspace, run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Half is sold: hold prices, and fit again."""
    sell(shop, 9)
    assert run() == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "fewer sold than the fit expects" in said
    assert "hold prices, and fit again" in said


def test_it_writes_a_table(shop: Workspace, run: Any, tmp_path: Path) -> None:
    """Every figure of each offer, with its interval."""
    sell(shop, 22)
    assert run("--out", tmp_path / "outcomes.json") == 0
    row = json.loads((tmp_path / "outcomes.json").read_text())[0]
    assert row["offer"] == "milk [1l]"
    assert row["units_lower"] <= row["units_realised"] == 220 <= row["units_upper"]
    assert row["revenue_realised"] == pytest.approx(330)
    assert row["alarm"] == ""


def test_before_a_sale_came_back_it_says_so(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither an alarm nor an error; the table has its columns and no row."""
    assert run() == 0
    assert "No sale has come back" in capsys.readouterr().out
    assert run("--out", tmp_path / "outcomes.csv") == 0
    assert (tmp_path / "outcomes.csv").read_text().startswith("offer,channel,since")


def test_after_the_horizon_it_asks_for_another_fit(
    monkeypatch: pytest.MonkeyPatch, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """An old fit says nothing about today."""
    monkeypatch.setattr("api.clock.utc_now", lambda: NOW + 60 * DAY)
    assert run() == 0
    assert "fairfare fit" in capsys.readouterr().out


def test_without_a_fit_it_says_what_to_do(shop: Workspace, run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 and the command."""
    (shop.fits / "current.json").unlink()
    assert run() == 2
    assert "fairfare fit" in capsys.readouterr().err
