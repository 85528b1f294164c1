"""A folder of parts gives the forecasts of one table, part by part, and is resumed where it stopped."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from joblib import effective_n_jobs

from api import parts
from api.parts import Reading, fit_folder, fit_part, survey
from forecasting.fleet import Task
from forecasting.table import forecast_table
from pricing.errors import InputError
from tests.forecasting.examples import sales_rows, seasonal

TASK = Task(horizon=3, model="ridge")


def rows_of(*names: str, weeks: int = 70) -> pd.DataFrame:
    """Weekly sales of some products."""
    return sales_rows({name: seasonal(weeks, seed=ord(name[0])) for name in names})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two parts with two series each; the second stops two weeks before the first."""
    sales = tmp_path / "sales"
    sales.mkdir()
    rows_of("a", "b").to_parquet(sales / "1.parquet", index=False)
    rows_of("c", "d", weeks=68).to_parquet(sales / "2.parquet", index=False)
    return sales


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other processes."""
    monkeypatch.setattr(parts, "cpu_count", lambda: 1)


@pytest.mark.usefixtures("alone")
def test_parts_forecast_the_same_periods_as_one_table(folder: Path) -> None:
    """Models that learn of each series alone say the same, though one part ends earlier than the other."""
    task = Task(horizon=3, model="seasonal-naive")
    fit_folder(folder, folder.with_name("out"), task)
    said = pd.concat([pd.read_parquet(folder.with_name("out") / f"{k}.parquet") for k in (1, 2)], ignore_index=True)
    whole = forecast_table(pd.concat([rows_of("a", "b"), rows_of("c", "d", weeks=68)]), task)
    key = ["product", "date", "mean", "model"]
    pd.testing.assert_frame_equal(said[key], whole[key].astype({"date": said["date"].dtype}))


@pytest.mark.usefixtures("alone")
def test_what_is_done_is_done_once_until_rows_or_task_change(folder: Path) -> None:
    """The second run keeps both; new rows redo their part only; another task redoes all."""
    out = folder.with_name("out")
    assert [part.kept for part in fit_folder(folder, out, TASK)] == [False, False]
    before = (out / "1.parquet").read_bytes()
    assert [part.kept for part in fit_folder(folder, out, TASK)] == [True, True]
    rows_of("c", weeks=68).to_parquet(folder / "2.parquet", index=False)
    assert [part.kept for part in fit_folder(folder, out, TASK)] == [True, False]
    assert (out / "1.parquet").read_bytes() == before
    assert [part.kept for part in fit_folder(folder, out, Task(horizon=2, model="ridge"))] == [False, False]


@pytest.mark.usefixtures("alone")
def test_parts_done_are_redone_when_another_part_moves_the_periods(folder: Path) -> None:
    """One more week anywhere is one more week for all."""
    out = folder.with_name("out")
    fit_folder(folder, out, TASK)
    rows_of("a", "b", weeks=71).to_parquet(folder / "1.parquet", index=False)
    assert [part.kept for part in fit_folder(folder, out, TASK)] == [False, False]
    ends = [pd.read_parquet(out / f"{k}.parquet")["date"].max() for k in (1, 2)]
    assert ends[0] == ends[1]


@pytest.mark.usefixtures("alone")
def test_a_broken_part_says_where_and_the_others_stand(folder: Path) -> None:
    """File, row and column; after mending only that part is done."""
    out = folder.with_name("out")
    good = pd.read_parquet(folder / "2.parquet")
    good.assign(quantity=good["quantity"].astype("str").where(good.index != 4, "many")).to_parquet(
        folder / "2.parquet", index=False
    )
    with pytest.raises(InputError) as caught:
        fit_folder(folder, out, TASK)
    (finding,) = caught.value.findings
    assert (finding.file, finding.row, finding.column) == (str(folder / "2.parquet"), 6, "quantity")
    assert [path.name for path in out.iterdir()] == ["1.parquet"]
    good.to_parquet(folder / "2.parquet", index=False)
    assert [part.kept for part in fit_folder(folder, out, TASK)] == [True, False]


def test_a_truncated_part_is_named_and_the_others_stand(folder: Path) -> None:
    """With other processes, too."""
    data = (folder / "2.parquet").read_bytes()
    (folder / "2.parquet").write_bytes(data[:-40])
    with pytest.raises(InputError, match=r"2\.parquet: cannot be read as Parquet"):
        fit_folder(folder, folder.with_name("out"), TASK)
    assert [path.name for path in folder.with_name("out").iterdir()] == ["1.parquet"]


def test_a_series_in_two_parts_is_refused_before_any_work(folder: Path) -> None:
    """By name, with both files; the owner's own column names count."""
    again = rows_of("b").rename(columns={"product": "Article"})
    for path in folder.iterdir():
        pd.read_parquet(path).rename(columns={"product": "Article"}).to_parquet(path, index=False)
    again.to_parquet(folder / "3.parquet", index=False)
    with pytest.raises(InputError, match=r"3\.parquet: the series b lies in 1\.parquet too") as caught:
        fit_folder(folder, folder.with_name("out"), TASK, reading=Reading(mapping={"product": "Article"}))
    assert len(caught.value.findings) == 1
    assert not folder.with_name("out").exists()


