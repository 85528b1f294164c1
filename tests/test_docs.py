"""Pages made from declarations say what the code checks."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

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
