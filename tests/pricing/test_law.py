"""What the law of a market wants is on by default, follows from what is known, and can stop a publication."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.book import Decision, Listing, PriceInForce, Proposal, Provenance, Verdict
from pricing.demand import Evidence, Identification
from pricing.law import EU, NO_LAW, PLAIN, Fee, Law, MarketLaw, Regime, Sold, objections, unclear
from pricing.model import ALL, Ladder, Offer
from pricing.outcome import Gain, Outcome
from pricing.problem import with_fee

NOW = datetime(2026, 3, 28, 9, 30, tzinfo=UTC)
NEW_YORK = "THIS PRICE WAS SET BY AN ALGORITHM USING YOUR PERSONAL DATA"
BRITISH = Law((MarketLaw(name="UK", country="GB"),))
GERMAN_AND_US = Law(
    (MarketLaw(name="DE", country="DE", channels=("de",)), MarketLaw(name="US", country="US", channels=("us",)))
)

LADDER = Ladder.of(["8.00", "10.00", "12.00"], "EUR")
OFFER = Offer(
    id="hamlet",
    product="hamlet",
    currency="EUR",
    ladder=LADDER,
    floor=Decimal("8.00"),
    ceiling=Decimal("12.00"),
    current_price=Decimal("10.00"),
    event="friday",
)


def decision(price: str = "12.00", *, now: str = "10.00", channel: str = ALL) -> Decision:
    """A decision that moves (or, at an equal price, keeps) one price."""
    expected = Outcome(Decimal(price), 40.0, 30.0, 50.0, 400.0, 300.0, 500.0)
    return Decision(
        "hamlet",
        channel,
        "EUR",
        *(Decimal(now), Decimal(price), Decimal(price), Decimal("8.00"), Decimal("12.00")),
        LADDER,
        Verdict.KEEP if price == now else Verdict.MOVE,
        (),
        Evidence(Identification.IDENTIFIED, -1.4, 0.2, "40 price changes", "poisson"),
        expected,
        expected,
        Gain(20.0, -5.0, 45.0, 0.1),
    )


def proposal(*decisions: Decision) -> Proposal:
    """Decisions made together."""
    return Proposal("p1", "ann", NOW, NOW + timedelta(days=3), Provenance("ab", "f", "o"), decisions, 1)


def against(law: Law, *decisions: Decision, event: str = "friday", at: datetime | None = None) -> list[str]:
    """What the law says against publishing them."""
    listings, in_force = {}, {}
    for made in decisions:
        listings[made.key] = Listing(replace(OFFER, event=event, channel=made.channel))
        in_force[made.key] = PriceInForce(made.offer, made.channel, made.in_force, "EUR", 1, NOW, None, {})
    return objections(proposal(*decisions), listings, in_force, law, now=NOW, at=at)


def test_a_rise_of_a_ticket_price_without_notice_is_refused_in_the_united_kingdom() -> None:
    """Neither at once nor an hour too early; the reason says from when on it may begin."""
    (said,) = against(BRITISH, decision())
    assert "24 hours" in said
    assert "2026-03-29T09:31Z" in said
    assert against(BRITISH, decision(), at=NOW + timedelta(hours=23))
    assert not against(BRITISH, decision(), at=NOW + timedelta(hours=24))


def test_the_instant_the_reason_names_is_late_enough() -> None:
    """Who does what the reason says is not refused again."""
    (said,) = against(BRITISH, decision())
    begins = datetime.strptime(said.split("let it begin at ")[1].split()[0], "%Y-%m-%dT%H:%M%z")
    assert not against(BRITISH, decision(), at=begins)


@pytest.mark.parametrize("price", ["8.00", "10.00"])
def test_a_price_that_does_not_rise_needs_no_notice(price: str) -> None:
    """Cheaper, or as it was."""
    assert not against(BRITISH, decision(price))


def test_what_counts_is_the_price_in_force_when_the_new_one_begins() -> None:
    """A move to the price that is in force by then is no rise, whatever was in force when it was proposed."""
    moved = decision("12.00", now="10.00")
    listed, reached = (
        {moved.key: Listing(OFFER)},
        PriceInForce("hamlet", ALL, Decimal("12.00"), "EUR", 2, NOW, None, {}),
    )
    assert not objections(proposal(moved), listed, {moved.key: reached}, BRITISH, now=NOW)


def test_notice_is_for_tickets_and_can_be_set_or_switched_off() -> None:
    """Goods rise at once; an owner may ask for more, for less, and anywhere."""
    assert not against(BRITISH, decision(), event=ALL)
    assert not against(Law((MarketLaw(name="UK", country="GB", tier_notice_hours=0),)), decision())
    elsewhere = Law((MarketLaw(name="DE", country="DE", tier_notice_hours=48),))
    assert against(elsewhere, decision(), event=ALL, at=NOW + timedelta(hours=47))
    assert not against(elsewhere, decision(), event=ALL, at=NOW + timedelta(hours=48))


def test_no_law_objects_to_nothing() -> None:
    """An owner who declared neither market nor country is not held up."""
    assert against(NO_LAW, decision()) == []


def test_a_price_belongs_to_one_market() -> None:
    """By its channel; one for all channels, or for one that no market names, is not published."""
    assert GERMAN_AND_US.market("de").name == "DE"
    assert [GERMAN_AND_US.shown_as(channel) for channel in ("us", "fr")] == ["US", None]
    assert BRITISH.shown_as("us") is None
    assert not against(GERMAN_AND_US, decision(channel="us"))
    for channel in (ALL, "fr"):
        (said,) = against(GERMAN_AND_US, decision(channel=channel))
        assert "DE, US" in said
        assert unclear([("hamlet", channel, "EUR")], GERMAN_AND_US) == [said]


def test_a_market_without_channels_has_those_no_other_names() -> None:
    """All of them where it is alone; but a price for all channels is in no single market of two."""
    rest = Law((MarketLaw(name="US", channels=("us",)), MarketLaw(name="rest")))
    assert [rest.market(channel).name for channel in ("us", "web", ALL)] == ["US", "rest", "none"]
    assert not unclear([("hamlet", ALL, "EUR")], BRITISH)


def test_what_is_shown_of_a_price_in_no_market_is_what_the_strictest_allows() -> None:
    """A former price needs its history there, personal data a disclosure."""
    assert GERMAN_AND_US.market("fr").reference_days(ALL) == 30
    assert GERMAN_AND_US.disclosures("fr", ["customer"]) == (PLAIN,)


@pytest.mark.parametrize(
    ("market", "event", "days"),
    [
        (MarketLaw(name="DE", country="DE"), ALL, 30),
        (MarketLaw(name="DE", country="DE"), "friday", 0),
        (MarketLaw(name="DE", country="DE", sells=Sold.TICKETS), ALL, 0),
        (MarketLaw(name="DE", country="DE", lowest_price_days=0), ALL, 0),
        (MarketLaw(name="DE", country="DE", lowest_price_days=30), "friday", 30),
        (MarketLaw(name="DE", country="DE", lowest_price_days=366, tier_notice_hours=24 * 31), ALL, 366),
        (MarketLaw(name="UK", country="GB"), ALL, 0),
        (MarketLaw(name="CH", country="CH", lowest_price_days=10), ALL, 10),
    ],
)
def test_the_lowest_price_of_30_days_is_for_goods_in_the_union(market: MarketLaw, event: str, days: int) -> None:
    """Off for tickets, which are services, and elsewhere; an owner may decide otherwise, but not for less than 30."""
    assert market.reference_days(event) == days


def test_there_are_27_member_states() -> None:
    """None is missing, none left in the list."""
    assert len(EU) == 27
    assert not EU & {"GB", "CH", "NO", "UK", "EL"}


@pytest.mark.parametrize(
    ("market", "words"),
    [
        (MarketLaw(name="m", country="US", region="NY"), [NEW_YORK]),
        (MarketLaw(name="m", country="US"), [NEW_YORK, PLAIN]),
        (MarketLaw(name="m", country="US", region="CT"), [PLAIN]),
        (MarketLaw(name="m", country="US", region="TX"), [PLAIN]),
        (MarketLaw(name="m", country="FR"), [PLAIN]),
        (MarketLaw(name="m"), [PLAIN]),
        (MarketLaw(name="m", country="FR", disclosures=(Regime.NEW_YORK,)), [NEW_YORK]),
        (MarketLaw(name="m", country="FR", disclosures=()), [PLAIN]),
    ],
)
def test_personal_data_is_disclosed_in_the_words_of_the_market(market: MarketLaw, words: list[str]) -> None:
    """New York's exactly; where none are prescribed, a plain sentence, which nobody can switch off."""
    law = Law((market,), personal=("seat_history",))
    for inputs in (["date", "customer"], ["seat_history"]):
        assert law.disclosures("web", inputs) == tuple(words)
    assert law.disclosures("web", ["date", "price", "segment"]) == ()


