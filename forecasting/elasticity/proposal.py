"""Price tests: for each elasticity the sales cannot tell, the shortest test that would, and what it costs.

Guarantees
----------
* A test switches prices by time or by place, never by person: who buys at the same time and place pays the same.
* The standard error promised is foreseen from how sales of these very groups moved from week to week; where no test
  of `MOST_WEEKS` reaches a useful one, the proposal says so, and what would.
* Same sales, same proposals: nothing here is random.

In each pair of weeks one week has the low and one the high price, in an order drawn by lot (a switchback; Bojinov,
Simchi-Levi and Zhao 2023). By place, each half of the places has one price while the other half has the other. With P
pairs, d half the log ratio of the two prices, M_b the units a week of place b and D_b the mean square of what they
move from one week to the next (von Neumann et al. 1941), the slope of a log-linear model with effects of the places
(and, by place, of the weeks) has the standard error sqrt(sum_b D_b / P) / (2 d sum_b M_b): the sandwich of a score
whose pairs are independent by the lots. Seasons and persistent shocks leave little in D_b, as they do in the test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from forecasting.elasticity.weekly import History, histories

STEPS = (0.10, 0.20)
"""Largest steps of price down and up, as shares of the usual price; the second only where the first does not do."""
LEAST_PAIRS, MOST_WEEKS = 4, 26
"""Fewest pairs of weeks in a test; most weeks."""
CENT = 0.01
"""Least step between prices [currency]."""
BAD = 1.644854
"""Standard deviations of the elasticity to its bad case: one in twenty is worse."""

COLUMNS = (
    "status", "elasticity", "usual_price", "low_price", "high_price", "switch", "places", "weeks", "useful_se",
    "promised_se", "cost", "bad_case_cost", "proposal",
)  # fmt: skip
"""Columns of the proposals after those of `by`."""


@dataclass(frozen=True, slots=True)
class Switchback:
    """Two prices over some weeks, by place or (`places` is 0) by time, and what that buys.

    Attributes
    ----------
    se : standard error of the elasticity it promises
    useful : standard error from which its 95 % interval is no wider than the elasticity
    """

    low: float
    high: float
    places: int
    weeks: int
    se: float
    useful: float

    @property
    def does(self) -> bool:
        """Whether its standard error is useful."""
        return self.se <= self.useful


def proposals(sales: pd.DataFrame, table: pd.DataFrame, *, by: Sequence[str]) -> pd.DataFrame:
    """One row per group of `table` that is not identified: the `by` columns, then `COLUMNS`.

    `weeks` and the costs are missing where no test does; `promised_se` is then the least that can be had. Costs are
    revenue lost against keeping the usual price, a gain below 0.

    Parameters
    ----------
    sales : canonical sales with `price`
    table : of `elasticity_table` for the same sales and `by`
    """
    asked = table[table["status"] != "identified"]
    keys = list(asked[list(by)].astype(str).itertuples(index=False, name=None))
    slopes = asked["elasticity"].to_numpy(np.float64)
    found = histories(sales, keys, slopes.tolist(), by)
    currency = str(sales["currency"].iloc[0]) if "currency" in sales and len(sales) else ""
    rows = [
        [*key, status, slope, *_proposal(history, slope, sd, currency)]
        for key, status, slope, sd, history in zip(keys, asked["status"], slopes, asked["se"], found, strict=True)
    ]
    return pd.DataFrame(rows, columns=[*by, *COLUMNS])


def shortest(history: History, elasticity: float) -> Switchback | None:
    """The shortest useful test by the smallest step that has one, else the most precise; None at tiny prices."""
    best = None
    for low, high in filter(None, (prices(history.usual, step) for step in STEPS)):
        ways = [
            _switchback(history, low, high, elasticity, apart=apart)
            for apart in ((True, False) if history.apart else (False,))
        ]
        best = min(ways, key=lambda test: (not test.does, test.weeks if test.does else 0, test.se))
        if best.does:
            break
    return best


def prices(usual: float, step: float) -> tuple[float, float] | None:
    """Low and high price at most `step` off and more than half of it, with the trailing digits of the usual one.

    None where cents are too coarse.

    Examples
    --------
    >>> prices(12.99, 0.1)
    (11.99, 13.99)
    """
    if step * usual < CENT:
        return None
    digit = 10.0 ** np.floor(np.log10(step * usual) + 1e-9)
    move = np.floor(step * usual / digit + 1e-9) * digit
    return round(float(usual - move), 2), round(float(usual + move), 2)


def _switchback(history: History, low: float, high: float, elasticity: float, *, apart: bool) -> Switchback:
    half = np.log(high / low) / 2
    one_pair = np.sqrt(_noise(history, apart=apart)) / (2 * half * history.units.mean(axis=1).sum())
    places = len(history.units) if apart else 0
    pairs = np.arange(LEAST_PAIRS, MOST_WEEKS // 2 + 1)
    se = one_pair / np.sqrt(pairs)
    useful = abs(elasticity) / (2 * stdtrit(np.maximum(pairs, places) - 1, 0.975))
    chosen = int(np.argmax(se <= useful)) if np.any(se <= useful) else len(pairs) - 1
    return Switchback(low, high, places, 2 * int(pairs[chosen]), float(se[chosen]), float(useful[chosen]))


def _noise(history: History, *, apart: bool) -> float:
    """Sum over places of the mean square of successive differences [units^2]; of the total, where all move together.

    By place, what all places have in common is taken off in proportion to their size, and the square made good for it.
    """
    units = history.units if apart else history.units.sum(axis=0, keepdims=True)
    share = units.mean(axis=1, keepdims=True) / units.mean(axis=1).sum() if apart else np.zeros((1, 1))
    moves = np.diff(units - share * units.sum(axis=0), axis=1)
    return float(np.sum(np.mean(moves**2, axis=1) / np.maximum(1 - share[:, 0], CENT)))


def cost(history: History, test: Switchback, elasticity: float) -> float:
    """Revenue lost against the usual price if the elasticity there is this one; a gain is below 0.

    Demand is taken as a straight line through the usual price, which loses more than a curve of the same slope; so
    that revenue at (1 + r) times the price changes by the share (1 + e) r + e r^2, and expected revenue by that of the
    expected elasticity.
    """
    r = np.array([test.low, test.high]) / history.usual - 1
    return float(-history.revenue * test.weeks * np.mean((1 + elasticity) * r + elasticity * r**2))


def _proposal(history: History | str, elasticity: float, sd: float, currency: str) -> list[object]:
    """The columns of `COLUMNS` after the elasticity."""
    if isinstance(history, str):
        return [np.nan, np.nan, np.nan, "", 0, np.nan, np.nan, np.nan, np.nan, np.nan, history]
    test = shortest(history, elasticity)
    if test is None:
        said = "The price is too low to move it by a cent or more without moving it too far."
        return [history.usual, np.nan, np.nan, "", 0, np.nan, np.nan, np.nan, np.nan, np.nan, said]
    switch = "by place" if test.places else "by time"
    what = [history.usual, test.low, test.high, switch, test.places]
    if not test.does:
        return [*what, np.nan, test.useful, test.se, np.nan, np.nan, _out_of_reach(test)]
    expected = cost(history, test, elasticity)
    bad = max(cost(history, test, min(elasticity + sign * BAD * sd, 0.0)) for sign in (-1, 1))
    said = _in_words(history, test, (elasticity, sd), (expected, bad), currency)
    return [*what, test.weeks, test.useful, test.se, expected, bad, said]


def _out_of_reach(test: Switchback) -> str:
    alike = int(np.ceil((test.se / test.useful) ** 2))
    return (
        f"Out of reach: even {MOST_WEEKS} weeks at {test.low:.2f} and {test.high:.2f} would leave a standard error of "
        f"{test.se:.2f}, and {test.useful:.2f} would be useful. About {alike} things that sell as this one does, "
        "switched independently and estimated as one group (--by), would do."
    )


def _in_words(
    history: History, test: Switchback, believed: tuple[float, float], costs: tuple[float, float], currency: str
) -> str:
    both = f"{test.low:.2f} and {test.high:.2f} instead of {history.usual:.2f}"
    if not history.alike:
        both = f"all prices {1 - test.low / history.usual:.0%} down and up (as {both})"
    how = (
        f"each half of the {test.places} places (halves of like size) at one of them, swapped after a week"
        if test.places
        else "one week each"
    )
    check = " It is to check that price did not follow demand, not for precision." if believed[1] <= test.se else ""
    turnover = history.revenue * test.weeks
    expected, bad = (_of_revenue(lost, turnover, currency) for lost in costs)
    return (
        f"Try {both} for {test.weeks} weeks: in each pair of weeks {how}, the order drawn by lot. That would tell the "
        f"elasticity with a standard error of {test.se:.2f} (believed now: {believed[0]:.2f}, standard deviation "
        f"{believed[1]:.2f}).{check} {expected[0].upper()}{expected[1:]} is expected, in a bad case {bad}."
    )


def _of_revenue(lost: float, turnover: float, currency: str) -> str:
    money = f"{abs(lost):,.2f} {currency}".rstrip()
    return f"{'loss' if lost >= 0 else 'gain'} of {money} in revenue ({abs(lost) / turnover:.1%})"
