"""A small hotel with known truth: an arrival date is an event; bookings come and go over sixty days."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.bookings.history import Bookings, last_instant, read

FIRST, DAYS, LEADS = pd.Timestamp("2024-01-01"), 420, 60
HAZARD = {"trade": 0.010, "web": 0.002}
"""Daily share of bookings on hand that are cancelled, by segment."""
BUSY = np.array([0.8, 0.8, 0.9, 1.0, 1.3, 1.5, 1.0])
"""By weekday, Monday first."""


@dataclass(frozen=True)
class Hotel:
    """Sales and events, as a user brings them."""

    sales: pd.DataFrame
    events: pd.DataFrame

    def final(self, *by: str) -> pd.Series:
        """Net units in the end."""
        return self.sales.groupby(list(by))["quantity"].sum().rename("final")

    def bookings(self, as_of: str, *by: str) -> Bookings:
        """As known on a day."""
        moment = last_instant(self.sales, pd.Timestamp(as_of))
        return read(self.sales, self.events, by=by or ("event",), moment=moment, time_zone="UTC")


def hotel(seed: int = 0, *, days: int = DAYS, size: float = 30.0, swing: float = 0.3, **features: object) -> Hotel:
    """Draw a hotel whose arrivals depend on weekday, season and chance."""
    rng = np.random.default_rng(seed)
    starts = pd.date_range(FIRST, periods=days, freq="D")
    season = 1 + swing * np.sin(2 * np.pi * starts.day_of_year.to_numpy() / 365.25)
    mean = size * BUSY[starts.day_of_week] * season * rng.gamma(25, 1 / 25, days)
    parts = [_segment(starts, mean * part, name, rng) for name, part in (("trade", 0.35), ("web", 0.65))]
    sales = pd.concat(parts).sort_values(["date", "event", "segment", "quantity"], ignore_index=True)
    events = pd.DataFrame({"event": starts.strftime("%Y-%m-%d"), "starts_at": starts.tz_localize("UTC"), **features})
    return Hotel(sales, events)


def _segment(starts: pd.DatetimeIndex, mean: np.ndarray, name: str, rng: np.random.Generator) -> pd.DataFrame:
    which = np.repeat(np.arange(len(starts)), rng.poisson(mean))
    lead = np.minimum(rng.exponential(18, which.size).astype(int), LEADS)
    lasts = rng.geometric(HAZARD[name], which.size)
    booked = pd.DataFrame({"which": which, "lead": lead, "quantity": 1.0})
    lost = pd.DataFrame({"which": which, "lead": lead - lasts, "quantity": -1.0})[lasts <= lead]
    rows = pd.concat([booked, lost], ignore_index=True)
    arrival = starts[rows["which"]]
    return pd.DataFrame(
        {
            "date": arrival - pd.to_timedelta(rows["lead"], unit="D"),
            "product": "room",
            "segment": name,
            "event": arrival.strftime("%Y-%m-%d"),
            "quantity": rows["quantity"],
        }
    )
