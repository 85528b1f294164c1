"""Locks that other processes keep to, and that end with the process that holds them, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder once no other does; OSError on entering where there is none that can be opened."""
    with _open(folder, os.O_RDONLY | os.O_DIRECTORY) as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


@contextmanager
def locked_file(path: Path, *, busy: Exception | None = None) -> Iterator[None]:
    """Hold the lock of a file, which is made if it is not there.

    Parameters
    ----------
    busy : raised where another holds it; None: wait until they do not
    """
    with _open(path, os.O_RDWR | os.O_CREAT) as opened:
        if busy is None:
            fcntl.flock(opened, fcntl.LOCK_EX)
        elif not _taken_at_once(opened):
            raise busy
        yield


def _taken_at_once(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _open(path: Path, flags: int) -> Iterator[int]:
    opened = os.open(path, flags, 0o600)
    try:
        yield opened
    finally:
        os.close(opened)
