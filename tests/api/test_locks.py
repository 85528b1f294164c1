"""A lock keeps others out, and ends with whoever holds it."""

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from api.locks import locked, locked_file
from pricing.errors import RefusedError

HOLD = """
import sys, time
from pathlib import Path
from api.locks import locked_file
with locked_file(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_who_does_not_wait_is_told_until_the_holder_is_killed(tmp_path: Path) -> None:
    """Another process has it; killed, it has it no longer."""
    file, busy = tmp_path / "lock", RefusedError("taken")
    with subprocess.Popen([sys.executable, "-c", HOLD, str(file)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RefusedError, match="taken"), locked_file(file, busy=busy):
            pass
        holder.kill()
    with locked_file(file, busy=busy):
        pass


@pytest.mark.parametrize("lock", [locked, locked_file])
def test_who_waits_comes_after(tmp_path: Path, lock: Callable[[Path], AbstractContextManager[None]]) -> None:
    """In a folder as in a file."""
    path, done = tmp_path if lock is locked else tmp_path / "lock", list[str]()

    def second() -> None:
        with lock(path):
            done.append("second")

    other = threading.Thread(target=second)
    with lock(path):
        other.start()
        other.join(0.1)
        done.append("first")
    other.join()
    assert done == ["first", "second"]


def test_a_folder_that_is_not_there_is_an_error_and_not_made(tmp_path: Path) -> None:
    """A lock of nothing would keep nobody out."""
    with pytest.raises(FileNotFoundError), locked(tmp_path / "none"):
        pass
    assert list(tmp_path.iterdir()) == []
