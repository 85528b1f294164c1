"""What may not be published is refused with every reason, and only what is sure and small approves itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.book import Decision, Listing, Proposal, Provenance, Verdict
from pricing.demand import Evidence, Identification
from pricing.guardrails import InForce, declared, may_approve_itself, no_approval, objections, stale
from pricing.guardrails.rails import Rail, Refusal
from pricing.model import Ladder, Offer
from pricing.outcome import Gain, Outcome
from pricing.policy import Mode, Policy

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
LADDER = Ladder.parse("10:60:0.50", "EUR")
SURE = Evidence(Identification.IDENTIFIED, -1.8, 0.2, "17 price moves", "booking curve")
WEAK = replace(SURE, status=Identification.WEAK)
ORDER = (("student", "adult"),)
AUTOMATIC = Policy(mode=Mode.AUTOMATIC)
TWENTY = Decimal(20)

Key = tuple[str, str]


def offer(name: str, **more: Any) -> Offer:
    """An offer at 20, between 12 and 40."""
    told: dict[str, Any] = {"id": name, "product": name, "currency": "EUR", "ladder": LADDER}
    return Offer(**(told | {"floor": Decimal(12), "ceiling": Decimal(40), "current_price": TWENTY} | more))


def move(name: str = "a", to: str = "21", *, at: str = "20", **more: Any) -> Decision:
    """A decision about an offer at 20."""
    price, nothing = Decimal(to), Outcome(Decimal(at), 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    told: dict[str, Any] = {
        "offer": name,
        "channel": "all",
        "currency": "EUR",
        "in_force": Decimal(at),
        "wanted": price,
        "allowed": price,
        "floor": Decimal(1),
        "ceiling": Decimal(1000),
        "ladder": LADDER,
        "verdict": Verdict.KEEP if to == at else Verdict.MOVE,
        "reasons": (),
        "evidence": SURE,
        "now": nothing,
        "then": nothing,
        "gain": Gain(0.0, 0.0, 0.0, 0.0),
    }
    return Decision(**(told | more))


def proposal(*moves: Decision, sales: datetime | None = NOW - DAY, fit: datetime | None = NOW) -> Proposal:
    """A proposal made now."""
    made_from = Provenance("ab12", "fit-1", "highs: optimal", sales, fit)
    return Proposal("p1", "engine", NOW, NOW + DAY, made_from, moves, 1)


def against(
    made: Proposal,
    offers: Sequence[Offer | Listing],
    policy: Policy | None = None,
    *,
    past: Mapping[Key, InForce] | None = None,
    large: bool = False,
    at: datetime | None = None,
) -> list[str]:
    """The objections, of a book in which every offer has been at 20 unless told otherwise."""
    listings = [each if isinstance(each, Listing) else Listing(each) for each in offers]
    keyed = {(each.offer.id, each.offer.channel): each for each in listings}
    known = dict.fromkeys(keyed, InForce.steady(TWENTY)) | dict(past or {})
    return objections(made, keyed, known, policy or Policy(), now=NOW, large=large, at=at)


def at(price: str, **more: Any) -> InForce:
    """A price that has not moved."""
    return replace(InForce.steady(Decimal(price)), **more)


def test_what_is_inside_every_rail_is_published() -> None:
    """Nothing stands against it; a price that is kept is asked nothing."""
    assert against(proposal(move()), [offer("a")]) == []
    assert against(proposal(move(to="20")), []) == []
    assert against(proposal(), []) == []


def test_every_rail_is_asked_again_by_what_is_listed_and_in_force_now() -> None:
    """The bounds of the listing count, not those that were decided with; every reason of every offer is said."""
    made = proposal(move("a", "41"), move("b", "21.25"), move("c"))
    tight = offer("c", ceiling=Decimal("20.50"))
    assert against(made, [offer("a"), offer("b"), tight], past={("a", "all"): at("39")}) == [
        "a: above its ceiling of 40",
        "b: not a step of the ladder",
        "c: above its ceiling of 20.50",
    ]


@pytest.mark.parametrize("price", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_never_published(price: str) -> None:
    """It is an objection, not a crash, also beside declared orders and where the policy approves."""
    made = proposal(move("a", price), move("s", price))
    offers = [offer("a", product="x", segment="adult"), offer("s", product="x", segment="student")]
    known = {(each.id, "all"): InForce.steady(TWENTY) for each in offers}
    said = ["a: not a number", "s: not a number"]
    assert against(made, offers, Policy(segment_order=ORDER)) == said
    policy = replace(AUTOMATIC, segment_order=ORDER)
    listings = {(each.id, "all"): Listing(each) for each in offers}
    beyond = [f"{name}: moves more than the 5% that approve themselves" for name in ("a", "s")]
    assert may_approve_itself(made, listings, known, policy, now=NOW) == said + beyond


def test_an_offer_that_is_not_listed_or_has_no_price_never_moves() -> None:
    """Nothing is guessed for a missing bound; the other offers are looked at all the same."""
    made = proposal(move("a"), move("b"), move("c", "41"))
    listed = {(name, "all"): Listing(offer(name)) for name in ("b", "c")}
    known = {(name, "all"): at("40") for name in ("a", "c")}
    assert objections(made, listed, known, Policy(), now=NOW, large=False) == [
        "a is not listed, so its floor and ceiling are not known",
        "b has no price in force to start from",
        "c: above its ceiling of 40",
    ]


def test_an_offer_of_one_channel_is_not_that_of_another() -> None:
    """Listing and price are looked up by both, and both are named."""
    made = proposal(move("a", channel="web"), move("b", "41", channel="web"))
    assert against(made, [offer("a"), offer("b", channel="web")], past={("b", "web"): at("40")}) == [
        "a (web) is not listed, so its floor and ceiling are not known",
        "b (web): above its ceiling of 40",
    ]


def test_a_decision_in_another_currency_is_refused() -> None:
    """21 dollars are not 21 euros."""
    assert against(proposal(move(currency="USD")), [offer("a")]) == ["a: is in USD, its listing in EUR"]


def test_what_is_no_longer_sold_when_the_price_begins_is_refused() -> None:
    """An event that has begun, and one that begins before a scheduled price does."""
    ends = Listing(offer("a"), NOW + DAY)
    said = ["a: is on sale until 2026-03-03 09:30 UTC only"]
    assert against(proposal(move()), [ends]) == []
    assert against(proposal(move()), [ends], at=NOW + DAY - MOMENT) == []
    assert against(proposal(move()), [ends], at=NOW + DAY) == said
    assert against(proposal(move()), [replace(ends, sold_until=NOW)]) == [
        "a: is on sale until 2026-03-02 09:30 UTC only"
    ]


def test_sales_and_model_may_be_as_old_as_the_policy_says() -> None:
    """And no older; what is unknown, or dated ahead of the clock by more than a day, is too old."""
    policy = Policy(sales_age_days=7, fit_age_days=3)
    assert stale(NOW - 7 * DAY, NOW - 3 * DAY, policy, NOW) == []
    assert stale(NOW + DAY, NOW + DAY, policy, NOW) == []
    assert stale(NOW - 7 * DAY - MOMENT, NOW - 3 * DAY - MOMENT, policy, NOW) == [
        Refusal(Rail.SALES_AGE, "the newest sales are from 2026-02-23, more than 7 days ago"),
        Refusal(Rail.FIT_AGE, "the model is from 2026-02-27, more than 3 days ago"),
    ]
    assert stale(NOW + DAY + MOMENT, NOW + DAY + MOMENT, policy, NOW) == [
        Refusal(Rail.SALES_AGE, "the newest sales are from 2026-03-03, ahead of the clock"),
        Refusal(Rail.FIT_AGE, "the model is from 2026-03-03, ahead of the clock"),
    ]
    assert stale(None, None, policy, NOW) == [
        Refusal(Rail.SALES_AGE, "the newest sales are of unknown age"),
        Refusal(Rail.FIT_AGE, "the model is of unknown age"),
    ]


def test_a_proposal_made_from_what_is_old_or_undated_moves_no_price() -> None:
    """Nor does a proposal that has become old; one that moves nothing has nothing to be old for."""
    assert against(proposal(move(), sales=NOW - 63 * DAY), [offer("a")]) == [
        "the newest sales are from 2025-12-29, more than 62 days ago"
    ]
    assert against(proposal(move(), sales=NOW - 62 * DAY), [offer("a")]) == []
    assert against(proposal(move(), sales=None, fit=None), [offer("a")]) == [
        "the newest sales are of unknown age",
        "the model is of unknown age",
    ]
    assert against(proposal(move(to="20"), sales=None, fit=None), [offer("a")]) == []


def test_what_will_be_old_when_a_price_begins_moves_none() -> None:
    """Scheduling a price does not keep what it was decided on fresh; what is dated ahead of the clock stays so."""
    made = [offer("a")]
    assert against(proposal(move()), made, at=NOW + 35 * DAY) == []
    assert against(proposal(move()), made, at=NOW + 35 * DAY + MOMENT) == [
        "when its prices begin, the model is from 2026-03-02, more than 35 days ago"
    ]
    assert against(proposal(move(), sales=NOW + 2 * DAY), made, at=NOW + 2 * DAY) == [
        "the newest sales are from 2026-03-04, ahead of the clock"
    ]
    assert against(proposal(move(set_by="ann")), made, at=NOW + 99 * DAY) == []


def test_a_persons_price_needs_no_evidence_but_keeps_every_other_rail() -> None:
    """Neither fresh sales nor a known price response; the step is that of sure evidence, not that of weak."""
    unsure = replace(SURE, status=Identification.NOT_IDENTIFIED)
    by_hand = [move("a", "22", set_by="ann", evidence=unsure), move("b", "22", set_by="ann", evidence=WEAK)]
    offers = [offer("a"), offer("b"), offer("c")]
    assert against(proposal(*by_hand, sales=None), offers) == []
    beside = proposal(*by_hand, move("c", "22", evidence=WEAK), sales=None)
    assert against(beside, offers) == ["the newest sales are of unknown age", "c: moves more than 5% in one run"]
    assert against(proposal(move("a", "22.50", set_by="ann")), offers) == ["a: moves more than 10% in one run"]


def test_what_is_not_identified_stays_where_it_is() -> None:
    """Whoever recorded the decision."""
    unsure = replace(SURE, status=Identification.NOT_IDENTIFIED, reason="price followed demand")
    assert against(proposal(move(evidence=unsure)), [offer("a")]) == ["a: held: price followed demand"]


def test_an_offer_with_a_price_to_come_waits_for_it() -> None:
    """Or for it to be cancelled."""
    said = against(proposal(move()), [offer("a")], past={("a", "all"): at("20", coming=NOW + DAY)})
    scheduled = "a price that takes effect at 2026-03-03 09:30 UTC is scheduled"
    assert said == [f"a: held: {scheduled}; cancel it first: fairfare rollback VERSION"]


def test_in_mode_shadow_nothing_is_approved_or_published() -> None:
    """It decides and records."""
    said = "in mode shadow prices are decided and recorded, never published"
    for mode in (Mode.MANUAL, Mode.AUTOMATIC, Mode.DISCOUNT_ONLY, Mode.SHADOW):
        for large in (True, False):
            why = no_approval(proposal(move()), {}, {}, Policy(mode=mode), now=NOW, large=large)
            assert why == (said if mode is Mode.SHADOW else None)
    assert against(proposal(move(to="20")), [offer("a")], Policy(mode=Mode.SHADOW)) == [said]
    assert against(proposal(move("a", "41")), [], Policy(mode=Mode.SHADOW))[0] == said


PAIR = [offer("adult", product="x", segment="adult"), offer("student", product="x", segment="student")]


def ordered(*moves: Decision, adult: str = "20", student: str = "20", **more: Any) -> list[str]:
    """Objections where a student ticket never costs more than an adult one."""
    past = {("adult", "all"): at(adult), ("student", "all"): at(student)}
    return against(proposal(*moves), PAIR, Policy(segment_order=ORDER, **more), past=past)


def test_a_declared_order_that_holds_is_not_broken_and_a_broken_one_not_further() -> None:
    """A dearer student is refused; moves that keep the order, or mend it, are not."""
    assert ordered(move("student")) == ["student at 21 would cost more than adult at 20"]
    assert ordered(move("adult", "19")) == ["student at 20 would cost more than adult at 19"]
    assert ordered(move("adult"), move("student")) == []
    assert ordered(move("student"), adult="21") == []
    assert ordered(move("student", "24", at="25"), student="25") == []
    assert ordered(move("student", "26", at="25"), student="25") == ["student at 26 would cost more than adult at 20"]
    assert ordered(move("adult", "21"), move("student", "26", at="25"), student="25") == []
    assert ordered(student="25") == []


def test_orders_are_asked_of_what_is_sold_and_of_no_others() -> None:
    """Not of an event that is over when the price begins, another event, an unlisted offer or one without a price."""
    policy, made = Policy(segment_order=ORDER), proposal(move("student"))
    adult, student = (Listing(each) for each in PAIR)
    assert against(made, [replace(adult, sold_until=NOW), student], policy) == []
    assert against(made, [replace(adult, sold_until=NOW + DAY), student], policy, at=NOW + DAY) == []
    assert against(made, [replace(adult, sold_until=NOW + DAY), student], policy, at=NOW + DAY - MOMENT) != []
    assert against(made, [offer("adult", product="x", segment="adult", event="late"), student], policy) == []
    assert against(made, [student], policy) == []
    listed = {("adult", "all"): adult, ("student", "all"): student}
    assert objections(made, listed, {("student", "all"): at("20")}, policy, now=NOW, large=False) == []
    assert against(made, [adult, student, offer("other")], Policy()) == []


def test_an_order_with_a_price_to_come_is_not_decided_over() -> None:
    """What holds now may not hold when the other price begins."""
    past = {("adult", "all"): at("20", coming=NOW + DAY)}
    said = "adult, whose price is tied to a moving one by an order, has a price scheduled"
    assert against(proposal(move("student", "19")), PAIR, Policy(segment_order=ORDER), past=past) == [said]
    assert against(proposal(move("student", "19")), PAIR, past=past) == []
    waiting = {("student", "all"): at("20", coming=NOW + DAY)}
    assert "student, whose" in against(proposal(move("adult")), PAIR, Policy(segment_order=ORDER), past=waiting)[0]
    assert against(proposal(), PAIR, Policy(segment_order=ORDER), past=past) == []


def test_declared_pairs_are_of_one_event_channel_and_product_or_segment() -> None:
    """Each offer of the lower group with each of the upper; groups nobody offers make no pair."""
    front = offer("front adult", product="front", segment="adult")
    rear = offer("rear adult", product="rear", segment="adult")
    cheap = offer("front student", product="front", segment="student")
    elsewhere = [
        replace(rear, id="web", channel="web"),
        replace(rear, id="late", event="late"),
        replace(rear, id="senior", segment="senior"),
    ]
    policy = Policy(segment_order=(("student", "adult"), ("child", "adult")), product_order=(("rear", "front"),))
    pairs = declared([front, rear, cheap, replace(rear, id="again"), *elsewhere], policy)
    assert {(lower.id, upper.id) for lower, upper in pairs} == {
        ("front student", "front adult"),
        ("rear adult", "front adult"),
        ("again", "front adult"),
    }
    assert len(pairs) == 3
    assert declared([front, rear, cheap], Policy()) == []


def many(count: int) -> list[Offer]:
    """A catalogue."""
    return [offer(f"o{k}") for k in range(count)]


def moves(count: int, start: int = 0) -> list[Decision]:
    """The first so many of them move."""
    return [move(f"o{k}") for k in range(start, start + count)]


def test_the_breaker_trips_when_more_of_the_catalogue_would_have_moved_than_may() -> None:
    """At three quarters it does not, at one more it does, and a person who has seen that lifts it."""
    assert against(proposal(*moves(30)), many(40)) == []
    said = (
        "with it 31 of 40 offers on sale would have moved within 24 hours, more than 75%; whoever approves it must say "
        "that they have seen that it is large"
    )
    assert against(proposal(*moves(31)), many(40)) == [said]
    assert against(proposal(*moves(31)), many(40), large=True) == []
    listings = {(each.id, "all"): Listing(each) for each in many(40)}
    known = dict.fromkeys(listings, at("20"))
    told = (proposal(*moves(31)), listings, known, Policy())
    assert no_approval(*told, now=NOW, large=False) == said
    assert no_approval(*told, now=NOW, large=True) is None
    assert no_approval(proposal(*moves(30)), *told[1:], now=NOW, large=False) is None
    over = {key: replace(listing, sold_until=NOW) for key, listing in listings.items()}
    assert no_approval(told[0], over, *told[2:], now=NOW, large=False) is None
    assert no_approval(told[0], over, *told[2:], now=NOW - MOMENT, large=False) == said
    assert against(proposal(*moves(31)), many(40), Policy(breaker=Decimal("0.8"))) == []


def test_a_small_catalogue_may_be_priced_at_once() -> None:
    """Ten offers are looked through by whoever approves them."""
    assert against(proposal(*moves(10)), many(10)) == []
    assert len(against(proposal(*moves(11)), many(11))) == 1
    assert len(against(proposal(*moves(10)), many(10), Policy(breaker_least=9))) == 1


def test_what_others_have_moved_within_a_day_and_will_move_counts() -> None:
    """Each offer once, however often it moved; what is not on sale does not count, on either side."""
    risen = {(f"o{k}", "all"): InForce(TWENTY, Decimal(19), TWENTY) for k in range(20)}
    fallen = {(f"o{k}", "all"): InForce(TWENTY, TWENTY, Decimal(21)) for k in range(20)}
    coming = {(f"o{k}", "all"): at("20", coming=NOW + DAY) for k in range(20)}
    for past in (risen, fallen, coming):
        assert against(proposal(*moves(10, 20)), many(40), past=past) == []
        assert len(against(proposal(*moves(11, 20)), many(40), past=past)) == 1
    assert against(proposal(*moves(20)), many(40), past=risen) == []
    gone = [Listing(each, NOW) for each in many(40)[20:]]
    assert against(proposal(*moves(15)), [*many(20), *gone], past=coming | {("o39", "all"): risen["o0", "all"]}) != []
    late = {(f"o{k}", "all"): InForce(TWENTY, Decimal(19), TWENTY) for k in range(20, 40)}
    assert against(proposal(*moves(15)), [*many(20), *gone], past=late) == []
    assert against(proposal(), many(40), past=late | risen) == []


def automatic(*moves_: Decision, policy: Policy = AUTOMATIC, offers: Sequence[Offer] = (), **more: Any) -> list[str]:
    """Why a proposal does not approve itself."""
    listings = {(each.id, each.channel): Listing(each) for each in offers or [offer("a"), offer("b")]}
    known = dict.fromkeys(listings, InForce.steady(TWENTY))
    return may_approve_itself(proposal(*moves_, **more), listings, known, policy, now=NOW)


def test_what_is_sure_and_small_approves_itself() -> None:
    """Up and down, by the automatic step and not more."""
    assert automatic(move("a", "21"), move("b", "19")) == []
    said = "moves more than the 5% that approve themselves"
    assert automatic(move("a", "21.50"), move("b", "18.50")) == [f"a: {said}", f"b: {said}"]
    assert automatic(move("a", "22"), policy=replace(AUTOMATIC, automatic_step=Decimal("0.1"))) == []


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.AUTOMATIC])
def test_only_mode_automatic_approves(mode: Mode) -> None:
    """In every other mode that is a person's."""
    since = NOW if mode is Mode.EMERGENCY else None
    assert automatic(move(), policy=Policy(mode=mode, emergency_since=since)) == [f"in mode {mode} a person approves"]


