"""What the current fit says, as data kept beside it for those who serve it: forecasts by day, and price responses.

Guarantees
----------
* It is read without pandas, a model or a database, and once per fit: a new fit is noticed at the next request.
* A file that is damaged is ignored and said to be; what was read before stays.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog

from api.seal import sealed
from pricing.errors import InputError

ESTIMATES = "estimates.json"
CURRENT = "current.json"
log = structlog.get_logger()


class Series(msgspec.Struct, frozen=True, gc=False):
    """Demand of one kind of buyer, day by day from `first` on.

    Attributes
    ----------
    price : the price it is forecast at [currency]
    mean, lower, upper : units wanted on each day, and the interval that holds `level` of outcomes [units]
    """

    event: str
    product: str
    segment: str
    channel: str
    model: str
    price: float
    first: date
    mean: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """What no other series has."""
        return self.event, self.product, self.segment, self.channel


class Response(msgspec.Struct, frozen=True, gc=False):
    """How buyers of a product and segment react to its price; numbers are None where there is nothing to tell."""

    product: str
    segment: str
    elasticity: float | None
    se: float | None
    lower: float | None
    upper: float | None
    raw_elasticity: float | None
    status: str
    method: str
    n_obs: int
    n_prices: int
    reason: str

    @property
    def key(self) -> tuple[str, ...]:
        """What no other response has."""
        return self.product, self.segment


class Estimates(msgspec.Struct, frozen=True):
    """What a fit says.

    Attributes
    ----------
    level : share of outcomes that lie between the ends of a forecast
    series, responses : sorted by key
    """

    model_version: str
    fitted_at: datetime | None
    level: float
    series: tuple[Series, ...]
    responses: tuple[Response, ...]


Place = tuple[str, ...]
"""The last row of a page: the next one begins behind it."""
Row = dict[str, Any]


def forecasts(said: Estimates, where: Mapping[str, str], after: Place | None) -> Iterator[tuple[Place, Row]]:
    """Forecasts by day that match all of `where`, sorted by event, product, segment, channel and date.

    Parameters
    ----------
    where : any of event, product and segment, each with its value
    """
    about = {"level": said.level, "model_version": said.model_version, "fitted_at": said.fitted_at}
    for series in _matching(said.series, where, after[:-1] if after else None):
        same = {name: getattr(series, name) for name in ("event", "product", "segment", "channel")}
        for i, (mean, lower, upper) in enumerate(zip(series.mean, series.lower, series.upper, strict=True)):
            day = (series.first + timedelta(days=i)).isoformat()
            if after is None or (*series.key, day) > after:
                span = {"mean": mean, "lower": lower, "upper": upper}
                yield (
                    (*series.key, day),
                    {**same, "date": day, **span, "price": series.price, "model": series.model, **about},
                )


def elasticities(said: Estimates, where: Mapping[str, str], after: Place | None) -> Iterator[tuple[Place, Row]]:
    """Price responses that match all of `where`, sorted by product and segment."""
    about = {"model_version": said.model_version, "fitted_at": said.fitted_at}
    for response in _matching(said.responses, where, after):
        if response.key != after:
            yield response.key, {**msgspec.structs.asdict(response), **about}


def _matching(rows: Sequence[Any], where: Mapping[str, str], start: Place | None) -> Iterator[Any]:
    for row in rows:
        if start is not None and row.key < start:
            continue
        if all(getattr(row, name) == value for name, value in where.items()):
            yield row


@dataclass(frozen=True, slots=True)
class _Read:
    mark: tuple[int, int, int]
    said: Estimates | None


class Current:
    """The current fit of a workspace, in the folder of its fits."""

    def __init__(self, fits: Path) -> None:
        self._fits = fits
        self._read = _Read((0, 0, 0), None)

    def estimates(self) -> Estimates | None:
        """What it says; None before there is a fit."""
        if (mark := self._mark()) != self._read.mark:
            self._read = _Read(mark, self._load())
        return self._read.said

    def _mark(self) -> tuple[int, int, int]:
        """Changes with every fit."""
        try:
            about = (self._fits / CURRENT).stat()
        except OSError:
            return 0, 0, 0
        return about.st_ino, about.st_size, about.st_mtime_ns

    def _load(self) -> Estimates | None:
        try:
            version = msgspec.json.decode((self._fits / CURRENT).read_bytes(), type=_Named).version
            return msgspec.json.decode(sealed(self._fits / version / ESTIMATES), type=Estimates)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError, InputError) as error:
            log.warning("the estimates of the current fit cannot be used", path=str(self._fits), reason=str(error))
            return self._read.said


class _Named(msgspec.Struct):
    version: str
