"""Forecasts of a folder of Parquet parts, each with whole series: read, forecast and written one by one.

Guarantees
----------
* A part's forecasts are there whole or not at all. A part that is done is not done again, unless its rows, the task,
  the coming regressors or the periods the folder covers have changed.
* All parts forecast the same periods, and no series lies in two of them.
* A part that cannot be used says everything that is wrong with it; the others are forecast all the same.
* Forecasts of a part that is gone do not stay among the others: they are named, and nothing is done before.
* Memory holds a part per process, and eight bytes per series: it does not grow with the number of parts.

Series learn from each other inside their part only. `fit_part` is one function of paths and values, so that it runs in
this process, under joblib, or under Dask: `client.map(fit_part, survey.paths, targets, task=survey.task)`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from joblib import Parallel, cpu_count, delayed, parallel_config
from numpy.typing import NDArray

from api.atomic import replacing
from api.tabular import read_table
from forecasting.ahead import regressor_names, unsound
from forecasting.fleet import Task
from forecasting.grid import Dates
from forecasting.series import calendar_of
from forecasting.table import forecast_table
from pricing.errors import Finding, InputError
from pricing.tables import TABLES
from pricing.tables.examine import Settings, examine

Progress = Callable[[int, int], None]
"""Called with parts done and parts in all."""
Hashes = NDArray[np.uint64]
FINGERPRINT = b"fairfare.part"
"""Where a file of forecasts says what it was made from."""
NAMED = 5
"""Series found in two parts that are named; more are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the parts' tables are read; see `api.tabular.read_table`.

    Attributes
    ----------
    future : file with regressors of coming dates, for all parts
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    currency: str = "EUR"
    time_zone: str = "UTC"
    future: Path | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part whose forecasts are in `path`; `kept` if they were there already."""

    path: Path
    kept: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """The parts of a folder, in order, and the task with the periods they cover together."""

    paths: tuple[Path, ...]
    task: Task


def fit_folder(
    folder: Path, out: Path, task: Task, *, reading: Reading | None = None, progress: Progress | None = None
) -> list[Part]:
    """Forecast every part of a folder into files of the same names in another folder.

    Raises
    ------
    InputError
        Before any work, where there is no part, a series lies in two, or `out` holds forecasts of a part that is gone;
        after it, with everything wrong in the parts that could not be used.
    """
    reading = reading or Reading()
    if out.resolve() == folder.resolve():
        raise InputError(Finding("forecasts must go to another folder than the sales", str(out)))
    found = survey(folder, task, reading)
    _refuse_left_over(out, found.paths)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(Finding(f"cannot be a folder of forecasts: {error.strerror}", str(out))) from error
    work = [(path, out / path.name, found.task, reading) for path in found.paths]
    done, flaws = list[Part](), list[Finding]()
    for number, ended in enumerate(_attempts(work), start=1):
        if isinstance(ended, Part):
            done.append(ended)
        else:
            flaws += ended
        if progress:
            progress(number, len(work))
    if flaws:
        raise InputError(list(dict.fromkeys(flaws)))  # what is wrong with the coming values is said once
    return done


def _refuse_left_over(out: Path, paths: Sequence[Path]) -> None:
    """Refuse a folder that holds forecasts of parts that are not among the sales any more."""
    names = {path.name for path in paths}
    left = [path for path in sorted(out.glob("*.parquet")) if path.name not in names and _mark_of(path) is not None]
    if left:
        reason = "holds forecasts of a part that is not in the folder of sales: remove it, or give another --out"
        raise InputError([Finding(reason, str(path)) for path in left])


def _attempts(work: Sequence[tuple[Path, Path, Task, Reading]]) -> Iterator[Part | list[Finding]]:
    """Parts as they are done, shared among processes where there are several."""
    if len(work) == 1 or cpu_count() == 1:
        return (_attempt(*item) for item in work)
    ended: Iterator[Part | list[Finding]] = Parallel(n_jobs=min(len(work), cpu_count()), return_as="generator")(
        delayed(_attempt_alone)(*item) for item in work
    )
    return ended


def _attempt_alone(path_in: Path, path_out: Path, task: Task, reading: Reading) -> Part | list[Finding]:
    """One of several parts at once: its models share this process, and start no threads, in which warnings mix."""
    with parallel_config(backend="sequential"):
        return _attempt(path_in, path_out, task, reading)


def _attempt(path_in: Path, path_out: Path, task: Task, reading: Reading) -> Part | list[Finding]:
    try:
        return fit_part(path_in, path_out, task, reading)
    except InputError as error:
        return [found if found.file else replace(found, file=str(path_in)) for found in error.findings]


def fit_part(path_in: Path, path_out: Path, task: Task, reading: Reading | None = None) -> Part:
    """Forecast the series of one Parquet file into another, unless that has been done.

    Parameters
    ----------
    path_in, path_out : sales in, forecasts out
    task : of a `Survey` where there are other parts, so that all forecast the same periods

    Raises
    ------
    InputError
        Where the part cannot be used; what `path_out` holds stays as it was.
    """
    reading = reading or Reading()
    mark = _fingerprint(path_in, task, reading)
    if _mark_of(path_out) == mark:
        return Part(path_out, kept=True)
    sales = read_table(
        path_in,
        "sales",
        mapping=reading.mapping,
        needed=("price",) if task.target == "revenue" else (),
        currency=reading.currency,
        time_zone=reading.time_zone,
    )
    table = pa.Table.from_pandas(
        forecast_table(sales, task, future=_coming(sales, task, reading)), preserve_index=False
    )
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), FINGERPRINT: mark})
    with replacing(path_out) as draft:
        pq.write_table(table, draft)
    return Part(path_out, kept=False)


def _coming(sales: pd.DataFrame, task: Task, reading: Reading) -> pd.DataFrame | None:
    if reading.future is None:
        return None
    known = {name: column for name, column in reading.mapping.items() if TABLES["future"].column(name)}
    future = read_table(reading.future, "future", mapping=known, time_zone=reading.time_zone)
    if found := unsound(future, regressor_names(sales, future), task.capacity):
        raise InputError([replace(each, file=str(reading.future)) for each in found])
    return future


def _fingerprint(path: Path, task: Task, reading: Reading) -> bytes:
    """Digest of all that a part's forecasts depend on."""
    said = {
        "version": version("fairfare"),
        "sales": _digest(path),
        "future": None if reading.future is None else _digest(reading.future),
        "task": asdict(task),
        "reading": [sorted(reading.mapping.items()), reading.currency, reading.time_zone],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest().encode()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(Finding(f"cannot be read: {error.strerror}", str(path))) from error


def _mark_of(path: Path) -> bytes | None:
    """What a file of forecasts was made from; None if there is none that can be read."""
    try:
        found: bytes | None = (pq.read_schema(path).metadata or {}).get(FINGERPRINT)
    except (OSError, pa.ArrowException):
        return None
    return found


def survey(folder: Path, task: Task, reading: Reading | None = None) -> Survey:
    """Find the parts of a folder and the periods they cover together; reads their dates and keys only.

    Raises
    ------
    InputError
        Where there is no part, no sale up to `as_of`, or a series lies in two parts.
    """
    reading = reading or Reading()
    paths = tuple(sorted(path for path in folder.iterdir() if path.suffix == ".parquet" and path.name[0] not in "._"))
    if not paths:
        raise InputError(Finding("holds no Parquet file (.parquet)", str(folder)))
    days, keys = np.empty(0, dtype="datetime64[D]"), list[Hashes]()
    for path in paths:
        days = np.union1d(days, _days(path, task, reading))
        keys.append(_hashes(_keys(path, task, reading)))
    _refuse_repeated(paths, keys, task, reading)
    if not days.size:  # every part is broken, or has nothing yet: each says so itself
        return Survey(paths, task)
    return Survey(paths, replace(task, calendar=calendar_of(days, task.request)))


def _days(path: Path, task: Task, reading: Reading) -> Dates:
    """Distinct days of a part up to `as_of`, as `read_table` would read them; those that can be read."""
    seen = _distinct(path, ("date",), reading, {"product": "any", "quantity": "1"})
    dates = np.empty(0, dtype="datetime64[D]") if seen is None else seen["date"].to_numpy().astype("datetime64[D]")
    last = task.request.as_of
    return np.unique(dates if last is None else dates[dates <= last.to_datetime64().astype("datetime64[D]")])


def _keys(path: Path, task: Task, reading: Reading) -> pd.DataFrame:
    """Distinct series of a part, as `read_table` would read them; none where it cannot be read."""
    seen = _distinct(path, task.by, reading, {"date": "2000-01-01", "product": "any", "quantity": "1"})
    known = seen is not None and set(task.by) <= set(seen)
    return seen[list(task.by)].astype("str").drop_duplicates() if seen is not None and known else pd.DataFrame()


def _distinct(path: Path, names: Sequence[str], reading: Reading, given: Mapping[str, str]) -> pd.DataFrame | None:
    """Distinct values of some columns, checked like a whole table; `given` stands for the columns not asked for."""
    columns = {name: reading.mapping.get(name, name) for name in names}
    try:
        present = [column for column in columns.values() if column in pq.read_schema(path).names]
        raw = pq.read_table(path, columns=present).group_by(present).aggregate([]).to_pandas(date_as_object=False)
    except (OSError, pa.ArrowException):
        return None
    for name, value in given.items():
        if name not in names:
            raw[name] = value
    mapping = {name: column for name, column in columns.items() if column != name and column in present}
    found = examine(raw, TABLES["sales"], Settings(str(path), mapping, (), reading.currency, reading.time_zone))
    return None if found.refusals else found.frame


def _hashes(keys: pd.DataFrame) -> Hashes:
    if keys.empty:
        return np.empty(0, dtype=np.uint64)
    return np.asarray(pd.util.hash_pandas_object(keys, index=False), dtype=np.uint64)


def _refuse_repeated(paths: Sequence[Path], keys: Sequence[Hashes], task: Task, reading: Reading) -> None:
    """Refuse series that lie in two parts, the first of them by name."""
    every = np.concatenate(keys)
    part = np.repeat(np.arange(len(keys)), [each.size for each in keys])
    order = np.lexsort((part, every))
    again = np.flatnonzero(np.diff(every[order]) == 0)
    if not again.size:
        return
    findings = []
    for place in again[:NAMED]:
        first, second = paths[part[order[place]]], paths[part[order[place + 1]]]
        named = _keys(second, task, reading)
        series = " · ".join(named[_hashes(named) == every[order[place]]].iloc[0])
        findings.append(
            Finding(f"the series {series} lies in {first.name} too; a series must lie in one part", str(second))
        )
    if (rest := again.size - NAMED) > 0:
        findings.append(Finding(f"and {rest:,} more series that lie in two parts", str(paths[0].parent)))
    raise InputError(findings)
