"""What people set for a time binds whoever publishes, moves no price, and ends by itself; on both databases."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.store.book import PriceBook
from api.store.database import open_database, reading
from api.store.log import verify
from api.store.overrides import Overrides
from api.store.queries import standing_overrides
from pricing.book import Listing, Standing, Verdict
from pricing.errors import RefusedError
from pricing.law import NO_LAW
from pricing.overrides import Kind, Override
from tests.api.store.book_kit import (
    DAY,
    IDS,
    NOW,
    OFFERS,
    POLICY,
    Home,
    book_with_prices,
    decision,
    new_book,
    override,
    place_in,
    price_list,
    proposal,
    publish,
    put_in_force,
)

WEEK = 7 * DAY


@dataclass
class Till:
    """A book with prices, its overrides, and the model of what stands: who set what, and until when."""

    home: Home
    now: datetime = NOW
    model: dict[Kind, Override] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.book: PriceBook = book_with_prices(self.home)
        self.engine = open_database(place_in(self.home))
        self.overrides = Overrides(self.engine)

    def set(self, wanted: Override) -> None:
        """Set one."""
        self.overrides.set(wanted, policy=POLICY, law=NO_LAW)


@pytest.fixture
def till(home: Home) -> Till:
    """Three offers at 10.00, between 10.00 and 12.00."""
    return Till(home)


def test_setting_one_moves_no_price_and_is_one_entry_of_the_log(till: Till) -> None:
    """Which tells who, what, until when and why; the book still agrees with its log."""
    before = len(till.book.entries())
    till.set(override())
    (entry,) = till.book.entries(after=before)
    assert (entry.action, entry.subject, entry.by) == ("set-override", IDS[0], "Ann")
    told = msgspec.json.decode(entry.body)
    assert (told["kind"], told["amount"], told["reason"]) == ("ceiling", "11.00", "promised")
    assert price_list(till.book) == dict.fromkeys(IDS, "10.00")
    assert verify(till.engine, None) == ()


def test_it_is_read_back_as_it_was_set_and_ends_by_itself(till: Till) -> None:
    """At `until`, not a moment before."""
    till.set(override())
    (found,) = till.overrides.standing(NOW)
    assert replace(found, number=None) == override()
    for after, stands in ((WEEK - timedelta(microseconds=1), True), (WEEK, False)):
        with reading(till.engine) as db:
            assert bool(standing_overrides(db, NOW + after)) is stands
    assert till.overrides.standing(NOW + WEEK) == ()


def test_a_publication_that_breaks_it_is_refused_by_name(till: Till) -> None:
    """At once or scheduled; one that begins when it has ended is not, and what keeps it is not."""
    till.set(override())
    words = r"hamlet-adult: above the ceiling of 11\.00 that Ann set until 2026-03-09 09:30 UTC \(promised\)"
    with pytest.raises(RefusedError, match=words):
        publish(till.book, decision(price="12.00"))
    with pytest.raises(RefusedError, match=words):
        put_in_force(till.book, begins=NOW + DAY)
    assert put_in_force(till.book, begins=NOW + WEEK) == 2
    assert publish(till.book, decision(IDS[1], "12.00"), name="p2", at=NOW) == 3


def test_after_its_end_the_bounds_are_the_owners_own(till: Till) -> None:
    """Nothing has to be done for that."""
    till.set(override())
    publish(till.book, decision(price="11.00"), name="p1", at=NOW + DAY)
    publish(till.book, decision(price="12.00", now="11.00"), name="p2", at=NOW + WEEK)
    assert price_list(till.book)[IDS[0]] == "12.00"


def test_another_of_the_same_kind_takes_its_place_and_others_stand_beside_it(till: Till) -> None:
    """A floor beside a ceiling, each with its own end."""
    till.set(override())
    till.set(override(amount="12.00", days=3, at=NOW + DAY))
    till.set(override(Kind.FLOOR, "10.00"))
    found = [(each.kind, str(each.amount)) for each in till.overrides.standing(NOW + DAY)]
    assert found == [(Kind.FLOOR, "10.00"), (Kind.CEILING, "12.00")]
    assert verify(till.engine, None) == ()


def test_it_can_be_ended_early_once(till: Till) -> None:
    """By whoever says why; then the owner's bounds hold again."""
    till.set(override())
    (set_,) = till.overrides.standing(NOW)
    till.overrides.end(set_.number or 0, by="Bob", now=NOW + DAY, reason="partner withdrew")
    assert till.overrides.standing(NOW + DAY) == ()
    assert till.book.entries()[-1].action == "end-override"
    publish(till.book, decision(price="12.00"), name="p1", at=NOW + DAY)
    with pytest.raises(RefusedError, match="override 1 does not stand"):
        till.overrides.end(1, by="Bob", now=NOW + DAY, reason="again")
    with pytest.raises(RefusedError, match="does not stand"):
        till.overrides.end(99, by="Bob", now=NOW, reason="none")
    assert verify(till.engine, None) == ()


