"""A console as a page of the docs shows it: commands after `$`, and what they print.

Guarantees
----------
* Commands are typed one after another into one shell, as they stand, what they are fed (`<<'END'`) with them.
* What was printed is what the page says it prints, but for what no two days have in common: instants, ids, and, of
  what the engine expects, everything but prices. Lines may break elsewhere.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import IO, Self

LONGEST = 120.0
"""A command that has not ended by then never will [seconds]."""
END = "what the command printed ends here"
COMMAND = re.compile(r"^\$ (?P<command>.*<<'END'.*\n(?:.*\n)*?END|.*)\n(?P<printed>(?:(?!\$ ).*\n)*)", re.MULTILINE)
VARIES = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?|\d{8}-\d{6}-[0-9a-f]{6}|(?<=^Fit )[0-9a-f]{12}", re.MULTILINE)
EXPECTED = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")
PRICE = re.compile(r"\d+\.\d\d")
FORESEES = re.compile(r"fairfare (?:price|outcomes)")


@dataclass(frozen=True, slots=True)
class Typed:
    """A command with what it is fed, and what the page says it prints."""

    command: str
    printed: str

    def plain(self, printed: str) -> str:
        """What it printed without what differs from day to day."""
        told = VARIES.sub("*", printed)
        if FORESEES.match(self.command):
            told = EXPECTED.sub(lambda found: found[0] if PRICE.fullmatch(found[0]) else "#", told)
        return " ".join(told.split())


def typed(block: str) -> Iterator[Typed]:
    """The commands of a block."""
    for found in COMMAND.finditer(block):
        yield Typed(found["command"], found["printed"])


class Shell:
    """A shell in a folder; it ends with the `with` block."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["/bin/bash", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, command: str, answer: str = "") -> str:
        """What a command prints; `answer` is typed when it asks."""
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        to.write(f"{command}\n{answer}printf '\\n%s\\n' '{END}'\n")
        to.flush()
        watch = Timer(LONGEST, self._process.kill)
        watch.start()
        try:
            return "".join(self._until_end(back))
        finally:
            watch.cancel()
            watch.join()

    @staticmethod
    def _until_end(back: IO[str]) -> Iterator[str]:
        for line in back:
            if line == f"{END}\n":
                return
            yield line
        raise AssertionError("the shell is gone")
