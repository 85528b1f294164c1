"""What can be wrong, as values.

Guarantees
----------
* Bad input is reported all at once: an `InputError` carries every finding, each with file, row and column where known.
* What is printed stays readable: of findings alike the first few, and a count of the rest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with what was brought in.

    Attributes
    ----------
    reason : what is wrong and what to do, in words
    file : the file as the user named it
    row : line of the file, counting the header as line 1 (so the first data row is 2), as a spreadsheet shows it
    column : the column as the user named it
    value : what stands there
    """

    reason: str
    file: str | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        """Name file, row and column, then the reason: `sales.csv, row 3, column price: not a number: 'abc'`."""
        row = None if self.row is None else f"row {self.row}"
        column = None if self.column is None else f"column {self.column}"
        place = ", ".join(part for part in (self.file, row, column) if part)
        said = self.reason if self.value is None else f"{self.reason}: {_shown(self.value)}"
        return printable(f"{place}: {said}" if place else said)


def printable(text: str) -> str:
    """The text without signs that would steer a terminal: a file's columns can be called anything."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _shown(value: str) -> str:
    """A value between quotation marks, not long."""
    return repr(value if len(value) <= 60 else value[:57] + "...")


def listed(findings: Sequence[Finding], *, alike: int = 5) -> Iterator[str]:
    """Lines to print: of each (file, column, reason) the first `alike` findings, then how many more there are."""
    groups: dict[tuple[str | None, str | None, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.file, finding.column, finding.reason), []).append(finding)
    for (file, column, reason), group in groups.items():
        yield from map(str, group[:alike])
        if (rest := len(group) - alike) > 0:
            yield str(Finding(f"and {rest:,} more rows: {reason}", file, column=column))


class FairfareError(Exception):
    """Anything Fairfare reports about its own work; the base of every error it raises on purpose."""


class InputError(FairfareError):
    """What was brought in cannot be used; nothing was changed.

    Usual cause: a column mapped to the wrong name, a decimal comma, a date that does not start with the year.
    """

    def __init__(self, findings: Sequence[Finding] | Finding | str) -> None:
        if isinstance(findings, str):
            findings = [Finding(findings)]
        self.findings: tuple[Finding, ...] = (findings,) if isinstance(findings, Finding) else tuple(findings)
        super().__init__("\n".join(listed(self.findings)))


class RefusedError(FairfareError):
    """A rule of the price book forbids the step; the book is as it was.

    Usual cause: approving one's own proposal, publishing an expired one, changing prices while they are frozen.
    """


class MismatchError(RefusedError):
    """What was brought in is well formed, but does not fit what is recorded; nothing was changed.

    Usual cause: an offer that is not on sale, a price off its ladder. Every finding has its place.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(listed(self.findings)))


class UnavailableError(FairfareError):
    """Something Fairfare depends on (the database, a file) does not answer; try again, the step was not taken."""
