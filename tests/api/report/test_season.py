"""The season report: verdict first, every row reasoned, everything escaped, the same bytes for the same input."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from api.report.season import SeasonView
from pricing.book import Verdict
from pricing.demand import Identification
from tests.api.report.season import NOW, Case

NASTY = "<img src=x onerror=alert(1)> & </script><b>"


def test_the_verdict_counts_the_decisions(case: Case, view: SeasonView) -> None:
    """What the first sentence says can be read off them."""
    moves = sum(d.verdict is Verdict.MOVE for d in case.proposal.decisions)
    assert (view.tally.moving, view.tally.total) == (moves, len(case.offers))
    cost = {offer.id: float(offer.unit_cost) for offer in case.offers}
    margin = sum(
        d.then.revenue - d.now.revenue - cost[d.offer] * (d.then.units - d.now.units) for d in case.proposal.decisions
    )
    assert view.gains[0].expected == pytest.approx(margin)


def test_the_verdict_comes_first_in_words(case: Case, page: str, view: SeasonView) -> None:
    """A sentence before a number."""
    body = page[page.index("<main") :]
    assert body.index("prices should change.") < body.index("Guard rails") < body.index("Events on sale")
    assert f"{view.tally.moving} of {len(case.offers)} prices should change." in body


def test_every_offer_has_its_row_and_its_reason(page: str, case: Case) -> None:
    """As many rows as offers, none without a reason."""
    reasons = re.findall(r'<td class="c-why why">([^<]+)', page)
    assert len(reasons) - len(case.fit.elasticities) == len(case.offers)
    assert all(reason.strip() for reason in reasons)


def test_held_prices_say_why(case: Case) -> None:
    """The sentence tells missing evidence from other reasons."""
    first, *rest = case.proposal.decisions
    blind = replace(
        first,
        verdict=Verdict.HELD,
        allowed=first.in_force,
        evidence=replace(first.evidence, status=Identification.NOT_IDENTIFIED),
    )
    view = replace(case, proposal=replace(case.proposal, decisions=(blind, *rest))).view()
    assert view.tally.held == 1
    assert view.held_because == "because sales cannot show how these buyers react to the price"
    other = replace(blind, evidence=first.evidence)
    view = replace(case, proposal=replace(case.proposal, decisions=(other, *rest))).view()
    assert view.held_because == "for the reason given in each row"


def test_an_offer_without_a_decision_is_shown_and_counted_as_unknown(case: Case) -> None:
    """Nothing is hidden because nothing is known."""
    view = replace(case, proposal=replace(case.proposal, decisions=case.proposal.decisions[1:])).view()
    assert view.tally.total == len(case.offers)
    assert any("one offer without any forecast" in sentence for sentence in view.unknown)


def test_names_with_markup_stay_names(case: Case) -> None:
    """In the title, in products, in events and in reasons; no script or tag comes of them."""
    events = case.season.events.assign(event=case.season.events["event"] + NASTY)
    sales = case.sales.assign(
        event=case.sales["event"].where(case.sales["event"] == "all", case.sales["event"] + NASTY)
    )
    offers = tuple(
        replace(it, product=it.product + NASTY, event=it.event if it.event == "all" else it.event + NASTY)
        for it in case.offers
    )
    decisions = tuple(replace(d, reasons=(NASTY, NASTY)) for d in case.proposal.decisions)
    nasty = replace(
        case,
        season=replace(case.season, events=events),
        sales=sales,
        offers=offers,
        proposal=replace(case.proposal, decisions=decisions, proposed_by=NASTY),
    )
    page = nasty.report(title=NASTY)
    assert "<img" not in page
    assert page.count("</script>") == 3
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_same_input_gives_the_same_bytes(case: Case, page: str) -> None:
    """Nothing is read from the clock, nothing is drawn by lot."""
    assert case.report() == page


def test_sales_of_today_are_not_read(case: Case, view: SeasonView) -> None:
    """The day is not over; what it will sell is not known."""
    today = case.sales.tail(50).assign(date=pd.Timestamp(NOW.date()), quantity=1e6)
    later = replace(case, sales=pd.concat([case.sales, today])).view()
    assert [event.sold for event in later.events] == [event.sold for event in view.events]
    assert [event.priced.rows for event in later.events] == [event.priced.rows for event in view.events]
    assert later.goods.rows == view.goods.rows


def test_a_shop_without_events_and_events_without_a_shop_are_reported(case: Case) -> None:
    """Each part stands alone."""
    goods = tuple(it for it in case.offers if it.event == "all")
    tickets = tuple(it for it in case.offers if it.event != "all")
    empty = case.season.events.iloc[:0]
    shop = replace(case, offers=goods, season=replace(case.season, events=empty)).report()
    hall = replace(case, offers=tickets).report()
    assert "Events on sale" not in shop
    assert "Sold without an event" in shop
    assert "Sold without an event" not in hall


def test_nothing_on_sale_is_said(case: Case) -> None:
    """An empty proposal is a page too."""
    assert "Nothing is on sale." in replace(case, offers=(), proposal=replace(case.proposal, decisions=())).report()


def test_where_it_comes_from_is_on_the_page(case: Case, page: str) -> None:
    """Input hash, model version, solver status, proposal."""
    made = case.proposal.provenance
    for text in (case.proposal.id, made.input_hash, made.model_version, made.solver):
        assert text in page


def test_the_truth_is_told_only_where_it_is_known(case: Case, view: SeasonView, page: str) -> None:
    """Outside a simulation nobody knows it."""
    assert view.truth is not None
    assert "This season is simulated, so the truth is known" in page
    hidden = replace(case, season=replace(case.season, elasticity={})).view()
    assert hidden.truth is None
