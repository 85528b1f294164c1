"""A path that exists is well posed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from optimization.path import Cap
from pricing.errors import InputError
from pricing.problem import Shared
from tests.optimization.path.seasons import START, WEEK, exponential, path, periods, staged

CASE = path(staged("seat", exponential([30, 40], [0.05, 0.03])), stock=60)
OFFER = CASE.offers[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"periods": periods(2)[::-1]}, "period w0 starts at .* which is not after .* when period w1 starts"),
        ({"ends_at": START + WEEK}, "the last period ends at .* which is not after .* when period w1 starts"),
        ({"ends_at": (START + 2 * WEEK).replace(tzinfo=None)}, "no time zone"),
        ({"periods": (replace(periods(1)[0], id="a@b"), periods(2)[1])}, "without @"),
        ({"periods": periods(3), "ends_at": START + 9 * WEEK}, "is not draws by 3 periods by steps"),
        ({"sold": {"w7": {}}}, "there is no period w7"),
        ({"sold": {"w0": {"box": 1.0}}}, "there is no offer box"),
        ({"sold": {"w0": {"seat": float("nan")}}}, "not a number of units"),
        ({"caps": (Cap("w9", Shared("door", 5.0, {"seat": 1.0})),)}, "there is no period w9"),
        ({"offers": (replace(OFFER, announced={"w5": Decimal(20)}),)}, "there is no period w5"),
    ],
)
def test_what_is_not_a_path_is_refused(change: dict[str, object], reason: str) -> None:
    """Times out of order, shapes and names that do not fit are said in words."""
    with pytest.raises(InputError, match=reason):
        replace(CASE, **change)  # type: ignore[arg-type]
