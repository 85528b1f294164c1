"""No intake lets in a column that may not enter a price: it is refused with file and column, and nothing is written."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli.main import main
from api.workspace import Workspace

Run = Callable[..., tuple[int, str]]

SALES = "date,product,quantity,price,{name}\n2026-01-01,milk,3,1.50,a\n2026-01-02,milk,4,1.40,b\n"
EVENTS = "event,starts_at,{name}\nfriday,2026-06-01T19:30Z,a\n"
OFFERS = "offer,product,current_price,floor,ceiling,ladder,{name}\nmilk,milk,1.50,1.20,1.80,1.20:1.80:0.10,a\n"
RESOURCES = "resource,capacity,{name}\nhall,10,a\n"
CALENDAR = "date,name,{name}\n2026-01-01,New Year,a\n"
FUTURE = "date,{name}\n2026-01-03,a\n"
CHOICES = "choice,price.tram,price.bus,{name}\ntram,2.0,1.5,a\nbus,2.5,1.5,b\n"
TABLES = {"sales": SALES, "events": EVENTS, "offers": OFFERS, "resources": RESOURCES, "calendar": CALENDAR}
NAMES = ("gender", "Staatsangehörigkeit", "competitor_price")


@pytest.fixture
def fairfare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process: how it ended, and what it said in error."""

    def run(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["fairfare", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), " ".join(capsys.readouterr().err.split())

    return run


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("bad", "command"),
    [
        ("sales", ["forecast", "sales", "--horizon", "1"]),
        ("future", ["forecast", "sales", "--horizon", "1", "--future", "future"]),
        ("sales", ["backtest", "sales", "--horizon", "1", "--folds", "1"]),
        ("sales", ["elasticity", "sales"]),
        ("sales", ["bookings", "sales", "--events", "events"]),
        ("events", ["bookings", "sales", "--events", "events"]),
        ("choices", ["choice", "choices", "--alternatives", "tram,bus", "--price", "price"]),
    ],
    ids=lambda part: part if isinstance(part, str) else part[0],
)
def test_a_command_refuses_a_file_with_such_a_column(
    fairfare: Run, tmp_path: Path, bad: str, command: list[str], name: str
) -> None:
    """Whether or not it would have been used."""
    texts = {"sales": SALES, "events": EVENTS, "future": FUTURE, "choices": CHOICES}
    files = {kind: tmp_path / f"{kind}.csv" for kind in texts}
    for kind, text in texts.items():
        files[kind].write_text(text.format(name=name if kind == bad else "note"), encoding="utf-8")
    out = tmp_path / "out.csv"
    code, said = fairfare(*(files.get(word, word) for word in command), "--out", out)
    assert code == 2
    assert f"{bad}.csv, column {name}: is named after" in said
    assert not out.exists()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", TABLES)
def test_a_workspace_takes_in_no_table_with_such_a_column(
    fairfare: Run, place: Workspace, tmp_path: Path, kind: str, name: str
) -> None:
    """The history is as it was."""
    file = tmp_path / f"{kind}.csv"
    file.write_text(TABLES[kind].format(name=name), encoding="utf-8")
    code, said = fairfare("ingest", kind, file, "--workspace", place.root)
    assert code == 2
    assert f"column {name}: is named after" in said
    assert not list(place.root.glob("history/**/*.parquet"))


def test_a_market_may_allow_prices_of_competitors_with_their_provenance(fairfare: Run, tmp_path: Path) -> None:
    """Every market must, and each price says where and when it was seen; no other column is let in by that."""
    place = Workspace.create(tmp_path / "shop", '[[markets]]\nname = "UK"\ncountry = "GB"\ncompetitor_prices = true\n')
    file = tmp_path / "sales.csv"
    bare = "date,product,quantity,price,competitor_price\n2026-01-01,milk,3,1.50,1.40\n"
    file.write_text(bare, encoding="utf-8")
    assert fairfare("ingest", "sales", file, "--workspace", place.root)[0] == 2
    known = bare.replace("_price\n", "_price,source,observed_at\n").replace("1.40\n", "1.40,shop window,2026-01-01\n")
    file.write_text(known, encoding="utf-8")
    assert fairfare("ingest", "sales", file, "--workspace", place.root)[0] == 0


def test_an_offer_is_in_one_market(fairfare: Run, tmp_path: Path) -> None:
    """Where there are several, each offer names a channel of one of them."""
    markets = '[[markets]]\nname = "DE"\nchannels = ["de"]\n[[markets]]\nname = "US"\nchannels = ["us"]\n'
    place = Workspace.create(tmp_path / "shop", markets)
    file = tmp_path / "offers.csv"
    file.write_text(OFFERS.format(name="note"), encoding="utf-8")
    code, said = fairfare("ingest", "offers", file, "--workspace", place.root)
    assert code == 2
    assert "one of the markets DE, US" in said
    file.write_text(OFFERS.format(name="channel").replace(",a\n", ",de\n"), encoding="utf-8")
    assert fairfare("ingest", "offers", file, "--workspace", place.root)[0] == 0
