"""The report of one proposal: what changes, what it gains, what it risks, what is not known.

Guarantees
----------
* The verdict comes first, in words; every figure in it can be read off the decisions.
* Events are sorted by what is at stake, and every offer given has its row, decided or not.
* View models are plain values: nothing here knows HTML but the last step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from api.report.charts import Chart
from api.report.events import EventView, event_views
from api.report.forest import Group, groups, truth_sentence
from api.report.gain import Gain
from api.report.goods import GoodsView, goods_view
from api.report.numbers import count, minute, percent, units
from api.report.page import render
from api.report.rows import CAPPED, HELD, UNKNOWN, Priced, PriceRow, Tally
from pricing.book import Proposal, Standing
from pricing.demand import Identification
from pricing.model import ALL, Offer

if TYPE_CHECKING:
    from api.fitting import Fit


@dataclass(frozen=True, slots=True)
class Rails:
    """The strip of guard rails: label and value pairs, and one line for a phone."""

    summary: str
    items: tuple[tuple[str, str], ...]


WAITING = (Standing.OPEN, Standing.APPROVED)
WHAT_NEXT = {
    Standing.OPEN: "Nothing moves before someone else approves it.",
    Standing.APPROVED: "It is approved; nothing moves before it is published.",
    Standing.PUBLISHED: "It is published: these prices are in force, unless a later version changed them.",
    Standing.REJECTED: "It was rejected: nothing moves.",
    Standing.SPLIT: "It was split: its parts are decided about one by one.",
    Standing.EXPIRED: "It has lapsed: nothing moves. Propose again.",
    Standing.STALE: "Prices have changed since it was made: it cannot be published. Propose again.",
}
"""What becomes of a proposal, by how far it has come."""


@dataclass(frozen=True, slots=True)
class SeasonView:
    """All a season report says.

    Attributes
    ----------
    unknown : what is not known, one sentence each
    provenance : label and value pairs
    """

    title: str
    made_at: datetime
    what_next: str
    tally: Tally
    gains: tuple[Gain, ...]
    held_because: str
    rails: Rails
    events: tuple[EventView, ...]
    goods: GoodsView
    forest: tuple[Group, ...]
    truth: str | None
    unknown: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Every chart of the page."""
        return (*(event.chart for event in self.events), *(chart for _, chart in self.goods.charts))


def season_report(  # noqa: PLR0917  # what the workspace has at hand, in its order
    proposal: Proposal,
    fit: "Fit",
    sales: pd.DataFrame,
    events: pd.DataFrame,
    offers: Sequence[Offer],
    left: Mapping[str, float],
    *,
    standing: Standing,
    truth: Mapping[tuple[str, str], float] | None,
    now: datetime,
    title: str,
) -> str:
    """Write the report of a proposal as one HTML file.

    Parameters
    ----------
    fit : what the proposal was made from
    sales, events : daily canonical sales and the events table
    offers : what is on sale, decided or not
    left : resource id -> units left to sell
    standing : how far the proposal has come
    truth : (product, segment) -> true elasticity, where the season is simulated
    """
    view = season_view(
        proposal=proposal,
        fit=fit,
        sales=sales,
        events=events,
        offers=offers,
        left=left,
        standing=standing,
        truth=truth,
        now=now,
        title=title,
    )
    return render("season.html", view, view.charts)


