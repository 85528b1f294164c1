"""From history to what prices are decided on: nothing of the future, no demand promised twice, prices people paid."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from api.fitting import NO_CHANNEL, NO_FORECAST, NO_PRICE, Fit, FittedMarket, fit, load_fit
from api.settings import Settings
from forecasting.booking_curve import WARM
from pricing.demand import Evidence
from pricing.errors import InputError
from pricing.model import ALL, Ladder, Offer
from pricing.names import is_personal
from pricing.policy import Policy

TODAY = pd.Timestamp("2026-11-21")
DAYS = 200
NO_EVENTS, NO_OFFERS = pd.DataFrame({"event": []}), pd.DataFrame({"offer": []})


def shop(channels: dict[str, float], *, product: str = "mug", truth: float = -2.0) -> pd.DataFrame:
    """Daily sales at these rates by channel up to yesterday; the price changes weekly."""
    rng = np.random.default_rng(0)
    price = (10 * np.exp(np.repeat(rng.normal(0, 0.15, DAYS // 7 + 1), 7)[:DAYS])).round(2)
    price[-21:] = 10.0
    dates = pd.date_range(end=TODAY - pd.Timedelta(days=1), periods=DAYS)
    parts = [
        pd.DataFrame({"date": dates, "channel": name, "quantity": rng.poisson(rate * (price / 10) ** truth) * 1.0})
        for name, rate in channels.items()
    ]
    sales = pd.concat([part.assign(price=price) for part in parts], ignore_index=True)
    return sales.assign(product=product, segment=ALL, event=ALL)


def learned(
    sales: pd.DataFrame,
    events: pd.DataFrame = NO_EVENTS,
    settings: Settings | None = None,
    offers: pd.DataFrame = NO_OFFERS,
) -> Fit:
    """A fit of these tables."""
    return fit(
        sales,
        events,
        offers,
        settings or Settings(),
        today=TODAY,
        fingerprint="x",
        progress=lambda _what, _done, _all: None,
    )


def offer(name: str, *, product: str = "mug", channel: str = ALL, event: str = ALL, price: str = "10.00") -> Offer:
    """An offer at a price."""
    low, high = Decimal("5.00"), Decimal("20.00")
    ladder = Ladder.parse("5:20:1", "EUR")
    return Offer(name, product, "EUR", ladder, low, high, Decimal(price), channel=channel, event=event)


def units(made: Fit, *offers: Offer) -> list[float]:
    """Mean demand of each offer at 10 [units]."""
    curves = FittedMarket(made, Settings()).curves(offers)
    return [float(curves.of(o.id)[:, o.ladder.index(Decimal("10.00"))].mean()) for o in offers]


def evidence(made: Fit, *offers: Offer) -> tuple[Evidence, ...]:
    """What each offer's curve rests on."""
    return FittedMarket(made, Settings()).curves(offers).evidence


@pytest.fixture(scope="module")
def plain() -> Fit:
    """Sales that tell no channel, 20 a day."""
    return learned(shop({ALL: 20.0}))


@pytest.fixture(scope="module")
def split() -> Fit:
    """15 a day on the web, 5 in the shop."""
    return learned(shop({"web": 15.0, "shop": 5.0}))


def test_what_is_dated_today_or_later_is_not_read(plain: Fit) -> None:
    """A planted future row changes neither table."""
    sales = shop({ALL: 20.0})
    planted = sales.iloc[-7:].assign(date=TODAY, quantity=10_000.0, price=1.0)
    made = learned(pd.concat([sales, planted], ignore_index=True))
    pd.testing.assert_frame_equal(made.demand, plain.demand)
    pd.testing.assert_frame_equal(made.elasticities, plain.elasticities)


def test_demand_is_that_of_the_horizon_not_of_the_weeks_that_cover_it() -> None:
    """15 days lie in three weeks."""
    made = learned(shop({ALL: 20.0}), settings=Settings(policy=Policy(horizon_days=15)))
    assert made.demand["mean"].item() == pytest.approx(300, rel=0.15)


def test_the_reference_is_the_price_the_forecast_was_made_at() -> None:
    """That of the last whole week, neither before it nor in the days since; the order of rows does not matter."""
    sales = shop({"web": 15.0, "shop": 5.0})
    sales.loc[sales["date"].between("2026-11-02", "2026-11-08"), "price"] = 9.0
    late = sales["date"] >= TODAY - pd.Timedelta(days=3)
    sales.loc[late & (sales["channel"] == "web"), "price"] = 14.0
    made, turned = (learned(rows).demand for rows in (sales, sales.iloc[::-1].reset_index(drop=True)))
    assert made["reference"].tolist() == pytest.approx([10.0] * 3)
    pd.testing.assert_frame_equal(made, turned)
    assert made.loc[made["channel"] == ALL, "mean"].item() == pytest.approx(28 * 20, rel=0.15)


