"""`fairfare overrides`, as a user runs it."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from api.cli.main import main
from api.clock import utc_now
from api.settings import default_text
from api.workspace import Workspace
from tests.api.store.book_kit import IDS, LISTINGS

DAY = timedelta(days=1)


class Shell:
    """A workspace, and commands in it."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.patch, self.capsys = root, patch, capsys
        Workspace.create(root, default_text()).book.import_offers(LISTINGS, by="ann", now=utc_now())

    def run(self, *words: str) -> tuple[int, str]:
        """Exit code, and what was printed."""
        self.patch.setattr(sys, "argv", ["fairfare", "overrides", *words, "--workspace", str(self.root)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capsys.readouterr()
        return int(ended.value.code or 0), " ".join((out + err).split())


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Three offers at 10.00."""
    return Shell(tmp_path / "shop", monkeypatch, capsys)


def test_one_is_set_listed_and_ended(shell: Shell) -> None:
    """Each says what it did, and that no price has changed."""
    until = (utc_now() + 7 * DAY).isoformat()
    code, said = shell.run("set", IDS[0], "ceiling", "11.00", "--until", until, "--reason", "promised", "--by", "Ann")
    assert code == 0
    assert said.startswith("hamlet-adult: ceiling of 11.00 that Ann set until")
    assert said.endswith("No price has changed.")
    assert "1 hamlet-adult: ceiling of 11.00 that Ann set until" in shell.run("list")[1]
    assert shell.run("end", "1")[0] == 0
    assert shell.run("list") == (0, "")
    assert shell.run("end", "1") == (2, "override 1 does not stand")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((IDS[0], "ceiling", "12.50"), "outside 10.00 to 12.00"),
        (("nobody", "ceiling", "11.00"), "there is no offer nobody"),
        ((IDS[0], "ceiling", "11,00"), "has a comma"),
        ((IDS[0], "free", "11.00"), "'free' is not a valid Kind"),
    ],
)
def test_what_cannot_be_is_refused(shell: Shell, words: tuple[str, ...], said: str) -> None:
    """With 2, and the reason; an end without a zone is none."""
    until = utc_now() + 7 * DAY
    code, told = shell.run("set", *words, "--until", until.isoformat(), "--reason", "x")
    assert code == 2
    assert said in told
    code, told = shell.run("set", IDS[0], "ceiling", "11.00", "--until", f"{until:%Y-%m-%dT%H:%M}", "--reason", "x")
    assert (code, "time zone" in told) == (2, True)
