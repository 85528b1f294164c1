"""From a workspace's history to what the engine prices on: forecasts and elasticities, as two tables.

Guarantees
----------
* Nothing dated `today` or later is read.
* Every offer gets a forecast, or a row that says why there is none; it is then held, never guessed.
* No unit of demand is promised to two offers: those that differ by channel have the demand of their channel.
* With each elasticity goes what it rests on; no more is fitted for that.
* The fit is data (Parquet and JSON), named by what it was made from: the same history and settings give the same fit.
"""

import hashlib
import io
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pandas as pd

from api.atomic import write_bytes
from api.estimates import CURRENT, ESTIMATES
from api.estimating import NONE_KEPT, estimates_of, grounds_of
from api.expectations import Paces, expectations
from api.goods import KEY, LEVEL, also_by_channel, goods_demand
from api.grounds import GROUNDS, Grounds
from api.history import write_parquet
from api.outcomes import EXPECTED, read_expectations
from api.seal import DAMAGED, check_seal, seal, sealed
from api.settings import Settings
from forecasting.booking_curve import booking_pace, civil_days, days_on_sale, remaining_demand, with_silent_days
from forecasting.curves import BaseDemand, demand_curves
from forecasting.elasticity.basis import Basis
from forecasting.elasticity.proposal import proposals
from forecasting.elasticity.table import elasticity_table
from forecasting.features import holidays_in
from forecasting.pace import Pace, goods_pace
from pricing.demand import DemandCurves, Identification
from pricing.errors import Finding, InputError
from pricing.learning import Expectation
from pricing.model import ALL, Offer

LEAD_EDGES = (0, 1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 180)
"""Days to the event at which booking habits change; between two edges they are taken to be alike [days]."""
NOTHING = BaseDemand(mean=0.0, lower=0.0, upper=0.0, reference=1.0, model="none")
NO_FORECAST = "There are no past sales of this kind to forecast from."
NO_CHANNEL = "Past sales do not say through which channel, and several channels offer it: whose they are is not known."
NO_PRICE = "No past sale of this kind has a price above 0 to compare with."
FAR = 2.0
"""A price in force so many times above or below that of past sales is a slip until someone has checked it."""

