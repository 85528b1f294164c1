"""Events are sorted by stake and end where their decisions say."""

from api.report.season import SeasonView
from tests.api.report.season import NOW, Case


def test_every_coming_event_on_sale_is_there_by_stake(case: Case, view: SeasonView) -> None:
    """None is left out, the largest expected difference first."""
    named = {offer.event for offer in case.offers} - {"all"}
    stakes = [round(event.stake) for event in view.events]
    assert {event.name for event in view.events} == named
    assert stakes == sorted(stakes, reverse=True)
    assert all(event.starts_at > NOW for event in view.events)


def test_the_expected_final_is_what_is_sold_and_what_the_decisions_expect(case: Case, view: SeasonView) -> None:
    """And never beyond the capacity."""
    for event in view.events:
        ours = [d for d in case.proposal.decisions if d.offer.startswith(f"{event.name} /")]
        expected = event.sold + sum(d.then.units for d in ours)
        assert event.capacity is not None
        assert event.final.mean == min(expected, event.capacity)
        assert event.sold <= event.final.low <= event.final.mean <= event.final.high <= event.capacity


def test_sold_is_what_the_sales_hold(case: Case, view: SeasonView) -> None:
    """Event by event."""
    totals = case.sales.groupby("event")["quantity"].sum()
    assert {event.name: event.sold for event in view.events} == {
        event.name: totals[event.name] for event in view.events
    }


def test_each_event_says_how_it_sells(view: SeasonView) -> None:
    """Against what is typical, or that nothing is."""
    for event in view.events:
        assert ("typical" in event.verdict) or ("as such events usually do" in event.verdict)
        if event.pace is not None and event.pace > 0.1:
            assert "faster than typical" in event.verdict
