"""A policy cannot hold what contradicts itself, and says all of it at once."""

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pricing.policy import Mode, Policy

SINCE = datetime(2026, 3, 2, tzinfo=UTC)
SHARES = ("step", "weak_step", "daily_cap", "cumulative_cap", "breaker", "automatic_step")
DAYS = ("cumulative_days", "sales_age_days", "fit_age_days")
ROUND = (("a", "b"), ("b", "a"))


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("wrong", ["NaN", "sNaN", "0", "-0.1", "1.01", "Infinity"])
def test_a_share_lies_above_none_and_at_most_at_all(name: str, wrong: str) -> None:
    """NaN included; it is named with its value."""
    with pytest.raises(ValueError, match=rf"^{name} {wrong} is not in \(0, 1\]$"):
        Policy(**{name: Decimal(wrong)})  # type: ignore[arg-type]  # each takes a share


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"confidence": 1.0}, "confidence 1.0 is not in [0, 1)"),
        ({"confidence": -0.1}, "confidence -0.1 is not in [0, 1)"),
        ({"confidence": float("nan")}, "confidence nan is not in [0, 1)"),
        ({"risk_alpha": 0.0}, "risk_alpha 0.0 is not in (0, 1]"),
        ({"risk_alpha": 1.1}, "risk_alpha 1.1 is not in (0, 1]"),
        ({"risk_alpha": float("nan")}, "risk_alpha nan is not in (0, 1]"),
        ({"min_margin": Decimal(1)}, "min_margin 1 is not in [0, 1)"),
        ({"min_margin": Decimal("-0.1")}, "min_margin -0.1 is not in [0, 1)"),
        ({"min_margin": Decimal("NaN")}, "min_margin NaN is not in [0, 1)"),
        ({"expiry_hours": 0.0}, "expiry_hours 0.0 is not in (0, 744]"),
        ({"expiry_hours": 744.1}, "expiry_hours 744.1 is not in (0, 744]"),
        ({"horizon_days": 0}, "horizon_days 0 is not in (0, 730]"),
        ({"horizon_days": 731}, "horizon_days 731 is not in (0, 730]"),
        ({"band": Decimal(1)}, "band 1 is not in (1, 100]"),
        ({"band": Decimal("100.1")}, "band 100.1 is not in (1, 100]"),
        ({"band": Decimal("NaN")}, "band NaN is not in (1, 100]"),
        ({"emergency_cap": Decimal("-0.1")}, "emergency_cap -0.1 is not in [0, 1]"),
        ({"emergency_cap": Decimal("1.1")}, "emergency_cap 1.1 is not in [0, 1]"),
        ({"emergency_cap": Decimal("NaN")}, "emergency_cap NaN is not in [0, 1]"),
        ({"breaker_least": 0}, "breaker_least 0 is not in [1, ...)"),
        *(({name: days}, f"{name} {days} is not in [1, 3650]") for name in DAYS for days in (0, 3651)),
        ({"segment_order": ROUND}, "segment_order contradicts itself: b < a < b"),
        ({"product_order": (("rear", "rear"),)}, "product_order contradicts itself: rear < rear"),
        ({"endings": (".99", "cheap")}, "endings: 'cheap' is not how a price ends"),
        ({"endings": (".",)}, "endings: '.' is not how a price ends"),
        ({"endings": ("٣",)}, "endings: '٣' is not how a price ends"),
    ],
)
def test_what_cannot_be_is_refused_and_named(wrong: dict[str, Any], named: str) -> None:
    """Each limit from outside, in words."""
    with pytest.raises(ValueError, match=r"is not|contradicts") as caught:
        Policy(**wrong)
    assert str(caught.value) == named


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"weak_step": Decimal("0.2")}, "weak_step 0.2 is larger than step 0.10"),
        ({"mode": Mode.AUTOMATIC, "automatic_step": Decimal("0.2")}, "automatic_step 0.2 larger than step 0.10"),
        ({"mode": Mode.EMERGENCY}, "mode emergency without emergency_since"),
        ({"emergency_since": SINCE}, "emergency_since with mode manual"),
        ({"mode": Mode.SHADOW, "emergency_since": SINCE}, "emergency_since with mode shadow"),
        (
            {"mode": Mode.EMERGENCY, "emergency_since": SINCE.replace(tzinfo=None)},
            "emergency_since 2026-03-02 00:00:00 has no time zone",
        ),
    ],
)
def test_settings_that_cannot_hold_together_are_named(wrong: dict[str, Any], named: str) -> None:
    """Which two of them."""
    with pytest.raises(ValueError, match=rf"^(mode automatic with )?{named}$"):
        Policy(**wrong)


