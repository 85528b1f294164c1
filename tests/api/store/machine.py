"""Any sequence of steps on a price book, held after each against the model; numbers are those of the safety rules."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine, event, insert, select

from api.served.answers import take
from api.served.snapshot import Snapshot
from api.store import requests
from api.store.book import PriceBook
from api.store.database import DATABASE_NAME, open_database, reading, writing
from api.store.log import ANCHOR_NAME, verify
from api.store.migrations import upgrade
from api.store.queries import all_publications, freeze_reason, history_of, standing_of
from api.store.tables import metadata, prices, publications
from pricing.book import Change, Decision, Listing, Proposal
from pricing.errors import InputError, RefusedError
from pricing.law import NO_LAW
from pricing.model import Ladder, Offer
from pricing.policy import Policy
from tests.api.store.book_kit import DAY, NOW, Home, decision, place_in, proposal
from tests.api.store.model import NEVER, TICK, Model, Proposed

STEPS = Ladder.of([f"{price}.00" for price in range(6, 17)], "EUR")
POLICY = Policy(
    step=Decimal("0.25"),
    daily_cap=Decimal("0.35"),
    cumulative_cap=Decimal("0.50"),
    band=Decimal(100),
    breaker=Decimal(1),
)
"""Each cap on a move binds somewhere between floor and ceiling; what else guards a price has tests of its own."""
NAMES = ("adult", "child", "senior", "student")
PEOPLE = ("ann", "bob", "cyd")
HOURS = (0, 0, 1, 13, 25, 80, 700, -1, -30)
"""How the clock moves between steps, also back [hours]."""
MOVES = st.dictionaries(st.sampled_from(NAMES[:3]), st.sampled_from((1, -1, 2, 3)), min_size=1, max_size=3)
RARELY = st.sampled_from((False, False, False, True))
STATEMENTS = ("INSERT INTO publications", "UPDATE prices", "INSERT INTO prices", "INSERT INTO log")
POISON: dict[str, dict[str, Any]] = {
    "not a number": {"allowed": Decimal("NaN")},
    "infinite": {"allowed": Decimal("Infinity")},
    "huge": {"allowed": Decimal("1e308")},
    "negative": {"allowed": Decimal("-9.00")},
    "nothing": {"allowed": Decimal("0.00")},
    "a cent": {"allowed": Decimal("0.01")},
    "between two steps": {"allowed": Decimal("11.50")},
    "in minor units": {"allowed": Decimal("1100.00")},
    "another currency": {"currency": "USD"},
    "an offer nobody knows": {"offer": "nobody"},
    "bounds that are none": {"floor": Decimal("NaN"), "ceiling": Decimal("NaN")},
    "an old price": {"in_force": Decimal("9.99")},
}


def listing(name: str, floor: int = 7, ceiling: int = 15, price: Decimal | None = None) -> Listing:
    """An offer at a price, 10 if not said otherwise."""
    known = Offer(name, "seat", "EUR", STEPS, Decimal(floor), Decimal(ceiling), price or Decimal("10.00"), segment=name)
    return Listing(known)


@cache
def _empty() -> bytes:
    """A database file with empty tables; PostgreSQL's new ones have them already."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / DATABASE_NAME
        upgrade(open_database(path))
        return path.read_bytes()


