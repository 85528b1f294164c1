"""Charts are plain data, coloured by token, with their numbers beside them."""

import json
import re
from typing import Any

import numpy as np

from api.report import charts
from api.report.charts import Fan
from api.report.season import SeasonView


def strings(value: Any) -> list[str]:
    """Every text in a specification."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


def test_colours_are_tokens_so_that_light_and_dark_share_a_figure(view: SeasonView) -> None:
    """No colour is written out; every token is defined by the style sheet."""
    found = {text for chart in view.charts for text in strings(chart.spec) if text.startswith("--")}
    assert {"--c-now", "--c-fc", "--c-typ", "--c-fc-band"} <= found
    assert not [text for chart in view.charts for text in strings(chart.spec) if re.match(r"#|rgb", text)]


def test_no_name_of_a_user_enters_a_chart(view: SeasonView) -> None:
    """Plotly reads markup in its texts; names stay outside."""
    names = {event.name for event in view.events} | {name for name, _ in view.goods.charts}
    texts = " ".join(text for chart in view.charts for text in strings(chart.spec))
    assert not [name for name in names if name in texts]


def test_every_chart_says_what_it_shows_and_lists_its_numbers(view: SeasonView) -> None:
    """For those who cannot see it."""
    for chart in view.charts:
        assert len(chart.label) > 40
        assert chart.table.rows
        assert all(len(row) == len(chart.table.heads) for row in chart.table.rows)


def test_a_chart_is_strict_json(view: SeasonView) -> None:
    """No NaN, no array of numpy: the browser reads it as it stands."""
    for chart in view.charts:
        json.dumps(chart.spec, allow_nan=False)


def test_a_booking_curve_without_typical_events_draws_none() -> None:
    """The page then says that too few are over."""
    path = (np.array([3.0, 2.0]), np.array([0.0, 5.0]))
    fan = Fan(np.array([2.0, 1.0, 0.0]), *(np.array([5.0, 6.0, end]) for end in (8.0, 7.0, 9.0)))
    chart = charts.booking_curve("b", path, None, fan, None, label="l", caption="c")
    assert not [text for text in strings(chart.spec) if text in {"Typical", "--c-typ"}]
