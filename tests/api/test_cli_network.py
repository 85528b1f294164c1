"""`fairfare network` reads a file, writes a file, and exits as it promises."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.documents.test_network_json import CHOICE, LEGS, changed

main = importlib.import_module("api.cli.main")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call the command as the shell would; returns the exit code."""
    monkeypatch.setattr(main, "COMMANDS", ("network", "forecast"))

    def call(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["fairfare", "network", *map(str, words)])
        try:
            main.main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return call


@pytest.fixture
def legs(tmp_path: Path) -> Path:
    """A network that has an answer."""
    path = tmp_path / "legs.json"
    path.write_text(json.dumps(LEGS))
    return path


def test_the_same_file_twice_gives_the_same_bytes(run: Any, legs: Path, tmp_path: Path) -> None:
    """An allocation: 6 trips, and 1.5 groups of which only what is left of the first leg fits."""
    outs = [tmp_path / "one.json", tmp_path / "two.json"]
    for out in outs:
        assert run(legs, "--out", out) == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    answer = json.loads(outs[0].read_text())
    assert answer["status"] == "optimal"
    assert answer["allocation"] == pytest.approx({"SFO-BOS": 6, "group": 1, "lounge": 0})
    assert answer["bid_prices"] == pytest.approx({"SFO-CLT": 375, "CLT-BOS": 0})
    assert answer["objective"] == pytest.approx(6300)


def test_sets_to_offer_where_buyers_choose(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The times fill the horizon; without --out tables are printed."""
    file, out = tmp_path / "choice.json", tmp_path / "answer.json"
    file.write_text(json.dumps(CHOICE))
    assert run(file, "--out", out) == 0
    answer = json.loads(out.read_text())
    assert sum(offered["periods"] for offered in answer["offers"]) == pytest.approx(300)
    assert answer["sales"]["low"] + answer["sales"]["high"] <= 18 + 1e-6
    capsys.readouterr()
    assert run(file) == 0
    shown = capsys.readouterr().out
    for words in ("offer together", "periods", "bid price [EUR]", "room", "high", "optimal", "choice-based"):
        assert words in shown


def test_without_out_tables_are_printed(run: Any, legs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Products and resources, then status, revenue, gap and bound."""
    assert run(legs) == 0
    shown = capsys.readouterr().out
    for words in ("SFO-BOS", "800.00", "375.00", "optimal", "revenue 6300.00 USD", "bound 6300.00 USD"):
        assert words in shown


@pytest.mark.parametrize(("currency", "fare"), [("KWD", "40.125"), ("JPY", "9800")])
def test_money_has_the_decimals_of_its_currency(
    run: Any, legs: Path, capsys: pytest.CaptureFixture[str], currency: str, fare: str
) -> None:
    """A fare is shown as it is, not rounded to hundredths."""
    legs.write_text(json.dumps({**changed(LEGS, "products", 0, "fare", to=fare), "currency": currency}))
    assert run(legs) == 0
    shown = capsys.readouterr().out
    assert f" {fare} " in shown
    decimals = [
        row.split("│")[4].partition(".")[2].strip() for row in shown.splitlines() if row.startswith("│ SFO-CLT")
    ]
    assert [len(part) for part in decimals] == [3 if currency == "KWD" else 0]


def test_out_of_time_is_a_result_with_nothing_to_act_on(run: Any, legs: Path, tmp_path: Path) -> None:
    """Exit 0, a status and a bound."""
    out = tmp_path / "answer.json"
    assert run(legs, "--out", out, "--time-limit", "1e-12") == 0
    answer = json.loads(out.read_text())
    assert answer["status"] == "time-limit"
    assert answer["allocation"] == answer["bid_prices"] == {}
    assert answer["bound"] == pytest.approx(7050)


def test_bad_input_lists_every_fault_and_writes_nothing(
    run: Any, legs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, each fault with file and place."""
    broken = changed(changed(LEGS, "resources", 0, "capacity", to=-1), "products", 1, "uses", to=["bus"])
    legs.write_text(json.dumps(broken))
    out = tmp_path / "answer.json"
    assert run(legs, "--out", out) == 2
    said = capsys.readouterr().err
    assert "legs.json, column resources[0].capacity" in said
    assert "legs.json, column products[1].uses.bus: there is no resource bus" in said
    assert not out.exists()


@pytest.mark.parametrize("words", [["--time-limit", "0"], ["--time-limit", "nan"], ["--out", "answer.csv"]])
def test_unusable_arguments_exit_2(run: Any, legs: Path, words: list[str]) -> None:
    """A time that is none, a file that is not .json."""
    assert run(legs, *words) == 2


def test_the_schemas_are_printed(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Of both kinds of network and answer."""
    assert run("--schema") == 0
    printed = json.loads(capsys.readouterr().out)
    assert sorted(printed) == ["allocation", "choice_network", "network", "offering"]
