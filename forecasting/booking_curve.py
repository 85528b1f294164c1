"""Demand still to come for an event, from how such events usually fill up.

Guarantees
----------
* Only sales dated before `today` are read; days are those of the owner's time zone.
* A day on sale without a row is a day without demand: a row per sale and a row per day tell the same.
* Days after a sell-out count as days on which nothing was for sale, never as days without demand; nor do days on which
  tickets were only given away.
* An event on its first day of sale borrows from similar events, and `model` says so.
* Where no event of a kind is over yet, nothing is known of how it fills up, and no row is made up.

Model: units of an event sold at lead d (days to the event) are Poisson with mean `appeal * share[d] * (price / usual)
** elasticity`. Shares and appeals of past events are the two-way Poisson maximum likelihood. The appeal of a coming
event has a gamma prior, centred on similar past events (same venue, and whether it falls on a weekend or holiday) and
as wide as they differ; what it has sold so far updates it in closed form (Gelman et al. 2013, section 2.6).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import nbinom

from forecasting.pace import Pace, overdispersion

Vector = NDArray[np.float64]

COLD_START, WARM = "similar events", "booking curve"
ITERATIONS = 50
PRIOR_DISPERSION, PRIOR_EVENTS = 0.25, 2.0
"""Before any is seen, similar events are taken to differ by 50 % (0.25 = 0.5 ** 2); a prior counts as two events."""
MIN_DISPERSION = 0.02
"""Past events never look so alike that a coming one could not differ by about 14 %."""


@dataclass(frozen=True, slots=True)
class BookingCurve:
    """How one audience of one ticket type usually fills up.

    Attributes
    ----------
    share : (leads,) share of a sale's demand at 1, 2, ... days before the event; sums to 1
    appeal : mean demand over a whole sale at the usual price, by (venue, special day) [units]
    overall : the same over all events [units]
    dispersion : squared coefficient of variation of appeal between similar events
    """

    share: Vector
    appeal: Mapping[tuple[str, bool], float]
    overall: float
    dispersion: float

    def expected(self, venue: str, *, special: bool) -> float:
        """Mean appeal of events like this one [units]."""
        return self.appeal.get((venue, special), self.overall)

    def share_at(self, lead: NDArray[np.int64]) -> Vector:
        """Share of demand at each lead; days before the usual start of sale count as the earliest."""
        return self.share[np.clip(lead, 1, len(self.share)) - 1]


def remaining_demand(
    sales: pd.DataFrame,
    events: pd.DataFrame,
    elasticity: Mapping[tuple[str, str], float],
    *,
    today: pd.Timestamp,
    time_zone: str = "UTC",
    holidays: frozenset[pd.Timestamp] = frozenset(),
    level: float = 0.8,
) -> pd.DataFrame:
    """Units still wanted for each coming event, per product and segment, at its usual price.

    Parameters
    ----------
    sales : canonical sales rows with an event; rows dated `today` or later are not read
    events : event, starts_at (UTC), and if known venue and on_sale_at (UTC)
    time_zone : of the owner, in which sales and `today` are dated
    elasticity : (product, segment) -> d ln(units) / d ln(price), to compare days sold at different prices
    holidays : days that count as special, besides Fridays and Saturdays

    Returns
    -------
    event, product, segment, mean, lower, upper [units], reference [currency], model
    """
    about = _about(events, time_zone, holidays)
    days = _days(with_silent_days(sales, events, today=today, time_zone=time_zone), about, elasticity)
    kinds = [rows for _, rows in days.groupby(["product", "segment"], sort=True) if (rows["starts"] < today).any()]
    parts = [_group(rows, about, today, level) for rows in kinds]
    columns = ["event", "product", "segment", "mean", "lower", "upper", "reference", "model"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def booking_pace(
    sales: pd.DataFrame,
    events: pd.DataFrame,
    elasticity: Mapping[tuple[str, str], float],
    *,
    today: pd.Timestamp,
    time_zone: str = "UTC",
) -> Mapping[tuple[str, str, str], Pace]:
    """How the demand still to come for each event spreads over its days, by event, product and segment.

    Parameters are those of `remaining_demand`.
    """
    about = _about(events, time_zone, frozenset())
    days = _days(with_silent_days(sales, events, today=today, time_zone=time_zone), about, elasticity)
    coming = about[about["starts"] > today]
    paces: dict[tuple[str, str, str], Pace] = {}
    for (product, segment), rows in days[days["starts"] < today].groupby(["product", "segment"]):
        share, past = _fit(rows)
        curve = BookingCurve(share, {}, 0.0, 0.0)
        appeal = past.set_index("event")["sold"] / past.set_index("event")["exposure"]
        mean = rows["event"].map(appeal) * curve.share_at(rows["lead"].to_numpy()) * rows["effect"] * rows["open"]
        week = pd.factorize(rows["event"])[0] * 1000 + rows["lead"].to_numpy() // 7
        noise = overdispersion(rows["quantity"].clip(lower=0).to_numpy(np.float64), mean.to_numpy(np.float64), week)
        for event, starts in coming[["event", "starts"]].itertuples(index=False):
            shares = curve.share_at(np.arange((starts - today).days, 0, -1))
            paces[str(event), str(product), str(segment)] = Pace(today, shares / shares.sum(), noise)
    return paces


def civil_days(instants: pd.Series, time_zone: str) -> pd.Series:
    """Day of each instant in the owner's zone, without a zone, as sales are dated."""
    return instants.dt.tz_convert(time_zone).dt.tz_localize(None).dt.normalize()


