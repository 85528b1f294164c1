"""An empty workspace, one with offers on sale, and files a user would bring to it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.served.follower import Follower
from api.settings import default_text
from api.workspace import Workspace
from tests.api.store.book_kit import LISTINGS, NOW

Bring = Callable[..., Path]


@pytest.fixture(autouse=True)
def no_follower_outlives_its_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a follower logs belongs to the test that started it, not to the output of the next one."""
    started: list[Follower] = []
    start = Follower.start

    def watched(self: Follower) -> None:
        started.append(self)
        start(self)

    monkeypatch.setattr(Follower, "start", watched)
    yield
    for follower in started:
        follower.stop()


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace.create(tmp_path / "shop", default_text())


@pytest.fixture(scope="session")
def at_ten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose book has three offers at 10.00, to be copied."""
    made = Workspace.create(tmp_path_factory.mktemp("season") / "season", default_text())
    made.book.import_offers(LISTINGS, by="ann", now=NOW)
    return made.root


@pytest.fixture
def on_sale(at_ten: Path, tmp_path: Path) -> Workspace:
    """Such a workspace of the test's own."""
    return Workspace.open(Path(shutil.copytree(at_ten, tmp_path / "season")))


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """Write a file a user would bring."""

    def write(text: str, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write
