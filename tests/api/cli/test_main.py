"""No command writes over a file it was given to read; what each does is told in full."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.main import app, main

SALES = "date,product,quantity,price\n2025-01-01,cake,3,2.50\n2025-01-02,cake,4,2.50\n"


@pytest.mark.parametrize("spelling", ["sales.csv", "folder/../sales.csv"])
def test_a_result_is_not_written_over_the_input(
    spelling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same file twice, however it is spelt, is exit 2 and stays as it was."""
    (tmp_path / "folder").mkdir()
    sales = tmp_path / "sales.csv"
    sales.write_text(SALES)
    monkeypatch.setattr(
        sys, "argv", ["fairfare", "forecast", str(sales), "--horizon", "2", "--out", str(tmp_path / spelling)]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "the input and --out are the same file" in capsys.readouterr().err
    assert sales.read_text() == SALES


@pytest.mark.parametrize("group", ["jobs", "keys", "overrides", "shops", "users"])
def test_a_group_without_a_command_lists_its_commands(group: str) -> None:
    """Whoever types no more asks what there is."""
    told = CliRunner().invoke(app, [group])
    assert ("Commands" in told.output, "Missing command" in told.output) == (True, False)


@pytest.mark.parametrize(
    ("command", "name"), [("webhooks", "webhooks"), ("worker", "webhooks"), ("worker", "schedule")]
)
def test_no_word_of_a_help_is_taken_for_markup(command: str, name: str) -> None:
    """A table of the settings in brackets of its own would not be printed."""
    told = CliRunner().invoke(app, [command, "--help"]).output
    assert (f"`{name}`" in told, "[]" in told) == (True, False)
