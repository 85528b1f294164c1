"""A task that cannot be done is refused before any work."""

import pytest

from forecasting.fleet import Task
from pricing.errors import InputError


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"model": "magic"}, "no model is called magic; there are auto"),
        ({"freq": "H"}, "the frequency is one of D, W, MS, QS, YS, not H"),
        ({"country": "XX"}, "no holidays are known"),
        ({"level": 80}, "not between 0 and 1"),
    ],
)
def test_options_that_do_not_exist_are_refused_with_those_that_do(asked: dict[str, object], said: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(InputError, match=said):
        Task(horizon=2, **asked)  # type: ignore[arg-type]
