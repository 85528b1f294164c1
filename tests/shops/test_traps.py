"""Every trap of a shop that docs/shops/README.md lists is known to a test."""

import re

from tests.real_data import ROOT

PAGE = ROOT / "docs" / "shops" / "README.md"


def test_each_trap_names_tests_that_exist_or_says_why_none_can() -> None:
    """A test that is renamed or taken away leaves no trap behind that nobody looks at."""
    text = PAGE.read_text(encoding="utf-8").partition("## Traps")[2]
    traps = [line.split(" | ")[-1] for line in text.splitlines() if line.startswith("| ")][1:]
    code = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py"))
    known = set(re.findall(r"def (test_\w+)", code))
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 30
    assert named - known == set()
    assert [trap for trap in traps if "`test_" not in trap] == [
        "[shopify.md](shopify.md): the service itself decides |",
        "no CSV is written for it |",
    ]
