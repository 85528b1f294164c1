"""From a view model to one HTML file that needs nothing else.

Guarantees
----------
* Everything is inside: style, script and Plotly (from the installed package); the page asks the network for nothing.
* Its content security policy runs the two scripts it carries, by their hash, and no other; it lets nothing load.
* All text is escaped: a name with markup in it stays a name.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from api.report import forest, numbers
from api.report.charts import Chart, specs

FOLDER = Path(__file__).parent


def render(template: str, view: object, charts: Sequence[Chart]) -> str:
    """Render one report."""
    style, script, plotly = _read("style.css"), _read("charts.js"), get_plotlyjs()
    # Plotly sets inline styles as it draws, so styles cannot go by hash; under default-src 'none' they load nothing.
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}' '{_hash(plotly)}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template(template)
        .render(
            view=view,
            specs=specs(charts),
            policy=policy,
            # Trusted: files of this package and of the installed plotly, byte for byte what was hashed.
            style=Markup(style),  # noqa: S704
            script=Markup(script),  # noqa: S704
            plotly=Markup(plotly) if charts else Markup(""),  # noqa: S704
        )
    )


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """A source expression of the policy."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("price", "whole", "difference", "percent", "change", "units", "decimal", "day", "minute"):
        environment.filters[name] = getattr(numbers, name)
    environment.globals.update(
        count=numbers.count,
        place=forest.position,
        ticks=forest.TICKS,
        scale=(forest.LOW, forest.HIGH),
        describe=forest.description,
        listed=forest.MOST_LISTED,
        dash=numbers.DASH,
    )
    return environment
