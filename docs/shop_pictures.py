"""The pictures of pretix in docs/shops: the worked example, as Chromium shows it. Run `python docs/shop_pictures.py`.

It does what the page says (as `make test-shops` does), stops twice, and writes `docs/pictures/pretix-*.png`.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.shops import clicks  # noqa: E402  # the tests are not installed
from tests.shops.console import typed  # noqa: E402
from tests.shops.test_worked_example import PAGE, PART, Walk, walking  # noqa: E402

FOLDER = ROOT / "docs" / "pictures"
STOPS = {
    "pretix-team": ("**Orders** `View all`,", "fieldset:has-text('All event permissions')"),
    "pretix-buyer": ("**Add to cart**,", "main"),
}
"""After which words of the page, and which part of the screen."""


def click(walk: Walk, line: str) -> str | None:
    """Make the clicks of a line; the name of the picture that was taken on the way."""
    for name, (words, shown) in STOPS.items():
        if words in line:
            done, left = line.split(words)
            walk.click(done + words)
            page = walk.window(line)
            page.locator(shown).last.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
            clicks.make(page, walk.said(left))
            return name
    walk.click(line)
    return None


def main() -> None:
    """Do what the page says, as far as the last picture."""
    with tempfile.TemporaryDirectory() as folder, walking(Path(folder)) as walk:
        for part in PART.finditer(PAGE):
            for step in typed(part["console"] or ""):
                walk.type(step)
            if part["clicks"] is not None and click(walk, part["clicks"]) == list(STOPS)[-1]:
                return


if __name__ == "__main__":
    main()
