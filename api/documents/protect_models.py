"""The shape of a protection problem and of its answer as JSON: strict models."""

from typing import Annotated, Self

from pydantic import Discriminator, Field, Tag, model_validator

from api.strict_json import AMOUNT_PATTERN, Amount, Currency, Name, Strict, listed
from pricing.model import Ladder

Chance = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
BelowOne = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Asked = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Fall = Annotated[float, Field(ge=1e-12, le=1e12, allow_inf_nan=False)]
Price = Annotated[str, Field(pattern=AMOUNT_PATTERN)]
MOST_PERIODS = 10_000
MOST_NUMBERS = 5e7
MOST_CLASSES = 100
Each = Annotated[list[Asked], Field(min_length=1, max_length=MOST_PERIODS)]
ARRIVALS = ("of every period", "of each period")
"""What tells the two kinds of arrivals apart."""


class ClassJson(Strict):
    """A fare class and the demand still to come for it, normal."""

    id: Name
    fare: Amount
    mean: Asked
    sd: Asked


class OverbookingJson(Strict):
    """Who does not come, and what it costs when more come than fit.

    `cancellation` and `no_show` are chances, of a booking and of one that was not cancelled; `refund` is the share of
    the fare that a cancellation gets back. `tolerance`, where given, is the largest chance with which anyone may be
    turned away.
    """

    cancellation: BelowOne = 0.0
    no_show: BelowOne = 0.0
    refund: Chance = 1.0
    denied_cost: Amount
    tolerance: BelowOne | None = None


class ExponentialJson(Strict):
    """A buyer buys with a chance of exp(-a price); `a_draws` are draws of what is believed of a."""

    a: Fall | None = None
    a_draws: Annotated[list[Fall], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.a is None) == (self.a_draws is None):
            raise ValueError("give either a or a_draws")
        return self

    def draws(self) -> list[float]:
        """All that a may be."""
        return [self.a] if self.a is not None else self.a_draws or []


class DynamicJson(Strict):
    """A season: how many buyers arrive, and how likely they buy at each price of the ladder.

    `arrivals` is expected buyers, of each period or of every one. Of `probability` (one number for each price),
    `probability_by_period` (such a row for each period), `probability_draws` (rows, each a draw) and `exponential` one
    is given.
    """

    ladder: Annotated[list[Amount], Field(min_length=1)]
    periods: Annotated[int, Field(ge=1, le=MOST_PERIODS)] | None = None
    arrivals: Annotated[
        Annotated[Asked, Tag(ARRIVALS[0])] | Annotated[Each, Tag(ARRIVALS[1])],
        Discriminator(lambda value: ARRIVALS[isinstance(value, list)]),
    ]
    probability: list[Chance] | None = None
    probability_by_period: list[list[Chance]] | None = None
    probability_draws: Annotated[list[list[Chance]], Field(min_length=1)] | None = None
    exponential: ExponentialJson | None = None

    @model_validator(mode="after")
    def _shapes(self) -> Self:
        Ladder(tuple(self.ladder))
        if isinstance(self.arrivals, float) and self.periods is None:
            raise ValueError("give periods, or arrivals as a list of one number for each")
        if isinstance(self.arrivals, list) and self.periods not in {None, len(self.arrivals)}:
            raise ValueError(f"arrivals has {len(self.arrivals)} numbers, there are {self.periods} periods")
        self._check_curve()
        return self

    def _check_curve(self) -> None:
        given = [self.probability, self.probability_by_period, self.probability_draws, self.exponential]
        if sum(one is not None for one in given) != 1:
            raise ValueError("give one of probability, probability_by_period, probability_draws and exponential")
        lengths = {len(row) for row in self.rows()}
        if lengths - {len(self.ladder)}:
            raise ValueError(f"probability has {listed(sorted(lengths))} numbers, the ladder {len(self.ladder)} steps")
        if self.probability_by_period is not None and len(self.probability_by_period) != self.count():
            raise ValueError(f"there are {len(self.probability_by_period)} rows for {self.count()} periods")
        if self.draws() * self.count() * len(self.ladder) > MOST_NUMBERS:
            raise ValueError(f"draws, periods and prices multiply to more than {MOST_NUMBERS:,.0f}")

    def rows(self) -> list[list[float]]:
        """Rows of chances, whatever they stand for."""
        one = None if self.probability is None else [self.probability]
        return one or self.probability_by_period or self.probability_draws or []

    def count(self) -> int:
        """How many periods there are."""
        return len(self.arrivals) if isinstance(self.arrivals, list) else self.periods or 1

    def draws(self) -> int:
        """How many draws of demand there are."""
        believed = self.exponential.draws() if self.exponential else self.probability_draws
        return len(believed or [0])


class ProtectJson(Strict):
    """One resource, and who may buy of it: nested fare classes, or one price that changes; or both, each on its own."""

    currency: Currency
    capacity: Annotated[int, Field(ge=1, le=100_000)]
    classes: Annotated[list[ClassJson], Field(min_length=1, max_length=MOST_CLASSES)] | None = None
    overbooking: OverbookingJson | None = None
    dynamic: DynamicJson | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.classes is None and self.dynamic is None:
            raise ValueError("give classes, dynamic, or both")
        if self.overbooking is not None and self.classes is None:
            raise ValueError("overbooking needs classes")
        return self


class ControlJson(Strict):
    """A rule: level j keeps units for classes 0..j; a class books while fewer than its limit are booked in all.

    With overbooking, bookings that were cancelled count too.
    """

    rule: str
    levels: list[float]
    limits: list[int]
    revenue: float


class PartitionJson(Strict):
    """Units set aside for each class alone, and what they earn."""

    units: list[int]
    revenue: float


class ProtectionJson(Strict):
    """Rules with what they earn in expectation, after refunds and the cost of turning away.

    `partitioned` and `hindsight` (revenue of someone who knows demand) are for units that are not overbooked.
    """

    classes: list[str]
    controls: list[ControlJson]
    partitioned: PartitionJson | None
    hindsight: float | None


class BookingsJson(Strict):
    """How many bookings to take, by value at the mean fare and by service; who is turned away at the lower."""

    show_up: float
    value_limit: int
    service_limit: int | None
    turned_away_chance: float
    turned_away_units: float


class BracketJson(Strict):
    """The price from this many units left on, up to the next."""

    units_from: int
    price: Price


class SinglePriceJson(Strict):
    """A price and what it earns in expectation."""

    price: Price
    revenue: float


class ClosedFormJson(Strict):
    """With exponential demand: the price to ask now, were every price allowed, and what changing it at will earns."""

    price_now: float
    revenue: float


class PricesJson(Strict):
    """The best single price, and what changing it earns; null where the season is too large to work it out.

    `prices` are those asked in each period, by units left. `gain` and `most_gain` are shares of what the single price
    earns; no way to change prices gains more than `most_gain`. `loss_probability` is the share of draws, where
    there are any, in which the rule earns less than the single price.
    """

    words: str
    fixed: SinglePriceJson
    revenue: float | None
    gain: float | None
    most_gain: float
    loss_probability: float | None
    closed_form: ClosedFormJson | None
    prices: list[list[BracketJson]] | None


class AnswerJson(Strict):
    """The answer to a protection problem."""

    currency: Currency
    capacity: int
    protection: ProtectionJson | None
    overbooking: BookingsJson | None
    dynamic: PricesJson | None