def test_a_failure_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that fails half-way writes nothing, nor does it leave a draft."""
    out = folder.with_name("part.parquet")
    fit_part(folder / "1.parquet", out, TASK)
    before = out.read_bytes()

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("api.parts.pq.write_table", full)
    with pytest.raises(OSError, match="no space left"):
        fit_part(folder / "1.parquet", out, Task(horizon=9, model="ridge"))
    assert out.read_bytes() == before
    assert sorted(path.name for path in folder.parent.iterdir()) == ["part.parquet", "sales"]


def test_nothing_after_as_of_counts_towards_the_periods(folder: Path) -> None:
    """The calendar is that of the rows up to the day."""
    last = sales_rows({"a": np.ones(70)})["date"].max()
    found = survey(folder, Task(horizon=3, as_of=last - pd.Timedelta(weeks=10))).task.calendar
    whole = survey(folder, TASK).task.calendar
    assert found is not None
    assert whole is not None
    assert whole.last - found.last == 10


def test_an_empty_folder_and_the_same_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    """Before anything is written."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no Parquet file"):
        fit_folder(tmp_path / "empty", tmp_path / "out", TASK)
    with pytest.raises(InputError, match="another folder"):
        fit_folder(folder, folder, TASK)


def test_the_same_function_runs_under_dask(folder: Path) -> None:
    """Two parts mapped over a cluster give the bytes this process gives."""
    distributed = pytest.importorskip("dask.distributed", reason="dask is not installed (extra `scale`)")
    found, out = survey(folder, TASK), folder.with_name("out")
    out.mkdir()
    mapped, alone = ([out / f"{name}-{path.name}" for path in found.paths] for name in ("dask", "alone"))
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, processes=False) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.gather(client.map(fit_part, found.paths, mapped, task=found.task))
    for path, target in zip(found.paths, alone, strict=True):
        fit_part(path, target, found.task)
    assert [path.read_bytes() for path in mapped] == [path.read_bytes() for path in alone]


@pytest.mark.usefixtures("alone")
def test_forecasts_of_a_part_that_is_gone_are_refused_by_name(folder: Path) -> None:
    """They would be read along with the others; a file that is not one of forecasts is nobody's business."""
    out = folder.with_name("out")
    fit_folder(folder, out, TASK)
    pd.DataFrame({"note": ["mine"]}).to_parquet(out / "note.parquet")
    assert len(fit_folder(folder, out, TASK)) == 2
    (folder / "2.parquet").unlink()
    before = (out / "1.parquet").read_bytes()
    with pytest.raises(InputError, match=r"2\.parquet: holds forecasts of a part that is not in the folder") as caught:
        fit_folder(folder, out, Task(horizon=2, model="ridge"))
    assert len(caught.value.findings) == 1
    assert (out / "1.parquet").read_bytes() == before
    (out / "2.parquet").unlink()
    assert [part.kept for part in fit_folder(folder, out, Task(horizon=2, model="ridge"))] == [False]


def test_parts_that_share_the_processors_start_no_threads_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a part all work is done by one; a part alone has all processors."""

    def here(**_: object) -> Callable[[Iterable[Any]], list[Any]]:
        return lambda calls: [call(*args, **named) for call, args, named in calls]

    monkeypatch.setattr(parts, "Parallel", here)
    monkeypatch.setattr(parts, "cpu_count", lambda: 2)
    monkeypatch.setattr(parts, "_attempt", lambda *_: effective_n_jobs(3))
    item = (Path("in"), Path("out"), TASK, Reading())
    assert list(map(str, parts._attempts([item, item]))) == ["1", "1"]
    assert list(map(str, parts._attempts([item]))) == ["3"]


@pytest.mark.usefixtures("alone")
def test_a_coming_capacity_that_cannot_be_is_said_once_with_its_file(folder: Path) -> None:
    """Not once per part, and not as a flaw of the parts."""
    ahead = folder.with_name("ahead.csv")
    for path in folder.iterdir():
        pd.read_parquet(path).assign(seats=50.0).to_parquet(path, index=False)
    ahead.write_text("date,seats\n2020-05-10,-5\n")
    with pytest.raises(InputError, match=r"ahead\.csv, column seats: a coming capacity is negative") as caught:
        fit_folder(
            folder,
            folder.with_name("out"),
            Task(horizon=3, model="naive", capacity="seats"),
            reading=Reading(future=ahead),
        )
    assert len(caught.value.findings) == 1
