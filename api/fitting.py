"""From a workspace's history to what the engine prices on: forecasts and elasticities, as two tables.

Guarantees
----------
* Nothing dated `today` or later is read.
* Every offer gets a forecast, or a row that says why there is none; it is then held, never guessed.
* The fit is data (Parquet and JSON), named by what it was made from: the same history and settings give the same fit.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from api.atomic import write_bytes
from api.history import write_parquet
from api.settings import Settings
from forecasting.booking_curve import civil_days, remaining_demand, with_silent_days
from forecasting.curves import BaseDemand, demand_curves
from forecasting.elasticity.table import elasticity_table
from forecasting.features import holidays_in
from forecasting.table import forecast_table
from pricing.demand import DemandCurves, Identification
from pricing.errors import InputError
from pricing.model import ALL, Offer

KEY = ["product", "segment"]
"""Buyers of one product and segment are taken to react alike to a price."""
LEAD_EDGES = (0, 1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 180)
"""Days to the event at which booking habits change; between two edges they are taken to be alike [days]."""
LEVEL = 0.8
NOTHING = BaseDemand(mean=0.0, lower=0.0, upper=0.0, reference=1.0, model="none")
NO_FORECAST = "There are no past sales of this kind to forecast from."
FAR = 2.0
"""A price in force so many times above or below that of past sales is a slip until someone has checked it."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many steps of it are done, and how many there are (0: not known)."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What was learned from the history.

    Attributes
    ----------
    version : names the fit
    elasticities : one row per product and segment, as `fairfare elasticity` gives them
    demand : event, product, segment, mean, lower, upper [units over the horizon], reference [currency], model
    forecast : the shop's forecast by period: product, segment, date, mean, lower, upper, model
    """

    version: str
    elasticities: pd.DataFrame
    demand: pd.DataFrame
    forecast: pd.DataFrame

    def save(self, folder: Path) -> None:
        """Write the tables, then name this fit the current one."""
        for name in ("elasticities", "demand", "forecast"):
            write_parquet(getattr(self, name), folder / self.version / f"{name}.parquet")
        write_bytes(json.dumps({"version": self.version}).encode(), folder / "current.json")


def load_fit(folder: Path) -> Fit:
    """Read the current fit.

    Raises
    ------
    InputError
        if there is none yet.
    """
    try:
        version = json.loads((folder / "current.json").read_text(encoding="utf-8"))["version"]
    except FileNotFoundError:
        raise InputError("there is no fit yet; make one with: fairfare fit") from None
    tables = (pd.read_parquet(folder / version / f"{name}.parquet") for name in ("elasticities", "demand", "forecast"))
    return Fit(version, *tables)


def fit(
    sales: pd.DataFrame,
    events: pd.DataFrame,
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
    events : the events table; may be empty
    today : first day that has not been observed
    fingerprint : of the history, for the fit's version
    """
    sales = sales[sales["date"] < today]
    at_events = sales[sales["event"] != ALL]
    if len(at_events) and len(events):
        dated = with_silent_days(at_events, events, today=today, time_zone=settings.time_zone)
        at_events = pd.concat([dated, at_events[~at_events["event"].isin(events["event"])]], ignore_index=True)
    goods = sales[sales["event"] == ALL]
    elasticities = _elasticities(at_events, goods, events, settings.time_zone, progress)
    rows = elasticities[[*KEY, "elasticity"]].itertuples(index=False, name=None)
    slopes = {(product, segment): float(slope) for product, segment, slope in rows}
    progress("fitting booking curves", 0, 0)
    demand = [_event_demand(at_events, events, slopes, settings, today)] if len(at_events) and len(events) else []
    forecast, totals = _goods_demand(goods, settings, progress)
    made_from = f"{fingerprint} {today:%Y-%m-%d} {settings!r}"
    return Fit(
        version=hashlib.sha256(made_from.encode()).hexdigest()[:12],
        elasticities=elasticities,
        demand=pd.concat([*demand, totals], ignore_index=True),
        forecast=forecast,
    )


