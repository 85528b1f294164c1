"""One of everything that can go wrong with a price book, in an order in which each bug planted would be seen."""

from collections.abc import Callable
from typing import Any

from tests.api.store.book_kit import Home
from tests.api.store.machine import POISON, STATEMENTS, Machine
from tests.api.store.model import Model

TOUR: tuple[tuple[str, dict[str, Any]], ...] = (
    ("offers_come_on_sale", {}),  # adult costs 11, the others 10
    ("propose", {"moves": {"child": 1}, "by": "ann", "wide": True}),
    ("change_prices", {"each": [{"child": 3}], "hours": 0}),  # beyond the cap on a step
    ("change_prices", {"each": [{"child": 2}, {"child": 2}], "hours": 0}),  # the second beyond the cap on a day
    ("change_prices", {"each": [{"senior": 2}, {"senior": 2}, {"senior": 1}], "hours": 25}),
    ("describe", {"name": "senior", "floor": 6, "ceiling": 16, "other": False}),
    ("change_prices", {"each": [{"senior": 1}], "hours": 25}),  # beyond the cumulative cap
    ("describe", {"name": "child", "floor": 12, "ceiling": 15, "other": False}),
    ("change_prices", {"each": [{"child": -1}], "hours": 25}),  # below the floor
    ("describe", {"name": "adult", "floor": 7, "ceiling": 11, "other": False}),
    ("change_prices", {"each": [{"adult": 1}], "hours": 25}),  # above the ceiling
    ("describe", {"name": "adult", "floor": 7, "ceiling": 15, "other": True}),  # at a price of the owner's own
    ("schedule", {"moves": {"adult": -1}, "hours": 2}),
    ("schedule", {"moves": {"adult": -1}, "hours": 30}),  # before one that is to come
    ("roll_back", {"back": 0}),  # cancels it
    ("roll_back", {"back": 0}),  # there is nothing to bring back
    ("schedule", {"moves": {"adult": -1, "child": 1}, "hours": 2}),
    ("clock", {"hours": 13}),  # it has begun
    ("change_prices", {"each": [{"adult": -1}], "hours": 25}),
    ("roll_back", {"back": 1}),  # it, and what followed
    ("roll_back", {"back": 1}),
    ("propose", {"moves": {"adult": 1}, "by": "ann", "wide": False}),
    ("review", {"back": 0, "by": "bob"}),
    ("clock", {"hours": 25}),
    ("put_in_force", {"back": 0, "hours": None}),  # expired
    ("propose", {"moves": {"adult": 1}, "by": "ann", "wide": False}),
    ("review", {"back": 0, "by": "bob"}),
    ("change_prices", {"each": [{"senior": -1}], "hours": 0}),
    ("put_in_force", {"back": 1, "hours": None}),  # stale
    ("propose", {"moves": {"adult": 1}, "by": "ann", "wide": False}),
    ("override", {"back": 0, "by": "cyd", "steps": -1}),
    ("reject", {"back": 0, "by": "ann"}),
    ("schedule", {"moves": {"adult": 1}, "hours": 30}),
    ("describe", {"name": "adult", "floor": 12, "ceiling": 15, "other": False}),  # as it will be, not as it is
    ("freeze", {"frozen": True}),  # takes it back
    ("schedule", {"moves": {"child": 1}, "hours": 2}),
    ("reopen", {}),
    ("schedule", {"moves": {"child": 1}, "hours": 2}),
    ("roll_back", {"back": 0}),
    ("freeze", {"frozen": False}),
    *(("fail_within_a_publication", {"statement": statement}) for statement in STATEMENTS),
    *(("propose_poison", {"name": "child", "kind": kind}) for kind in sorted(POISON)),
    ("write_an_overlap", {"name": "adult", "number": 0}),
    ("ask_twice", {"again": 2, "frozen": True}),
    ("ask_twice", {"again": 1, "frozen": False}),
    ("clock", {"hours": -30}),
    ("change_prices", {"each": [{"child": 1}], "hours": 0}),
    ("describe", {"name": "student", "floor": 7, "ceiling": 15, "other": True}),
    ("change_prices", {"each": [{"student": 1}], "hours": 0}),
)
"""Steps of the machine; a comment says what a step does, or why it is refused."""


def tour(new_home: Callable[[], Home]) -> Model:
    """Take the steps of the tour on a new book; the model at its end."""
    machine = type("Here", (Machine,), {"new_home": staticmethod(new_home)})()
    try:
        for name, arguments in TOUR:
            getattr(machine, name)(**arguments)
            machine.the_book_is_the_model()
            machine.the_log_tells_it_all()
        return machine.model
    finally:
        machine.teardown()
