"""The right shape wins or ties out of sample, a wrong one never wins, and nothing looks ahead."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from forecasting.elasticity.cells import panels
from forecasting.elasticity.comparison import COLUMNS, _ranked, shapes_table
from forecasting.elasticity.holdout import FOLDS, STRETCHES, Calendar, Foretold, foretold
from forecasting.elasticity.shapes import SHAPES
from tests.forecasting.elasticity.bent import bent_market
from tests.forecasting.elasticity.test_table import scanner

NAMES = [shape.name for shape in SHAPES]


@pytest.mark.parametrize("k", range(len(SHAPES)), ids=NAMES)
def test_a_wrong_shape_never_wins_and_the_truth_is_not_refused(k: int) -> None:
    """Ten markets of each shape."""
    for seed in range(10):
        table = shapes_table(bent_market(np.random.default_rng(seed), SHAPES[k])).set_index("shape")
        assert (table["best"].drop(NAMES[k]) != "yes").all()
        assert table.loc[NAMES[k], "best"] != "no"


@pytest.mark.parametrize("k", [0, 3], ids=[NAMES[0], NAMES[3]])
def test_many_products_together_tell_the_outer_shapes(k: int) -> None:
    """What one product cannot show, eight do: the rows of all of them name the winner."""
    rng = np.random.default_rng(5)
    sales = pd.concat([bent_market(rng, SHAPES[k], product=f"p{j}", noise=0.3) for j in range(8)])
    together = shapes_table(sales).iloc[: len(SHAPES)]
    assert set(together["product"]) == {"all"}
    assert together.set_index("shape").loc[NAMES[k], "best"] == "yes"
    assert together["why"].iloc[0] == f"{NAMES[k].capitalize()} foretells later sales better than each other shape."


def test_small_moves_tell_no_shape() -> None:
    """Where the price moves by five per cent all shapes are one."""
    table = shapes_table(bent_market(np.random.default_rng(0), SHAPES[0], noise=0.05))
    assert set(table["best"]) == {"maybe"}
    assert table["why"].str.startswith("The data cannot tell the shapes apart").all()


def test_error_and_sign_are_told_together_with_intervals() -> None:
    """Each inside its interval; sales fell at fewer rises than a price response alone would make them."""
    table = shapes_table(bent_market(np.random.default_rng(1), SHAPES[1]))
    assert tuple(table.columns) == ("product", *COLUMNS)
    assert table["wape"].between(table["wape_lower"], table["wape_upper"]).all()
    assert table["sign_accuracy"].between(table["sign_lower"], table["sign_upper"]).all()
    assert (table["sign_accuracy"] > 0.95).all()
    assert table["sales_fell"].between(0.6, 0.9).all()
    assert (table["n"] == 12 * 52).all()


def test_a_shape_that_has_the_sign_wrong_shows_it() -> None:
    """Prices that follow demand: predicted sales rise with the price, and the table says how seldom they fall."""
    rng = np.random.default_rng(2)
    sales = bent_market(rng, SHAPES[0], shock=0.0)
    demand = rng.normal(0, 0.5, len(sales))
    busy = sales.assign(quantity=np.round(sales["quantity"] * np.exp(demand)), price=3 * np.exp(0.6 * demand))
    table = shapes_table(busy)
    assert (table["elasticity"] > 0).all()
    assert (table["sign_accuracy"] < 0.05).all()
    assert set(table["best"]) == {"no"}
    assert table["why"].str.endswith("no shape of demand.").all()


@pytest.mark.parametrize("block", [0, 3])
def test_forecasts_do_not_look_ahead(block: int) -> None:
    """What is foretold of a block, without a season and with one, does not change with what sold in it or after it."""
    sales = bent_market(np.random.default_rng(3), SHAPES[1])
    calendar = Calendar.of(pd.DatetimeIndex(sales["date"]))
    later = sales["date"] >= calendar.dates[calendar.edges[block * STRETCHES]]
    other = 5 * sales["quantity"].sample(frac=1, random_state=0).to_numpy()
    changed = sales.assign(quantity=sales["quantity"].where(~later, other))
    first, second = (foretold(next(iter(panels(s, by=["product"]))), calendar) for s in (sales, changed))
    early = first.stretch <= (block + 1) * STRETCHES
    assert early.sum() > 0
    np.testing.assert_allclose(first.expected[early], second.expected[early], rtol=1e-12)
    assert not np.any(np.all(first.expected[~early] == second.expected[~early], axis=1))
    assert len(np.unique(first.stretch)) == FOLDS * STRETCHES


def test_what_cannot_be_compared_says_so() -> None:
    """A constant price, a few rows, a single date, all sold out: a row for each shape, no number, no winner."""
    sales = bent_market(np.random.default_rng(0), SHAPES[0], outlets=1, weeks=30)
    for few in (sales.assign(price=3.0), sales.head(3), sales.head(1), sales.assign(available=sales["quantity"])):
        table = shapes_table(few)
        assert len(table) == len(SHAPES)
        assert table["why"].str.startswith("Too few sales").all()
        assert table[["wape", "sign_accuracy", "p"]].isna().all(axis=None)
    assert list(shapes_table(sales.iloc[:0]).columns) == ["product", *COLUMNS]


def test_where_much_sold_out_no_winner_is_named() -> None:
    """Cells that sold out are left out, which bends what is left."""
    sales = bent_market(np.random.default_rng(0), SHAPES[3])
    capped = sales.assign(quantity=np.minimum(sales["quantity"], 25), available=25.0)
    table = shapes_table(capped)
    assert set(table["best"]) == {"maybe"}
    assert table["why"].str.contains("sold out").all()
    together = shapes_table(pd.concat([capped, capped.assign(product="coffee")])).head(len(SHAPES))
    assert set(together["product"]) == {"all"}
    assert together["why"].str.contains("sold out").all()
    named = shapes_table(pd.concat([capped.assign(product="all"), capped]))["product"]
    assert named.drop_duplicates().tolist() == ["all groups", "all", "tea"]


def test_where_sales_scatter_a_shape_that_foretells_too_little_does_not_win() -> None:
    """Absolute errors are least at the median, which then lies below what is expected."""
    rng, n = np.random.default_rng(0), 4000
    mean = rng.uniform(1, 8, n)
    sold = rng.poisson(mean * rng.lognormal(-0.5, 1.0, n)).astype(float)
    expected = mean[:, None] * np.array([1.0, 0.85, 0.7, 0.55])
    none = np.zeros(0, dtype=np.intp)
    told = Foretold(sold, expected, np.arange(n) % 20, np.zeros((0, 4)), np.zeros(0), none)
    assert np.argmin(np.abs(sold[:, None] - expected).sum(axis=0)) > 0
    assert _ranked(told, 0.0)[1] == ["yes", "no", "no", "no"]


def test_the_same_sales_give_the_same_table_in_any_order_of_rows() -> None:
    """Nothing is random."""
    sales = bent_market(np.random.default_rng(4), SHAPES[2], weeks=60)
    assert_frame_equal(shapes_table(sales), shapes_table(sales), check_exact=True)
    assert_frame_equal(shapes_table(sales), shapes_table(sales.sample(frac=1, random_state=0)), rtol=1e-6)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["milk", "sugar"])
def test_milk_and_sugar_do_not_tell_their_shape(name: str) -> None:
    """One slope for the category; every shape foretells a fall at most rises."""
    table = shapes_table(scanner(name), by=["segment"], effects=["product:channel", "month"])
    assert set(table["best"]) == {"maybe"}
    assert (table["sign_accuracy"] > 0.7).all()