def _elasticities(
    at_events: pd.DataFrame, goods: pd.DataFrame, events: pd.DataFrame, time_zone: str, progress: Progress
) -> pd.DataFrame:
    """Tickets are compared within an event and with other events at the same lead; goods as the estimator chooses."""
    groups = sum(rows.groupby(KEY).ngroups for rows in (at_events, goods))
    count = itertools.count(1)

    def done(_: int) -> None:
        progress("fitting price response", next(count), groups)

    tables = []
    if len(at_events):
        rows = _with_lead(at_events, events, time_zone)
        tables.append(elasticity_table(rows, by=KEY, effects=("event", "lead"), progress=done))
    if len(goods):
        tables.append(elasticity_table(goods, by=KEY, progress=done))
    return pd.concat(tables, ignore_index=True)


def _with_lead(sales: pd.DataFrame, events: pd.DataFrame, time_zone: str) -> pd.DataFrame:
    """Sales with `lead`: which stretch of the sale the day lies in."""
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
    return remaining_demand(
        sales,
        events,
        slopes,
        today=today,
        time_zone=settings.time_zone,
        holidays=frozenset(map(pd.Timestamp, dated)),
        level=LEVEL,
    )


def _goods_demand(goods: pd.DataFrame, settings: Settings, progress: Progress) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecast by period, and the total over the horizon with the price it was forecast at."""
    columns = [*KEY, "date", "mean", "lower", "upper", "model"]
    if not len(goods):
        return pd.DataFrame(columns=columns), pd.DataFrame(columns=["event", *KEY, "mean", "lower", "upper"])
    freq, horizon, share = _periods(goods, settings.policy.horizon_days)
    forecast = forecast_table(
        goods,
        horizon=horizon,
        freq=freq,
        by=KEY,
        country=settings.country,
        level=LEVEL,
        seed=settings.seed,
        progress=lambda done, total: progress("fitting forecasts", done, total),
    )
    # The ends are summed as if periods erred together: wider than independent errors would give, never too narrow.
    totals = forecast.groupby(KEY, as_index=False).agg(
        {"mean": "sum", "lower": "sum", "upper": "sum", "model": "first"}
    )
    totals[["mean", "lower", "upper"]] *= share
    last = goods.sort_values("date").groupby(KEY)["price"].last().rename("reference").reset_index()
    return forecast, totals.merge(last, on=KEY).assign(event=ALL)


def _periods(goods: pd.DataFrame, horizon_days: int) -> tuple[str | None, int, float]:
    """Length of a period, periods that cover the horizon, and the share of them that lies inside it.

    Daily sales are planned in weeks where the horizon has two: chance evens out within a week, so the total is surer.
    """
    gaps = goods["date"].drop_duplicates().sort_values().diff().dt.days.dropna()
    length = float(gaps.median()) if len(gaps) else 1.0
    weekly = length == 1.0 and horizon_days >= 14
    length = 7.0 if weekly else length
    periods = max(1, int(np.ceil(horizon_days / length)))
    return "W" if weekly else None, periods, min(1.0, horizon_days / (periods * length))


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
        columns = ["mean", "lower", "upper", "reference", "model"]  # in the order of BaseDemand
        table = self.fit.demand[["event", *KEY, *columns]].itertuples(index=False, name=None)
        known = {row[:3]: BaseDemand(*row[3:]) for row in table}
        base = {offer.id: known.get((offer.event, *offer.key), NOTHING) for offer in offers}
        curves = demand_curves(
            offers,
            base,
            self.fit.elasticities,
            draws=self.settings.draws,
            rng=np.random.default_rng(self.settings.seed),
            version=self.version,
        )
        doubts = [_doubt(offer, base[offer.id]) for offer in offers]
        evidence = tuple(
            replace(told, status=Identification.NOT_IDENTIFIED, reason=doubt) if doubt else told
            for told, doubt in zip(curves.evidence, doubts, strict=True)
        )
        return replace(curves, evidence=evidence)


def _doubt(offer: Offer, base: BaseDemand) -> str | None:
    """Why nothing may be concluded for this offer whatever its elasticity; None if nothing stands against it."""
    if base is NOTHING:
        return NO_FORECAST
    if base.reference / FAR <= float(offer.current_price) <= base.reference * FAR:
        return None
    return f"The price in force, {offer.current_price}, is far from the {base.reference:.2f} of past sales; check both."
