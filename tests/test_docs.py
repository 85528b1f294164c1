"""Pages made from declarations say what the code checks."""

import importlib
import importlib.util
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from api.cli.main import COMMANDS, app
from api.settings import Schedule, Settings, ShopSettings, Uploads, WebhookSettings
from pricing.law import Fee, MarketLaw
from pricing.policy import Policy
from pricing.tables import TABLES
from tests.real_data import ROOT

DOCS = ROOT / "docs"


def generator() -> ModuleType:
    """The module that writes the pages; docs/ is a folder of pages, not a package."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(generator().PAGES))
def test_a_written_page_is_up_to_date(name: str) -> None:
    """What is committed is what `python docs/generate.py` writes."""
    stale = f"docs/{name} is out of date: run python docs/generate.py"
    assert (DOCS / name).read_text(encoding="utf-8") == generator().PAGES[name](), stale


def test_generating_writes_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command writes each page into its folder."""
    module = generator()
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    module.main()
    assert {path.name for path in tmp_path.iterdir()} == set(module.PAGES)


def test_every_column_is_documented() -> None:
    """Each column of each table stands in the page with its meaning."""
    page = (DOCS / "tables.md").read_text(encoding="utf-8")
    for table in TABLES.values():
        section = page.split(f"## {table.name}\n")[1].split("\n## ")[0]
        for column in table.columns:
            assert f"| `{column.name}` |" in section
            assert column.meaning in section


def test_every_setting_is_documented() -> None:
    """Each setting has a row with a meaning."""
    page = generator().settings_page()
    for kind in (Settings, Policy, Schedule, Uploads, ShopSettings, WebhookSettings, MarketLaw, Fee):
        for setting in fields(kind):
            assert f"| `{setting.name}` |" in page or f"{setting.name}]" in page
    assert "|  |" not in page


def test_every_command_is_in_the_readme_or_the_walkthrough() -> None:
    """Someone who reads these two has met every command."""
    text = (ROOT / "README.md").read_text(encoding="utf-8") + (DOCS / "walkthrough.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        importlib.import_module(f"api.cli.{name}")
    commands = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    commands += [group.name for group in app.registered_groups if group.name]
    assert len(commands) > 15
    assert [name for name in commands if f"fairfare {name}" not in text] == []
