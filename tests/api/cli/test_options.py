"""Options are read alike in every command, and what cannot be read exits 2 with a hint."""

import json
from datetime import date
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from api.cli import options
from api.cli.options import AsOf, By, Currency, Map, Out, Quarantine, SalesFile, Seed, TimeZone, progress

app = typer.Typer()


@app.command()
def command(
    sales: SalesFile,
    *,
    columns: Map = None,
    by: By = ("product",),
    out: Out = None,
    seed: Seed = 0,
    as_of: AsOf = None,
    quarantine: Quarantine = None,
    zone: TimeZone = "UTC",
    currency: Currency = "EUR",
) -> None:
    """Say what was read."""
    print(json.dumps([sales, columns, by, out, seed, as_of, quarantine, zone, currency], default=str))  # noqa: T201


def run(*arguments: str) -> Result:
    """Call the command as a user would."""
    return CliRunner().invoke(app, ["sales.csv", *arguments])


def test_defaults_are_the_commands_own() -> None:
    """Without options a command gets what its signature says."""
    assert json.loads(run().stdout) == ["sales.csv", None, ["product"], None, 0, None, None, "UTC", "EUR"]


def test_every_option_arrives_read() -> None:
    """Mappings, names, dates and paths arrive as such."""
    said = run(
        *("--map", 'date=Invoice Date,price="Price, net"', "--by", "product, segment", "--out", "a.csv"),
        *("--seed", "3", "--as-of", "2025-04-03", "--quarantine", "bad.csv"),
        *("--time-zone", "Europe/Berlin", "--currency", "JPY"),
    )
    assert json.loads(said.stdout) == [
        "sales.csv",
        {"date": "Invoice Date", "price": "Price, net"},
        ["product", "segment"],
        "a.csv",
        3,
        "2025-04-03",
        "bad.csv",
        "Europe/Berlin",
        "JPY",
    ]


@pytest.mark.parametrize(
    ("option", "text", "hint"),
    [
        ("--map", "price", "is not name=Column"),
        ("--map", "price=", "is not name=Column"),
        ("--map", "price=A,price=B", "mapped twice"),
        ("--map", "", "is not name=Column"),
        ("--by", "product,,segment", "empty or repeated"),
        ("--by", "product,product", "empty or repeated"),
        ("--out", "result.xlsx", "must end in"),
        ("--out", "result", "must end in"),
        ("--seed", "-1", "greater than or equal to 0"),
        ("--as-of", "03/04/2025", "year, month, day"),
        ("--time-zone", "Mars/Olympus", "not a time zone"),
        ("--time-zone", "../zones", "not a time zone"),
        ("--currency", "EURO", "ISO 4217"),
    ],
)
def test_what_cannot_be_read_exits_2_with_a_hint(option: str, text: str, hint: str) -> None:
    """The message names the option and says what to write."""
    result = run(option, text)
    assert result.exit_code == 2
    said = " ".join(result.output.replace("│", " ").split())
    assert hint in said
    assert option in said


def test_values_that_were_read_already_pass() -> None:
    """Defaults given as values, not as text, go through the same door."""
    assert options.parse_map({"a": "b"}) == {"a": "b"}
    assert options.parse_date(date(2025, 4, 3)) == date(2025, 4, 3)
    assert options.parse_out(Path("a.json")) == Path("a.json")


def test_progress_is_silent_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Logs and pipes stay clean."""
    with progress("fitting", 2) as done:
        done(1)
        done(1)
    assert capsys.readouterr() == ("", "")


def test_progress_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, with what is being done and how far it is."""
    monkeypatch.setattr(options, "Console", lambda **_: Console(stderr=True, force_terminal=True, width=100))
    with progress("fitting", 2) as done:
        done(2)
    drawn = capsys.readouterr()
    assert drawn.out == ""
    assert "fitting" in drawn.err
    assert "2/2" in drawn.err