OF_EVENTS = ["event", "starts_at", "on_sale_at", "venue"]
OF_OFFERS = ["event", *KEY, "channel", "current_price"]
"""Columns that a fit is made from, beside those of the sales; no other reaches it."""
TABLES = ("elasticities.parquet", "demand.parquet", "forecast.parquet")

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many steps of it are done, and how many there are (0: not known)."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What was learned from the history.

    Attributes
    ----------
    version : names the fit
    elasticities : one row per product and segment, as `fairfare elasticity` gives them
    demand : event, product, segment, channel ("all": all of them together), mean, lower, upper [units over the
        horizon], reference (the price it was forecast at) [currency], model
    forecast : the shop's forecast by period: product, segment, date, mean, lower, upper, model
    expected : what demand comes to day by day, against which sales will be held
    fitted_at : the begin of the day it was made on; None where that was not recorded
    inputs : columns that it was made from
    grounds : what each price response rests on
    """

    version: str
    elasticities: pd.DataFrame
    demand: pd.DataFrame
    forecast: pd.DataFrame
    expected: tuple[Expectation, ...] = ()
    fitted_at: datetime | None = None
    inputs: tuple[str, ...] = ()
    grounds: Grounds = NONE_KEPT

    def save(self, folder: Path) -> None:
        """Write the tables, then name this fit the current one."""
        for name in TABLES:
            write_parquet(getattr(self, name.removesuffix(".parquet")), folder / self.version / name)
        write_bytes(msgspec.json.encode(self.expected), folder / self.version / EXPECTED)
        told = estimates_of(self.version, self.fitted_at, self.elasticities, self.demand, self.expected)
        write_bytes(msgspec.json.encode(told), folder / self.version / ESTIMATES)
        write_bytes(msgspec.json.encode(self.grounds), folder / self.version / GROUNDS)
        fitted_at = None if self.fitted_at is None else self.fitted_at.isoformat()
        about = {"version": self.version, "fitted_at": fitted_at, "inputs": " ".join(self.inputs)}
        mark = seal(folder / self.version, (*TABLES, EXPECTED, ESTIMATES, GROUNDS), about)
        write_bytes(msgspec.json.encode(about | {"seal": mark}), folder / CURRENT)


def load_fit(folder: Path) -> Fit:
    """Read the current fit, but for its grounds: prices do not depend on them.

    Raises
    ------
    InputError
        if there is none yet, or it is not what was saved.
    """
    try:
        current = msgspec.json.decode((folder / CURRENT).read_bytes(), type=_Current)
    except FileNotFoundError:
        raise InputError("there is no fit yet; make one with: fairfare fit") from None
    except (ValueError, RecursionError):
        raise InputError(Finding(DAMAGED, file=str(folder / CURRENT))) from None
    version, day = current.version, current.fitted_at
    check_seal(folder / version, current.seal, {"version": version, "fitted_at": day, "inputs": current.inputs})
    elasticities, demand, forecast = (pd.read_parquet(io.BytesIO(sealed(folder / version / name))) for name in TABLES)
    expected = read_expectations(folder / version / EXPECTED)
    fitted_at, inputs = None if day is None else datetime.fromisoformat(day), tuple(current.inputs.split())
    return Fit(version, elasticities, demand, forecast, expected, fitted_at, inputs)


class _Current(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{12}$")]
    fitted_at: str | None
    inputs: str
    seal: str


def fit(
    sales: pd.DataFrame,
    events: pd.DataFrame,
    offers: pd.DataFrame,
    settings: Settings,
    *,
    today: pd.Timestamp,
    fingerprint: str,
    progress: Progress,
) -> Fit:
    """Estimate price response and demand.

    Parameters
    ----------
    sales : daily rows of `api.history.History.daily_sales`
    events, offers : the tables; may be empty
    today : first day that has not been observed
    fingerprint : of the history, for the fit's version

    Raises
    ------
    InputError
        if there is nothing to learn from yet.
    """
    sales = sales[sales["date"] < today]
    if sales.empty:
        raise InputError("there are no sales before today yet; today is not observed to its end")
    events, offers = events.filter(OF_EVENTS), offers.filter(OF_OFFERS)
    at_events = sales[sales["event"] != ALL]
    if len(at_events) and len(events):
        at_events = _with_offered(at_events, offers, events, today=today, time_zone=settings.time_zone)
        dated = with_silent_days(at_events, events, today=today, time_zone=settings.time_zone)
        at_events = pd.concat([dated, at_events[~at_events["event"].isin(events["event"])]], ignore_index=True)
    goods = sales[(sales["event"] == ALL) & (sales["price"] > 0)]
    if at_events.empty and goods.empty:
        raise InputError("no sale before today has a price above 0: there is no price response to learn")
    elasticities, grounds = _elasticities(at_events, goods, events, settings.time_zone, progress)
    rows = elasticities[[*KEY, "elasticity"]].itertuples(index=False, name=None)
    slopes = {(product, segment): float(slope) for product, segment, slope in rows}
    progress("fitting booking curves", 0, 0)
    demand = [_event_demand(at_events, events, slopes, settings, today)] if len(at_events) and len(events) else []
    forecast, totals = goods_demand(goods, settings, progress)
    made_from = f"{fingerprint} {today:%Y-%m-%d} {settings!r}"
    demanded = pd.concat([*demand, totals], ignore_index=True)
    paces = _paces(at_events, events, goods, forecast, slopes, settings, today)
    return Fit(
        version=hashlib.sha256(made_from.encode()).hexdigest()[:12],
        elasticities=elasticities,
        demand=demanded,
        forecast=forecast,
        expected=expectations(demanded, elasticities, paces),
        fitted_at=datetime.combine(today.date(), time(), ZoneInfo(settings.time_zone)).astimezone(UTC),
        inputs=tuple(dict.fromkeys((*sales.columns, *events.columns, *offers.columns))),
        grounds=grounds,
    )


def _paces(  # noqa: PLR0917  # what was fitted, and what it was fitted to
    at_events: pd.DataFrame,
    events: pd.DataFrame,
    goods: pd.DataFrame,
    forecast: pd.DataFrame,
    slopes: dict[tuple[str, str], float],
    settings: Settings,
    today: pd.Timestamp,
) -> Paces:
    made: dict[tuple[str, str, str], Pace] = {}
    if len(at_events) and len(events):
        made |= booking_pace(at_events, events, slopes, today=today, time_zone=settings.time_zone)
    if len(goods):
        found = goods_pace(goods, forecast, slopes, today=today, days=settings.policy.horizon_days)
        made |= {(ALL, *key): pace for key, pace in found.items()}
    return made


def _with_offered(
    sales: pd.DataFrame, offers: pd.DataFrame, events: pd.DataFrame, *, today: pd.Timestamp, time_zone: str
) -> pd.DataFrame:
    """Sales with a row of zero units for each ticket on offer that has not sold: that, too, tells what is wanted."""
    names = ["event", *KEY]
    if not len(offers):
        return sales
    spans = days_on_sale(sales, events, today=today, time_zone=time_zone)
    asked = offers[[*names, "channel", "current_price"]].merge(spans[spans["days"] > 0], on="event")
    asked = asked.merge(sales[names].drop_duplicates(), on=names, how="left", indicator="known")
    unsold = asked[asked["known"] == "left_only"].rename(columns={"first": "date", "current_price": "price"})
    rows = unsold[["date", *names, "channel", "price"]].assign(quantity=0.0, price=unsold["price"].astype(np.float64))
    return pd.concat([sales, rows], ignore_index=True) if len(rows) else sales


def _elasticities(
    at_events: pd.DataFrame, goods: pd.DataFrame, events: pd.DataFrame, time_zone: str, progress: Progress
) -> tuple[pd.DataFrame, Grounds]:
    """Tickets are compared within an event and with other events at the same lead; goods as the estimator chooses."""
    groups = sum(rows.groupby(KEY).ngroups for rows in (at_events, goods))
    count = itertools.count(1)

    def done(_: int) -> None:
        progress("fitting price response", next(count), groups)

    tables, tests, bases = list[pd.DataFrame](), list[pd.DataFrame](), list[Basis]()
    if len(at_events):
        rows = _with_lead(at_events, events, time_zone)
        effects = ("event", "lead")
        tables.append(elasticity_table(rows, by=KEY, effects=effects, progress=done, witness=bases.append))
        tests.append(proposals(rows, tables[-1], by=KEY))
    if len(goods):
        tables.append(elasticity_table(goods, by=KEY, progress=done, witness=bases.append))
        tests.append(proposals(goods, tables[-1], by=KEY))
    return pd.concat(tables, ignore_index=True), grounds_of(bases, pd.concat(tests, ignore_index=True))


def _with_lead(sales: pd.DataFrame, events: pd.DataFrame, time_zone: str) -> pd.DataFrame:
    """Sales with `lead`: which stretch of the sale the day lies in."""
    if not len(events):
        return sales.assign(lead="0")
    starts = civil_days(events.set_index("event")["starts_at"], time_zone)
    days = (sales["event"].map(starts) - sales["date"]).dt.days
    return sales.assign(lead=np.searchsorted(LEAD_EDGES, days.fillna(0)).astype(str))


def _event_demand(
    sales: pd.DataFrame,
    events: pd.DataFrame,
    slopes: dict[tuple[str, str], float],
    settings: Settings,
    today: pd.Timestamp,
) -> pd.DataFrame:
    years = range(sales["date"].min().year, events["starts_at"].max().year + 1)
    dated = [day for year in years for day, _ in holidays_in(settings.country, year)] if settings.country else []

    def ahead(rows: pd.DataFrame) -> pd.DataFrame:
        return remaining_demand(
            rows,
            events,
            slopes,
            today=today,
            time_zone=settings.time_zone,
            holidays=frozenset(map(pd.Timestamp, dated)),
            level=LEVEL,
        )

    apart = sales[sales["channel"] != ALL]
    parts = [rows for _, rows in apart.groupby("channel")] if apart["channel"].nunique() > 1 else []
    together = ahead(sales).assign(channel=ALL)
    if not parts:
        return also_by_channel(together, sales)
    names = [rows["channel"].iloc[0] for rows in parts]
    made = [ahead(rows).assign(channel=name) for name, rows in zip(names, parts, strict=True)]
    return pd.concat([together, *made], ignore_index=True)


@dataclass(frozen=True, slots=True)
class FittedMarket:
    """A fit as the engine's demand model."""

    fit: Fit
    settings: Settings

    @property
    def version(self) -> str:
        """Names the fit."""
        return self.fit.version

    def curves(self, offers: Sequence[Offer]) -> DemandCurves:
        """Draws from the posterior of demand; an offer without a forecast has none, and its evidence says so."""
        _refuse_shared_demand(offers)
        found = dict(zip((offer.id for offer in offers), self._base(offers), strict=True))
        base = {name: NOTHING if isinstance(told, str) else told for name, told in found.items()}
        curves = demand_curves(
            offers,
            base,
            self.fit.elasticities,
            draws=self.settings.draws,
            rng=np.random.default_rng(self.settings.seed),
            version=self.version,
        )
        doubts = [_doubt(offer, found[offer.id]) for offer in offers]
        evidence = tuple(
            replace(told, status=Identification.NOT_IDENTIFIED, reason=doubt) if doubt else told
            for told, doubt in zip(curves.evidence, doubts, strict=True)
        )
        return replace(curves, evidence=evidence)

    def _base(self, offers: Sequence[Offer]) -> list[BaseDemand | str]:
        """Forecast of each offer, or the reason why it has none."""
        columns = ["mean", "lower", "upper", "reference", "model"]  # in the order of BaseDemand
        table = self.fit.demand[["event", *KEY, "channel", *columns]].itertuples(index=False, name=None)
        known = {row[:4]: row[4:] for row in table}
        split = {key[1:3] for key in known if key[3] != ALL}
        rivals = Counter((offer.event, *offer.key) for offer in offers)
        found: list[BaseDemand | str] = []
        for offer in offers:
            key = (offer.event, *offer.key)
            told = offer.key in split
            row = known.get((*key, offer.channel if told else ALL))
            found.append(NO_CHANNEL if not told and rivals[key] > 1 else NO_FORECAST if row is None else _usable(row))
        return found