def test_a_regime_is_that_of_the_country() -> None:
    """None is known of a country outside the Union and the United States."""
    countries = ("FR", "CH", None)
    assert [MarketLaw(name="m", country=country).regimes for country in countries] == [(Regime.EU,), (), ()]


AMOUNTS = st.decimals(0, 100, places=2)


@given(st.decimals("0.01", 10_000, places=2), AMOUNTS, st.decimals(0, "0.99", places=4))
def test_a_total_is_the_price_and_its_fees(price: Decimal, amount: Decimal, share: Decimal) -> None:
    """To the cent, whatever the share; and a higher price never has a lower total."""
    market = MarketLaw(name="m", fees=(Fee(name="booking", amount=amount), Fee(name="service", share=share)))
    fees = market.fees_on(price, "EUR")
    assert market.total(price, "EUR") == price + sum(fee for _, fee in fees)
    assert [name for name, _ in fees] == ["booking", "service"]
    assert abs(fees[1][1] - price * share) <= Decimal("0.005")
    assert market.total(price + Decimal("0.01"), "EUR") > market.total(price, "EUR")


@given(st.decimals("0.01", 10_000, places=2), AMOUNTS, st.decimals(0, "0.99", places=4))
def test_a_fee_is_what_the_optimizer_takes_it_for(price: Decimal, amount: Decimal, share: Decimal) -> None:
    """The total that is served and the one that is optimized are one."""
    market = MarketLaw(name="m", fees=(Fee(name="booking", amount=amount, share=share),))
    (total,) = with_fee(Ladder((price,)), "EUR", amount=amount, share=share)
    assert market.total(price, "EUR") == total


