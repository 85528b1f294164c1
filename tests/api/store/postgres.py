"""A PostgreSQL server of the tests' own, on a socket nobody else sees, without waiting for the disk."""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from api.store.database import open_database
from api.store.migrations import upgrade

OPTIONS = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -k "
ROLE = "fairfare"
EMPTY = "empty"
"""A migrated database that every other one is a copy of."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; databases are numbered."""

    folder: Path
    binaries: Path
    numbers: "count[int]"

    @classmethod
    def start(cls) -> "Server":
        """Make a cluster and start it; the server refuses to run as root, so another user does."""
        binaries = find_binaries()
        assert binaries is not None
        folder = Path(tempfile.mkdtemp(prefix="fairfare-pg-"))
        server = cls(folder, binaries, count())
        if os.getuid() == 0:
            os.chown(folder, *_other_user())
        server._run("initdb", "-D", "data", "-U", ROLE, "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8")
        server.resume()
        server._create(EMPTY, "template1")
        upgrade(open_database(server.url(EMPTY)))
        return server

    def resume(self) -> None:
        """Start the server."""
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", f"{OPTIONS}{self.folder}", "start")

    def halt(self) -> None:
        """Stop the server, whoever is connected."""
        self._run("pg_ctl", "-D", "data", "-m", "fast", "stop")

    def stop(self) -> None:
        """End it and leave nothing behind."""
        self.halt()
        shutil.rmtree(self.folder)

    def new_database(self) -> str:
        """URL of a database with empty tables."""
        name = f"book{next(self.numbers)}"
        self._create(name, EMPTY)
        return self.url(name)

    def blank_database(self) -> str:
        """URL of a database without tables."""
        name = f"book{next(self.numbers)}"
        self._create(name, "template1")
        return self.url(name)

    def url(self, database: str) -> str:
        """Address of a database."""
        return f"postgresql://{ROLE}@/{database}?host={self.folder}"

    def _create(self, name: str, template: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as db:
            db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))

    def _run(self, program: str, *arguments: str) -> None:
        who: dict[str, Any] = {}
        if os.getuid() == 0:
            user, group = _other_user()
            who = {"user": user, "group": group, "extra_groups": []}
        command = [str(self.binaries / program), *arguments]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=60, **who)


def find_binaries() -> Path | None:
    """Where the server's programs are; Debian keeps them off the path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)


def _other_user() -> tuple[int, int]:
    """The user that Debian's package made, else nobody."""
    names = {entry.pw_name: (entry.pw_uid, entry.pw_gid) for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]
