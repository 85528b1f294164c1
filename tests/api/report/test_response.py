"""A picture of price response claims nothing that was not tried or told."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from api.report.charts import Chart
from api.report.elasticity import Card, elasticity_view
from api.report.response import Axis
from forecasting.elasticity.basis import Basis
from pricing.demand import Identification
from tests.api.report.responses import Shop
from tests.api.report.season import NOW


def card(shop: Shop, name: str) -> tuple[Card, Basis, Chart]:
    """What the page says of one product."""
    (one,) = [one for one in elasticity_view(shop.found, now=NOW).cards if one.group.names == (name,)]
    (basis,) = [basis for basis in shop.found.basis if basis.key == (name,)]
    assert one.chart is not None
    return one, basis, one.chart


def lines(chart: Chart) -> list[dict[str, Any]]:
    """Lines that can be seen."""
    drawn = [trace["line"] for trace in chart.spec["data"] if trace["mode"] == "lines"]
    return [line for line in drawn if line["width"]]


def test_the_curve_is_solid_only_where_sales_can_tell_and_prices_were_tried(shop: Shop) -> None:
    """Elsewhere it is dashed."""
    _, basis, chart = card(shop, "tea")
    dashed, solid = lines(chart)
    assert (dashed["dash"], solid.get("dash")) == ("5px,4px", None)
    x = next(trace["x"] for trace in chart.spec["data"] if trace["mode"] == "lines" and trace["line"]["width"] == 3)
    axis = Axis(basis.usual, "EUR", "€", basis.alike)
    assert [x[0], x[-1]] == pytest.approx(axis.at(np.array(basis.tried)), abs=2e-3)
    for name in ("thin", "card"):
        one, _, chart = card(shop, name)
        assert one.group.status is Identification.NOT_IDENTIFIED
        assert len(lines(chart)) == 1
        assert "the line is what similar groups do" in chart.caption


def test_a_single_price_is_drawn_as_the_only_one(shop: Shop) -> None:
    """Its one dot is at 100."""
    _, _, chart = card(shop, "card")
    assert chart.spec["layout"]["annotations"][0]["text"] == "only price tried"
    assert [(row[0], row[1]) for row in chart.table.rows] == [("€9.00", "100")]
    assert "no curve could be fitted" in chart.caption


def test_dots_lie_in_the_band_and_in_the_table(shop: Shop) -> None:
    """Twelve, each with its range and its rows."""
    one, basis, chart = card(shop, "tea")
    assert basis.dots is not None
    expected = 100 * (basis.dots.prices / basis.usual) ** one.group.slope
    assert np.mean(np.abs(basis.dots.sales - expected) < 3 * basis.dots.se) > 0.9
    assert len(chart.table.rows) == len(basis.dots.prices) == 12
    assert sum(int(row[3]) for row in chart.table.rows) == basis.cells
    (marks,) = [trace for trace in chart.spec["data"] if trace["mode"] == "markers"]
    assert marks["y"] == pytest.approx(basis.dots.sales, abs=1e-3)
    assert marks["error_y"]["array"] == pytest.approx(1.96 * basis.dots.se, abs=2e-3)


def test_pictures_are_strict_json_without_colours_or_names(shop: Shop) -> None:
    """The page's style and policy hold for them."""
    for name in shop.found.table["product"]:
        text = json.dumps(card(shop, name)[2].spec, allow_nan=False)
        assert name not in text
        assert "rgb" not in text
        assert "#" not in text


def test_different_usual_prices_are_compared_as_changes() -> None:
    """A pound is not a pound where one thing costs ten and another one."""
    axis = Axis(4.0, "EUR", "€", alike=False)
    assert axis.at(np.array([3.0, 4.0, 5.0])).tolist() == [-25.0, 0.0, 25.0]
    assert [axis.say(amount) for amount in (3.0, 3.999, 5.0)] == ["−25%", "0%", "+25%"]
    assert replace(axis, alike=True).say(3.0) == "€3.00"