def test_what_is_unsure_set_by_hand_or_out_of_bounds_waits_for_a_person() -> None:
    """Each move says why."""
    assert automatic(move("a", "20.50", evidence=WEAK)) == ["a: the evidence is weak"]
    assert automatic(move("a", set_by="ann")) == ["a: ann set its price"]
    assert automatic(move("a", "20.75")) == ["a: not a step of the ladder"]
    assert automatic(move("a"), sales=None) == ["the newest sales are of unknown age"]
    assert automatic(move("a", "20"), move("b", "20")) == ["no price moves"]
    assert automatic(move("a", channel="web")) == ["a (web) is not listed, so its floor and ceiling are not known"]


def test_what_trips_the_breaker_never_approves_itself() -> None:
    """Whoever asks for it."""
    assert automatic(*moves(30), offers=many(40)) == []
    assert "31 of 40" in automatic(*moves(31), offers=many(40))[0]


prices = st.sampled_from(["NaN", "Infinity", "-5", "0", "0.01", "11.50", "12", "18", "19", "20.25", "21", "22", "1e30"])


@given(
    st.lists(prices, min_size=1, max_size=12),
    st.lists(st.sampled_from(["listed", "unlisted", "priceless", "over", "waiting"]), min_size=12, max_size=12),
    st.sampled_from([Mode.MANUAL, Mode.AUTOMATIC, Mode.DISCOUNT_ONLY, Mode.SHADOW]),
    st.booleans(),
    st.sampled_from([None, NOW - DAY, NOW - 99 * DAY]),
)
def test_whatever_is_proposed_what_is_published_is_inside(
    wanted: list[str], kinds: list[str], mode: Mode, large: bool, sales: datetime | None
) -> None:
    """Without an objection every move is listed, priced, on sale, on its ladder, and inside step and bounds."""
    names = [f"o{k}" for k in range(len(wanted))]
    kind = dict(zip(names, kinds, strict=False))
    made = proposal(*(move(name, price) for name, price in zip(names, wanted, strict=True)), sales=sales)
    listings = {
        (name, "all"): Listing(offer(name), NOW if kind[name] == "over" else None)
        for name in names
        if kind[name] != "unlisted"
    }
    known = {
        (name, "all"): at("20", coming=NOW + DAY if kind[name] == "waiting" else None)
        for name in names
        if kind[name] != "priceless"
    }
    policy = Policy(mode=mode)
    if objections(made, listings, known, policy, now=NOW, large=large):
        assert may_approve_itself(made, listings, known, policy, now=NOW) or large
        return
    assert mode is not Mode.SHADOW
    assert sales == NOW - DAY
    assert {kind[name] for name in names} == {"listed"}
    assert set(wanted) <= {"18", "19", "21", "22"}
    assert mode is not Mode.DISCOUNT_ONLY or set(wanted) <= {"18", "19"}
    assert large or len(names) <= 10
