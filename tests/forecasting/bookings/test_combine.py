"""An event is foreseen from what was known on a day, by as many methods as can learn something."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.bookings.combine import COLD_START, COMBINATION, LADDER, PARTS, outlook
from forecasting.bookings.similar import Traits
from tests.forecasting.bookings.hotel import hotel


def test_a_past_day_is_foreseen_as_it_was_then() -> None:
    """What was booked after the day changes nothing: an outlook today of a day past is the outlook of that day."""
    place = hotel(days=200)
    then, now = place.bookings("2024-05-01", "event", "segment"), place.bookings("2024-07-10", "event", "segment")
    for ahead in (1, 7, 30):
        event = then.finished(then.today) + ahead - 1
        early, late = (outlook(b, Traits.of(b), event, then.today) for b in (then, now))
        np.testing.assert_allclose(early.mean, late.mean)
        np.testing.assert_allclose(early.variance, late.variance)
        assert early.model == late.model == COMBINATION


def test_the_model_says_what_it_was_made_from() -> None:
    """No event over: the ladder alone. First day of sale: similar events."""
    place = hotel(days=120)
    young = place.bookings("2023-12-15")
    assert outlook(young, Traits.of(young), 3, young.today).model == LADDER
    known = place.bookings("2024-03-01")
    event = known.finished(known.today) + 10
    unsold = place.sales[place.sales["event"] != known.events["event"][event]]
    cold = type(place)(unsold, place.events).bookings("2024-03-01")
    made = outlook(cold, Traits.of(cold), event, cold.today)
    assert made.model == COLD_START
    assert made.mean[0] > 0


def test_the_combination_beats_what_is_on_hand_and_the_mean_pickup() -> None:
    """On a hotel with seasons, weekdays and cancellations, three weeks ahead."""
    known = hotel(seed=3).bookings("2025-02-23")
    traits, lead = Traits.of(known), 21
    error = np.zeros(3)
    for event in range(320, 420):
        day = int(known.start[event]) - lead
        over = known.finished(day)
        pickup = known.final[over - 28 : over, 0] - known.on_hand[over - 28 : over, 0, lead]
        have, final = known.on_hand[event, 0, lead], known.final[event, 0]
        said = np.array([outlook(known, traits, event, day).mean[0], have + pickup.mean(), have])
        error += np.abs(said - final)
    assert error[0] < 0.85 * error[1]
    assert error[0] < 0.4 * error[2]


def test_every_method_makes_good_what_full_houses_turned_away() -> None:
    """Past events were cut at 25 of about 35 wanted: each method expects more than they sold."""
    place = hotel(days=200)
    sold = place.sales[place.sales["quantity"] > 0].sort_values("date", kind="stable")
    cut = sold[sold.groupby("event")["quantity"].cumsum() <= 25]
    about = place.events.assign(capacity=np.where(place.events["event"] < "2024-06-01", 25.0, 26.0))
    known = type(place)(cut[cut["date"] < "2024-06-01"], about).bookings("2024-05-31")
    deaf = replace(known, lost=np.zeros_like(known.lost))
    event, traits = known.finished(known.today) + 29, Traits.of(known)
    heard, ignored = (outlook(b, traits, event, b.today) for b in (known, deaf))
    assert len(heard.parts) == 3
    assert all(more[0] > 1.05 * less[0] for more, less in zip(heard.parts, ignored.parts, strict=True))


def test_a_change_of_level_is_followed_within_weeks() -> None:
    """Since five weeks ago nobody books in the last week: what the methods miss lately makes the next ones better."""
    error = np.zeros(2)
    for seed in (5, 6):
        place = hotel(seed, days=200, size=60.0)
        ahead = pd.to_datetime(place.sales["event"]) - place.sales["date"]
        gone = (place.sales["event"] >= "2024-06-10") & (ahead < pd.Timedelta(days=7)) & (place.sales["quantity"] > 0)
        known = type(place)(place.sales[~gone], place.events).bookings("2024-07-18")
        for event in range(186, 200):
            made = outlook(known, Traits.of(known), event, int(known.start[event]) - 7)
            plain = PARTS @ [part[0] for part in made.parts]
            error += np.abs(np.array([made.mean[0], plain]) - known.final[event, 0])
    assert error[0] < 0.9 * error[1]


@pytest.mark.parametrize("scale", [1e-6, 1e12])
def test_size_does_not_matter(scale: float) -> None:
    """Tiny and huge quantities give finite outlooks."""
    place = hotel(days=80)
    sales = place.sales.assign(quantity=place.sales["quantity"] * scale)
    known = type(place)(sales, place.events).bookings("2024-02-20")
    assert np.isfinite(outlook(known, Traits.of(known), 55, known.today).mean).all()
