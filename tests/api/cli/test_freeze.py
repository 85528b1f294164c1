"""`fairfare freeze`, as a user runs it."""

import sys
from pathlib import Path

import pytest

from api.cli.main import main
from api.clock import utc_now
from api.settings import default_text
from api.workspace import Workspace
from tests.api.store.book_kit import DAY, LISTINGS, decision, proposal, put_in_force


def test_it_names_the_versions_it_takes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scheduled prices are gone for good; whoever freezes hears which."""
    book, now = Workspace.create(tmp_path / "shop", default_text()).book, utc_now()
    book.import_offers(LISTINGS, by="ann", now=now)
    book.propose(proposal(decision(), at=now))
    book.approve("p1", by="bob", now=now)
    put_in_force(book, at=now, begins=now + DAY / 2)
    monkeypatch.setattr(sys, "argv", ["fairfare", "freeze", "--reason", "storm", "--workspace", str(tmp_path / "shop")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "Version 2 had not begun and is taken back for good" in capsys.readouterr().out
