"""The whole flow on a season with known truth: from files to prices in force, honest about what it knows."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from api.fitting import load_fit
from api.rehearsal import Rehearsal, rehearse
from api.served.snapshot import SNAPSHOT_NAME, load
from optimization import HighsOptimizer
from pricing.book import Standing, Verdict
from pricing.errors import InputError, RefusedError
from pricing.guardrails import InForce, broken
from pricing.simulation import TICKETS

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
MANAGER = "manager"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    """One rehearsal."""
    return rehearse(tmp_path_factory.mktemp("season"), now=NOW, seed=7, manager=MANAGER, progress=lambda *_: None)


def test_what_was_decided_is_in_force_and_is_served(done: Rehearsal) -> None:
    """Book, proposal and snapshot agree, offer by offer."""
    in_force = {price.offer: price.price for price in done.workspace.book.prices_in_force()}
    assert in_force == {decision.offer: decision.allowed for decision in done.proposal.decisions}
    served = load(done.workspace.root / SNAPSHOT_NAME)
    assert served is not None
    assert served.content.version == done.version
    prices = {entry.offer: Decimal(json.loads(bytes(entry.price))["price"]) for entry in served.entries}
    assert prices == in_force


def test_a_further_proposal_waits_for_a_person(done: Rehearsal) -> None:
    """Made from the prices in force, it moves some, and holds those of which nothing can be known."""
    book = done.workspace.book
    assert book.standing(done.waiting.id, now=NOW) is Standing.OPEN
    assert done.waiting.base_version == done.version
    in_force = {price.offer: price.price for price in book.prices_in_force()}
    assert all(decision.in_force == in_force[decision.offer] for decision in done.waiting.decisions)
    found = {decision.verdict for decision in done.waiting.decisions}
    assert {Verdict.MOVE, Verdict.HELD} <= found
    assert any(total.event is None and total.gain.expected > 0 for total in done.waiting.gains)


def test_intervals_contain_the_truth_about_as_often_as_they_say(done: Rehearsal) -> None:
    """At most one 95 % interval of what is identified or weak misses the truth."""
    table = load_fit(done.workspace.fits).elasticities
    truth = [done.season.elasticity[key] for key in zip(table["product"], table["segment"], strict=True)]
    inside = (table["lower"] <= truth) & (truth <= table["upper"])
    assert (~inside[table["status"] != "not-identified"]).sum() <= 1
    assert (table["status"] == "identified").sum() >= 5


def test_a_price_that_followed_demand_or_never_moved_is_held(done: Rehearsal) -> None:
    """The three traps of the season are not identified, and every one of their prices stays, with a reason."""
    table = load_fit(done.workspace.fits).elasticities.set_index(["product", "segment"])["status"]
    traps = [("VIP", "adult"), ("Balcony", "student"), ("Tote bag", "all")]
    assert [table[trap] for trap in traps] == ["not-identified"] * 3
    trapped = {f"{product} / {segment}" for product, segment in traps[:2]}
    held = [d for d in done.proposal.decisions if d.offer.split(" / ", 1)[1] in trapped]
    assert len(held) == 24
    assert all(d.verdict is Verdict.HELD and d.allowed == d.in_force for d in held)
    assert all(d.reasons[0].startswith("Held: ") for d in held)


def test_every_move_passed_the_guard_rails_and_keeps_the_order(done: Rehearsal) -> None:
    """Checked again here, from the offers as they were uploaded."""
    policy = done.workspace.settings.policy
    market = done.workspace.market(NOW - timedelta(seconds=1))
    offers = {offer.id: offer for offer in market.offers}
    allowed = {decision.offer: decision.allowed for decision in done.proposal.decisions}
    for decision in done.proposal.decisions:
        if decision.verdict is Verdict.MOVE:
            was = InForce.steady(decision.in_force)
            assert broken(decision.allowed, offers[decision.offer], was, decision.evidence, policy) == ()
    for offer, price in allowed.items():
        if offer.endswith("student"):
            assert price <= allowed[offer.replace("student", "adult")]


def test_the_prices_are_worth_more_under_the_truth_nobody_knew(done: Rehearsal) -> None:
    """Not by the engine's own estimate, but by the simulator's: the season earns more than at the old prices."""
    costs = {offer.id: float(offer.unit_cost) for offer in done.workspace.offers_on_sale(NOW)}
    gain = 0.0
    for decision in done.proposal.decisions:
        units, reference = done.season.appetite[decision.offer]
        product = decision.offer.split(" / ")[1]
        segment = "all" if decision.offer.startswith("Shop") else decision.offer.rsplit(" / ", 1)[1]
        slope = done.season.elasticity[product, segment]
        worth = [
            (float(price) - costs[decision.offer]) * units * (float(price) / reference) ** slope
            for price in (decision.in_force, decision.allowed)
        ]
        gain += worth[1] - worth[0] if decision.shadow_price == 0 else 0.0
    assert gain > 0


def test_pricing_again_within_a_day_stays_within_the_daily_cap(done: Rehearsal) -> None:
    """A second run an hour later starts from the new prices, and never ends beyond the cap from yesterday's."""
    later = NOW + timedelta(hours=1)
    again = done.workspace.price(HighsOptimizer(), by="engine", now=later)
    yesterday = {decision.offer: decision.in_force for decision in done.proposal.decisions}
    cap = done.workspace.settings.policy.daily_cap
    for decision in again.decisions:
        start = yesterday[decision.offer]
        assert abs(decision.allowed - start) <= cap * start


def test_a_proposal_against_an_old_version_never_publishes(done: Rehearsal) -> None:
    """What was decided before the book moved on is stale."""
    with pytest.raises(RefusedError, match=r"stale|published"):
        done.workspace.publish(done.proposal.id, by=MANAGER, now=NOW + timedelta(hours=2))


def test_rooms_count_what_their_event_has_sold(done: Rehearsal) -> None:
    """Seats left are seats less tickets sold so far."""
    market = done.workspace.market(NOW)
    sales = done.season.sales
    for resource in market.resources[:6]:
        event, product = resource.id.split(" / ")
        sold = sales[(sales["event"] == event) & (sales["product"] == product)]["quantity"].sum()
        seats = done.season.resources.set_index("resource")["capacity"][resource.id]
        assert resource.capacity == seats - sold


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    """A rehearsal never deletes what it did not make."""
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(InputError, match="something else"):
        rehearse(tmp_path, now=NOW, seed=7, manager=MANAGER, progress=lambda *_: None)
    assert (tmp_path / "thesis.txt").read_text() == "important"


def test_the_uploads_are_what_a_user_would_bring(done: Rehearsal) -> None:
    """Plain CSV files of the documented tables, one row per ticket type, audience, event and day."""
    sales = pd.read_csv(done.workspace.root / "uploads" / "sales.csv")
    assert len(sales) == len(done.season.sales)
    assert {who.segment for who in TICKETS} <= set(sales["segment"])