class Machine(RuleBasedStateMachine):
    """A price book beside its model; what is refused must leave every row and the anchor as they were."""

    new_home: ClassVar[Callable[[], Home]]

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.home, self.anchor = type(self).new_home(), Path(self.folder.name) / ANCHOR_NAME
        self.model, self.now, self.count = Model(POLICY), NOW, 0
        if isinstance(self.home, Path):
            (self.home / DATABASE_NAME).write_bytes(_empty())
        self.reopen()

    engine: Engine
    book: PriceBook

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.folder.cleanup()

    @initialize()
    def offers_come_on_sale(self) -> None:
        """Three of the four; one is dearer a day later."""
        self.take_in([listing(name) for name in NAMES[:3]])
        self.now += DAY
        self.change({NAMES[0]: 1}, None)

    @rule(hours=st.sampled_from(HOURS))
    def clock(self, hours: int) -> None:
        """Time passes, or the clock is set back."""
        self.now += timedelta(hours=hours, minutes=7)

    @rule()
    def reopen(self) -> None:
        """Another process begins where the last one ended."""
        self.engine = open_database(place_in(self.home))
        self.book = PriceBook(self.engine, self.anchor)

    # proposals

    @rule(
        moves=st.dictionaries(st.sampled_from(NAMES), st.integers(-3, 3), min_size=1, max_size=3),
        by=st.sampled_from(PEOPLE),
        wide=st.booleans(),
    )
    def propose(self, moves: dict[str, int], by: str, wide: bool) -> None:
        """Move some prices by so many steps of the ladder; whoever proposed tries to approve.

        `wide`: the decision itself knows next to no bounds.
        """
        bounds = {"floor": Decimal(1), "ceiling": Decimal(99)} if wide else {}
        self.approve(self.record([self.move(name, steps, **bounds) for name, steps in moves.items()], by), by)

    @rule(name=st.sampled_from(NAMES), kind=st.sampled_from(sorted(POISON)))
    def propose_poison(self, name: str, kind: str) -> None:
        """A decision that must never become a price; approved, because approving does not make it right."""
        made = self.record([self.move(name, 1, **POISON[kind])], "ann")
        if made in self.model.proposals:
            self.approve(made, "bob")
            self.publish(made, None)

    def move(self, name: str, steps: int, **changed: Any) -> Decision:
        """A decision by so many steps from the price in force."""
        before = (name in self.model.settings and self.model.price(name, self.model.at(self.now))) or Decimal("10.00")
        place = min(max(STEPS.index(before) + steps, 0), len(STEPS) - 1)
        values: dict[str, Any] = {"offer": name, "ladder": STEPS, "floor": Decimal(6), "ceiling": Decimal(16)}
        return decision(price=str(STEPS[place]), now=str(before), **(values | changed))

    def record(self, decisions: list[Decision], by: str) -> str:
        """Propose against the latest version."""
        self.count += 1
        made = proposal(*decisions, name=f"p{self.count}", base=self.model.version, at=self.now, by=by)
        exact = not any(each.allowed.is_nan() or each.floor.is_nan() for each in decisions)
        if self.attempt(exact, lambda: self.book.propose(made)):
            self.model.proposals[made.id] = Proposed(made)
        return made.id

    def known(self, back: int) -> str:
        """The id of a late proposal; one that was never made, if there is none."""
        return f"p{max(self.count - back, 0)}"

    @rule(back=st.integers(0, 3), by=st.sampled_from(PEOPLE))
    def review(self, back: int, by: str) -> None:
        """Somebody approves."""
        self.approve(self.known(back), by)

    def approve(self, name: str, by: str) -> None:
        """Allowed to everyone but the proposer and those who set one of its prices, while the proposal is open."""
        known = self.model.proposals.get(name)
        allowed = known is not None and by not in self.model.behind(name) and self.is_open(name)
        if self.attempt(allowed, lambda: self.book.approve(name, by=by, now=self.now)) and known:
            known.approved = True

    def is_open(self, name: str) -> bool:
        """Whether it waits for somebody."""
        return self.model.standing(name, self.now) == "open"

    @rule(back=st.integers(0, 2), by=st.sampled_from(PEOPLE))
    def reject(self, back: int, by: str) -> None:
        """Somebody closes a proposal for good."""
        name = self.known(back)
        allowed = name in self.model.proposals and self.is_open(name)
        if self.attempt(allowed, lambda: self.book.reject(name, by=by, now=self.now)):
            self.model.proposals[name].rejected = True

    @rule(back=st.integers(0, 2), by=st.sampled_from(PEOPLE), steps=st.integers(-2, 2))
    def override(self, back: int, by: str, steps: int) -> None:
        """Somebody sets the price of one offer of a proposal, which becomes theirs."""
        name, made = self.known(back), list[Proposal]()
        known = self.model.proposals.get(name)
        first = known.proposal.decisions[0].offer if known else NAMES[0]
        changed = [self.move(first, steps, set_by=by)]
        allowed = (
            known is not None and self.is_open(name) and self.model.may_move(changed[0], self.model.dated(self.now))
        )
        rules: dict[str, Any] = {"policy": POLICY, "law": NO_LAW}
        act = partial(self.book.override, name, changed, by=by, now=self.now, **rules)
        if self.attempt(allowed, lambda: made.append(act())) and known:
            known.rejected = True
            self.model.proposals[made[0].id] = Proposed(made[0], known.origin)
            self.approve(made[0].id, by)

    @rule(back=st.integers(0, 2), chosen=st.sets(st.sampled_from(NAMES)), by=st.sampled_from(PEOPLE))
    def split(self, back: int, chosen: set[str], by: str) -> None:
        """Somebody parts a proposal in two, and somebody else puts both in force, one after the other."""
        name, made = self.known(back), list[str]()
        known, keys = self.model.proposals.get(name), {(offer, "all") for offer in chosen}
        decided = {each.key for each in known.proposal.decisions} if known else set[tuple[str, str]]()
        rules: dict[str, Any] = {"policy": POLICY, "law": NO_LAW}
        act = partial(self.book.split, name, keys, by=by, now=self.now, **rules)
        if self.attempt(bool(keys) and keys < decided and self.is_open(name), lambda: made.extend(act())) and known:
            known.split = True
            parts = [self.book.proposal(part) for part in made]
            assert {each.key: each for part in parts for each in part.decisions} == {
                each.key: each for each in known.proposal.decisions
            }
            for part in parts:
                self.model.proposals[part.id] = Proposed(part, known.origin or name)
                self.approve(part.id, "bob")
                self.publish(part.id, None)

    # publications

    @rule(back=st.integers(0, 3), hours=st.sampled_from((None, None, 2, 30, -2)))
    def put_in_force(self, back: int, hours: int | None) -> None:
        """Publish a late proposal, now or from an instant on."""
        self.publish(self.known(back), None if hours is None else self.now + timedelta(hours=hours))

    @rule(each=st.lists(MOVES, min_size=1, max_size=3), hours=st.sampled_from((0, 13, 25)))
    def change_prices(self, each: list[dict[str, int]], hours: int) -> None:
        """Lift a freeze if there is one; propose, approve and publish in one go, some times with hours in between."""
        if self.model.frozen:
            self.freeze(frozen=False)
        for moves in each:
            self.change(moves, None)
            self.now += timedelta(hours=hours)

    @rule(moves=MOVES, hours=st.sampled_from((2, 30)))
    def schedule(self, moves: dict[str, int], hours: int) -> None:
        """The same from an instant on, frozen or not."""
        self.change(moves, self.now + timedelta(hours=hours))

    def change(self, moves: dict[str, int], begins: datetime | None) -> None:
        """Propose, approve and publish moves by so many steps."""
        made = self.record([self.move(name, steps) for name, steps in moves.items()], "ann")
        self.approve(made, "bob")
        self.publish(made, begins)

    def publish(self, name: str, begins: datetime | None) -> None:
        """As the model allows, and within the market's rails."""
        allowed = self.model.may_publish(name, self.now, begins)
        if self.attempt(allowed, lambda: self.publish_now(name, begins)):
            self.model.publish(name, self.now, begins)

    def publish_now(self, name: str, begins: datetime | None = None) -> int:
        """Ask the book."""
        return self.book.publish(name, by="bob", now=self.now, policy=POLICY, law=NO_LAW, at=begins)

    @rule(back=st.integers(0, 3))
    def roll_back(self, back: int) -> None:
        """Take a late version back, or the import; one that has not begun is cancelled by it."""
        versions = [number for number, made in self.model.versions.items() if made.change is not Change.IMPORT]
        version = versions[-1 - back] if back < len(versions) else 1
        if self.attempt(
            self.model.may_roll_back(version, self.now),
            lambda: self.book.rollback(version, by="cyd", now=self.now, policy=POLICY),
        ):
            self.model.roll_back(version, self.now)

    @rule(frozen=RARELY)
    def freeze(self, frozen: bool) -> None:
        """Freeze or lift it; always allowed."""
        if frozen:
            self.attempt(True, lambda: self.book.freeze(by="cyd", now=self.now, reason="test"))
            self.model.freeze(self.now)
        else:
            self.attempt(True, lambda: self.book.unfreeze(by="cyd", now=self.now, reason="test"))
            self.model.frozen = False

    @rule(name=st.sampled_from(NAMES), floor=st.integers(6, 12), ceiling=st.integers(9, 16), other=st.booleans())
    def describe(self, name: str, floor: int, ceiling: int, other: bool) -> None:
        """The owner brings an offer again with other bounds, at its price or (`other`) at one of their own."""
        known = name in self.model.settings and self.model.price(name, self.model.at(self.now))
        self.take_in([listing(name, min(floor, ceiling), ceiling, Decimal("12.00") if other or not known else known)])

    def take_in(self, brought: list[Listing]) -> None:
        """Import, as the model allows."""
        if self.attempt(
            self.model.may_import(brought, self.now), lambda: self.book.import_offers(brought, by="ann", now=self.now)
        ):
            self.model.take_in(brought, self.now)

    # faults

    @rule(statement=st.sampled_from(STATEMENTS))
    def fail_within_a_publication(self, statement: str) -> None:
        """3: whatever fails in the middle of it, nothing of it is there."""
        made = self.record([self.move(name, 1) for name in NAMES[:2]], "ann")
        self.approve(made, "bob")
        if not self.model.may_publish(made, self.now, None):
            return
        before = self.everything()

        def fail(_db: object, _cursor: object, sql: str, *_: object) -> None:
            if sql.startswith(statement):
                raise MemoryError

        event.listen(self.engine, "before_cursor_execute", fail)
        try:
            self.publish_now(made)
        except MemoryError:
            pass
        else:
            raise AssertionError("it did not fail")
        finally:
            event.remove(self.engine, "before_cursor_execute", fail)
        assert self.everything() == before

    @precondition(lambda self: self.model.version > 0)
    @rule(name=st.sampled_from(NAMES[:3]), number=st.integers(0, 9))
    def write_an_overlap(self, name: str, number: int) -> None:
        """2: the database refuses a second price at an instant that has one, past all of our code."""
        spans = self.model.spans(name)
        begins, _, price, _ = spans[number % len(spans)]
        version, at = self.model.version + 1, self.model.dated(self.now) + 9999 * DAY
        row = {"offer": name, "channel": "all", "currency": "EUR", "price": price, "version": version, "terms": "{}"}
        try:
            with writing(self.engine) as db:
                db.execute(insert(publications).values(version=version, change="import", by="x", at=at))
                db.execute(insert(prices).values(valid_from=begins, valid_until=begins + TICK, **row))
                raise AssertionError("the database took two prices at one instant")
        except RefusedError:
            pass

    @rule(again=st.integers(1, 3), frozen=RARELY)
    def ask_twice(self, again: int, frozen: bool) -> None:
        """5: a request with a key has its effect once, however often it comes; with another body it is refused."""
        self.count += 1
        key = f"k{self.count}"

        def act() -> requests.Answered:
            (self.book.freeze if frozen else self.book.unfreeze)(by="cyd", now=self.now, reason="test")
            return requests.Answered(200, key)

        def ask(mark: str) -> requests.Answered:
            return requests.once(self.engine, act, holder="till", key=key, mark=mark, now=self.now)

        first = ask("one")
        if frozen:
            self.model.freeze(self.now)
        self.model.frozen = frozen
        before = self.everything()
        assert all(ask("one") == first for _ in range(again))
        self.attempt(False, lambda: ask("other"))
        assert self.everything() == before

    def attempt(self, allowed: bool, step: Callable[[], object]) -> bool:  # said by the model
        """Take a step: it is taken if the model allows it, else refused, and nothing has changed."""
        before, refused = None if allowed else self.everything(), ""
        try:
            step()
        except (RefusedError, InputError) as error:
            refused = str(error)
        assert allowed is not bool(refused), refused or "taken, though the model forbids it"
        assert allowed or self.everything() == before, "a refused step has changed something"
        return allowed

    def everything(self) -> tuple[object, ...]:
        """Every row of every table, and the anchor."""
        with reading(self.engine) as db:
            rows = tuple(tuple(map(tuple, db.execute(select(table)))) for table in metadata.sorted_tables)
        return rows, self.anchor.read_bytes() if self.anchor.exists() else b""

    # what holds after every step

    @invariant()
    def the_book_is_the_model(self) -> None:
        """1, 2, 6, 7: every price with its instants, versions, freeze, and how far each proposal has come.

        3: what is served is one version whole, now and at every instant that is to come.
        """
        with reading(self.engine) as db:
            frozen, made = freeze_reason(db) is not None, all_publications(db).values()
            rows = {name: history_of(db, name) for name in self.model.settings}
            late = list(self.model.proposals.values())[-3:]
            standing = [standing_of(db, known.proposal, self.now) for known in late]
            snapshot = take(db, now=self.now)
        assert frozen == self.model.frozen
        assert [(each.change, each.at, each.effective_at, each.undone) for each in made] == [
            (each.change, each.at, each.begins, each.undone) for each in self.model.versions.values()
        ]
        for name, held in rows.items():
            spans = [(row.valid_from, row.valid_until or NEVER, row.price, row.version) for row in held]
            assert spans == self.model.spans(name)
        assert standing == [self.model.standing(known.proposal.id, self.now) for known in late]
        self.is_served(snapshot)

    def is_served(self, snapshot: Snapshot) -> None:
        """Each price the model has, in the latest version."""
        at = self.model.at(self.now)
        for instant in (at, at + timedelta(hours=3), at + 400 * DAY):
            assert served(snapshot.at(instant)) == {
                name: (f"{self.model.price(name, instant)}", self.model.version) for name in self.model.settings
            }

    @invariant()
    def the_log_tells_it_all(self) -> None:
        """4: the chain and its anchor are whole, and replaying the log gives the book."""
        assert verify(self.engine, self.anchor) == ()


def served(snapshot: Snapshot) -> dict[str, tuple[str, int]]:
    """Price and version of the book, by offer, as an answer says them."""
    prices_said = {entry.offer: msgspec.json.decode(entry.price)["price"] for entry in snapshot.entries}
    return {name: (price, snapshot.content.version) for name, price in prices_said.items()}