def test_what_could_not_be_kept_is_refused_and_leaves_nothing_behind(till: Till) -> None:
    """Here a price that is scheduled; every other contradiction has its test where it is found."""
    till.book.propose(proposal(decision(price="12.00")))
    till.book.approve("p1", by="bob", now=NOW)
    put_in_force(till.book, begins=NOW + DAY)
    entries = len(till.book.entries())
    with pytest.raises(RefusedError, match=r"hamlet-adult: 12\.00 begins at .*fairfare rollback 2"):
        till.set(override())
    assert (till.overrides.last(), len(till.book.entries())) == ((), entries)


def test_a_rollback_that_would_break_it_is_refused(till: Till) -> None:
    """The price before is above the ceiling set since."""
    publish(till.book, decision(price="12.00"), name="p1")
    publish(till.book, decision(price="11.00", now="12.00"), name="p2", at=NOW + DAY)
    till.set(override(at=NOW + DAY))
    with pytest.raises(RefusedError, match=r"would cost 12\.00, above the ceiling of 11\.00 that Ann set"):
        till.book.rollback(3, by="cyd", now=NOW + DAY, policy=POLICY)
    assert till.book.rollback(3, by="cyd", now=NOW + DAY + WEEK, policy=POLICY) == 4


def test_an_offer_cannot_be_described_so_that_it_leaves_no_price(till: Till) -> None:
    """Until it has ended."""
    till.set(override(amount="10.00"))
    tight = Listing(replace(OFFERS[0], floor=Decimal("11.00")))
    with pytest.raises(RefusedError, match="leaves no price beside the ceiling"):
        till.book.import_offers([tight], by="ann", now=NOW + DAY)
    till.book.import_offers([tight], by="ann", now=NOW + WEEK)


def test_a_proposal_that_waits_gives_way_to_one_that_keeps_it(till: Till) -> None:
    """In the name of whoever set it, so that someone else approves; the nearest price that keeps it."""
    till.book.propose(proposal(decision(price="12.00"), decision(IDS[1]), at=NOW))
    made = till.overrides.set(override(), policy=POLICY, law=NO_LAW)
    assert made is not None
    assert till.book.standing("p1", now=NOW) is Standing.REJECTED
    assert [(each.allowed, each.set_by) for each in made.decisions] == [
        (Decimal("11.00"), "Ann"),
        (Decimal("11.00"), None),
    ]
    with pytest.raises(RefusedError, match="someone else must approve"):
        till.book.approve(made.id, by="Ann", now=NOW)
    till.book.approve(made.id, by="bob", now=NOW)
    put_in_force(till.book, made.id)
    assert price_list(till.book)[IDS[0]] == "11.00"


def test_where_no_price_that_keeps_it_is_within_reach_today_the_price_stays(till: Till) -> None:
    """The rest of the proposal is not held up by it, and nothing that breaks it is published."""
    strict = replace(POLICY, daily_cap=Decimal("0.05"))
    publish(till.book, decision(price="11.00"), decision(IDS[1], "11.00"), name="p1")
    later = NOW + DAY / 4
    moves = decision(now="11.00", price="12.00"), decision(IDS[2], "11.00")
    till.book.propose(proposal(*moves, name="p2", base=till.book.version(), at=later))
    made = till.overrides.set(override(amount="10.00", at=later), policy=strict, law=NO_LAW)
    assert made is not None
    assert [(each.allowed, each.verdict) for each in made.decisions] == [
        (Decimal("11.00"), Verdict.KEEP),
        (Decimal("11.00"), Verdict.MOVE),
    ]


