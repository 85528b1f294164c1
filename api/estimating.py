"""From a fit to what is told of it over HTTP (`api.estimates`) and on the desk (`api.grounds`).

Guarantees
----------
* Over all its days a forecast is the one that prices were decided on.
* The interval of a day holds what can be known of its sales: how sure the level is, what days differ by, and chance in
  counting.
* What a response rests on is what its status was decided with; nothing is worked out anew for a page.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import date, datetime

import msgspec
import numpy as np
import pandas as pd

from api.estimates import Estimates, Response, Series
from api.goods import LEVEL, count_interval
from api.grounds import Change, Dot, Followed, Ground, Grounds, Interval, Needed, PriceTest, Way
from forecasting.elasticity.basis import Basis, Dots
from forecasting.elasticity.drift import Drift
from forecasting.elasticity.feedback import Direction, Feedback
from forecasting.elasticity.identification import GUESSED, MIN_MOVES, MIN_OWN, MIN_ROWS, MIXED, Estimate
from pricing.learning import Expectation, Key


def estimates_of(
    version: str,
    fitted_at: datetime | None,
    elasticities: pd.DataFrame,
    demand: pd.DataFrame,
    expected: Sequence[Expectation],
) -> Estimates:
    """What a fit says.

    Parameters
    ----------
    elasticities, demand, expected : as `api.fitting.Fit` has them
    """
    columns = ["event", "product", "segment", "channel", "model"]
    models = {tuple(row[:4]): str(row[4]) for row in demand[columns].itertuples(index=False, name=None)}
    series = [_series(each, models) for each in expected]
    responses = [_response(row) for row in elasticities[list(Response.__struct_fields__)].to_dict("records")]
    return Estimates(
        version,
        fitted_at,
        LEVEL,
        tuple(sorted(series, key=lambda each: each.key)),
        tuple(sorted(responses, key=lambda each: each.key)),
    )


def _series(expected: Expectation, models: Mapping[Key, str]) -> Series:
    """Sales of day d have mean m = mean * share[d] and variance m + m ** 2 * (e ** spread ** 2 * (1 + noise) - 1)."""
    mean = expected.mean * np.asarray(expected.shares)
    excess = np.exp(expected.spread**2) * (1 + expected.noise) - 1
    low, high = count_interval(np.maximum(mean, 1e-9), np.maximum(mean + excess * mean**2, 1e-9))
    return Series(
        *expected.key,
        models[expected.key],
        expected.reference,
        expected.first,
        *(tuple(each.round(4).tolist()) for each in (mean, np.minimum(low, mean), np.maximum(high, mean))),
    )


def _response(row: Mapping[Hashable, object]) -> Response:
    """A number that is none is told as such; JSON has no NaN."""
    known = {
        name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in row.items()
    }
    return msgspec.convert(known, Response)


NEEDED = Needed(MIN_MOVES, MIN_OWN, MIN_ROWS, MIXED, GUESSED)
"""What `forecasting.elasticity.identification` asks for."""
NONE_KEPT = Grounds(NEEDED, ())


def grounds_of(bases: Sequence[Basis], tests: pd.DataFrame) -> Grounds:
    """What responses rest on.

    Parameters
    ----------
    bases : of each group, by product and segment
    tests : as `forecasting.elasticity.proposal.proposals` gives them
    """
    proposed = {(str(row["product"]), str(row["segment"])): row for row in tests.to_dict("records")}
    made = [_ground(one, proposed.get((one.key[0], one.key[1]))) for one in bases]
    return Grounds(NEEDED, tuple(sorted(made, key=lambda ground: ground.key)))


def _ground(one: Basis, test: Mapping[Hashable, object] | None) -> Ground:
    known = np.isfinite(one.usual)
    worked_out = test is not None and _number(test["low_price"]) is not None
    return Ground(
        product=one.key[0],
        segment=one.key[1],
        units=one.units,
        dates=one.dates,
        sold=one.sold,
        usual=_short(one.usual) if known else None,
        alike=one.alike,
        tried=(_short(one.tried[0]), _short(one.tried[1])) if known else None,
        moves=one.moves,
        own=_short(one.own),
        sold_out=_short(one.sold_out),
        mixed=_short(one.mixed),
        guessed=_short(one.guessed),
        alone=_interval(one.estimate),
        in_logs=_interval(one.rival),
        followed=_followed(one.test),
        unseen=None if one.robustness is None else _short(one.robustness),
        change=_change(one.change),
        kind=one.dots.kind if one.dots else "raw",
        dots=_dots(one.dots),
        test=_test(test) if test is not None and worked_out else None,
        no_test=str(test["proposal"]) if test is not None and not worked_out else "",
    )


def _short(number: float) -> float:
    """Six digits are more than a page shows."""
    return float(f"{number:.6g}")


def _number(value: object) -> float | None:
    number = float(str(value))
    return _short(number) if np.isfinite(number) else None


def _interval(one: Estimate | None) -> Interval | None:
    if one is None or not np.isfinite(one.lower + one.upper):
        return None
    return Interval(_short(one.slope), _short(one.lower), _short(one.upper))


def _followed(test: Feedback | None) -> Followed | None:
    if test is None:
        return None
    left = _way(test.left) if test.left.z or test.left.p < 1 else None
    return Followed(test.rows, test.level, _way(test.lag), _way(test.lead), left)


def _way(one: Direction) -> Way:
    return Way(_short(one.coefficient), _short(one.p))


def _change(one: Drift | None) -> Change | None:
    if one is None:
        return None
    return Change(_short(one.before), _short(one.since), date.fromisoformat(one.day), one.large)


def _dots(dots: Dots | None) -> tuple[Dot, ...]:
    if dots is None:
        return ()
    rows = zip(dots.prices.tolist(), dots.sales.tolist(), dots.se.tolist(), dots.cells.tolist(), strict=True)
    return tuple(Dot(_short(price), _short(sales), _short(se), int(n)) for price, sales, se, n in rows)


def _test(row: Mapping[Hashable, object]) -> PriceTest:
    weeks = _number(row["weeks"])
    names = ("usual_price", "low_price", "high_price")
    usual, low, high = (float(str(row[name])) for name in names)
    return PriceTest(
        usual,
        low,
        high,
        int(float(str(row["places"]))),
        None if weeks is None else int(weeks),
        _short(float(str(row["useful_se"]))),
        _short(float(str(row["promised_se"]))),
        _number(row["cost"]),
        _number(row["bad_case_cost"]),
    )