def test_offers_that_differ_by_channel_share_the_demand(split: Fit) -> None:
    """Each has that of its channel; one for all channels has it all."""
    web, till = units(split, offer("w", channel="web"), offer("s", channel="shop"))
    assert web == pytest.approx(28 * 15, rel=0.2)
    assert till == pytest.approx(28 * 5, rel=0.2)
    assert units(split, offer("a"))[0] == pytest.approx(28 * 20, rel=0.15)
    assert evidence(split, offer("n", channel="fair"))[0].reason == NO_FORECAST


def test_one_demand_is_not_promised_to_two_offers(split: Fit) -> None:
    """All channels beside a single one, or one channel twice: every such product is named at once."""
    offers = [offer("a"), offer("w", channel="web"), offer("p1", product="pen"), offer("p2", product="pen")]
    with pytest.raises(InputError) as caught:
        FittedMarket(split, Settings()).curves(offers)
    told = [str(finding) for finding in caught.value.findings]
    assert len(told) == 2
    assert "a, w" in told[0]
    assert "p1, p2" in told[1]


def test_where_sales_tell_no_channel_only_a_single_offer_may_have_them(plain: Fit) -> None:
    """Two are held, and the reason is said."""
    web, till = offer("w", channel="web"), offer("s", channel="shop")
    assert units(plain, web)[0] == pytest.approx(28 * 20, rel=0.15)
    assert {told.reason for told in evidence(plain, web, till)} == {NO_CHANNEL}


def test_one_channel_alone_is_all_of_them() -> None:
    """Sales of one named channel serve an offer for it and one for all channels alike."""
    made = learned(shop({"web": 20.0}))
    one, every = units(made, offer("w", channel="web")), units(made, offer("a"))
    assert one == pytest.approx(every, rel=0.1)
    assert evidence(made, offer("s", channel="shop"))[0].reason == NO_FORECAST


def test_what_was_given_away_disturbs_nothing_else() -> None:
    """A pen that was free on its last day keeps its last price; one that was never paid for is held, the mug priced."""
    pens, samples = shop({ALL: 5.0}, product="pen"), shop({ALL: 5.0}, product="sample").assign(price=0.0)
    pens.loc[pens["date"] == pens["date"].max(), "price"] = 0.0
    made = learned(pd.concat([shop({ALL: 20.0}), pens, samples], ignore_index=True))
    mug, pen, sample = evidence(made, offer("m"), offer("p", product="pen"), offer("s", product="sample"))
    assert made.demand.set_index("product")["reference"]["pen"] == pytest.approx(10.0)
    assert NO_FORECAST not in (mug.reason, pen.reason)
    assert sample.reason == NO_FORECAST


def test_a_forecast_without_a_price_is_held_and_only_where_it_is_asked_for(plain: Fit) -> None:
    """A row of the fit that no offer needs cannot stop the others."""
    broken = plain.demand.assign(product="pen", reference=0.0)
    nan = plain.demand.assign(product="cap", mean=np.nan)
    made = Fit("v", plain.elasticities, pd.concat([plain.demand, broken, nan], ignore_index=True), plain.forecast)
    assert units(made, offer("m"))[0] > 0
    pen, cap = evidence(made, offer("p", product="pen"), offer("c", product="cap"))
    assert pen.reason == NO_PRICE
    assert cap.reason == NO_FORECAST


def test_rare_sales_are_forecast_by_their_mean() -> None:
    """.56 in 28 days on the average; a forecast that is right as often as not says none."""
    made = []
    for seed in range(8):
        sold = np.random.default_rng(seed).random(400) < 0.02
        sales = shop({ALL: 1.0}).iloc[:1]
        sales = pd.concat([sales] * 400, ignore_index=True).assign(quantity=sold * 1.0, price=10.0)
        sales["date"] = pd.date_range(end=TODAY - pd.Timedelta(days=1), periods=400)
        made.append(learned(sales).demand.iloc[0])
    assert np.mean([row["mean"] for row in made]) == pytest.approx(0.56, rel=0.25)
    assert all(row["lower"] <= row["mean"] <= row["upper"] for row in made)


