"""An override says who set it, why and until when, and nothing else is one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from pricing.overrides import LONGEST, Kind, Override, broken_by

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FLOOR = Override(
    offer="stalls",
    kind=Kind.FLOOR,
    amount=Decimal("44.00"),
    currency="EUR",
    until=NOW + timedelta(days=7),
    reason="promised to a partner",
    by="Ann",
    at=NOW,
)
CEILING, FIXED = replace(FLOOR, kind=Kind.CEILING), replace(FLOOR, kind=Kind.FIXED)


@pytest.mark.parametrize(
    ("override", "kept"), [(FLOOR, {"44.00", "45.00"}), (CEILING, {"43.00", "44.00"}), (FIXED, {"44.00"})]
)
def test_each_kind_keeps_its_own_prices(override: Override, kept: set[str]) -> None:
    """And not a number keeps none."""
    assert {price for price in ("43.00", "44.00", "45.00", "NaN") if override.allows(Decimal(price))} == kept


def test_what_it_forbids_is_said_with_who_why_and_until_when() -> None:
    """Whoever reads it knows whom to ask, and when it is over."""
    assert FLOOR.says(Decimal("43.00")) == (
        "below the floor of 44.00 that Ann set until 2026-03-09 09:30 UTC (promised to a partner)"
    )
    assert FLOOR.says(Decimal("44.00")) is None
    assert str(FIXED) == "fixed price of 44.00 that Ann set until 2026-03-09 09:30 UTC (promised to a partner)"
    assert broken_by(Decimal("43.00"), (CEILING, FLOOR, FIXED)) is FLOOR


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"until": NOW}, "ends in the future"),
        ({"until": NOW + LONGEST + timedelta(seconds=1)}, "within 366 days"),
        ({"until": datetime(2026, 3, 9)}, "time zone"),  # noqa: DTZ001  # what is tested
        ({"amount": Decimal("44.005")}, "more decimals than EUR"),
        ({"amount": Decimal("NaN")}, "not an amount"),
        ({"amount": Decimal("0.00")}, "not a price"),
        ({"reason": " "}, "has a reason"),
        ({"reason": "a\nb"}, "of one line"),
        ({"reason": "x" * 301}, "at most 300"),
    ],
)
def test_what_cannot_be_an_override_is_none(wrong: dict[str, object], why: str) -> None:
    """Each with its reason."""
    with pytest.raises(ValueError, match=why):
        replace(FLOOR, **wrong)  # type: ignore[arg-type]
