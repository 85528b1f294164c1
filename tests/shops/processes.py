"""Real shops as processes of their own: an environment made from a lock file, and a server in it.

Guarantees
----------
* What is installed is what the lock names, checked by its hashes, and installed once: a half-made environment is
  not used.
* A server has answered when `start` returns, and it and its children are gone when `kill` returns; it ends with
  the tests even if they are killed (where there is setpriv, of util-linux).
"""

import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fairfare" / "shops"
END_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""Has the kernel end a process with the one that started it."""
LONGEST_START = 90.0
"""A server that does not answer by then has failed [seconds]."""


def environment(lock: Path) -> Path:
    """The interpreter of an environment that holds what a lock file names."""
    folder = CACHE / f"{lock.stem}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    python, ready = folder / "bin" / "python", folder / "ready"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{folder.name}.building").open("w") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [
                str(python),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--progress-bar",
                "off",
            ]
            subprocess.run([*pip, "--require-hashes", "--requirement", str(lock)], check=True)
            ready.touch()
    return python


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Server:
    """A shop that runs, or does not.

    Attributes
    ----------
    address : answers once it is up
    environment : variables besides `PATH` and `HOME`
    log : what it prints
    """

    command: Sequence[str]
    address: str
    environment: Mapping[str, str]
    folder: Path
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it and wait until it answers."""
        basics = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*END_WITH_PARENT, *self.command],
                env={**basics, **self.environment},
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        end = time.monotonic() + LONGEST_START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"the shop did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it, and what it started, without giving it time for anything."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def memory(self) -> float:
        """What its processes hold [MB]."""
        assert self._process is not None
        held = 0
        for status in Path("/proc").glob("[0-9]*/status"):
            with suppress(OSError):  # it ended meanwhile
                if os.getpgid(int(status.parent.name)) == self._process.pid:
                    held += sum(int(kib) for kib in re.findall(r"VmRSS:\s+([0-9]+)", status.read_text()))
        return held / 1024

    def _answers(self) -> bool:
        try:
            return httpx.get(self.address, timeout=10, trust_env=False).status_code < 500
        except httpx.TransportError:
            return False
