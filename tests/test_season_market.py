"""The market that seasons in shops are played on: the same buyers for every price, and an oracle worth its name."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

season_market = pytest.importorskip("benchmarks.season_market", reason="benchmarks are not part of this distribution")
MARKET: Any = season_market.Market.drawn(0, 4)
OFFERS = st.sampled_from(MARKET.offers)


@given(OFFERS, st.integers(0, 4), st.data())
def test_a_buyer_who_pays_a_price_pays_a_lower_one(offer: Any, day: int, data: st.DataObject) -> None:
    """For the same luck no more units are wanted at a higher price."""
    steps = st.sampled_from(offer.ladder.prices)
    lower, higher = sorted((data.draw(steps), data.draw(steps)))
    assert MARKET.wanted(offer, day, lower) >= MARKET.wanted(offer, day, higher)


@settings(max_examples=20)
@given(st.floats(0.1, 1.0))
def test_no_more_is_sold_than_was_left(share: float) -> None:
    """Of a room, at any price, however low."""
    low = {offer.id: offer.floor * Decimal(str(round(share, 2))) for offer in MARKET.offers}
    earned = MARKET.earned(lambda _, offer: low[offer], MARKET.days)
    for event, money in earned.items():
        rooms = {
            offer.resource: max(low[o.id] for o in MARKET.offers if o.resource == offer.resource)
            for offer in MARKET.offers
            if offer.event == event
        }
        assert money <= sum(dearest * MARKET.left[room] for room, dearest in rooms.items())


@pytest.mark.parametrize("name", sorted({str(offer.resource) for offer in MARKET.offers}))
def test_mean_revenue_of_a_room_is_that_of_many_seasons(name: str) -> None:
    """The oracle's expectation agrees with drawn buyers, where seats are plenty and where they are not."""
    room = tuple(offer for offer in MARKET.offers if offer.resource == name)
    ladders = [offer.ladder.prices for offer in room]
    prices = np.array([[float(steps[len(steps) * share // 5]) for steps in ladders] for share in range(5)])
    days, seats, rng = slice(MARKET.days), MARKET.left[name], np.random.default_rng(0)
    means = np.stack([MARKET.mean(o, days) * MARKET.response(o, prices[:, i]) for i, o in enumerate(room)], axis=1)
    wanted = rng.poisson(means, (20_000, *means.shape))
    sold = np.minimum(1, seats / np.maximum(wanted.sum(axis=2), 1))
    earned = ((wanted * prices).sum(axis=2) * sold).mean(axis=0)
    assert MARKET._expected(room, prices, MARKET.days) == pytest.approx(earned, rel=0.01)


def test_the_oracle_keeps_bounds_and_ladder_and_earns_more() -> None:
    """And leaves alone, if asked, what nobody can learn."""
    days, held = MARKET.days, MARKET.starting()
    best, learnable = MARKET.best_fixed(days, learnable=False), MARKET.best_fixed(days, learnable=True)
    for offer in MARKET.offers:
        assert best[offer.id] in offer.ladder.prices
        assert offer.floor <= best[offer.id] <= offer.ceiling
        if offer.key in season_market.UNLEARNABLE:
            assert learnable[offer.id] == offer.current_price
    earned = [sum(MARKET.earned(lambda _, offer, p=p: p[offer], days).values()) for p in (held, learnable, best)]
    assert earned == sorted(earned)
    assert earned[0] < earned[1]


def test_the_oracle_keeps_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where more would be earned without it: here, that adults pay no more than students."""
    monkeypatch.setattr(season_market, "ORDER", ("adult", "student"))
    best = MARKET.best_fixed(MARKET.days, learnable=False)
    price = {(o.event, o.product, o.segment): best[o.id] for o in MARKET.offers}
    students = [(event, product) for event, product, segment in price if segment == "student"]
    assert students
    assert all(price[event, product, "adult"] <= price[event, product, "student"] for event, product in students)
