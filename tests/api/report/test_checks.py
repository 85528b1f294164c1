"""Diagnostics say what was found, what is needed, and whether it is met."""

from dataclasses import replace

import numpy as np

from api.report.checks import Check, checks
from forecasting.elasticity.basis import Basis
from forecasting.elasticity.feedback import Direction
from forecasting.elasticity.identification import Estimate
from forecasting.elasticity.table import elasticity_table
from tests.api.report.responses import Shop
from tests.forecasting.elasticity.test_table import instrumented


def lines(one: Basis) -> dict[str, Check]:
    """By their label."""
    return {line.label: line for line in checks(one)}


def of(shop: Shop, name: str) -> Basis:
    """Basis of one product."""
    return next(one for one in shop.found.basis if one.key == (name,))


def test_what_the_status_rests_on_is_met_where_it_is_identified(shop: Shop) -> None:
    """No line of an identified group says not met."""
    for one, status in zip(shop.found.basis, shop.found.table["status"], strict=True):
        unmet = [line for line in checks(one) if line.met == "no"]
        assert bool(unmet) == (status != "identified"), one.key
        assert all(line.needed for line in checks(one) if line.met != "open")


def test_feedback_shows_both_ways_with_its_p_value(shop: Shop) -> None:
    """Where the price followed demand, at least one is not met."""
    ways = ("Today's demand in the next price", "The next price in today's demand")
    chased, tea = lines(of(shop, "chased")), lines(of(shop, "tea"))
    assert "no" in {chased[way].met for way in ways}
    assert {tea[way].met for way in ways} == {"yes"}
    assert all("p = " in tea[way].found for way in ways)
    assert lines(of(shop, "card"))["Did price follow demand?"].found == "not tested"


def test_every_doubt_of_a_group_by_itself_has_its_line(shop: Shop) -> None:
    """What was left to sell in the price, an interval wider than its number, and what rows say against units."""
    tea = of(shop, "tea")
    assert tea.test is not None
    stock = replace(tea.test, left=Direction(-0.4, 0.001, -3.3))
    assert lines(replace(tea, test=stock))["What is left to sell in the price"].met == "no"
    assert "What is left to sell in the price" not in lines(tea)
    wide = lines(replace(tea, estimate=Estimate.with_error(-2.0, 0.8, 20)))
    assert wide["Own estimate, before pooling"].met == "no"
    other = lines(replace(tea, rival=Estimate.with_error(-9.0, 0.1, 20)))
    assert other["The same, each row counting alike (in logs)"].met == "no"


def test_a_price_that_never_changed_lacks_moves_and_variation(shop: Shop) -> None:
    """And has no estimate of its own."""
    card = lines(of(shop, "card"))
    assert (card["Dates on which the price moved"].found, card["Dates on which the price moved"].met) == ("0", "no")
    assert card["Price variation left beyond effects"].met == "no"
    assert card["Own estimate, before pooling"].found == "none"


def test_instruments_show_their_strength_and_what_they_do_not_contradict() -> None:
    """Two of them also whether they agree."""
    sales = instrumented()
    found: list[Basis] = []
    second = sales["cost"] + np.random.default_rng(1).normal(0, 0.2, len(sales))
    elasticity_table(sales.assign(second=second), instruments=["cost", "second"], witness=found.append)
    made = lines(found[0])
    assert made["Strength of the instruments"].met == "yes"
    assert "effective F" in made["Strength of the instruments"].found
    assert "p = " in made["Do the instruments agree?"].found
    assert "−" in made["Elasticities the sales do not contradict"].found


def test_shares_are_shown_only_where_there_are_any(shop: Shop) -> None:
    """Sold out, mixed prices, guessed ones; beyond the limit they are not met."""
    tea = of(shop, "tea")
    assert "Rows sold out" not in lines(tea)
    much = lines(replace(tea, sold_out=0.2, mixed=0.5, guessed=0.1))
    assert (much["Rows sold out"].found, much["Rows sold out"].met) == ("20%", "open")
    assert much["Rows with several prices"].met == "no"
    assert much["Dates without a sale or a price"].met == "yes"