def with_silent_days(sales: pd.DataFrame, events: pd.DataFrame, *, today: pd.Timestamp, time_zone: str) -> pd.DataFrame:
    """Sales by day, with a row of zero units for each day on sale without one.

    An event is on sale from `on_sale_at`, or from its first sale in the table if that is earlier or nothing else is
    known, to the day before it, in every product, segment and channel it sold in. The price of such a day is the last
    one before it, or the first one; nothing is left (`available` is 0) while the last sale of the product emptied it.

    Returns
    -------
    date, product, segment, event, channel if `sales` has it, quantity, price (0 on days on which nothing was paid for),
    and available if `sales` has it
    """
    stock = [name for name in ("available",) if name in sales]
    keys = [name for name in ("event", "product", "segment", "channel") if name in sales]
    past = sales[(sales["date"] < today) & sales["event"].isin(events["event"])]
    rows = _by_day(past, keys)
    spans = days_on_sale(past, events, today=today, time_zone=time_zone)
    grid = rows[keys].drop_duplicates().merge(spans, on="event")
    grid = grid.loc[grid.index.repeat(grid["days"])]
    grid["date"] = grid["first"] + pd.to_timedelta(grid.groupby(keys).cumcount(), unit="D")
    filled = rows.merge(grid[[*keys, "date"]], on=[*keys, "date"], how="outer").sort_values([*keys, "date"])
    silent = filled["quantity"].isna()
    price = filled["price"].where(filled["price"] > 0)
    carried = price.groupby([filled[key] for key in keys]).transform(lambda paid: paid.ffill().bfill())
    filled["price"] = filled["price"].where(~silent, carried)
    if stock:
        filled["available"] = filled["available"].mask(silent & _emptied(filled), 0.0)
    kept = filled.fillna({"quantity": 0.0, "price": 0.0})
    return kept[["date", *keys, "quantity", "price", *stock]].reset_index(drop=True)


