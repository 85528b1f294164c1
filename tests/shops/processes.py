"""Real shops as processes of their own: an environment made from a lock file, and a server in it.

Guarantees
----------
* What is installed is what the lock names, checked by its hashes, and installed once for each minor version of Python:
  a half-made environment, or one whose interpreter is gone, is not used.
* A server has answered when `start` returns, and it and its children are gone when `kill` returns; they end with
  whoever started them, even if that is killed.
* Nobody else is given a server's port while it is down (on Linux).
* What a shop runs in is the same whatever the environment of the tests holds.

As a command, `python -m tests.shops.processes` makes every environment that the tests need.
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec

HERE = Path(__file__).parent
LEASH = (sys.executable, "-I", "-S", str(HERE / "leash.py"))
"""Ends the command behind it with whoever holds its standard input."""
LONGEST_START = 300.0
"""A server that does not answer by then has failed; one that ends is not waited for [seconds]."""
PIP = (
    *("-m", "pip", "--no-cache-dir", "--quiet", "--disable-pip-version-check"),
    *("install", "--progress-bar", "off", "--require-hashes"),
)
"""What is installed once is not kept a second time, and where there is no home pip has no place for it."""


class Installed(msgspec.Struct, frozen=True):
    """What it took to make an environment: [seconds] and [MB]."""

    seconds: float
    size: float


def cache() -> Path:
    """Where what is made once is kept: the user's cache or, where that cannot be written, beside our own packages."""
    try:
        users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute()
        return _made(users / "fairfare" / "shops")
    except (OSError, RuntimeError):  # there may be no home
        return _made(Path(sys.prefix) / "shops")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(folder)
    return folder


@contextmanager
def making(folder: Path) -> Iterator[None]:
    """Keep every other process from making this folder of the cache too."""
    with (folder.parent / f"{folder.name}.building").open("w") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        yield


def environment(lock: Path) -> Path:
    """The interpreter of an environment that holds what a lock file names.

    Raises
    ------
    RuntimeError
        where pip cannot install that; pip says why.
    """
    folder = _folder(lock)
    python, ready = folder / "bin" / "python", folder / "ready.json"
    with making(folder):
        if not (ready.exists() and python.exists()):
            began = time.monotonic()
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            if subprocess.run([python, *PIP, "--requirement", lock], check=False).returncode != 0:
                raise RuntimeError(f"pip could not install what {lock.name} names; why, it says itself")
            size = sum(file.lstat().st_size for file in folder.rglob("*")) / 1e6
            ready.write_bytes(msgspec.json.encode(Installed(time.monotonic() - began, size)))
    return python


def installed(lock: Path) -> Installed:
    """What it took to make the environment of a lock file."""
    environment(lock)
    return msgspec.json.decode((_folder(lock) / "ready.json").read_bytes(), type=Installed)


def _folder(lock: Path) -> Path:
    version = ".".join(map(str, sys.version_info[:2]))
    return cache() / f"{lock.stem}-{version}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"


def variables(told: Mapping[str, str]) -> dict[str, str]:
    """What a shop's process is told, and what every process needs."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ} | dict(told)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with kept_port() as port:
        return port


@contextmanager
def kept_port() -> Iterator[int]:
    """A port of loopback for a server that may be down at times: nobody else is given it meanwhile.

    On Linux two sockets that may reuse addresses can have the same one while only one of them listens.
    """
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        port = int(kept.getsockname()[1])
        if sys.platform != "linux":
            kept.close()
        yield port


@dataclass(slots=True)
class Server:
    """A shop that runs, or does not.

    Attributes
    ----------
    address : answers once it is up
    environment : variables besides those every process needs
    log : what it prints
    took : until it answered, the last time it was started [seconds]
    held : the most its processes were seen to hold, what they share counted in each [MB]
    """

    command: Sequence[str]
    address: str
    environment: Mapping[str, str]
    folder: Path
    log: Path
    took: float = field(default=0.0, init=False)
    held: float = field(default=0.0, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it and wait until it answers."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*LEASH, *self.command],
                env=variables(self.environment),
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > began + LONGEST_START:
                self.kill()
                raise RuntimeError(f"the shop did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)
        self.took = time.monotonic() - began

    def kill(self) -> None:
        """End it, and what it started, without giving it time for anything."""
        if self._process is not None:
            group = self._process.pid
            held = sum(int(kib) for status in _led(group) for kib in re.findall(r"VmRSS:\s+([0-9]+)", status))
            self.held = max(self.held, held / 1000)
            with suppress(ProcessLookupError):  # it ended by itself, and nothing is left of its group
                os.killpg(group, signal.SIGKILL)
            self._process.communicate()
            while any(_led(group)):  # a killed process lets go of its port a little later
                time.sleep(0.005)
            self._process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(self.address, timeout=30, trust_env=False).status_code < 500
        except httpx.TransportError:
            return False


def _led(group: int) -> Iterator[str]:
    """What the kernel says of each living process of a group but its leader, the leash, if it has a /proc."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it ended meanwhile
            if os.getpgid(number := int(status.parent.name)) == group != number:
                text = status.read_text()
                if not re.search(r"^State:\s+[ZX]", text, re.MULTILINE):
                    yield text


def main() -> None:
    """Make every environment that is not there yet."""
    for lock in sorted(HERE.glob("*.lock")):
        made = installed(lock)
        sys.stdout.write(f"{lock.stem} is installed: {made.size:.0f} MB, {made.seconds:.0f} s once\n")


if __name__ == "__main__":
    main()
