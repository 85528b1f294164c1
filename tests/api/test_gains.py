"""What a part of a proposal gains is read off the draws it was decided on, or is not known."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from api.gains import drawn, gains_instead, part_gains
from api.stage import Stage
from pricing.book import Listing, Proposal, Verdict
from pricing.demand import DemandCurves
from pricing.guardrails import InForce
from pricing.market import Market
from pricing.model import Offer, Resource
from pricing.outcome import Gain
from pricing.problem import Objective
from tests.api.store.book_kit import LADDER, NOW, decision, proposal

DRAWS = 200
NAMES = ("a1", "a2", "b1", "b2")
"""Two offers of each of two events; those of one event share its seats."""


def offer(name: str, resource: str | None) -> Offer:
    """At 10.00."""
    low, high = LADDER[0], LADDER[-1]
    return Offer(name, name, "EUR", LADDER, low, high, low, event=f"event {name[0]}", resource=resource)


def stage(*, one_hall: bool = False, seed: int = 3) -> Stage:
    """Demand that falls with the price, in joint draws; seats are short."""
    offers = tuple(offer(name, "hall" if one_hall else f"hall {name[0]}") for name in NAMES)
    rng = np.random.default_rng(seed)
    wanted = rng.gamma(20.0, 2.0, (DRAWS, len(offers), 1)) * np.array([1.0, 0.93, 0.87, 0.8])
    evidence = (decision().evidence,) * len(offers)
    curves = DemandCurves(NAMES, (LADDER,) * len(offers), wanted, evidence)
    halls = [Resource("hall", 140.0)] if one_hall else [Resource("hall a", 70.0), Resource("hall b", 75.0)]
    in_force = {name: InForce.steady(Decimal("10.00")) for name in NAMES}
    return Stage(Market(offers, in_force, tuple(halls)), curves, Objective.REVENUE, datetime(2027, 1, 1, tzinfo=UTC))


def listings(kept: Stage) -> dict[tuple[str, str], Listing]:
    """What the book knows of the offers."""
    return {(each.id, each.channel): Listing(each) for each in kept.market.offers}


def decided(kept: Stage) -> Proposal:
    """A proposal that moves three of the four prices, with the gains of these draws."""
    prices = {"a1": "11.00", "a2": "12.00", "b1": "11.00", "b2": "10.00"}
    made = replace(proposal(*(decision(name, price) for name, price in prices.items())), proposed_at=NOW)
    keys = {each.key for each in made.decisions if each.verdict is Verdict.MOVE}
    everything = part_gains(made, keys, kept, listings(kept))
    assert everything == (), "nothing is recorded yet"

    return replace(made, gains=tuple(drawn(kept, {}, {"a1": LADDER[1], "a2": LADDER[2], "b1": LADDER[1]})))


def by_hand(kept: Stage, before: dict[str, str], after: dict[str, str]) -> Gain:
    """The same arithmetic, written out for two halls."""

    def earned(prices: dict[str, str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        total = np.zeros(DRAWS)
        for hall, seats in (("a", 70.0), ("b", 75.0)):
            names = [name for name in NAMES if name.startswith(hall)]
            steps = [LADDER.index(Decimal(prices.get(name, "10.00"))) for name in names]
            wanted = np.column_stack(
                [kept.curves.units[:, NAMES.index(n), s] for n, s in zip(names, steps, strict=True)]
            )
            served = np.minimum(1.0, seats / wanted.sum(axis=1))
            total += (wanted * served[:, None]) @ np.array([float(LADDER[step]) for step in steps])
        return total

    return Gain.of(earned(after) - earned(before))


def near(one: Gain, other: Gain) -> bool:
    """But for rounding."""
    ends = ("expected", "low", "high", "loss_probability")
    return all(getattr(one, end) == pytest.approx(getattr(other, end)) for end in ends)


@pytest.mark.parametrize("follows", [False, True])
def test_a_part_has_the_gain_of_its_own_moves_in_joint_draws(follows: bool) -> None:
    """Also a part of an event, whose seats the rest shares; once the rest is in force, over its prices."""
    kept = stage()
    made = decided(kept)
    whole, *_ = part_gains(made, {(name, "all") for name in ("a2", "b1")}, kept, listings(kept), follows=follows)
    before = {"a1": "11.00"} if follows else {}
    assert near(whole.gain, by_hand(kept, before, {**before, "a2": "12.00", "b1": "11.00"}))


def test_the_gains_of_two_parts_in_a_row_are_expected_to_be_that_of_the_whole() -> None:
    """Means add up where one follows the other; ranges do not."""
    kept = stage()
    made = decided(kept)
    first, *_ = part_gains(made, {("a1", "all")}, kept, listings(kept))
    second, *_ = part_gains(made, {("a2", "all"), ("b1", "all")}, kept, listings(kept), follows=True)
    assert first.gain.expected + second.gain.expected == pytest.approx(made.gains[0].gain.expected)
    assert first.gain.low + second.gain.low != pytest.approx(made.gains[0].gain.low)


@pytest.mark.parametrize("draws", ["none", "others", "at other prices"])
def test_without_the_draws_only_what_was_recorded_is_known(draws: str) -> None:
    """A whole event has its recorded gain; a part of one has none."""
    kept = stage()
    made, known = decided(kept), listings(kept)
    moved = replace(kept.market, in_force=dict.fromkeys(NAMES, InForce.steady(Decimal("11.00"))))
    other = {"none": None, "others": stage(seed=4), "at other prices": replace(kept, market=moved)}[draws]
    event = part_gains(made, {("a1", "all"), ("a2", "all")}, other, known)
    recorded = next(total.gain for total in made.gains if total.event == "event a")
    assert [(total.event, total.gain) for total in event] == [(None, recorded), ("event a", recorded)]
    assert part_gains(made, {("a1", "all"), ("b1", "all")}, other, known) == tuple(
        total for total in made.gains if total.event == "event b"
    )
    assert part_gains(made, {("a1", "all")}, other, known) == ()


def test_an_event_that_shares_its_seats_with_another_has_no_recorded_gain_of_its_own() -> None:
    """What it gains depends on the prices of the other one."""
    kept = stage(one_hall=True)
    made = decided(kept)
    assert part_gains(made, {("b1", "all")}, None, listings(kept)) == ()
    assert part_gains(made, {("b1", "all")}, kept, listings(kept)) != ()


def test_all_moves_have_what_was_recorded_of_the_proposal() -> None:
    """Whatever stays as it is may be left out."""
    kept = stage()
    made = decided(kept)
    assert part_gains(made, {(name, "all") for name in ("a1", "a2", "b1")}, None, listings(kept)) == made.gains


def test_what_takes_the_place_of_a_proposal_has_its_own_gain() -> None:
    """Read off the same draws; not known where they are of another run, or there are none."""
    kept = stage()
    whole = decided(kept)
    own = replace(whole, decisions=(*whole.decisions[:1], decision("a2", "11.00"), *whole.decisions[2:]), gains=())
    found = {total.event: total.gain for total in gains_instead(whole, own, kept)}
    assert near(found[None], by_hand(kept, {}, {"a1": "11.00", "a2": "11.00", "b1": "11.00"}))
    assert set(found) == {None, "event a", "event b"}
    assert gains_instead(whole, own, stage(seed=4)) == gains_instead(whole, own, None) == ()
