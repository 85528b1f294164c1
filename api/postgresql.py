"""A PostgreSQL database as a file, by PostgreSQL's own programs.

Guarantees
----------
* What is dumped is one moment of the database; what is filled was empty before, and holds all of the dump or nothing.
* No password is put on a command line; the programs take it from PGPASSWORD or ~/.pgpass.
"""

import shutil
import subprocess
from pathlib import Path

from sqlalchemy import inspect

from api.store.database import open_to_read, reading
from pricing.errors import InputError, UnavailableError

PLAIN = ("--no-owner", "--no-privileges", "--no-comments", "--no-password")
"""Neither who owned a table nor who might read it: both belong to the server."""


def dump(url: str, target: Path) -> None:
    """Write a database to a file, while others write to it."""
    _run("pg_dump", "--format=custom", *PLAIN, f"--file={target}", f"--dbname={url}")


def fill(url: str, source: Path) -> None:
    """Fill an empty database from a file that `dump` wrote.

    Raises
    ------
    InputError
        if the database holds a table.
    """
    with reading(open_to_read(url)) as db:
        if inspect(db).get_table_names():
            raise InputError("the database holds tables already; name an empty one with --database")
    _run("pg_restore", "--single-transaction", "--exit-on-error", *PLAIN, f"--dbname={url}", str(source))


def _run(program: str, *arguments: str) -> None:
    if (found := shutil.which(program)) is None:
        raise InputError(f"{program} is not installed; it comes with PostgreSQL's client programs (postgresql-client)")
    command = [found, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # a program and words of ours
    if done.returncode:
        raise UnavailableError(f"{program} failed: {done.stderr.strip()}")
