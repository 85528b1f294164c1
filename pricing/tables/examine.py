"""Examines a table a user brought: names, types, bounds, repeats, all at once.

Guarantees
----------
* `Examined.frame` satisfies the table's schema: declared columns first, of their declared type; unknown columns kept.
* A row is either in the frame or named in `flaws`; nothing is dropped in silence.
* What concerns the table as a whole (a column that is not there, currencies or zones that mix) is a refusal: no single
  row is to blame, so none can be set aside. So is a column that may not enter a price (`pricing.names`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from zoneinfo import ZoneInfo

import pandas as pd
import pandera.pandas as pa

from pricing.errors import Finding, InputError
from pricing.money import CURRENCIES
from pricing.names import is_of_competitors, refused
from pricing.tables.cells import (
    Cells,
    Read,
    Texts,
    read_any,
    read_dates,
    read_instants,
    read_ladders,
    read_money,
    read_numbers,
    read_text,
    text_of,
)
from pricing.tables.declaration import OFFERS, Column, Kind, Table
from pricing.tables.schema import MISSING, REPEATED, schema
from pricing.tables.values import row_problems

PROVENANCE = ("source", "observed_at")
"""What stands beside a competitor's price: where it was seen, and when."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is assumed where a table does not say it, and what it is called by its owner.

    Attributes
    ----------
    file : as the user named it, for the findings
    mapping : declared column -> the user's column
    needed : columns this use of the table cannot do without
    currency : of amounts in a table without a currency column
    time_zone : in which zoned timestamps are told (IANA)
    competitor_prices : whether columns of competitors' prices are allowed, beside `source` and `observed_at`
    last_day : no `date` may lie after this day
    one_currency : in which every amount must be, because what stands beside it is (ISO 4217)
    """

    file: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    needed: Collection[str] = ()
    currency: str = "EUR"
    time_zone: str = "UTC"
    competitor_prices: bool = False
    last_day: pd.Timestamp | None = None
    one_currency: str | None = None

    def __post_init__(self) -> None:
        found = []
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):  # unknown, malformed, a folder of zones
            found.append(Finding(f"{self.time_zone!r} is not a time zone (for example Europe/Berlin)"))
        if self.currency not in CURRENCIES:
            found.append(Finding(f"{self.currency!r} is not an ISO 4217 currency (for example EUR)"))
        if found:
            raise InputError(found)


@dataclass(frozen=True, slots=True)
class Examined:
    """A table and what was found in it.

    Attributes
    ----------
    frame : rows without a flaw, indexed by their row in the file
    flaws : findings about single rows, which are not in the frame
    refusals : findings about the table as a whole; it cannot be used
    notes : worth knowing, nothing wrong
    """

    frame: pd.DataFrame
    flaws: tuple[Finding, ...]
    refusals: tuple[Finding, ...]
    notes: tuple[Finding, ...]


def examine(raw: pd.DataFrame, table: Table, settings: Settings) -> Examined:
    """Read and check a table whose index holds the row of each record in its file.

    Parameters
    ----------
    raw : columns as the user named them; cells as text, or typed
    """
    return _Examination(raw, table, settings).result()


class _Examination:
    """One table under examination; collects what is found."""

    def __init__(self, raw: pd.DataFrame, table: Table, settings: Settings) -> None:
        self.raw, self.table, self.settings = raw, table, settings
        self.flaws: list[Finding] = []
        self.refusals: list[Finding] = []
        self.sources = self._sources()

    def result(self) -> Examined:
        """Look at the names, then at the cells, the columns, and the rows whose cells are good."""
        self._check_names()
        frame = self._typed()
        self._check(frame)
        self._one_currency(frame)
        self._check_beside(frame)
        frame = self._without_flaws(frame)
        self._check_values(frame)
        frame = self._without_flaws(frame)
        return Examined(frame, tuple(self.flaws), tuple(self.refusals), tuple(self._notes()))

    def _without_flaws(self, frame: pd.DataFrame) -> pd.DataFrame:
        flawed = {finding.row for finding in self.flaws}
        return frame[~frame.index.isin(flawed)] if flawed else frame

    def _sources(self) -> dict[str, str]:
        """Declared column -> the user's column, for the columns there are."""
        theirs = [str(name) for name in self.raw.columns]
        mapping = self.settings.mapping
        sources = {column.name: column.name for column in self.table.columns if column.name in theirs}
        for name, source in mapping.items():
            if self.table.column(name) is None:
                known = [column.name for column in self.table.columns]
                self._refuse(f"there is no column {name!r} to map to in {self.table.name}{_nearest(name, known)}")
            elif source not in theirs:
                self._refuse(f"there is no column {source!r}{_nearest(source, theirs)}", name)
            elif name in sources and source != name:
                self._refuse(f"the file has a column {name!r} of its own besides {source!r}; rename or remove it", name)
            else:
                sources[name] = source
        return sources

    def _check_names(self) -> None:
        """Refuse columns that may not enter a price, and prices of competitors that do not say where they come from."""
        names = [str(name) for name in self.raw.columns]
        allowed = self.settings.competitor_prices
        for name, reason in refused(names, competitor_prices=allowed, offers=self.table.name == OFFERS.name):
            self.refusals.append(Finding(reason, self.settings.file, column=name))
        seen = [name for name in names if allowed and is_of_competitors(name)]
        for needed in PROVENANCE if seen else ():
            if needed not in names:
                self._refuse(f"prices of competitors need a column {needed!r} beside them", seen[0])
            else:
                told = self.raw[[*seen, needed]].apply(text_of).notna()
                bare = told[seen].any(axis="columns") & ~told[needed]
                self._flaw(f"a competitor's price has no {needed}", needed, list(self.raw.index[bare]))

    def _typed(self) -> pd.DataFrame:
        columns: dict[str, Cells] = {}
        currencies = self._currencies()
        for column in self.table.columns:
            if column.kind is Kind.CURRENCY:
                columns[column.name] = currencies
            elif column.name in self.sources:
                columns[column.name] = self._read(column, currencies)
            elif column.default is not None:
                columns[column.name] = pd.Series(column.default, self.raw.index, dtype="str")
        used = set(self.sources.values())
        for name in self.raw.columns:
            if name not in used:
                columns[name] = read_any(self.raw[name])
        return pd.DataFrame(columns, index=self.raw.index)

    def _currencies(self) -> Texts:
        if "currency" not in self.sources:
            return pd.Series(self.settings.currency, self.raw.index, dtype="str")
        return read_text(self.raw[self.sources["currency"]]).values.str.strip()

    def _read(self, column: Column, currencies: Texts) -> Cells:
        cells = self.raw[self.sources[column.name]]
        read = self._dispatch(column.kind, cells, currencies)
        if read.refusal:
            self._refuse(read.refusal, column.name)
        for flaw in read.flaws:
            self._flaw(flaw.reason, column.name, flaw.cells.index)
        return read.values if column.default is None else read.values.fillna(column.default)

    def _dispatch(self, kind: Kind, cells: Cells, currencies: Texts) -> Read:
        readers: dict[Kind, Callable[[Cells], Read]] = {
            Kind.NUMBER: read_numbers,
            Kind.MONEY: lambda cells: read_money(cells, currencies),
            Kind.LADDER: lambda cells: read_ladders(cells, currencies),
            Kind.DATE: lambda cells: read_dates(cells, self.settings.time_zone),
            Kind.INSTANT: read_instants,
            Kind.ANY: lambda cells: Read(read_any(cells)),
        }
        return readers.get(kind, read_text)(cells)

    def _check(self, frame: pd.DataFrame) -> None:
        """Add what the schema finds, except in cells already known to be flawed."""
        try:
            schema(self.table, self.settings.needed).validate(frame, lazy=True)
        except pa.errors.SchemaErrors as found:
            cases = found.failure_cases
        else:
            return
        absent = cases["check"] == "column_in_dataframe"
        for name in cases.loc[absent, "failure_case"]:
            if name not in self.settings.mapping:
                self._refuse(self._absent(name))
        known = {(finding.row, finding.column) for finding in self.flaws}
        for (column, check), group in cases[~absent].groupby(["column", "check"], sort=False):
            theirs = self._theirs(column)
            rows = [row for row in map(int, group["index"]) if (row, theirs) not in known]
            known.update((row, theirs) for row in rows)
            self._flaw({"not_nullable": MISSING, "field_uniqueness": REPEATED}.get(check, check), column, rows)

    def _absent(self, name: str) -> str:
        theirs = [str(column) for column in self.raw.columns]
        hint = "" if self.table.column(name) is None else f"; name yours with --map {name}=..."
        return f"there is no column {name!r}, which is needed{_nearest(name, theirs)}{hint}"

    def _one_currency(self, frame: pd.DataFrame) -> None:
        if "currency" not in self.sources:
            return
        counts = frame["currency"][frame["currency"].isin(CURRENCIES)].value_counts(sort=False)
        if len(counts) > 1:
            named = ", ".join(f"{code} ({times:,} rows)" for code, times in counts.items())
            self._refuse(f"a table holds one currency, this one {named}: split it", "currency")

    def _check_beside(self, frame: pd.DataFrame) -> None:
        """Add rows that do not fit the time or the tables they come to."""
        last, currency = self.settings.last_day, self.settings.one_currency
        if last is not None and "date" in self.sources:
            rows = frame.index[frame["date"] >= last + pd.Timedelta(days=1)]
            self._flaw(f"lies in the future: today is {last:%Y-%m-%d}", "date", list(rows))
        if currency is not None:
            rows = frame.index[frame["currency"].isin(CURRENCIES - {currency})]
            reason = f"sales and their offers are of one currency, here {currency}"
            if "currency" in self.sources:
                self._flaw(reason, "currency", list(rows))
            else:
                self.flaws += [Finding(reason, self.settings.file, int(row)) for row in rows]

    def _check_values(self, frame: pd.DataFrame) -> None:
        """Add what makes a row of good cells impossible as an offer, an event, a resource."""
        if not self.refusals:
            for row, reason in row_problems(frame, self.table):
                self.flaws.append(Finding(reason, self.settings.file, row))

    def _notes(self) -> Iterator[Finding]:
        repeated = self.raw.duplicated()
        if self.table.key is None and (count := int(repeated.sum())):
            first = int(self.raw.index[repeated][0])
            yield Finding(f"{count:,} rows repeat an earlier one exactly; they are kept", self.settings.file, first)

    def _theirs(self, name: str) -> str:
        return self.sources.get(name, name)

    def _refuse(self, reason: str, name: str | None = None) -> None:
        column = None if name is None else self._column(name)
        self.refusals.append(Finding(reason, self.settings.file, column=column))

    def _column(self, name: str) -> str:
        return self.settings.mapping.get(name, name)

    def _flaw(self, reason: str, name: str, rows: Collection[int]) -> None:
        theirs = self._theirs(name)
        values = self.raw.loc[list(rows), theirs].tolist()
        self.flaws += [
            Finding(reason, self.settings.file, int(row), theirs, _shown(value))
            for row, value in zip(rows, values, strict=True)
        ]


def _shown(value: object) -> str | None:
    """What stood in a cell; nothing if it was blank."""
    text = "" if pd.isna(value) else str(value)  # type: ignore[call-overload]  # any cell, not a sequence
    return text if text.strip() else None


def _nearest(name: str, names: Collection[str]) -> str:
    """Say which names there are, the nearest first: `; there are 'Date', 'Price' (nearest: 'Date')`."""
    by_lower = {other.lower(): other for other in names}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    hint = f" (nearest: {by_lower[near[0]]!r})" if near else ""
    return f"; there are {', '.join(map(repr, names))}{hint}"
