"""A workspace is changed by steps that succeed, and by nothing else."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import api.cli.workspace  # noqa: F401  # adds the commands
from api.cli.main import app
from api.settings import default_text
from api.workspace import Workspace
from optimization import HighsOptimizer
from pricing.book import Proposal, Verdict
from pricing.errors import InputError, RefusedError

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
SALES = "date,product,quantity,price\n2026-01-01,milk,3,1.50\n2026-01-02,milk,4,1.40\n"
OFFERS = "offer,product,currency,current_price,floor,ceiling,ladder\nmilk,milk,EUR,1.50,1.20,1.80,1.20:1.80:0.10\n"

Bring = Callable[..., Path]


def contents(place: Workspace) -> dict[str, str]:
    """Every file of the workspace, by its hash; the database by what it says."""
    return {
        str(path.relative_to(place.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(place.root.rglob("*"))
        if path.is_file() and "prices.db" not in path.name
    } | {"version": str(place.book.version())}


@pytest.mark.parametrize(
    ("kind", "text", "named"),
    [
        ("sales", "", "empty"),
        ("sales", "date,product,quantity,price\n", "no row"),
        ("sales", "day,product,quantity,price\n2026-01-01,milk,1,1\n", "date"),
        ("sales", SALES + "2026-01-03,milk,1,nan\n", "price"),
        ("sales", SALES + "2026-01-03,milk,1,inf\n", "price"),
        ("sales", SALES + "2026-01-03,milk,1,-2\n", "price"),
        ("sales", SALES + "03/04/2025,milk,1,2\n", "2025-04-03|year"),
        ("sales", SALES + '2026-01-03,milk,1,"1,50"\n', "comma|point"),
        (
            "sales",
            "date,product,quantity,price,currency\n2026-01-01,milk,1,1,EUR\n2026-01-02,milk,1,1,USD\n",
            "currenc",
        ),
        ("sales", "date,product,quantity,price\n2026-01-01T10:00Z,milk,1,1\n2026-01-02T10:00,milk,1,1\n", "zone"),
        ("sales", "date,product,quantity\n2026-01-01,milk,1\n", "price"),
        ("sales", "\ufeff" + SALES, "byte order mark"),
        ("offers", OFFERS.replace("1.20,1.80,1.20", ",1.80,1.20"), "floor"),
        ("offers", OFFERS.replace("1.20:1.80:0.10", "5:9:1"), "ladder"),
        ("offers", OFFERS + OFFERS.splitlines()[1], "twice|again|repeat"),
    ],
)
def test_bad_input_gets_its_answer_and_changes_nothing(
    place: Workspace, bring: Bring, kind: str, text: str, named: str
) -> None:
    """Each kind of bad file is refused with a reason that names the trouble; the workspace is as it was."""
    place.ingest("sales", bring(SALES.replace("2026", "2024"), "good.csv"), by="me", now=NOW)
    before = contents(place)
    with pytest.raises(InputError, match=f"(?i){named}"):
        place.ingest(kind, bring(text), by="me", now=NOW)
    assert contents(place) == before


def test_all_problems_are_listed_at_once_with_row_and_column(place: Workspace, bring: Bring) -> None:
    """Three bad cells, three findings."""
    text = "date,product,quantity,price\n2026-13-01,milk,1,1\n2026-01-02,milk,many,1\n2026-01-03,milk,1,-1\n"
    with pytest.raises(InputError) as caught:
        place.ingest("sales", bring(text), by="me", now=NOW)
    places = {(finding.row, finding.column) for finding in caught.value.findings}
    assert places == {(2, "date"), (3, "quantity"), (4, "price")}


def test_bad_rows_are_set_aside_on_request_and_the_good_ones_kept(place: Workspace, bring: Bring) -> None:
    """With a quarantine file nothing is lost: good rows in the history, bad rows with their reasons in the file."""
    aside = place.root.parent / "bad.csv"
    done = place.ingest("sales", bring(SALES + "2026-01-03,milk,1,-1\n"), by="me", now=NOW, quarantine=aside)
    assert done.total == 2
    assert "-1" in aside.read_text()
    assert "price" in aside.read_text()


def test_a_series_of_one_two_or_three_points_is_priced_with_caution(place: Workspace, bring: Bring) -> None:
    """With next to no history there is still a forecast, nothing is identified, and the price is held."""
    for count in (1, 2, 3):
        rows = "".join(f"2026-01-0{day},milk{count},3,1.50\n" for day in range(1, count + 1))
        place.ingest("sales", bring("date,product,quantity,price\n" + rows, f"{count}.csv"), by="me", now=NOW)
        offer = OFFERS.replace("milk,milk", f"milk{count},milk{count}")
        place.ingest("offers", bring(offer, f"o{count}.csv"), by="me", now=NOW)
    made = place.fit(now=NOW, progress=lambda *_: None)
    assert set(made.elasticities["status"]) == {"not-identified"}
    proposal = place.price(HighsOptimizer(), by="engine", now=NOW)
    assert [decision.verdict.value for decision in proposal.decisions] == ["held"] * 3
    assert {decision.offer for decision in proposal.decisions} == {"milk1", "milk2", "milk3"}


def test_an_offer_nobody_ever_sold_is_held_and_says_so(place: Workspace, bring: Bring) -> None:
    """No forecast is made up for it."""
    place.ingest("sales", bring(SALES, "s.csv"), by="me", now=NOW)
    place.ingest("offers", bring(OFFERS.replace("milk,milk", "cheese,cheese"), "o.csv"), by="me", now=NOW)
    place.fit(now=NOW, progress=lambda *_: None)
    decision = place.price(HighsOptimizer(), by="engine", now=NOW).decisions[0]
    assert decision.verdict.value == "held"
    assert "no past sales" in decision.reasons[0]


def test_a_price_far_from_past_sales_is_held_as_a_slip(place: Workspace, bring: Bring) -> None:
    """Cents typed as euros: the demand curve would be read far outside of what was ever tried."""
    place.ingest("sales", bring(SALES, "s.csv"), by="me", now=NOW)
    cents = OFFERS.replace("1.50,1.20,1.80,1.20:1.80:0.10", "150,120,180,120:180:10")
    place.ingest("offers", bring(cents, "o.csv"), by="me", now=NOW)
    place.fit(now=NOW, progress=lambda *_: None)
    decision = place.price(HighsOptimizer(), by="engine", now=NOW).decisions[0]
    assert decision.verdict.value == "held"
    assert "far from the 1.44 of past sales" in decision.reasons[0]


def test_each_missing_step_names_itself(place: Workspace, bring: Bring) -> None:
    """Pricing before fitting, fitting before ingesting, offers of an unknown event."""
    with pytest.raises(InputError, match="fairfare ingest sales"):
        place.fit(now=NOW, progress=lambda *_: None)
    place.ingest("sales", bring(SALES), by="me", now=NOW)
    with pytest.raises(InputError, match="fairfare ingest offers"):
        place.market(NOW)
    place.ingest("offers", bring(OFFERS, "o.csv"), by="me", now=NOW)
    with pytest.raises(InputError, match="fairfare fit"):
        place.price(HighsOptimizer(), by="engine", now=NOW)


def test_an_event_or_a_room_nobody_declared_is_refused_at_once(place: Workspace, bring: Bring) -> None:
    """A slip in the name of a room would lift its limit in silence; every such name is listed."""
    header, row = OFFERS.splitlines()
    gala = f"{header},event,resource\n{row.replace('milk,milk', 'seat,seat')},gala,rooom\n"
    before = contents(place)
    with pytest.raises(InputError, match=r"(?s)there is no event gala.*there is no resource rooom"):
        place.ingest("offers", bring(gala, "g.csv"), by="me", now=NOW)
    assert contents(place) == before


def test_the_same_offers_can_be_brought_again_after_a_publication(place: Workspace, bring: Bring) -> None:
    """A price that is not restated is not a contradiction; one that contradicts the book is refused."""
    proposal = busy(place, bring)
    place.publish(proposal.id, by="me", now=NOW)
    wider = WIDE.replace(",5.00,20.00,", ",4.00,20.00,")
    place.ingest("offers", bring(wider, "again.csv"), by="me", now=NOW)
    assert place.offers_on_sale(NOW)[0].floor == Decimal("4.00")
    assert [price.price for price in place.book.prices_in_force()] == [proposal.decisions[0].allowed]
    place.ingest("offers", bring(WIDE, "once more.csv"), by="me", now=NOW)
    with pytest.raises(RefusedError, match="a price in force changes through a proposal"):
        place.ingest("offers", bring(WIDE.replace("EUR,10.00", "EUR,12.00"), "other.csv"), by="me", now=NOW)


def test_settings_that_cannot_be_leave_no_folder_behind(tmp_path: Path) -> None:
    """All of them are named, and nothing is made."""
    text = default_text(currency="XXQ", time_zone="Mars/A", country="ZZ")
    with pytest.raises(InputError) as caught:
        Workspace.create(tmp_path / "new", text)
    assert [word for word in ("XXQ", "Mars/A", "ZZ") if word in str(caught.value)] == ["XXQ", "Mars/A", "ZZ"]
    assert not (tmp_path / "new").exists()


def test_nothing_is_published_unapproved_or_by_its_proposer(place: Workspace, bring: Bring) -> None:
    """The flow needs two."""
    place.ingest("sales", bring(SALES), by="me", now=NOW)
    place.ingest("offers", bring(OFFERS, "o.csv"), by="me", now=NOW)
    place.fit(now=NOW, progress=lambda *_: None)
    proposal = place.price(HighsOptimizer(), by="engine", now=NOW)
    with pytest.raises(RefusedError, match="not approved"):
        place.publish(proposal.id, by="me", now=NOW)
    with pytest.raises(RefusedError, match="someone else"):
        place.book.approve(proposal.id, by="engine", now=NOW)
    place.book.approve(proposal.id, by="me", now=NOW)
    with pytest.raises(RefusedError, match="expired"):
        place.publish(proposal.id, by="me", now=NOW + timedelta(days=2))
    assert place.book.version() == 1


WIDE = "offer,product,currency,current_price,floor,ceiling,ladder\nmug,mug,EUR,10.00,5.00,20.00,5:20:0.50\n"


def busy(place: Workspace, bring: Bring) -> Proposal:
    """A year of daily sales at prices of their own, clear enough to move the price; fitted, priced and approved."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2025-11-21", "2026-11-20", freq="D")
    price = np.repeat(rng.choice([8.0, 9.0, 10.0, 11.0, 12.0], 60), 7)[: len(days)]
    units = rng.poisson(20 * (price / 10) ** -3.0)
    sales = pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "product": "mug", "quantity": units, "price": price})
    place.ingest("sales", bring(sales.to_csv(index=False), "busy.csv"), by="me", now=NOW)
    place.ingest("offers", bring(WIDE, "wide.csv"), by="me", now=NOW)
    place.fit(now=NOW, progress=lambda *_: None)
    proposal = place.price(HighsOptimizer(), by="engine", now=NOW)
    assert proposal.decisions[0].verdict is Verdict.MOVE
    place.book.approve(proposal.id, by="me", now=NOW)
    return proposal


