"""What was ingested into a workspace: Parquet files named by their content, read through DuckDB.

Guarantees
----------
* The same file twice changes nothing; rows that cover periods already there are refused unless they replace them.
* A file is there whole or not at all; rows that replace others are written before those are removed, and whoever is
  killed in between can do it again.
* Sales are of one currency: two would be summed.
* Sales that came over the API are batches that keep their name (see `api.absorb`), whatever is replaced in them.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from api.atomic import replacing, write_bytes
from pricing.errors import Finding, InputError

KEYED = {"events": ["event"], "offers": ["offer"], "resources": ["resource"], "calendar": ["date", "name"]}
"""Tables of which a new row replaces the old one with the same key; sales rows are added."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What ingesting a file did: rows it held, and rows the history now holds of that kind."""

    rows: int
    total: int
    already_there: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """The tables of a workspace, under `folder`."""

    folder: Path

    def add(self, kind: str, frame: pd.DataFrame, *, source: str, replace: bool = False) -> Ingested:
        """Add the rows of one file.

        Parameters
        ----------
        frame : rows as `api.tabular.read_table` gives them
        replace : sales of the same products in the same span of dates are replaced, not refused
        """
        if kind in KEYED:
            return self._upsert(kind, frame)
        target = self.folder / "sales" / f"{_digest(frame)}.parquet"
        if target.exists():
            if replace:  # whoever wrote it may have been killed before removing what it replaces
                self._drop(frame, [file for file in self._sales_files() if file != target])
            return Ingested(len(frame), self._count(), already_there=True)
        self._same_currency(frame, source)
        covered = self._covered(frame)
        if covered and not replace:
            span = f"between {frame['date'].min():%Y-%m-%d} and {frame['date'].max():%Y-%m-%d}"
            came = self._covered(frame, f"{API}*.parquet")
            how = f" ({came} of them came over the API)" if came else ""
            told = f"{covered} rows of these products {span} are in the history already{how}; to replace them"
            raise InputError(Finding(f"{told} add --replace", file=source))
        before = self._sales_files()
        write_parquet(frame, target)
        if covered:
            self._drop(frame, before)
        return Ingested(len(frame), self._count())

    @contextmanager
    def undone_on_failure(self, kind: str) -> Iterator[None]:
        """Put a keyed table back as it was if the block fails."""
        path = self.folder / f"{kind}.parquet"
        before = path.read_bytes() if path.exists() else None
        try:
            yield
        except BaseException:
            if before is None:
                path.unlink(missing_ok=True)
            else:
                write_bytes(before, path)
            raise

    def currency(self) -> str | None:
        """The one currency of the sales; None before there are any."""
        columns = (pd.read_parquet(file, columns=["currency"])["currency"] for file in self._sales_files())
        return next((str(column.iloc[0]) for column in columns if len(column)), None)

    def currency_for(self, kind: str) -> str | None:
        """In which offers must be for the sales there are, and the first sales for the offers; None: in any."""
        known = self.currency()
        codes = set(self.table("offers").get("currency", [])) if kind == "sales" and known is None else set()
        return known if kind == "offers" else codes.pop() if len(codes) == 1 else None

    def in_files(self, frame: pd.DataFrame) -> "pd.Series[bool]":
        """Rows of sales that files covered which were uploaded."""
        found = pd.Series(data=False, index=frame.index)
        for file in self._sales_files():
            if not file.name.startswith(API):
                found |= _overlap(frame, pd.read_parquet(file, columns=KEY))
        return found

    def table(self, kind: str) -> pd.DataFrame:
        """A keyed table, or an empty frame."""
        path = self.folder / f"{kind}.parquet"
        return pd.read_parquet(path) if path.exists() else pd.DataFrame({key: [] for key in KEYED[kind]})

    def daily_sales(self) -> pd.DataFrame:
        """Sales summed by day, product, segment, event and channel; price is the mean paid, weighted by units.

        Returns
        -------
        date, product, segment, event, channel, quantity, price, and available where any file has it
        """
        files = self._sales_files()
        if not files:
            raise InputError("there are no sales yet; add them with: fairfare ingest sales FILE")
        with duckdb.connect() as db:
            rows = db.read_parquet([str(file) for file in files], union_by_name=True)
            available = "max(available) AS available," if "available" in rows.columns else ""
            query = f"""
                SELECT CAST(date_trunc('day', date) AS TIMESTAMP) AS date, product, segment, event, channel,
                       sum(quantity) AS quantity, {available}
                       coalesce(sum(price * quantity) FILTER (quantity > 0) / sum(quantity) FILTER (quantity > 0),
                                avg(price)) AS price
                FROM rows GROUP BY ALL ORDER BY ALL"""  # noqa: S608  # no user text: the one variable part is ours
            frame = db.sql(query).df()
        for column in ("product", "segment", "event", "channel"):
            frame[column] = frame[column].astype("str")
        return frame

    def fingerprint(self) -> str:
        """SHA-256 of what is in the history; equal histories have equal fingerprints."""
        digest = hashlib.sha256()
        for file in sorted(self.folder.rglob("*.parquet")):
            digest.update(str(file.relative_to(self.folder)).encode() + file.read_bytes())
        return digest.hexdigest()

    def _same_currency(self, frame: pd.DataFrame, source: str) -> None:
        known, new = self.currency(), str(frame["currency"].iloc[0])
        if known not in {None, new}:
            raise InputError(
                Finding(
                    f"is in {new}, the history in {known}; keep each currency in a workspace of its own", file=source
                )
            )

    def _sales_files(self, pattern: str = "*.parquet") -> list[Path]:
        return sorted((self.folder / "sales").glob(pattern))

    def _count(self) -> int:
        files = [str(file) for file in self._sales_files()]
        with duckdb.connect() as db:
            return len(db.read_parquet(files, union_by_name=True)) if files else 0

    def _covered(self, frame: pd.DataFrame, pattern: str = "*.parquet") -> int:
        files = self._sales_files(pattern)
        return sum(int(_overlap(pd.read_parquet(file, columns=KEY), frame).sum()) for file in files)

    def _drop(self, frame: pd.DataFrame, files: list[Path]) -> None:
        """Take out of these files what the frame replaces; what is kept is written before anything is removed."""
        for file in files:
            rows = pd.read_parquet(file)
            kept = rows[~_overlap(rows, frame)]
            if len(kept) == len(rows):
                continue
            if file.name.startswith(API):
                write_parquet(kept, file)
                continue
            if len(kept):
                write_parquet(kept, file.with_name(f"{_digest(kept)}.parquet"))
            file.unlink()

    def _upsert(self, kind: str, frame: pd.DataFrame) -> Ingested:
        before = self.table(kind)
        rows = pd.concat([before, frame], ignore_index=True) if len(before) else frame
        rows = rows.drop_duplicates(KEYED[kind], keep="last", ignore_index=True)
        write_parquet(rows, self.folder / f"{kind}.parquet")
        return Ingested(len(frame), len(rows), already_there=rows.equals(before))


KEY = ["date", "product", "segment", "event", "channel"]
API = "api-"
"""How the names of batches begin that came over the API."""


def _overlap(rows: pd.DataFrame, new: pd.DataFrame) -> "pd.Series[bool]":
    """Rows of a product, segment, event and channel that lie inside the span of dates the new rows cover for it.

    Where the new rows are of days, a moment of such a day lies inside.
    """
    span = new.groupby(KEY[1:], observed=True)["date"].agg(["min", "max"]).reset_index()
    both = rows[KEY].merge(span, on=KEY[1:], how="left")
    by_day = (new["date"] == new["date"].dt.normalize()).all()
    date = both["date"].dt.normalize() if by_day else both["date"]
    inside = (date >= both["min"]) & (date <= both["max"])
    return inside.set_axis(rows.index)


def _digest(frame: pd.DataFrame) -> str:
    values = pd.util.hash_pandas_object(frame.sort_index(axis=1), index=False).to_numpy()
    return hashlib.sha256(",".join(sorted(frame.columns)).encode() + values.tobytes()).hexdigest()[:16]


def write_parquet(frame: pd.DataFrame, target: Path) -> None:
    """Write a frame whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as beside:
        frame.to_parquet(beside, index=False)
