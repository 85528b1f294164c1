"""No command writes over a file it was given to read."""

import sys
from pathlib import Path

import pytest

from api.cli.main import main

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
