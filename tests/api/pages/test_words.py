"""What pages say of a price is what was decided."""

from dataclasses import replace

import pytest

from api.pages.words import stopped_by
from pricing.explain import STOPPED
from tests.api.store.book_kit import decision

LIMIT = f"{STOPPED}; one step further: moves more than 15% in a day."


@pytest.mark.parametrize(
    ("acted", "reasons", "said"),
    [
        (("daily-cap", "step"), (LIMIT,), "cap of a day"),
        (("step", "confidence"), ("At 1% less, 2% more are expected to be sold.",), ""),
        (("step",), (f"{STOPPED}; one step further: the end of its ladder.",), ""),
        (("override", "step"), (f"{STOPPED}; one step further: below the floor of 9 that Ann set.",), ""),
        ((), (LIMIT,), ""),
    ],
)
def test_a_rail_is_said_to_have_stopped_a_price_only_if_it_did(
    acted: tuple[str, ...], reasons: tuple[str, ...], said: str
) -> None:
    """Not one that took away a price which nobody wanted, nor the next one where something else stopped it."""
    made = decision()
    told = replace(made, reasons=reasons, explanation=replace(made.explanation, acted=acted))
    assert str(stopped_by(told)) == said
