"""Invariants 1 to 8 of the safety rules hold whatever is done to a price book, on both databases."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.api.store.book_kit import Home
from tests.api.store.crowd import SOAK
from tests.api.store.machine import Machine

RUNS, STEPS = (400, 60) if SOAK else (12, 30)


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
