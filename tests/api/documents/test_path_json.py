"""A file with periods is read exactly or refused, and priced by the command."""

import copy
import importlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api.documents.path_json import DatedPath
from api.documents.problem_json import read_any, schemas
from optimization.path import Direction, best_path
from optimization.solve import HighsOptimizer
from pricing.errors import InputError
from pricing.plan import Status
from tests.real_data import ROOT

main = importlib.import_module("api.cli.main")

DOCUMENT: dict[str, Any] = {
    "currency": "EUR",
    "objective": "revenue",
    "offers": [
        {
            "id": "seat",
            "ladder": ["20.00", "25.00", "30.00", "35.00", "40.00"],
            "current_price": "20.00",
            "floor": "25.00",
            "demand": {
                "early": [40, 31, 24, 18, 14],
                "summer": [40, 33, 27, 22, 18],
                "last": [60, 52, 45, 39, 33],
            },
            "announced": {"early": "25.00"},
        }
    ],
    "path": {
        "now": "2026-03-01T00:00:00+00:00",
        "direction": "up",
        "amount": "10.00",
        "notice_hours": 48,
        "periods": [
            {"id": "early", "starts_at": "2026-03-02T00:00:00Z"},
            {"id": "summer", "starts_at": "2026-06-01T00:00:00+00:00"},
            {"id": "last", "starts_at": "2026-09-01T00:00:00+00:00"},
        ],
        "ends_at": "2026-10-01T20:00:00+02:00",
        "caps": [{"id": "door", "period": "last", "capacity": 45, "uses": {"seat": 1}}],
        "sold": {"early": {"seat": 3}},
    },
    "resources": [{"id": "hall", "capacity": 99, "uses": {"seat": 1}, "spill": "40.00"}],
    "rules": [{"type": "min_margin", "fraction": 0.1}],
    "risk": {"measure": "mean"},
}


def changed(place: tuple[Any, ...], value: object) -> str:
    """The document with one value changed."""
    document = copy.deepcopy(DOCUMENT)
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return json.dumps(document)


def test_every_key_is_read() -> None:
    """Periods, moves, notice, caps, sales, announcements and bounds arrive as they stand."""
    case = read_any(json.dumps(DOCUMENT))
    assert isinstance(case, DatedPath)
    path = case.path
    assert case.now == datetime(2026, 3, 1, tzinfo=UTC)
    assert [period.id for period in path.periods] == ["early", "summer", "last"]
    assert path.ends_at == datetime(2026, 10, 1, 18, tzinfo=UTC)
    assert (path.direction, path.amount, path.notice) == (Direction.UP, Decimal(10), timedelta(hours=48))
    assert path.offers[0].demand.tolist() == [[[31, 24, 18, 14], [33, 27, 22, 18], [52, 45, 39, 33]]]
    assert path.offers[0].announced == {"early": Decimal(25)}
    assert (path.caps[0].period, path.caps[0].shared.capacity) == ("last", 45.0)
    assert path.sold == {"early": {"seat": 3.0}}


@pytest.mark.parametrize(
    ("place", "value", "where", "reason"),
    [
        (("path", "now"), "2026-03-01T00:00:00", "path.now", "is not an instant with a zone"),
        (("path", "ends_at"), 7, "path.ends_at", "is not an instant with a zone"),
        (("path", "periods"), [], "path.periods", "this is empty"),
        (("path", "fraction"), 0.1, "path", "either an amount or a fraction"),
        (("path", "notice_hours"), -1, "path.notice_hours", "must be at least 0"),
        (("path", "sold"), {"early": {"box": 1}}, "path.sold.early.box", "there is no offer box"),
        (("path", "sold"), {"never": {"seat": 1}}, "", "there is no period never"),
        (("path", "direction"), "sideways", "path.direction", "'up', 'down' or 'free'"),
        (("path", "colour"), "red", "path.colour", "there is no such key"),
        (("offers", 0, "demand"), {"early": [1] * 5}, "", "there is demand for early, not for early, summer and last"),
        (("offers", 0, "demand", "early"), [1], "offers[0]", "demand has 1 numbers, the ladder 5 steps"),
        (("offers", 0, "demand_draws"), {}, "offers[0]", "either demand or demand_draws"),
    ],
)
def test_what_is_not_a_path_is_refused(place: tuple[Any, ...], value: object, where: str, reason: str) -> None:
    """Each fault at its place in the document."""
    with pytest.raises(InputError) as caught:
        read_any(changed(place, value), file="p.json")
    found = caught.value.findings
    assert any((entry.column or "").startswith(where) and reason in entry.reason for entry in found), found


def test_the_command_prices_every_period(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan holds prices by offer and period, rising, with what was announced; a table names each cell."""
    monkeypatch.setattr(main, "COMMANDS", ("optimize",))
    problem, out = tmp_path / "p.json", tmp_path / "plan.json"
    problem.write_text(json.dumps(DOCUMENT))
    for words in (["--out", str(out)], []):
        monkeypatch.setattr("sys.argv", ["fairfare", "optimize", str(problem), *words])
        with pytest.raises(SystemExit) as end:
            main.main()
        assert not end.value.code
    plan = json.loads(out.read_text())
    prices = plan["path"]["seat"]
    assert plan["status"] == "optimal"
    assert prices["early"] == "25.00"
    assert list(prices.values()) == sorted(prices.values())
    assert {f"seat@{period}": price for period, price in prices.items()} == plan["prices"]
    assert plan["expected_units"]["seat@last"] <= 45 * (1 + 1e-6)
    assert "seat@summer" in capsys.readouterr().out


def test_the_example_of_the_page_has_an_answer() -> None:
    """What the documentation shows is read and priced."""
    page = (ROOT / "docs" / "optimization" / "paths.md").read_text(encoding="utf-8")
    case = read_any(page.split("```json")[1].split("```")[0])
    assert isinstance(case, DatedPath)
    found = best_path(case.path, now=case.now, optimizer=HighsOptimizer(), time_limit=30)
    assert found.plan.report.status is Status.OPTIMAL


def test_the_schema_closes_out_unknown_keys() -> None:
    """What is documented is what is read."""
    schema = schemas()["path_problem"]
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(DOCUMENT)


def test_what_only_the_time_shows_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path that is over by now is refused with exit 2 and its file."""
    monkeypatch.setattr(main, "COMMANDS", ("optimize",))
    problem = tmp_path / "late.json"
    problem.write_text(changed(("path", "now"), "2027-01-01T00:00:00+00:00"))
    monkeypatch.setattr("sys.argv", ["fairfare", "optimize", str(problem)])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == 2
    assert "late.json: no period is left to price" in " ".join(capsys.readouterr().err.split())
