"""A report is one file: nothing from the network, no script but its own."""

import base64
import hashlib
import re

from api.pages.report import APART, policy_of
from api.report.page import FOLDER


def test_the_policy_allows_exactly_the_scripts_on_the_page(page: str) -> None:
    """By hash; anything injected would not run."""
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    given = set(re.findall(r"sha256-[\w+/=]+", policy[1].replace("&#43;", "+")))
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    assert given == {f"sha256-{digest}" for digest in digests}
    assert "default-src 'none'" in policy[1].replace("&#39;", "'")


def test_the_desk_lets_exactly_these_scripts_run(page: str) -> None:
    """The policy it sends with a report is the report's own, in a sandbox."""
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts}
    policy = policy_of(page.encode())
    assert set(re.findall(r"'sha256-([\w+/=]+)'", policy)) == digests
    assert policy.endswith(APART)


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    """No link, no source, no import outside the file itself."""
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"\b(?:src|href)=\"(?!#)[^\"]*\"|@import|url\(", own)


def test_no_style_or_handler_is_written_into_an_element(page: str) -> None:
    """All style is in the sheet, all behaviour in the script."""
    own = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.findall(r"<[^>]+\s(?:style|on\w+)=", own)


def test_every_token_a_chart_uses_is_defined() -> None:
    """In the light sheet; the dark one may override it."""
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    used = set(re.findall(r"\"(--[a-z0-9-]+)\"", (FOLDER / "charts.py").read_text(encoding="utf-8")))
    used |= set(re.findall(r"\"(--[a-z0-9-]+)\"", (FOLDER / "charts.js").read_text(encoding="utf-8")))
    assert used
    assert not [token for token in used if f"{token}:" not in style]
