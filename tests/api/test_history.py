"""What was ingested is there once, whole, and summed as it should be."""

from pathlib import Path

import pandas as pd
import pytest

from api.history import History
from pricing.errors import InputError


def sales(dates: list[str], *, product: str = "milk", quantity: float = 2.0) -> pd.DataFrame:
    """Canonical sales rows."""
    frame = pd.DataFrame({"date": pd.to_datetime(dates), "product": product, "segment": "all", "event": "all"})
    return frame.assign(channel="all", quantity=quantity, price=1.5, currency="EUR")


def test_the_same_rows_twice_change_nothing(tmp_path: Path) -> None:
    """The second time says so."""
    history = History(tmp_path)
    assert not history.add("sales", sales(["2026-01-01", "2026-01-02"]), source="a.csv").already_there
    before = history.fingerprint()
    assert history.add("sales", sales(["2026-01-01", "2026-01-02"]), source="b.csv").already_there
    assert history.fingerprint() == before


def test_periods_that_are_there_are_refused_unless_replaced(tmp_path: Path) -> None:
    """An export that overlaps an earlier one would count sales twice."""
    history = History(tmp_path)
    history.add("sales", sales(["2026-01-01", "2026-01-02", "2026-01-03"]), source="a.csv")
    with pytest.raises(InputError, match=r"2 rows.*--replace"):
        history.add("sales", sales(["2026-01-02", "2026-01-04"], quantity=5), source="b.csv")
    assert history.daily_sales()["quantity"].tolist() == [2, 2, 2]
    history.add("sales", sales(["2026-01-02", "2026-01-04"], quantity=5), source="b.csv", replace=True)
    assert history.daily_sales()["quantity"].tolist() == [2, 5, 5]


def test_whoever_is_killed_while_replacing_can_do_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is begun anew when its worker is gone: sales must not count twice from then on."""
    history, newer = History(tmp_path), sales(["2026-01-02", "2026-01-04"], quantity=5)
    history.add("sales", sales(["2026-01-01", "2026-01-02", "2026-01-03"]), source="a.csv")

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(History, "_drop", killed)
        with pytest.raises(SystemExit):
            history.add("sales", newer, source="b.csv", replace=True)
    assert history.daily_sales()["quantity"].tolist() == [2, 7, 2, 5]
    for _ in range(2):
        history.add("sales", newer, source="b.csv", replace=True)
        assert history.daily_sales()["quantity"].tolist() == [2, 5, 5]


def test_another_product_in_the_same_period_is_welcome(tmp_path: Path) -> None:
    """Overlap counts per product, segment, event and channel."""
    history = History(tmp_path)
    history.add("sales", sales(["2026-01-01"]), source="a.csv")
    history.add("sales", sales(["2026-01-01"], product="sugar"), source="b.csv")
    assert history.daily_sales()["product"].tolist() == ["milk", "sugar"]


def test_days_are_sums_and_prices_are_weighted_by_units(tmp_path: Path) -> None:
    """A return lowers the units, not the price paid."""
    rows = sales(["2026-01-01 09:00", "2026-01-01 17:30", "2026-01-01 18:00"])
    rows["quantity"], rows["price"] = [1.0, 3.0, -1.0], [10.0, 20.0, 10.0]
    history = History(tmp_path)
    history.add("sales", rows, source="a.csv")
    day = history.daily_sales().iloc[0]
    assert (day["quantity"], day["price"]) == (3.0, 17.5)


def test_a_newer_row_of_a_keyed_table_replaces_the_older(tmp_path: Path) -> None:
    """An event that moved is still one event."""
    history = History(tmp_path)
    events = pd.DataFrame({"event": ["a", "b"], "starts_at": pd.to_datetime(["2027-01-01", "2027-01-02"], utc=True)})
    history.add("events", events, source="events.csv")
    moved = events.iloc[[1]].assign(starts_at=pd.to_datetime(["2027-02-02"], utc=True))
    history.add("events", moved, source="events.csv")
    assert history.table("events")["starts_at"].dt.month.tolist() == [1, 2]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Disk full in the middle: no file, no rest of one."""

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(OSError, match="no space"):
        History(tmp_path).add("sales", sales(["2026-01-01"]), source="a.csv")
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_without_sales_the_next_step_is_named(tmp_path: Path) -> None:
    """An empty history says what to do."""
    with pytest.raises(InputError, match="fairfare ingest sales"):
        History(tmp_path).daily_sales()
