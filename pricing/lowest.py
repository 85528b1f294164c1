"""The price a reduction is measured by: the lowest of the days before it began.

Guarantees
----------
* What counts is the time before the reduction, never the time before today, however long the reduction lasts.
* Any price in force at any instant of that time counts, however briefly; times without a price count for nothing.
* No reduction is claimed that this price does not bear out, and the percentage is never more than it is.
* No reduction is claimed of something that was first on sale on the day it began: a price nobody could pay for a day
  is no former price.

Directive 98/6/EC, article 6a, as amended by Directive (EU) 2019/2161: an announced reduction indicates the prior price,
the lowest price during at least 30 days before it was applied. The percentage is that of the prior price (CJEU, 26
September 2024, C-330/23, Aldi Süd). Each step of a progressive reduction is a reduction of its own here: the option of
article 6a(5), by which the price before the first step may be named, is not taken, because only some states grant it
and the lower price is right in all. Something on sale for less than 30 days is measured by the days it was on sale.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

Row = tuple[datetime, datetime | None, Decimal]
"""When a price begins, when it ends (None: not known yet), and the price; one offer, channel and currency."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """A reduction that the history of prices bears out.

    Attributes
    ----------
    lowest_price : the lowest in force in the days before
    since : when it began
    percent : whole percent of the lowest price, rounded down
    days : of the days before it that count, how many since the offer was first on sale among them; 1 or more [days]
    """

    lowest_price: Decimal
    since: datetime
    percent: int
    days: int


def reduction(rows: Iterable[Row], at: datetime, *, days: int, zone: ZoneInfo) -> Reduction | None:
    """The reduction in force at an instant; None if there is none, or nothing to measure it by.

    Parameters
    ----------
    rows : prices of one offer and channel; those not yet begun by `at` do not matter
    days : calendar days before the reduction that count [days]
    zone : in which days begin
    """
    past = sorted((row for row in rows if row[0] <= at), key=lambda row: row[0])
    if not past or (past[-1][1] is not None and past[-1][1] <= at):
        return None
    since, price = _began(past), past[-1][2]
    counted = _counted(past, since, days=days, zone=zone)
    lowest = min((row[2] for row in counted), default=None)
    if lowest is None or not price < lowest:
        return None
    on_sale = (_day(since, zone) - _day(counted[0][0], zone)).days
    return Reduction(lowest, since, int(100 * (lowest - price) // lowest), min(days, on_sale)) if on_sale else None


def _counted(rows: Iterable[Row], start: datetime, *, days: int, zone: ZoneInfo) -> list[Row]:
    """Those in force at some instant from the beginning of the day `days` before `start` until `start`."""
    first_day = _day(start, zone) - timedelta(days=days)
    first = datetime.combine(first_day, time(), tzinfo=zone).astimezone(UTC)
    return [row for row in rows if row[0] < start and (row[1] is None or row[1] > first)]


def _began(past: Sequence[Row]) -> datetime:
    """When the last price began, having been set again without a break or not."""
    since, _, price = past[-1]
    for begins, ends, earlier in reversed(past[:-1]):
        if ends != since or earlier != price:
            break
        since = begins
    return since


def _day(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()