def test_nor_is_it_in_the_way_that_the_price_that_stays_is_no_step(home: Home) -> None:
    """A price from before Fairfare need be none."""
    strict = replace(POLICY, step=Decimal("0.04"), weak_step=Decimal("0.04"))
    book = new_book(home)
    book.import_offers([Listing(replace(OFFERS[0], current_price=Decimal("10.50")))], by="ann", now=NOW)
    book.propose(proposal(decision(price="12.00", now="10.50")))
    made = Overrides(open_database(place_in(home))).set(override(), policy=strict, law=NO_LAW)
    assert made is not None
    assert [(each.allowed, each.verdict) for each in made.decisions] == [(Decimal("10.50"), Verdict.KEEP)]


def test_a_proposal_that_keeps_it_goes_on_waiting(till: Till) -> None:
    """And so does one that says nothing of the offer."""
    till.book.propose(proposal(decision(price="11.00"), decision(IDS[1], "12.00")))
    assert till.overrides.set(override(), policy=POLICY, law=NO_LAW) is None
    assert till.overrides.set(override(offer=IDS[2]), policy=POLICY, law=NO_LAW) is None
    assert till.book.standing("p1", now=NOW) is Standing.OPEN


def test_whoever_set_it_cannot_approve_what_the_engine_proposes_for_it(till: Till) -> None:
    """Two people stand behind a price, also where the program wrote it down."""
    asked = replace(decision(price="11.00"), set_by="Ann")
    till.book.propose(proposal(asked, by="engine"))
    with pytest.raises(RefusedError, match="ann set the price of hamlet-adult: someone else must approve it"):
        till.book.approve("p1", by="ann", now=NOW)
    till.book.approve("p1", by="bob", now=NOW)


@pytest.mark.parametrize("by", ["cyd", "engine"])
def test_nor_what_others_propose_that_holds_it(till: Till, by: str) -> None:
    """Whoever ran the program, and whoever changed another price of the proposal since; without it they may."""
    asked = replace(decision(price="11.00"), set_by="Ann")
    till.book.propose(proposal(asked, decision(IDS[1]), by=by))
    mine = decision(IDS[1], "12.00", set_by="dan")
    made = till.book.override("p1", [mine], by="dan", now=NOW, policy=POLICY, law=NO_LAW)
    for who in ("ann", "dan"):
        with pytest.raises(RefusedError, match="someone else must approve it"):
            till.book.approve(made.id, by=who, now=NOW)
    _, rest = till.book.split(made.id, {asked.key}, by="ann", now=NOW, policy=POLICY, law=NO_LAW)
    till.book.approve(rest, by="ann", now=NOW)


@pytest.mark.parametrize("how", ["ended early", "ended by itself", "another took its place", "begins later"])
def test_what_it_asked_for_is_not_published_once_it_has_ended(till: Till, how: str) -> None:
    """No sales bear such a price out: only the override did."""
    till.set(override(Kind.FLOOR, days=0.5))
    (standing,) = till.overrides.standing(NOW)
    asked = replace(decision(price="11.00"), set_by="Ann", override=standing.number)
    till.book.propose(proposal(asked, by="engine"))
    till.book.approve("p1", by="bob", now=NOW)
    later = NOW + DAY / 4
    if how == "ended early":
        till.overrides.end(standing.number or 0, by="Ann", now=later, reason="over")
    elif how == "ended by itself":
        later = NOW + DAY / 2
    elif how == "another took its place":
        till.set(override(Kind.FLOOR, "10.00", at=later))
    begins = NOW + DAY if how == "begins later" else None
    with pytest.raises(RefusedError, match="the override of Ann that asked for it stands no longer"):
        put_in_force(till.book, at=later, begins=begins)
    assert price_list(till.book)[IDS[0]] == "10.00"


def test_what_it_asks_for_is_published_while_it_stands(till: Till) -> None:
    """Once someone else approved it."""
    till.set(override(Kind.FLOOR))
    (standing,) = till.overrides.standing(NOW)
    publish(till.book, replace(decision(price="11.00"), set_by="Ann", override=standing.number))
    assert price_list(till.book)[IDS[0]] == "11.00"