def _refuse_shared_demand(offers: Sequence[Offer]) -> None:
    """Refuse offers that would each be promised the same buyers.

    Raises
    ------
    InputError
        naming every product for which "all" channels and a single one, or one channel twice, are on offer.
    """
    alike: dict[tuple[str, str, str], list[Offer]] = {}
    for offer in offers:
        alike.setdefault((offer.event, *offer.key), []).append(offer)
    findings = [
        Finding(
            f"offers {', '.join(o.id for o in rivals)} sell the same thing to the same buyers: give each a channel of "
            f'its own (not "{ALL}"), or keep one of them',
            file="offers",
        )
        for rivals in alike.values()
        if len(channels := {o.channel for o in rivals}) < len(rivals) or (ALL in channels and len(rivals) > 1)
    ]
    if findings:
        raise InputError(findings)


def _usable(row: tuple[float, float, float, float, str]) -> BaseDemand | str:
    """The forecast, or why it is none."""
    if not (np.isfinite(row[3]) and row[3] > 0):
        return NO_PRICE
    return BaseDemand(*row) if np.isfinite(row[:3]).all() else NO_FORECAST


def _doubt(offer: Offer, base: BaseDemand | str) -> str | None:
    """Why nothing may be concluded for this offer whatever its elasticity; None if nothing stands against it."""
    if isinstance(base, str):
        return base
    if base.reference / FAR <= float(offer.current_price) <= base.reference * FAR:
        return None
    return f"The price in force, {offer.current_price}, is far from the {base.reference:.2f} of past sales; check both."
