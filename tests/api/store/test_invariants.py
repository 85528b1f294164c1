"""Invariants 1 to 8 of the safety rules hold whatever is done to a price book, on both databases."""

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Connection, false, update
from sqlalchemy.exc import DBAPIError

from api.store import book, queries, requests, steps
from api.store.database import writing
from pricing.book import Change
from pricing.errors import FairfareError
from pricing.guardrails.rails import RAILS, Rail
from tests.api.store.book_kit import DAY, NOW, Home
from tests.api.store.crowd import SOAK
from tests.api.store.machine import Machine
from tests.api.store.tour import tour

RUNS, STEPS = (150, 40) if SOAK else (5, 20)


def play(new_home: Callable[[], Home], *, runs: int, steps: int) -> None:
    """Take random steps on new books."""
    machine = type("Here", (Machine,), {"new_home": staticmethod(new_home)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # on a database it takes minutes to find a shorter way to a fault
        ),
    )


def test_the_invariants_hold(new_home: Callable[[], Home]) -> None:
    """Whatever the steps, with clocks that go back, restarts, failures and poison in between."""
    play(new_home, runs=RUNS, steps=STEPS)


def test_a_tour_of_everything_that_can_go_wrong(new_home: Callable[[], Home]) -> None:
    """The steps on which planted bugs are caught: without one they pass, and take everything there is to take."""
    model = tour(new_home)
    assert {made.change for made in model.versions.values()} == set(Change)
    assert any(made.ahead for made in model.versions.values())
    assert {model.standing(name, NOW + 99 * DAY) for name in model.proposals} >= {"published", "rejected", "expired"}


Plant = Callable[[pytest.MonkeyPatch], None]


def without(rail: Rail) -> Plant:
    """A rail that has nothing to say."""
    return lambda patch: patch.setitem(RAILS, rail, lambda _: None)


def halfway_committed(patch: pytest.MonkeyPatch) -> None:
    """A publication that commits its version before its prices."""
    real = steps.replace_prices

    def replace_prices(db: Connection, *rest: Any) -> Any:
        db.exec_driver_sql("COMMIT")
        db.exec_driver_sql("BEGIN IMMEDIATE")
        return real(db, *rest)

    patch.setattr(book, "replace_prices", replace_prices)


def forgotten_freeze(patch: pytest.MonkeyPatch) -> None:
    """A freeze that only the process which froze knows of."""
    known, real = set[int](), book.PriceBook._set_frozen

    def set_frozen(self: book.PriceBook, frozen: bool, **rest: Any) -> None:
        real(self, frozen, **rest)
        known.add(id(self._engine)) if frozen else known.discard(id(self._engine))

    patch.setattr(book.PriceBook, "_set_frozen", set_frozen)
    patch.setattr(steps, "freeze_reason", lambda db: "frozen" if id(db.engine) in known else None)


def off_by_one(patch: pytest.MonkeyPatch) -> None:
    """A rollback that restores what was in force one version too late."""
    real = queries.set_before
    patch.setattr("api.store.steps.set_before", lambda db, version, until: real(db, version + 1, until=until))


def tampering(statement: str) -> Plant:
    """Somebody with access to the file who changes it behind a publication, and puts the triggers back."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = book.PriceBook.publish

        def publish(self: book.PriceBook, *args: Any, **rest: Any) -> int:
            made = real(self, *args, **rest)
            with writing(self._engine) as db:
                for name in ("log_no_update", "log_no_delete", "prices_close_only", "proposals_no_update"):
                    db.exec_driver_sql(f"DROP TRIGGER {name}")
                db.exec_driver_sql(statement)
            return made

        patch.setattr(book.PriceBook, "publish", publish)

    return plant


def no_overlap_trigger(patch: pytest.MonkeyPatch) -> None:
    """A database without its guard against overlaps."""
    real = Machine.offers_come_on_sale

    def begin(self: Machine) -> None:
        with writing(self.engine) as db:
            db.exec_driver_sql("DROP TRIGGER prices_no_overlap")
        real(self)

    patch.setattr(Machine, "offers_come_on_sale", begin)


def replaced(target: str, value: object) -> Plant:
    """Another object in the place of one of the code's."""
    return lambda patch: patch.setattr(target, value)


ONCE = requests.once
PLANTED: dict[str, Plant] = {
    "1: the cap on a step is ignored": without(Rail.STEP),
    "1: the cap on a day is ignored": without(Rail.DAILY_CAP),
    "1: the cumulative cap is ignored": without(Rail.CUMULATIVE_CAP),
    "1: the owner's floor is ignored": without(Rail.FLOOR),
    "1: the owner's ceiling is ignored": without(Rail.CEILING),
    "2: the guard against overlaps is gone": no_overlap_trigger,
    "2: a price that is replaced does not end": replaced(
        "api.store.steps.update", lambda table: update(table).where(false())
    ),
    "3: a publication is committed by halves": halfway_committed,
    "3: an older version is served": replaced(
        "api.served.answers.latest_version", lambda db: queries.latest_version(db) - 1
    ),
    "4: an entry of the log is edited": tampering("UPDATE log SET by = 'eve' WHERE number = 2"),
    "4: an entry of the log is removed": tampering("DELETE FROM log WHERE number = 2"),
    "4: the tail of the log is cut": tampering("DELETE FROM log WHERE number = (SELECT max(number) FROM log)"),
    "4: a price is edited": tampering("UPDATE prices SET price = '0.01' WHERE version = 1"),
    "4: a proposal is edited": tampering("UPDATE proposals SET body = replace(body, 'ab12', 'cd34')"),
    "4: a step is not in the log": replaced("api.store.log.append", lambda *_, **__: None),
    "5: a request that comes again acts again": replaced("api.store.requests.once", lambda _, act, **__: act()),
    "5: a key may come with another request": replaced(
        "api.store.requests.once", lambda *args, **rest: ONCE(*args, **{**rest, "mark": "any"})
    ),
    "6: a proposer may approve": replaced("api.store.book.not_theirs", lambda *_: ""),
    "6: a stale or expired proposal is published": replaced("api.store.book._require", lambda *_: None),
    "6: a freeze is forgotten in a restart": forgotten_freeze,
    "7: a rollback is off by one": off_by_one,
    "7: a rollback brings scheduled prices back": replaced(
        "api.store.steps.differs", lambda one, other: one.price != other.price
    ),
    "8: a poisoned decision is accepted": replaced("api.store.steps.faults", lambda *_: []),
    "8: a poisoned proposal is recorded": replaced(
        "api.store.steps._encode", lambda made: msgspec.json.encode(made).decode()
    ),
    "8: an import changes a price": replaced("api.store.book.disagreement", lambda *_: []),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_bug_is_caught(planted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each invariant fails where it is broken: a check that cannot fail proves nothing."""
    PLANTED[planted](monkeypatch)
    with pytest.raises((AssertionError, DBAPIError, FairfareError)):  # a broken book may also break what reads it
        tour(lambda: Path(mkdtemp(dir=tmp_path)))
