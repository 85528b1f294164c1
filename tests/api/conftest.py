"""An empty workspace, and files a user would bring to it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from api.settings import default_text
from api.workspace import Workspace

Bring = Callable[..., Path]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace.create(tmp_path / "shop", default_text())


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """Write a file a user would bring."""

    def write(text: str, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write
