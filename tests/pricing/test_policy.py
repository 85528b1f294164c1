"""A policy cannot hold what contradicts itself, and says all of it at once."""

from decimal import Decimal

import pytest

from pricing.policy import Policy


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"step": Decimal("NaN")}, "step NaN"),
        ({"weak_step": Decimal("0.2")}, "weak_step 0.2 is larger"),
        ({"confidence": 1.0}, "confidence 1.0"),
        ({"confidence": float("nan")}, "confidence nan"),
        ({"risk_alpha": 0.0}, "risk_alpha 0.0"),
        ({"risk_alpha": float("nan")}, "risk_alpha nan"),
        ({"min_margin": Decimal(1)}, "min_margin 1"),
        ({"segment_order": (("a", "b"), ("b", "a"))}, "segment_order contradicts itself"),
        ({"product_order": (("rear", "rear"),)}, "product_order contradicts itself"),
        ({"endings": (".99", "cheap")}, "'cheap' is not how a price ends"),
        ({"expiry_hours": float("inf")}, "expiry_hours inf"),
        ({"horizon_days": 0}, "horizon_days 0"),
    ],
)
def test_what_cannot_be_is_refused_and_named(wrong: dict[str, object], named: str) -> None:
    """NaN included."""
    with pytest.raises(ValueError, match=named):
        Policy(**wrong)  # type: ignore[arg-type]


def test_everything_wrong_is_named_at_once() -> None:
    """Not one after the other."""
    with pytest.raises(ValueError, match=r"confidence 2.*risk_alpha 7"):
        Policy(confidence=2.0, risk_alpha=7.0)
