"""Tests, shapes and relations keep their words; what is missing is never shown as nothing."""

import numpy as np
import pandas as pd

from api.report.tables import count_in_reach, crossed, curves, proposed
from tests.api.report.responses import Shop


def test_a_proposed_test_says_prices_time_error_and_cost(shop: Shop) -> None:
    """In the currency of the sales; the rest keep the sentence why there is none."""
    table = shop.found.tests
    assert table is not None
    made = proposed(table, ["product"], "EUR")
    assert len(made) == len(table)
    reach = [one for one in made.values() if one.in_reach]
    assert len(reach) == count_in_reach(table) > 0
    facts = dict(reach[0].facts)
    assert facts["Prices"].startswith("€")
    assert "weeks" in facts["How long"]
    assert "revenue expected" in facts["What it costs"]
    assert all(one.sentence for one in made.values())
    assert proposed(None, ["product"], "EUR") == {}
    assert count_in_reach(None) == 0


def test_a_gain_is_more_revenue(shop: Shop) -> None:
    """A cost below 0."""
    table = shop.found.tests
    assert table is not None
    row = table[table["weeks"].notna()].head(1).assign(cost=-12.0, bad_case_cost=30.0)
    facts = dict(next(iter(proposed(row, ["product"], "EUR").values())).facts)
    assert facts["What it costs"] == "€12 more revenue expected, €30 less revenue in a bad case"


def test_shapes_that_could_not_be_tried_have_dashes_and_no_winner(shop: Shop) -> None:
    """Never a zero."""
    table = shop.found.shapes
    assert table is not None
    empty = table.assign(wape=np.nan, wape_lower=np.nan, wape_upper=np.nan, elasticity=np.nan, lower=np.nan, n=0)
    one = curves(empty, ["product"])["tea",]
    assert not one.told
    assert {(row.elasticity, row.wape, row.interval) for row in one.rows} == {("–", "–", "–")}
    assert (one.winner, one.note) == ("", "")
    won = curves(table.assign(best=np.where(table["shape"] == "logit", "yes", "no")), ["product"])
    assert {each.winner for each in won.values()} == {"logit"}
    assert curves(None, ["product"]) == {}


def test_only_clear_relations_are_named_the_strongest_first() -> None:
    """The others are counted; own effects are neither."""
    rows = [("a", "a", -2.0, "own"), ("a", "b", 0.3, "substitute"), ("b", "a", -0.5, "complement")]
    rows += [("b", "b", -1.0, "own"), ("b", "c", 0.1, "no clear effect")]
    table = pd.DataFrame(rows, columns=["product", "on_price_of", "elasticity", "relation"])
    made = crossed(table.assign(lower=table["elasticity"] - 0.1, upper=table["elasticity"] + 0.1))
    assert [(one.product, one.on_price_of, one.sentence) for one in made.relations] == [
        ("b", "a", "sells 5% less"),
        ("a", "b", "sells 3% more"),
    ]
    assert (made.unlisted, made.unclear) == (0, 1)