def _by_day(sales: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """One row per key and day: units, mean price of what was paid for, and the most that was available.

    What was given away shows no demand at a price; a day on which nothing else happened has the price 0.
    """
    priced = sales["price"] > 0
    bought = sales["quantity"].clip(lower=0).where(priced, 0.0)
    rows = sales.assign(
        date=sales["date"].dt.normalize(),
        quantity=sales["quantity"].where(priced, 0.0),
        bought=bought,
        paid=bought * sales["price"],
        price=sales["price"].where(priced),
    )
    how = {"quantity": "sum", "bought": "sum", "paid": "sum", "price": "mean"}
    how |= {"available": "max"} if "available" in rows else {}
    days = rows.groupby([*keys, "date"], as_index=False).agg(how)
    mean = days["paid"] / days["bought"].where(days["bought"] > 0)
    return days.assign(price=mean.fillna(days["price"]).fillna(0.0)).drop(columns=["bought", "paid"])


def days_on_sale(sales: pd.DataFrame, events: pd.DataFrame, *, today: pd.Timestamp, time_zone: str) -> pd.DataFrame:
    """How long each event has been on sale before today and its own day.

    Returns
    -------
    event, first (day), days; events of which the first day is not known are left out
    """
    first = events["event"].map(sales.groupby("event")["date"].min().dt.normalize())
    if "on_sale_at" in events:
        announced = civil_days(pd.to_datetime(events["on_sale_at"], utc=True), time_zone)
        first = first.where(first.notna() & ~(announced < first), announced)
    starts = civil_days(events["starts_at"], time_zone)
    end = starts.where(starts < today, today)
    spans = pd.DataFrame({"event": events["event"], "first": first, "days": (end - first).dt.days}).dropna()
    return spans.assign(days=spans["days"].clip(lower=0).astype(int))


def _emptied(days: pd.DataFrame) -> pd.Series:
    """Whether the last day before, on which anything of the event's product sold, took all there was."""
    seen = days[days["quantity"].notna()]
    gone = (seen["quantity"] >= seen["available"]).groupby([seen["event"], seen["product"], seen["date"]]).any()
    every = pd.MultiIndex.from_frame(days[["event", "product", "date"]])
    by_day = gone.astype(float).reindex(every.unique().sort_values())
    carried = by_day.groupby(level=["event", "product"]).ffill().fillna(0.0) > 0
    return pd.Series(carried.reindex(every).to_numpy(), index=days.index)


def _days(sales: pd.DataFrame, about: pd.DataFrame, elasticity: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """One row per event, product, segment and day on sale: units, lead, and exposure to price and sell-out."""
    rows = _by_day(sales, ["event", "product", "segment"])
    rows = rows[rows["price"] > 0]
    days = rows.merge(about, on="event", how="inner").sort_values(["product", "segment", "event", "date"])
    days["lead"] = (days["starts"] - days["date"]).dt.days.clip(lower=1)
    usual = days.groupby(["product", "segment", "venue"])["price"].transform("mean")
    slope = np.array([elasticity[key] for key in zip(days["product"], days["segment"], strict=True)])
    days["usual"], days["effect"] = usual, (days["price"] / usual).to_numpy() ** slope
    days["open"] = _open(days)
    return days[days["open"] > 0]


def _about(events: pd.DataFrame, time_zone: str, holidays: frozenset[pd.Timestamp]) -> pd.DataFrame:
    starts = civil_days(events["starts_at"], time_zone)
    special = starts.dt.day_of_week.isin([4, 5]) | starts.isin(list(holidays))
    venue = events["venue"] if "venue" in events else pd.Series("all", index=events.index)
    return pd.DataFrame({"event": events["event"], "venue": venue, "starts": starts, "special": special})


def _open(days: pd.DataFrame) -> Vector:
    """Share of each day on which tickets were to be had: 1, part of the day of the sell-out, 0 after it."""
    if "available" not in days:
        return np.ones(len(days))
    gone = (days["quantity"] >= days["available"]).to_numpy()
    # On the day of the sell-out demand met its end part-way; half a day is the least informative guess.
    return np.where(gone, np.where(days["quantity"] > 0, 0.5, 0.0), 1.0)


def _fit(days: pd.DataFrame) -> tuple[Vector, pd.DataFrame]:
    """Shares by lead and appeal by event: two-way Poisson maximum likelihood by iterative proportional fitting."""
    leads = int(days["lead"].max())
    event, names = pd.factorize(days["event"])
    lead, units = days["lead"].to_numpy() - 1, days["quantity"].clip(lower=0).to_numpy()
    exposure = (days["effect"] * days["open"]).to_numpy()
    share = np.full(leads, 1 / leads)
    appeal = np.ones(len(names))
    for _ in range(ITERATIONS):
        base = np.bincount(event, share[lead] * exposure, len(names))
        appeal = np.bincount(event, units, len(names)) / base
        seen = np.bincount(lead, appeal[event] * exposure, leads)
        share = np.divide(np.bincount(lead, units, leads), seen, out=np.zeros(leads), where=seen > 0)
        # Half a unit spread over the leads keeps a lead at which nobody bought yet possible.
        share = (share + 0.5 / leads / max(units.sum(), 1)) / (share.sum() + 0.5 / max(units.sum(), 1))
    weight = np.bincount(event, share[lead] * exposure, len(names))
    return share, pd.DataFrame({"event": names, "sold": np.bincount(event, units, len(names)), "exposure": weight})


def fit_curve(past: pd.DataFrame) -> BookingCurve:
    """Learn how an audience fills up from the finished events of one product and segment (rows of `_days`)."""
    share, events = _fit(past)
    events = events.merge(past[["event", "venue", "special"]].drop_duplicates(), on="event")
    overall = float((events["sold"].sum() + 0.5) / events["exposure"].sum())
    # Weights of a random-effects mean: an event counts by what it tells of similar events, not by how dear it was or
    # how long on sale. Weighting by exposure would undercount full houses wherever the price rose with demand.
    events["weight"] = 1 / (PRIOR_DISPERSION + 1 / (overall * events["exposure"]))
    events["appeal"] = events["sold"] / events["exposure"]
    overall = float(np.average(events["appeal"], weights=events["weight"])) or overall
    venues = _steadied(events, ["venue"], pd.Series(overall, index=events.index))
    similar = _steadied(events, ["venue", "special"], venues)
    appeal = {(str(v), bool(x)): float(m) for v, x, m in zip(events["venue"], events["special"], similar, strict=True)}
    # An unseen combination of venue and kind of day borrows from the venue.
    for venue, mean in zip(events["venue"], venues, strict=True):
        for special in (False, True):
            appeal.setdefault((str(venue), special), float(mean))
    return BookingCurve(share, appeal, overall, _dispersion(events, similar))


def _steadied(events: pd.DataFrame, by: list[str], towards: pd.Series) -> pd.Series:
    """Per event, the mean appeal of its group, which counts two more events at the value of the wider group."""
    pull = PRIOR_EVENTS * events["weight"].mean()
    group = events.assign(part=events["weight"] * events["appeal"]).groupby(by)[["part", "weight"]].transform("sum")
    return (group["part"] + pull * towards) / (group["weight"] + pull)


def _dispersion(events: pd.DataFrame, mean: pd.Series) -> float:
    """Method of moments for the negative binomial, E[(y - m)^2 - m] = dispersion * m^2, steadied by a prior."""
    expected = (mean * events["exposure"]).to_numpy()
    prior = PRIOR_EVENTS * float((expected**2).mean())
    excess = float(((events["sold"].to_numpy() - expected) ** 2 - expected).sum())
    return max((excess + PRIOR_DISPERSION * prior) / (float((expected**2).sum()) + prior), MIN_DISPERSION)


def _group(days: pd.DataFrame, about: pd.DataFrame, today: pd.Timestamp, level: float) -> pd.DataFrame:
    """Remaining demand of every coming event for one product and segment."""
    curve = fit_curve(days[days["starts"] < today])
    coming = about[about["starts"] >= today]
    rows = []
    for name, venue, starts, special in coming.itertuples(index=False):
        own = days[days["event"] == name]
        lead = np.arange(1, (starts - today).days + 1)
        prior = curve.expected(str(venue), special=bool(special))
        rows.append((name, *_remaining(curve, prior, lead, own, level), WARM if len(own) else COLD_START))
    frame = pd.DataFrame(rows, columns=["event", "mean", "lower", "upper", "model"])
    usual = days.groupby("venue")["usual"].first()
    frame["reference"] = coming["venue"].map(usual).fillna(usual.mean()).to_numpy()
    return frame.assign(product=days["product"].iloc[0], segment=days["segment"].iloc[0])


def _remaining(
    curve: BookingCurve, prior: float, lead: NDArray[np.int64], own: pd.DataFrame, level: float
) -> tuple[float, float, float]:
    """Negative binomial prediction (mean, lower, upper): gamma posterior of the appeal times what is left of the curve.

    Parameters
    ----------
    prior : mean appeal of similar events [units]
    lead : days to the event of the days still to come
    own : what the event has sold so far (rows of `_days`)
    """
    ahead = float(curve.share_at(lead).sum())
    seen = float((curve.share_at(own["lead"].to_numpy()) * own["effect"] * own["open"]).sum())
    shape = 1 / curve.dispersion
    rate = shape / prior
    shape, rate = shape + float(own["quantity"].clip(lower=0).sum()), rate + seen
    mean = shape / rate * ahead
    if ahead == 0:
        return 0.0, 0.0, 0.0
    low, high = nbinom.ppf([(1 - level) / 2, (1 + level) / 2], shape, rate / (rate + ahead))
    return mean, min(float(low), mean), max(float(high), mean)