def test_bounds_that_changed_after_the_decision_are_kept(place: Workspace, bring: Bring) -> None:
    """A floor raised between approval and publication stops the publication, and says why."""
    proposal = busy(place, bring)
    assert proposal.decisions[0].allowed < Decimal("9.80")
    place.ingest("offers", bring(WIDE.replace(",5.00,20.00", ",9.80,20.00"), "tight.csv"), by="me", now=NOW)
    with pytest.raises(RefusedError, match=r"below its floor of 9\.80"):
        place.publish(proposal.id, by="me", now=NOW)
    assert [price.price for price in place.book.prices_in_force()] == [Decimal("10.00")]


def test_a_proposal_publishes_while_nothing_stands_against_it(place: Workspace, bring: Bring) -> None:
    """The same proposal without a change of bounds is in force at once."""
    proposal = busy(place, bring)
    place.publish(proposal.id, by="me", now=NOW)
    assert [price.price for price in place.book.prices_in_force()] == [proposal.decisions[0].allowed]


def test_a_first_price_outside_its_bounds_is_refused(place: Workspace, bring: Bring) -> None:
    """What enters the book is inside what its owner allows; nothing of the file is kept."""
    before = contents(place)
    with pytest.raises(RefusedError, match=r"current price 0\.10 is outside 5\.00 to 20\.00"):
        place.ingest("offers", bring(WIDE.replace("EUR,10.00", "EUR,0.10")), by="me", now=NOW)
    assert contents(place) == before


