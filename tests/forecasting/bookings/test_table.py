"""The table of bookings: whole, bounded, blind to the future, and better than the rules of thumb."""

from datetime import UTC, datetime
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.bookings import bookings_table
from forecasting.bookings.combine import COLD_START, COMBINATION, outlook
from forecasting.bookings.history import last_instant, read
from forecasting.bookings.similar import Traits
from forecasting.evaluate import coverage, wape
from pricing.errors import InputError
from pricing.model import ALL
from pricing.simulation import simulate
from tests.forecasting.bookings.hotel import Hotel, hotel
from tests.real_data import real_data

AS_OF = "2024-06-01"
COLUMNS = ["starts_at", "days_to_event", "on_hand", "mean", "lower", "upper", "model"]


@cache
def place() -> Hotel:
    """Half a year of arrivals."""
    return hotel(days=200)


def test_every_event_not_yet_started_has_a_row_per_segment() -> None:
    """In the order of the starts, and with what is on hand."""
    made = bookings_table(place().sales, place().events, by=("event", "segment"), as_of=AS_OF)
    assert list(made.columns) == ["event", "segment", *COLUMNS]
    coming = place().events["event"][place().events["event"] > AS_OF]
    assert made["event"].tolist() == np.repeat(coming, 2).tolist()
    assert made["segment"].tolist() == ["trade", "web"] * len(coming)
    assert made["days_to_event"].iloc[0] == 1
    known = place().sales[place().sales["date"] <= AS_OF]
    own = known[(known["event"] == made["event"].iloc[0]) & (known["segment"] == "trade")]
    assert made["on_hand"].iloc[0] == own["quantity"].sum()


def test_a_row_of_the_future_changes_nothing() -> None:
    """Neither a sale, nor a cancellation, nor the outcome of a coming event, dated the day after."""
    known = place().sales[place().sales["date"] <= AS_OF]
    plain = bookings_table(known, place().events, by=("event", "segment"), as_of=AS_OF)
    later = pd.Timestamp(AS_OF) + pd.Timedelta(days=1)
    planted = known.iloc[[0, 1, 2]].assign(date=later, event="2024-06-05", quantity=[500.0, -300.0, 0.5])
    planted["segment"] = ["web", "trade", "never seen before"]
    seen = bookings_table(pd.concat([place().sales, planted]), place().events, by=("event", "segment"), as_of=AS_OF)
    pd.testing.assert_frame_equal(plain, seen)


def test_without_a_date_the_last_sale_says_when() -> None:
    """The same as naming its day."""
    sales = place().sales[place().sales["date"] <= AS_OF]
    pd.testing.assert_frame_equal(
        bookings_table(sales, place().events), bookings_table(sales, place().events, as_of=AS_OF)
    )


def test_an_event_on_its_first_day_of_sale_borrows_and_says_so() -> None:
    """Its forecast is near what like events sold, and less certain than if its bookings were known."""
    name = "2024-06-15"
    sold = place().sales[place().sales["event"] != name]
    cold = bookings_table(sold, place().events, as_of=AS_OF).set_index("event").loc[name]
    warm = bookings_table(place().sales, place().events, as_of=AS_OF).set_index("event").loc[name]
    assert (cold["model"], warm["model"]) == (COLD_START, COMBINATION)
    assert cold["on_hand"] == 0
    assert 0 < cold["mean"] < warm["mean"], "what usually sells earlier is not expected to come back"


@pytest.mark.parametrize(("past", "model"), [(1, COLD_START), (2, COLD_START), (30, COLD_START)])
def test_a_first_event_of_a_house_borrows_from_however_few_are_over(past: int, model: str) -> None:
    """From one finished event on, also at another venue and of another category; and it is not claimed to be sure."""
    start = pd.Timestamp(AS_OF)
    days = pd.to_datetime(place().events["event"])
    about = place().events[(days > start - pd.Timedelta(days=past)) & (days <= start + pd.Timedelta(days=40))]
    name = "2024-06-21"
    about = about.assign(
        venue=np.where(about["event"] == name, "new", "old"), category=about["event"].eq(name).map(str)
    )
    sold = place().sales[place().sales["event"].isin(about["event"]) & (place().sales["event"] != name)]
    made = bookings_table(sold, about, as_of=AS_OF).set_index("event").loc[name]
    assert made["model"] == model
    assert 5 < made["mean"] < 40
    assert made["upper"] - made["lower"] >= 5


def test_where_no_event_is_over_the_reason_is_said() -> None:
    """How events end cannot be learnt from coming ones."""
    about = place().events[place().events["event"] > AS_OF]
    with pytest.raises(InputError, match="no event with sales has started by 2024-06-01"):
        bookings_table(place().sales, about, as_of=AS_OF)