STEP = st.one_of(
    st.tuples(
        st.just("set"),
        st.sampled_from(Kind),
        st.sampled_from(("10.00", "10.50", "11.00", "12.00")),
        st.sampled_from((0.5, 2.0, 7.0)),
    ),
    st.tuples(st.just("publish"), st.sampled_from(("10.00", "11.00", "12.00")), st.sampled_from((0.0, 0.0, 1.0, 4.0))),
    st.tuples(st.just("wait"), st.sampled_from((0.3, 1.0, 3.0, 8.0))),
    st.tuples(st.just("end"), st.sampled_from(Kind)),
    st.tuples(st.just("rollback")),
)


def take(till: Till, step: tuple[Any, ...]) -> None:
    """Take one step, and hold what comes of it against the model."""
    before, (name, *told) = till.book.version(), step
    stood = till.book.price_at(IDS[0], "all", till.now + DAY / 24)
    with suppress(RefusedError):
        STEPS[name](till, *told)
    for price in (*till.book.prices_in_force(till.now + DAY / 24), *till.book.coming(till.now)):
        stays = stood is not None and price.price == stood.price  # taking back what was to follow moves nothing
        if price.version > before and price.offer == IDS[0] and not stays:
            assert not _broken(till, str(price.price), price.valid_from)


def _wait(till: Till, days: float) -> None:
    till.now += timedelta(days=days)


def _set(till: Till, kind: Kind, amount: str, days: float) -> None:
    wanted = override(kind, amount, days=days, at=till.now)
    till.set(wanted)
    till.model[kind] = wanted
    coming = [price for price in till.book.coming(till.now) if price.valid_from < wanted.until]
    assert all(wanted.allows(price.price) for price in coming)


def _end(till: Till, kind: Kind) -> None:
    for each in till.overrides.standing(till.now):
        if each.kind is kind:
            till.overrides.end(each.number or 0, by="Ann", now=till.now, reason="over")
    till.model.pop(kind, None)


def _roll_back(till: Till) -> None:
    till.book.rollback(till.book.version(), by="cyd", now=till.now, policy=POLICY)


def _publish(till: Till, price: str, days: float) -> None:
    """It is refused in the name of an override if and only if the model knows one that it breaks."""
    current = till.book.price_at(IDS[0], "all", till.now + DAY / 24)
    assert current is not None
    name, at = f"p{len(till.book.proposals())}", till.now
    begins = at + timedelta(days=days) if days else None
    till.book.propose(
        proposal(decision(price=price, now=str(current.price)), name=name, base=till.book.version(), at=at)
    )
    till.book.approve(name, by="bob", now=at)
    moves, said = Decimal(price) != current.price, ""
    try:
        put_in_force(till.book, name, at=at, begins=begins)
    except RefusedError as error:
        said = str(error)
    scheduled = "is scheduled" in said or "was decided at" in said
    assert scheduled or ("that Ann set until" in said) is (moves and _broken(till, price, begins or at))


def _broken(till: Till, price: str, at: datetime) -> bool:
    return any(at < each.until and not each.allows(Decimal(price)) for each in till.model.values())


STEPS: dict[str, Callable[..., None]] = {
    "wait": _wait,
    "set": _set,
    "end": _end,
    "publish": _publish,
    "rollback": _roll_back,
}


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(STEP, min_size=6, max_size=12))
def test_nothing_published_ever_breaks_one_that_stands_then(
    new_home: Callable[[], Home], steps: list[tuple[Any, ...]]
) -> None:
    """Whatever is set, ended, published, scheduled and taken back as time passes; nor is more refused."""
    till = Till(new_home())
    for step in steps:
        take(till, step)
    assert verify(till.engine, None) == ()


def test_a_book_from_before_overrides_gets_them(tmp_path: Path) -> None:
    """`fairfare upgrade` adds the table, empty; what was in force stays."""
    from alembic import command
    from alembic.config import Config

    from api.store import migrations
    from api.store.database import writing

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = open_database(place_in(tmp_path))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    assert migrations.revision(engine) == "0003"
    migrations.upgrade(engine)
    assert (migrations.revision(engine), Overrides(engine).last()) == (migrations.HEAD, ())
