"""Files that are there whole or not at all.

Guarantees
----------
* A reader sees the file as it was or as it is now, never a part; a power cut after the block keeps the new one.
* If the block fails, the old file stays and nothing is left beside it.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path, *, mode: int = 0o666) -> Iterator[Path]:
    """Give a path to write to, in the folder of `target`; it takes the place of `target` when the block ends well.

    Parameters
    ----------
    mode : permissions of the file, less the process's umask
    """
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:80]}.", suffix=target.suffix)
    beside = Path(name)
    try:
        os.close(descriptor)
        yield beside
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(mode & ~umask)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def write_bytes(data: bytes, target: Path, *, mode: int = 0o666) -> None:
    """Put these bytes in a file, all of them or none."""
    with replacing(target, mode=mode) as beside:
        beside.write_bytes(data)