@pytest.mark.parametrize("by", [("event", "segment"), ("segment", "event", "product")])
def test_parts_add_up_to_their_event(by: tuple[str, ...]) -> None:
    """The means of segments, and of segments by product, are those of the event on its own, also near capacity."""
    near = place().events[place().events["event"] < "2024-06-12"]
    for about in (near, near.assign(capacity=45.0)):
        whole = bookings_table(place().sales, about, as_of=AS_OF).set_index("event")["mean"]
        parts = bookings_table(place().sales, about, by=by, as_of=AS_OF)
        assert ((parts["lower"] <= parts["mean"]) & (parts["mean"] <= parts["upper"])).all()
        np.testing.assert_allclose(parts.groupby("event")["mean"].sum()[whole.index], whole, rtol=1e-9)


def test_capacity_bounds_every_figure() -> None:
    """No mean, no bound and no sum over segments is above the places there are."""
    small = place().events.assign(capacity=30.0)
    made = bookings_table(place().sales, small, by=("event", "segment"), as_of=AS_OF)
    assert (made.groupby("event")["mean"].sum() <= 30 + 1e-9).all()
    assert (made["upper"] <= 30).all()


def test_sell_outs_do_not_lower_the_demand_expected_of_a_larger_room() -> None:
    """Past events were cut at 25 of about 40 wanted; the coming ones have 100 places."""
    cut = place().sales.sort_values("date", kind="stable")
    cut = cut[(cut["quantity"] > 0) & (cut.groupby("event")["quantity"].cumsum() <= 25)]
    about = place().events.assign(capacity=np.where(place().events["event"] <= AS_OF, 25.0, 100.0))
    free = about.assign(capacity=100.0)
    soon = [
        made[made["days_to_event"] == 45]["mean"].iloc[0]
        for made in (bookings_table(cut[(cut["date"] <= AS_OF)], events, as_of=AS_OF) for events in (about, free))
    ]
    assert soon[0] > 1.15 * soon[1]


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_any_table_gives_a_finite_forecast_or_a_reason(data: st.DataObject) -> None:
    """Few events, few sales, only cancellations, huge and tiny quantities, no finished event."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    n, rows = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 40))
    starts = pd.Timestamp("2025-03-01") + pd.to_timedelta(rng.integers(-40, 40, n), unit="D")
    about = pd.DataFrame({"event": [f"e{i}" for i in range(n)], "starts_at": starts.tz_localize("UTC")})
    about["capacity"] = rng.choice([0.0, 5.0, 1e6, np.nan], n)
    quantity = rng.choice([1.0, -1.0, 0.0, 2.5, 1e12], rows, p=[0.6, 0.2, 0.1, 0.05, 0.05])
    sold = pd.DataFrame(
        {
            "event": rng.choice(about["event"], rows),
            "product": "p",
            "segment": rng.choice(["a", "b"], rows),
            "quantity": quantity,
        }
    )
    sold["date"] = pd.Timestamp("2025-03-01") - pd.to_timedelta(rng.integers(0, 90, rows), unit="D")
    by = data.draw(st.sampled_from([("event",), ("event", "segment")]))
    try:
        made = bookings_table(sold, about, by=by, as_of="2025-03-01")
    except InputError:  # a reason, and nothing else: no coming event, or no sale of any
        return
    coming = about["event"][starts > pd.Timestamp("2025-03-01")]
    assert sorted(set(made["event"])) == sorted(coming) if by == ("event",) else set(made["event"]) <= set(coming)
    assert not made.duplicated(list(by)).any()
    assert (made["upper"] <= made["event"].map(about.set_index("event")["capacity"]).fillna(np.inf)).all()
    assert np.isfinite(made[["on_hand", "mean", "lower", "upper"]]).all(axis=None)
    assert ((made["lower"] >= 0) & (made["lower"] <= made["mean"]) & (made["mean"] <= made["upper"])).all()


def test_what_cannot_be_forecast_is_refused() -> None:
    """A level outside (0, 1), and a table of events that are all over."""
    with pytest.raises(InputError, match="level"):
        bookings_table(place().sales, place().events, level=1.5)
    with pytest.raises(InputError, match="every event has started"):
        bookings_table(place().sales, place().events, as_of="2025-01-01")


def test_intervals_hold_on_the_simulated_season() -> None:
    """80 % intervals of final units hold about that many, without bias, and errors are well below those on hand."""
    parts = []
    for seed in range(100, 108):
        season = simulate(now=datetime(2026, 11, 21, 9, tzinfo=UTC), rng=np.random.default_rng(seed))
        sold = season.sales[season.sales["event"] != ALL]
        over = season.events[season.events["starts_at"] < pd.Timestamp("2026-11-21", tz="UTC")]
        final = sold.groupby("event")["quantity"].sum()
        for as_of in ("2026-07-20", "2026-09-05"):
            made = bookings_table(sold, over, as_of=as_of)
            parts.append(made.assign(final=made["event"].map(final))[made["days_to_event"] <= 60])
    made = pd.concat(parts)
    actual = made["final"].to_numpy(float)
    assert coverage(actual, made["lower"].to_numpy(), made["upper"].to_numpy()) == pytest.approx(0.8, abs=0.07)
    assert wape(actual, made["mean"].to_numpy()) < 0.35 * wape(actual, made["on_hand"].to_numpy())
    assert made["mean"].sum() == pytest.approx(actual.sum(), rel=0.05)


def test_intervals_hold_for_a_hotel_of_known_truth() -> None:
    """With two years to learn from, 80 % hold that many near and far, and there is no bias."""
    inn = hotel(11, days=880, size=60.0)
    final = inn.final("event")
    days = pd.date_range("2025-12-01", periods=4, freq="50D")
    made = pd.concat(
        bookings_table(
            inn.sales, inn.events[pd.to_datetime(inn.events["event"]) <= day + pd.Timedelta(days=45)], as_of=day
        )
        for day in days
    )
    made["final"] = made["event"].map(final)
    assert made["mean"].sum() == pytest.approx(made["final"].sum(), rel=0.03)
    for low, high in ((5, 20), (21, 45)):  # nearer, a whole unit either side is more than is needed
        held = made[made["days_to_event"].between(low, high)]
        inside = coverage(held["final"].to_numpy(float), held["lower"].to_numpy(), held["upper"].to_numpy())
        assert inside == pytest.approx(0.8, abs=0.08), (low, high)


@cache
def resort() -> Hotel:
    """The hotel of the shared data: each arrival date an event, a cancellation dated when it was made."""
    rows = pd.read_parquet(real_data("hotel_resort_h1/hotel_resort_h1.parquet"))
    parts = (rows["ArrivalDateYear"], rows["ArrivalDateMonth"].str.strip(), rows["ArrivalDateDayOfMonth"])
    arrival = pd.to_datetime(parts[0].astype(str) + parts[1] + parts[2].astype(str), format="%Y%B%d")
    sold = pd.DataFrame({"date": arrival - pd.to_timedelta(rows["LeadTime"], unit="D"), "quantity": 1.0})
    sold = sold.assign(product="room", segment=rows["MarketSegment"].str.strip(), event=arrival.dt.strftime("%Y-%m-%d"))
    lost = sold.assign(date=rows["ReservationStatusDate"], quantity=-1.0)[rows["IsCanceled"] == 1]
    starts = pd.Series(np.sort(arrival.unique()))
    events = pd.DataFrame({"event": starts.dt.strftime("%Y-%m-%d"), "starts_at": starts.dt.tz_localize("UTC")})
    return Hotel(pd.concat([sold, lost]).sort_values(["date", "event"], kind="stable", ignore_index=True), events)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("lead", "best_rule", "share"), [(7, 0.0939, 0.96), (14, 0.1165, 0.92), (30, 0.1438, 0.86), (60, 0.2206, 0.82)]
)
def test_a_real_hotel_is_forecast_better_than_by_the_best_rule(lead: int, best_rule: float, share: float) -> None:
    """Last 92 arrivals, each from its own day: at most `share` of the best of pickups, ratio and on hand."""
    sales, events = resort().sales, resort().events
    known = read(sales, events, by=["event"], moment=last_instant(sales, pd.Timestamp("2017-08-31")), time_zone="UTC")
    traits, days = Traits.of(known), range(len(known.start) - 92, len(known.start))
    said = np.array([outlook(known, traits, event, int(known.start[event]) - lead).mean[0] for event in days])
    assert wape(known.final[days.start :, 0], said) < share * best_rule


@pytest.mark.real_data
def test_intervals_hold_for_a_real_hotel() -> None:
    """Pooled over 1 to 60 days ahead and four origins of the last year, as a user of each day sees them."""
    about, final = resort().events, resort().final("event")
    parts = [
        bookings_table(resort().sales, about[pd.to_datetime(about["event"]) <= day + pd.Timedelta(days=60)], as_of=day)
        for day in pd.date_range(end="2017-08-01", periods=4, freq="84D")
    ]
    made = pd.concat(parts)
    actual = made["event"].map(final).to_numpy(float)
    assert 0.7 <= coverage(actual, made["lower"].to_numpy(), made["upper"].to_numpy()) <= 0.9