def season_view(
    *,
    proposal: Proposal,
    fit: "Fit",
    sales: pd.DataFrame,
    events: pd.DataFrame,
    offers: Sequence[Offer],
    left: Mapping[str, float],
    standing: Standing,
    truth: Mapping[tuple[str, str], float] | None,
    now: datetime,
    title: str,
) -> SeasonView:
    """Build what the report says; parameters as in `season_report`."""
    past = sales[sales["date"] < pd.Timestamp(now.date())]
    priced = Priced.of(offers, proposal.decisions, _sold(past), left, proposal.gains)
    coming = event_views(priced, past, events, now)
    forest = groups(fit.elasticities, {(p, s): slope for (p, s), slope in (truth or {}).items()})
    return SeasonView(
        title=title,
        made_at=now,
        tally=priced.tally,
        gains=priced.gains,
        held_because=_held_because(priced.rows),
        rails=_rails(priced.rows, proposal, standing),
        what_next=WHAT_NEXT[standing],
        events=coming,
        goods=goods_view(priced.of_event(ALL), past, fit.forecast),
        forest=forest,
        truth=truth_sentence(forest),
        unknown=tuple(_unknown(coming, priced.rows, forest, past)),
        provenance=_provenance(proposal),
    )


def _sold(sales: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    """Units by (event, product, segment)."""
    totals = sales.groupby(["event", "product", "segment"], as_index=False)["quantity"].sum()
    return {(str(row.event), str(row.product), str(row.segment)): float(row.quantity) for row in totals.itertuples()}


def _held_because(rows: Sequence[PriceRow]) -> str:
    """Why prices are held, in words; empty if none is."""
    held = [row for row in rows if row.chip is HELD]
    if not held:
        return ""
    blind = sum(row.evidence is Identification.NOT_IDENTIFIED for row in held)
    if blind == len(held):
        return "because sales cannot show how these buyers react to the price"
    if blind:
        return f"{blind} of them because sales cannot show how these buyers react to the price"
    return "for the reason given in each row"


def _rails(rows: Sequence[PriceRow], proposal: Proposal, standing: Standing) -> Rails:
    tally = Tally.of(rows)
    stopped = sum(row.chip is CAPPED for row in rows)
    inside = sum(row.floor <= (row.recommended or row.now) <= row.ceiling for row in rows)
    largest = max((abs(row.change) for row in rows), default=0.0)
    return Rails(
        summary=f"{tally.held} held, {stopped} stopped",
        items=(
            ("Mode", "Approve first"),
            ("This proposal", str(standing)),
            ("Inside floor and ceiling", f"{inside} of {tally.total}"),
            ("Largest move", percent(largest)),
            ("Stopped by a rail", str(stopped)),
            ("Held for you", str(tally.held)),
            *([("Lapses", minute(proposal.expires_at))] if standing in WAITING else []),
        ),
    )


def _unknown(
    events: Sequence[EventView], rows: Sequence[PriceRow], forest: Sequence[Group], sales: pd.DataFrame
) -> list[str]:
    """What the report cannot tell, the gravest first."""
    blind = [group for group in forest if group.status is Identification.NOT_IDENTIFIED]
    silent = sum(row.chip is UNKNOWN for row in rows)
    lonely = sum(event.typical is None for event in events)
    out = int((sales["quantity"] >= sales["available"]).sum()) if "available" in sales else 0
    said = [
        (blind, f"How buyers of {', '.join(' · '.join(g.names) for g in blind[:6])} react to the price. Prices stay."),
        (silent, f"What {count(silent, 'offer')} without any forecast would sell. Prices stay."),
        (lonely, f"What is typical for {count(lonely, 'event')}: too few like it are over."),
        (out, f"How many buyers were turned away in {units(out)} sold-out rows; they count as at least what was sold."),
        (True, "What buyers would do at prices nobody has charged, or if a competitor moved."),
        (
            True,
            "Whether several events do well or badly together. Each is drawn apart; if they do, the range is wider.",
        ),
    ]
    return [sentence for holds, sentence in said if holds]


def _provenance(proposal: Proposal) -> tuple[tuple[str, str], ...]:
    made = proposal.provenance
    return (
        ("Proposal", proposal.id),
        ("Proposed", f"{minute(proposal.proposed_at)} by {proposal.proposed_by}"),
        ("Made against price book version", str(proposal.base_version)),
        ("Input hash", made.input_hash),
        ("Model version", made.model_version),
        ("Solver", made.solver),
    )
