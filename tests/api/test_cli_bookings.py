"""The command bookings, as a user runs it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from api.cli.main import main
from tests.forecasting.bookings.hotel import hotel

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def fairfare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process: how it ended, and what it said in error."""

    def run(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["fairfare", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


@pytest.fixture
def inn(tmp_path: Path) -> Path:
    """A folder with guests.csv and nights.csv, under the owner's own column names."""
    place = hotel(days=90)
    names = {"date": "Booked", "event": "Night", "product": "Room", "segment": "Via", "quantity": "Guests"}
    sales = place.sales.assign(note=range(len(place.sales)))
    sales.rename(columns=names).to_csv(tmp_path / "guests.csv", index=False)
    nights = place.events.assign(starts_at=place.events["event"] + "T15:00+01:00")
    nights.rename(columns={"event": "Night", "starts_at": "Arrival"}).to_csv(tmp_path / "nights.csv", index=False)
    return tmp_path


MAP = ("--map", "date=Booked,event=Night,product=Room,segment=Via,quantity=Guests,starts_at=Arrival")


def test_bookings_writes_one_row_per_event_and_segment(inn: Path, fairfare: Run) -> None:
    """One mapping for both files, the same bytes twice, and starts as they are told where the events take place."""
    files = (inn / "guests.csv", "--events", inn / "nights.csv", *MAP, "--time-zone", "Europe/Madrid")
    options = ("--by", "event,segment", "--as-of", "2024-03-01", "--level", "90")
    for name in ("a.csv", "b.csv"):
        assert fairfare("bookings", *files, *options, "--out", inn / name) == (0, "")
    assert (inn / "a.csv").read_bytes() == (inn / "b.csv").read_bytes()
    found = pd.read_csv(inn / "a.csv")
    columns = "event segment starts_at days_to_event on_hand mean lower upper model"
    assert list(found.columns) == columns.split()
    assert len(found) == 2 * 29
    assert found["starts_at"].iloc[0] == "2024-03-02T15:00:00+01:00"
    assert (found["lower"] <= found["mean"]).all()


def test_by_default_there_is_one_row_per_event(inn: Path, fairfare: Run) -> None:
    """Segments are told apart inside, and added up."""
    out = inn / "o.json"
    ended, _ = fairfare(
        "bookings", inn / "guests.csv", "--events", inn / "nights.csv", *MAP, "--as-of", "2024-03-01", "--out", out
    )
    assert ended == 0
    assert pd.read_json(out)["event"].is_unique


def test_what_is_dated_later_does_not_move_a_digit(inn: Path, fairfare: Run) -> None:
    """A booking, a cancellation, an outcome, sales of an event that was listed later: all after --as-of, same bytes."""
    guests, nights = pd.read_csv(inn / "guests.csv", dtype=str), pd.read_csv(inn / "nights.csv", dtype=str)
    guests[guests["Booked"] <= "2024-03-01"].to_csv(inn / "known.csv", index=False)
    row = guests.iloc[0].to_dict()
    later = [
        {**row, "Booked": "2024-03-02", "Night": "2024-03-10", "Guests": "400"},
        {**row, "Booked": "2024-03-03", "Night": "2024-03-10", "Guests": "-90", "Via": "a new one"},
        {**row, "Booked": "2024-03-10", "Night": "2024-03-10", "Guests": "77"},
        {**row, "Booked": "2024-03-12", "Night": "added later", "Guests": "50"},
    ]
    pd.concat([guests, pd.DataFrame(later)]).to_csv(inn / "planted.csv", index=False)
    added = pd.DataFrame({"Night": ["added later"], "Arrival": ["2024-03-20T15:00+01:00"]})
    pd.concat([nights, added]).to_csv(inn / "more.csv", index=False)
    for by in ("event", "event,segment"):
        for out, files in {"a": ("known", "nights"), "b": ("planted", "nights"), "c": ("planted", "more")}.items():
            sales, events = (inn / f"{name}.csv" for name in files)
            options = (*MAP, "--as-of", "2024-03-01", "--by", by, "--out", inn / f"{out}.csv")
            assert fairfare("bookings", sales, "--events", events, *options)[0] == 0
        assert (inn / "a.csv").read_bytes() == (inn / "b.csv").read_bytes()
        found = (inn / "c.csv").read_text().splitlines()
        assert "\n".join(row for row in found if "added later" not in row) == (inn / "a.csv").read_text().strip()
        assert any("added later" in row for row in found)


def test_unusable_input_is_refused_in_words(inn: Path, fairfare: Run) -> None:
    """An unknown column to tell rows apart by, or no file of events: 2, and nothing is written."""
    out = inn / "o.csv"
    files = (inn / "guests.csv", "--events", inn / "nights.csv", *MAP, "--out", out)
    ended, said = fairfare("bookings", *files, "--by", "event,floor")
    assert ended == 2
    assert "floor" in said
    assert fairfare("bookings", *files[:1], "--events", inn / "none.csv", "--out", out)[0] == 2
    assert not out.exists()
