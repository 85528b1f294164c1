"""What each price response of a fit rests on, as data kept beside it: sales by price, diagnostics, and a price test.

Guarantees
----------
* It is read without pandas, a model or a database, and once per fit.
* Of each group a bounded number of figures is kept, however many sales it was learned from.
* A fit that was made before this was kept has none, and is read all the same; one that is damaged has none either.
"""

from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from api.seal import sealed
from pricing.errors import InputError

GROUNDS = "grounds.json"
log = structlog.get_logger()


class Interval(msgspec.Struct, frozen=True, gc=False):
    """An elasticity with its 95 % interval."""

    slope: float
    lower: float
    upper: float


class Way(msgspec.Struct, frozen=True, gc=False):
    """One way in which price may follow demand: the coefficient, and the p-value of there being none."""

    coefficient: float
    p: float


class Followed(msgspec.Struct, frozen=True, gc=False):
    """The test whether price followed demand.

    Attributes
    ----------
    rows : with a past and a future
    level : p-value below which any way is an alarm
    lag : today's demand in tomorrow's price
    lead : tomorrow's price in today's demand
    left : what is left to sell in tomorrow's price; None where that was not known
    """

    rows: int
    level: float
    lag: Way
    lead: Way
    left: Way | None


class Change(msgspec.Struct, frozen=True, gc=False):
    """The elasticity before and since a day, and whether they differ beyond chance and by much."""

    before: float
    since: float
    day: date
    large: bool


class Dot(msgspec.Struct, frozen=True, gc=False):
    """Sales of rows of about one price, net of all but the price; 100 is usual sales at the usual price.

    Attributes
    ----------
    se : standard error of sales
    rows : behind it
    """

    price: float
    sales: float
    se: float
    rows: int


class PriceTest(msgspec.Struct, frozen=True, gc=False):
    """The shortest price test that would tell, as `forecasting.elasticity.proposal` has it.

    Attributes
    ----------
    places : that are priced apart, half of them at a time; 0: by time
    weeks : it takes; None where none in reach would tell
    useful, promised : standard error from which it tells, and that it has
    cost, bad_case : revenue lost if all is as believed, and one time in twenty [currency]; None where out of reach
    """

    usual: float
    low: float
    high: float
    places: int
    weeks: int | None
    useful: float
    promised: float
    cost: float | None
    bad_case: float | None


class Ground(msgspec.Struct, frozen=True, gc=False):
    """What the response of one group rests on; see `forecasting.elasticity.basis.Basis`.

    Attributes
    ----------
    units, dates, sold : series, dates and units it was learned from
    usual : the usual price; None where there is none [currency]
    alike : whether it is about the usual price of everything in the group
    tried : least and highest price charged, with each thing's usual price put at `usual` [currency]
    moves : dates on which the price changed
    own : standard deviation of log price beyond season and other effects
    sold_out, mixed, guessed : shares of the rows
    alone, in_logs : before pooling, and where each row counts alike
    unseen : share of what is left of price and demand that an unseen cause would have to explain
    kind : of the dots: net of effects, or raw where nothing could be fitted
    no_test : why no test is worked out; empty where one is, or none is needed
    """

    product: str
    segment: str
    units: int
    dates: int
    sold: float
    usual: float | None
    alike: bool
    tried: tuple[float, float] | None
    moves: int
    own: float
    sold_out: float
    mixed: float
    guessed: float
    alone: Interval | None
    in_logs: Interval | None
    followed: Followed | None
    unseen: float | None
    change: Change | None
    kind: Literal["net", "instrumented", "raw"]
    dots: tuple[Dot, ...]
    test: PriceTest | None
    no_test: str

    @property
    def key(self) -> tuple[str, ...]:
        """What no other group has."""
        return self.product, self.segment


class Needed(msgspec.Struct, frozen=True, gc=False):
    """What a number must rest on to be called identified.

    Attributes
    ----------
    moves, own, rows : least dates with a new price, variation of its own, and rows to test whether it followed demand
    mixed, guessed : most rows with several prices, and without a sale or a price
    """

    moves: int
    own: float
    rows: int
    mixed: float
    guessed: float


class Grounds(msgspec.Struct, frozen=True, dict=True):
    """Of all groups of a fit."""

    needed: Needed
    groups: tuple[Ground, ...]

    @cached_property
    def by_key(self) -> dict[tuple[str, ...], Ground]:
        """By product and segment."""
        return {ground.key: ground for ground in self.groups}


def load_grounds(fits: Path, version: str) -> Grounds | None:
    """Of a fit; None where they were not kept with it."""
    path = fits / version / GROUNDS
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, InputError) as error:
        log.warning("what price responses rest on cannot be used", path=str(path), reason=str(error))
        return None


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> Grounds:  # noqa: ARG001  # a fit made anew is another
    return msgspec.json.decode(sealed(path), type=Grounds)