def test_offers_are_in_the_tables_and_in_the_book_or_in_neither(
    place: Workspace, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk while the table is written leaves the book without the price too."""

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    before = contents(place)
    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(OSError, match="no space"):
        place.ingest("offers", bring(WIDE), by="me", now=NOW)
    assert contents(place) == before


def test_currencies_never_meet(place: Workspace, bring: Bring) -> None:
    """Sales of a second currency are refused, and so are offers in another than their sales, whichever come first."""
    place.ingest("sales", bring(SALES, "euro.csv"), by="me", now=NOW)
    dollars = "date,product,quantity,price,currency\n2026-03-01,milk,3,1.50,USD\n"
    with pytest.raises(InputError, match="is in USD, the history in EUR"):
        place.ingest("sales", bring(dollars), by="me", now=NOW)
    with pytest.raises(InputError, match=r"row 2, column currency: .* one currency, here EUR: 'USD'"):
        place.ingest("offers", bring(OFFERS.replace("EUR", "USD"), "o.csv"), by="me", now=NOW)
    other = Workspace.create(place.root.parent / "other", default_text())
    other.ingest("offers", bring(OFFERS.replace("EUR", "USD"), "o.csv"), by="me", now=NOW)
    with pytest.raises(InputError, match=r"row 2: .* one currency, here USD"):
        other.ingest("sales", bring(SALES, "euro.csv"), by="me", now=NOW)
    other.ingest("sales", bring(dollars), by="me", now=NOW)


def test_an_event_that_has_begun_is_not_priced(place: Workspace, bring: Bring) -> None:
    """Offers of an event are on sale until it starts."""
    place.ingest("sales", bring(SALES), by="me", now=NOW)
    events = "event,starts_at\nearly,2026-11-21T08:00Z\nlate,2026-11-21T10:00Z\n"
    place.ingest("events", bring(events, "e.csv"), by="me", now=NOW)
    header, row = OFFERS.splitlines()
    rows = "\n".join(f"{row.replace('milk,milk', f'{name},seat')},{name}" for name in ("early", "late"))
    place.ingest("offers", bring(f"{header},event\n{rows}\n", "o.csv"), by="me", now=NOW)
    assert [offer.event for offer in place.offers_on_sale(NOW)] == ["late"]
    assert [place.begun(at) for at in (NOW - timedelta(hours=2), NOW, NOW + timedelta(hours=2))] == [0, 1, 2]


def test_an_event_sells_no_more_than_its_places(place: Workspace, bring: Bring) -> None:
    """What its offers share where they name no resource; where one of them names one, that counts alone."""
    sales = "date,product,quantity,price,event\n" + "".join(f"2026-11-{day},seat,2,1.50,late\n" for day in (10, 11))
    place.ingest("sales", bring(sales), by="me", now=NOW)
    events = (
        "event,starts_at,capacity\nlate,2026-12-21T10:00Z,30\nnamed,2026-12-22T10:00Z,30\nopen,2026-12-23T10:00Z,\n"
    )
    place.ingest("events", bring(events, "e.csv"), by="me", now=NOW)
    place.ingest("resources", bring("resource,capacity\nhall,50\n", "r.csv"), by="me", now=NOW)
    header, row = OFFERS.splitlines()
    named = (("late", ""), ("named", "hall"), ("open", ""))
    rows = "\n".join(f"{row.replace('milk,milk', f'{name},seat')},{name},{room}" for name, room in named)
    place.ingest("offers", bring(f"{header},event,resource\n{rows}\n", "o.csv"), by="me", now=NOW)
    market = place.market(NOW)
    assert {offer.event: offer.resource for offer in market.offers} == {
        "late": "places of late",
        "named": "hall",
        "open": None,
    }
    assert {room.id: room.capacity for room in market.resources} == {"places of late": 26, "hall": 50}


def test_the_command_line_says_what_is_not_priced(place: Workspace, bring: Bring) -> None:
    """When the offers come, and when prices are asked for; on standard error, as it is no result."""
    place.ingest("sales", bring(SALES), by="me", now=NOW)
    place.ingest("events", bring("event,starts_at\ngala,2026-01-03T19:00Z\n", "e.csv"), by="me", now=NOW)
    header, row = OFFERS.splitlines()
    offers = bring(f"{header},event\n{row},all\n{row.replace('milk,milk', 'seat,seat')},gala\n", "o.csv")
    steps = (["ingest", "offers", str(offers)], ["fit"], ["price"])
    told = [CliRunner().invoke(app, [*step, "--workspace", str(place.root)]) for step in steps]
    assert [done.exit_code for done in told] == [0, 0, 0]
    assert ["1 offer is not priced: its event has begun" in done.stderr for done in told] == [True, False, True]


def test_nothing_observed_before_today_is_said_in_a_sentence(place: Workspace, bring: Bring) -> None:
    """Sales of today alone are no history yet, and sales without a price teach no price response."""
    place.ingest("sales", bring("date,product,quantity,price\n2026-11-21,milk,3,1.50\n"), by="me", now=NOW)
    with pytest.raises(InputError, match="no sales before today yet; today is not observed to its end"):
        place.fit(now=NOW, progress=lambda *_: None)
    place.ingest("sales", bring(SALES.replace("1.50", "0").replace("1.40", "0")), by="me", now=NOW)
    with pytest.raises(InputError, match="no sale before today has a price above 0"):
        place.fit(now=NOW, progress=lambda *_: None)


def test_sales_of_the_future_are_refused_by_the_owners_day(tmp_path: Path, bring: Bring) -> None:
    """Today is taken, tomorrow is not, whatever day it is in UTC; set aside, the rest is kept."""
    place = Workspace.create(tmp_path / "tokyo", default_text(time_zone="Asia/Tokyo"))
    evening, text = datetime(2026, 11, 21, 21, tzinfo=UTC), SALES + "2026-11-22T23:59,milk,3,1.50\n"
    future = bring(text + "2026-11-23,milk,3,1.50\n")
    with pytest.raises(InputError, match="row 5, column date: lies in the future: today is 2026-11-22: '2026-11-23'"):
        place.ingest("sales", future, by="me", now=evening)
    assert place.ingest("sales", future, by="me", now=evening, quarantine=tmp_path / "bad.csv").total == 3


def test_an_offer_in_no_market_is_not_priced(place: Workspace, bring: Bring) -> None:
    """Once a second market is declared it is not clear whose law holds for what is sold in every channel."""
    busy(place, bring)
    markets = "".join(f'[[markets]]\nname = "{name}"\nchannels = ["{name}"]\n' for name in ("north", "south"))
    (place.root / "fairfare.toml").write_text(default_text() + markets, encoding="utf-8")
    with pytest.raises(InputError, match="whose law holds for mug in every channel is not clear"):
        Workspace.open(place.root).price(HighsOptimizer(), by="engine", now=NOW)


def test_only_its_owner_can_look_into_a_workspace(tmp_path: Path) -> None:
    """Also where the folder was there before."""
    (tmp_path / "there").mkdir(mode=0o755)
    made = [Workspace.create(tmp_path / name, default_text()).root for name in ("there", "new")]
    assert [root.stat().st_mode & 0o777 for root in made] == [0o700, 0o700]


def test_the_day_begins_in_the_owners_zone(tmp_path: Path) -> None:
    """At nine in the evening in London it is tomorrow in Tokyo."""
    place = Workspace.create(tmp_path / "tokyo", default_text(time_zone="Asia/Tokyo"))
    assert place.today(datetime(2026, 11, 21, 21, tzinfo=UTC)) == pd.Timestamp("2026-11-22")


def test_a_workspace_is_not_made_twice(place: Workspace) -> None:
    """Making one where one is would lose its settings."""
    with pytest.raises(InputError, match="already"):
        Workspace.create(place.root, default_text())