def test_an_amount_of_another_currency_is_not_added() -> None:
    """A price in euros is not published with a fee in pounds; a share fits any currency."""
    pounds = Law((MarketLaw(name="UK", country="GB", fees=(Fee(name="booking", amount=Decimal(2)),)),), currency="GBP")
    (said,) = against(pounds, decision("8.00"))
    assert "booking" in said
    share = Law(
        (MarketLaw(name="UK", country="GB", fees=(Fee(name="booking", share=Decimal("0.1")),)),), currency="GBP"
    )
    assert not against(share, decision("8.00"))


def test_a_fee_has_the_decimals_of_the_currency() -> None:
    """A share of a price in yen is whole yen, half up."""
    assert Fee(name="service", share=Decimal("0.05")).on(Decimal(110), "JPY") == 6


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"name": " "}, "no name"),
        ({"country": "UK"}, "GB"),
        ({"country": "EL"}, "GR"),
        ({"country": "Germany"}, "ISO 3166"),
        ({"region": "NY"}, "no part"),
        ({"country": "US", "region": "US-NY"}, "no part"),
        ({"channels": ("web", "web")}, "twice"),
        ({"channels": ("all",)}, "no channel of one"),
        ({"country": "DE", "lowest_price_days": 29}, "less than"),
        ({"lowest_price_days": -1}, "is not 0 to"),
        ({"tier_notice_hours": -1.0}, "is not 0 to"),
        ({"tier_notice_hours": float("nan")}, "is not 0 to"),
        ({"fees": (Fee(name="a"), Fee(name="a"))}, "one name"),
    ],
)
def test_a_market_that_cannot_be_is_refused(wrong: dict[str, object], word: str) -> None:
    """With what is wrong about it."""
    with pytest.raises(ValueError, match=word):
        MarketLaw(**({"name": "m"} | wrong))  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"amount": Decimal(-1)}, {"share": Decimal(1)}, {"amount": Decimal("nan")}]
)
def test_a_fee_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    """Without a name, negative, all of the price, or no number."""
    with pytest.raises(ValueError, match="fee"):
        Fee(**({"name": "booking"} | wrong))  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "markets",
    [
        (MarketLaw(name="m", channels=("a",)), MarketLaw(name="m")),
        (MarketLaw(name="m", channels=("a",)), MarketLaw(name="n", channels=("a",))),
        (MarketLaw(name="m"), MarketLaw(name="n")),
    ],
)
def test_markets_that_cannot_be_told_apart_are_refused(markets: tuple[MarketLaw, ...]) -> None:
    """One name, one channel in two, or two that are the rest."""
    with pytest.raises(ValueError, match="two markets"):
        Law(markets)


def test_prices_of_competitors_are_allowed_only_where_every_market_allows_them() -> None:
    """One estimate serves all of them; by default none does."""
    allowing, other = MarketLaw(name="m", competitor_prices=True), MarketLaw(name="n", channels=("n",))
    assert not NO_LAW.competitor_prices
    assert Law((allowing,)).competitor_prices
    assert not Law((allowing, other)).competitor_prices