@pytest.mark.parametrize(
    "fine",
    [
        *({name: value} for name in SHARES if name != "weak_step" for value in (Decimal("0.05"), Decimal(1))),
        {"weak_step": Decimal("0.10")},
        {"weak_step": Decimal("0.01")},
        {"confidence": 0.0},
        {"risk_alpha": 1.0},
        {"min_margin": Decimal(0)},
        {"min_margin": Decimal("0.99")},
        {"expiry_hours": 744.0},
        {"expiry_hours": 0.5},
        {"horizon_days": 1},
        {"horizon_days": 730},
        {"band": Decimal(100)},
        {"band": Decimal("1.1")},
        {"emergency_cap": Decimal(0)},
        {"emergency_cap": Decimal(1)},
        {"breaker_least": 1},
        *({name: days} for name in DAYS for days in (1, 3650)),
        {"segment_order": (("a", "b"), ("b", "c"), ("a", "c"))},
        {"endings": (".99", "9.00", "5")},
        {"mode": Mode.EMERGENCY, "emergency_since": SINCE},
        {"mode": Mode.AUTOMATIC, "automatic_step": Decimal("0.10")},
        {"automatic_step": Decimal("0.5")},
        *({"mode": mode} for mode in Mode if mode is not Mode.EMERGENCY),
    ],
)
def test_what_lies_at_a_limit_is_fine(fine: dict[str, Any]) -> None:
    """Each limit from inside."""
    made = Policy(**fine)
    assert {name: getattr(made, name) for name in fine} == fine


def test_everything_wrong_is_named_at_once() -> None:
    """Not one after the other; what follows from a share that cannot be is not asked."""
    with pytest.raises(ValueError, match="confidence") as caught:
        Policy(confidence=2.0, risk_alpha=7.0, endings=("x",), weak_step=Decimal("0.5"))
    assert str(caught.value) == (
        "weak_step 0.5 is larger than step 0.10; confidence 2.0 is not in [0, 1); risk_alpha 7.0 is not in (0, 1]; "
        "endings: 'x' is not how a price ends"
    )
    with pytest.raises(ValueError, match=r"^step NaN is not in \(0, 1\]; daily_cap 2 is not in \(0, 1\]$"):
        Policy(step=Decimal("NaN"), daily_cap=Decimal(2), emergency_since=SINCE)


def test_what_a_policy_is_when_nothing_is_said() -> None:
    """What the documents promise."""
    told = {field.name: str(getattr(Policy(), field.name)) for field in fields(Policy)}
    assert told == {
        "objective": "margin",
        "step": "0.10",
        "weak_step": "0.05",
        "daily_cap": "0.15",
        "cumulative_cap": "0.50",
        "cumulative_days": "28",
        "band": "2",
        "confidence": "0.6",
        "risk": "mean",
        "risk_alpha": "0.2",
        "min_margin": "None",
        "segment_order": "()",
        "product_order": "()",
        "endings": "()",
        "expiry_hours": "24.0",
        "horizon_days": "28",
        "breaker": "0.75",
        "breaker_least": "10",
        "sales_age_days": "62",
        "fit_age_days": "35",
        "mode": "manual",
        "automatic_step": "0.05",
        "emergency_since": "None",
        "emergency_cap": "0.10",
    }