def test_goods_that_ended_are_not_revived() -> None:
    """Sold weekly until three months ago, not since, while the mug goes on."""
    ended = shop({ALL: 5.0}, product="pen")
    ended = ended[ended["date"] < TODAY - pd.Timedelta(days=110)]
    made = learned(pd.concat([shop({ALL: 20.0}), ended], ignore_index=True)).demand.set_index("product")
    assert made["mean"]["pen"] < 10


def nights() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sixteen evenings on sale for 30 days, on the web (2 a day) and at the door (1); two are still to come."""
    rng = np.random.default_rng(0)
    dates = [TODAY + pd.Timedelta(days=10 - 7 * k) for k in range(16)]
    rows: list[tuple[object, ...]] = []
    for number, night in enumerate(dates):
        price = 10 * np.exp(rng.normal(0, 0.15, 30))
        for lead in range(30, 0, -1):
            day = night - pd.Timedelta(days=lead)
            paid = float(price[lead - 1].round(2))
            for channel, rate in (("web", 2.0), ("door", 1.0)):
                if day < TODAY:
                    sold = float(rng.poisson(rate * (paid / 10) ** -1.5))
                    rows.append((day, "seat", ALL, f"e{number}", channel, sold, paid))
    columns = ["date", "product", "segment", "event", "channel", "quantity", "price"]
    starts = pd.DatetimeIndex(dates, tz="UTC") + pd.Timedelta(hours=20)
    events = pd.DataFrame({"event": [f"e{k}" for k in range(16)], "starts_at": starts, "venue": "hall"})
    return pd.DataFrame(rows, columns=columns), events


def test_an_event_has_a_demand_by_channel() -> None:
    """Two thirds of the seats go on the web."""
    made = learned(*nights()).demand.query("event == 'e0'").set_index("channel")
    assert made["mean"]["web"] == pytest.approx(2 * made["mean"]["door"], rel=0.35)
    assert made["mean"]["web"] + made["mean"]["door"] == pytest.approx(made["mean"][ALL], rel=0.1)
    assert set(made["model"]) == {WARM}


def test_events_are_on_the_owners_days() -> None:
    """The same evenings of the owner, told in UTC from eight hours further west, give the same fit."""
    sales, events = nights()
    west = events.assign(starts_at=events["starts_at"].dt.tz_localize(None).dt.tz_localize("America/Los_Angeles"))
    west["starts_at"] = west["starts_at"].dt.tz_convert("UTC")
    here, there = learned(sales, events), learned(sales, west, Settings(time_zone="America/Los_Angeles"))
    pd.testing.assert_frame_equal(here.demand, there.demand)
    pd.testing.assert_frame_equal(here.elasticities, there.elasticities)


def test_sales_at_an_event_nobody_listed_are_not_fatal() -> None:
    """They still tell how buyers react; what is to come of them is not known."""
    sales, _ = nights()
    made = learned(sales)
    assert len(made.elasticities) == 1
    assert made.demand.empty


def test_an_offer_that_has_not_sold_counts_as_such() -> None:
    """A box that sells at one evening in five, on offer at all: a fifth of what the evenings that sold one tell."""
    sales, events = nights()
    boxes = sales[sales["channel"] == "web"].assign(product="box", quantity=0.0)
    first = boxes.groupby("event").head(1)
    sold = first[first["event"].isin(["e2", "e7", "e12"])].assign(quantity=1.0)
    both = pd.concat([sales, sold], ignore_index=True)
    offers = pd.DataFrame({"event": events["event"], "product": "box", "segment": ALL, "channel": ALL})
    without, made = (
        learned(both, events, offers=table).demand.query("product == 'box' and event == 'e0' and channel == 'all'")
        for table in (NO_OFFERS, offers.assign(current_price=30.0))
    )
    assert made["mean"].item() < 0.4 * without["mean"].item()
    assert made["model"].item() == WARM


def test_a_fit_says_from_which_columns_it_was_made(plain: Fit, tmp_path: Path) -> None:
    """Also once it was saved; no buyer is among them by default."""
    plain.save(tmp_path)
    assert load_fit(tmp_path).inputs == plain.inputs
    assert {"date", "quantity", "price"} <= set(plain.inputs)
    assert not any(map(is_personal, plain.inputs))


def test_what_reaches_a_fit_is_named_and_what_is_not_named_does_not_reach_it() -> None:
    """A column of the sales that came along is told; one of the events that nothing is learned from stays out."""
    sales, events = nights()
    made = learned(sales.assign(customer="c1"), events.assign(visitors_age=30.0))
    assert "customer" in made.inputs
    assert "venue" in made.inputs
    assert "visitors_age" not in made.inputs
