"""The log is never what breaks."""

import errno
import io
import os
import sys
from collections.abc import Iterator

import pytest
import structlog

from api.logs import configure


class Full(io.StringIO):
    """A file on a disk that is full."""

    def write(self, text: str, /) -> int:
        """No room."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), text)


def closed() -> io.StringIO:
    """A file that was closed."""
    (file := io.StringIO()).close()
    return file


def failing(key: str) -> None:
    """A step with a key at hand."""
    raise ValueError(f"{len(key)} signs")


@pytest.fixture(autouse=True)
def _configured_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("broken", [Full(), closed()], ids=["full", "closed"])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_that_cannot_be_written_is_lost_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, broken: io.StringIO, *, as_json: bool
) -> None:
    """Whoever logs goes on; what is logged once there is room is written."""
    configure(as_json=as_json)
    log = structlog.get_logger()
    monkeypatch.setattr(sys, "stderr", broken)
    log.warning("lost")
    monkeypatch.setattr(sys, "stderr", kept := io.StringIO())
    log.warning("kept")
    assert "kept" in kept.getvalue()
    assert "lost" not in kept.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
def test_an_error_is_logged_without_what_variables_held(monkeypatch: pytest.MonkeyPatch, *, as_json: bool) -> None:
    """Where it happened and what it is, and no key that was at hand."""
    configure(as_json=as_json)
    monkeypatch.setattr(sys, "stderr", written := io.StringIO())
    with pytest.raises(ValueError, match="signs") as raised:
        failing(key := "-".join(["hush"] * 2))
    structlog.get_logger().error("failed", exc_info=raised.value)
    assert "9 signs" in written.getvalue()
    assert "test_logs.py" in written.getvalue()
    assert key not in written.getvalue()
