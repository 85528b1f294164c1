"""A process runs for as long as a block does, whatever becomes of it."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli import companion
from api.cli.companion import running


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companion, "LOOK", 0.02)
    monkeypatch.setattr(companion, "PAUSE", 0.02)


@pytest.fixture
def pids(tmp_path: Path) -> Callable[[int], list[int]]:
    """Waits until a command was started so many times (within 20 s), and tells as which processes."""

    def wait(times: int) -> list[int]:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            found = [int(file.name) for file in (tmp_path / "pids").iterdir()]
            if len(found) >= times:
                return found
            time.sleep(0.02)
        raise AssertionError("it was not started")

    (tmp_path / "pids").mkdir()
    return wait


def command(folder: Path, *, first: str = "pass") -> list[str]:
    """What does something, notes its process, and waits."""
    note = f"pathlib.Path({str(folder / 'pids')!r}, str(os.getpid())).touch()"
    over = f"pathlib.Path({str(folder / 'over')!r}).touch()"
    return [sys.executable, "-c", f"import os, pathlib, signal, time; {first}; {note}; time.sleep(100); {over}"]


def runs(pid: int) -> bool:
    """Whether a process is there."""
    return Path(f"/proc/{pid}").exists()


def test_it_is_started_again_and_ends_with_the_block(tmp_path: Path, pids: Callable[[int], list[int]]) -> None:
    """Killed once in between."""
    with running(command(tmp_path), name="test"):
        (first,) = pids(1)
        os.kill(first, signal.SIGKILL)
        both = pids(2)
        assert len(both) == 2
    assert not any(map(runs, both))


def test_what_does_not_listen_is_ended_by_force(
    tmp_path: Path, pids: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After it had its time."""
    monkeypatch.setattr(companion, "PATIENCE", 0.2)
    with running(command(tmp_path, first="signal.signal(signal.SIGTERM, signal.SIG_IGN)"), name="test"):
        (pid,) = pids(1)
    assert not runs(pid)
    assert not (tmp_path / "over").exists()


def test_an_error_in_the_block_ends_it_too(tmp_path: Path, pids: Callable[[int], list[int]]) -> None:
    """As a server that cannot start does."""

    def fail() -> None:
        with running(command(tmp_path), name="test"):
            pids(1)
            raise ValueError("no port")

    with pytest.raises(ValueError, match="no port"):
        fail()
    assert not any(map(runs, pids(1)))
