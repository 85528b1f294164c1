"""A small season priced with perfect knowledge, and tables as the fit gives them: what the reports are tried on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from api.fitting import Fit
from api.report.season import SeasonView, season_report, season_view
from optimization import HighsOptimizer
from pricing.book import Decision, Proposal, Standing, Verdict
from pricing.demand import Evidence, Identification
from pricing.engine import propose
from pricing.guardrails import InForce
from pricing.market import Market
from pricing.model import ALL, Ladder, Offer, Resource
from pricing.outcome import Gain, Outcome
from pricing.policy import Policy
from pricing.simulation import Season, TrueMarket, simulate
from pricing.tables.values import offers_from, resources_from

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
BLIND = ("VIP", "adult")
"""The group whose price followed demand: no fit may claim to know it."""


@dataclass(frozen=True)
class Case:
    """All a season report is made from."""

    season: Season
    proposal: Proposal
    fit: Fit
    sales: pd.DataFrame
    offers: tuple[Offer, ...]
    left: dict[str, float]

    def view(self) -> SeasonView:
        """What the report says."""
        return season_view(
            proposal=self.proposal,
            fit=self.fit,
            sales=self.sales,
            events=self.season.events,
            offers=self.offers,
            left=self.left,
            standing=Standing.OPEN,
            truth=self.season.elasticity,
            now=NOW,
            title="A season",
        )

    def report(self, title: str = "A season") -> str:
        """The page."""
        truth = self.season.elasticity
        inputs = (self.proposal, self.fit, self.sales, self.season.events, self.offers, self.left)
        return season_report(*inputs, standing=Standing.OPEN, truth=truth, now=NOW, title=title)


def make_case() -> Case:
    """Simulate, price, and lay the tables out."""
    season = simulate(now=NOW, rng=np.random.default_rng(3))
    table = season.offers.assign(channel=ALL, resource=season.offers["resource"].replace("", None))
    for column in ("floor", "ceiling", "current_price", "unit_cost"):
        table[column] = table[column].map(Decimal).astype(object)
    offers, resources = offers_from(table), resources_from(season.resources)
    left = {resource.id: 0.6 * resource.capacity for resource in resources}
    market = Market(
        offers,
        {offer.id: InForce.steady(offer.current_price) for offer in offers},
        tuple(Resource(name, units) for name, units in left.items()),
    )
    proposal = propose(
        market,
        TrueMarket(season),
        HighsOptimizer(),
        Policy(),
        by="engine",
        now=NOW,
        input_hash="4f2a",
        base_version=1,
    )
    fit = Fit("v1", elasticities(season.elasticity), pd.DataFrame(), forecast(season.sales))
    return Case(season, proposal, fit, season.sales.assign(channel=ALL), offers, left)


def elasticities(truth: dict[tuple[str, str], float]) -> pd.DataFrame:
    """A table as `fairfare elasticity` gives it; one group is not identified."""
    rows = []
    for key, slope in truth.items():
        blind = key == BLIND
        mean = -1.8 if blind else slope + 0.1
        rows.append(
            {
                "product": key[0],
                "segment": key[1],
                "elasticity": mean,
                "se": 0.2,
                "lower": mean - 0.4,
                "upper": mean + 0.4,
                "raw_elasticity": 1.3 if blind else mean - 0.1,
                "status": "not-identified" if blind else "identified",
                "method": "ppml",
                "n_obs": 500,
                "n_prices": 12,
                "reason": "Price followed demand (-0.2). More." if blind else "The price changed and sales answered.",
            }
        )
    return pd.DataFrame(rows)


def forecast(sales: pd.DataFrame) -> pd.DataFrame:
    """Weekly forecasts of the goods, four weeks long."""
    weeks = pd.date_range("2026-11-23", periods=4, freq="W-MON")
    goods = sales.loc[sales["event"] == ALL, "product"].unique()
    parts = [
        pd.DataFrame({"product": name, "segment": ALL, "date": weeks, "mean": 60.0, "lower": 40.0, "upper": 80.0})
        for name in goods
    ]
    return pd.concat(parts, ignore_index=True).assign(model="count")


def decision(
    offer: str = "a",
    *,
    gain: float = 100.0,
    loss: float = 0.1,
    verdict: Verdict = Verdict.MOVE,
    currency: str = "EUR",
    reasons: Sequence[str] = ("Because.",),
) -> Decision:
    """A decision worth `gain`."""
    now, then = Decimal(20), Decimal(21 if verdict is Verdict.MOVE else 20)
    basic = Outcome(now, 50.0, 40.0, 60.0, 1000.0, 800.0, 1200.0)
    return Decision(
        offer=offer,
        channel=ALL,
        currency=currency,
        in_force=now,
        wanted=then,
        allowed=then,
        floor=Decimal(15),
        ceiling=Decimal(25),
        ladder=Ladder((now, Decimal(21))),
        verdict=verdict,
        reasons=tuple(reasons),
        evidence=Evidence(Identification.IDENTIFIED, -2.0, 0.2, "known", "count"),
        now=basic,
        then=replace(basic, price=then, revenue=1000.0 + gain),
        gain=Gain(gain, gain - 50, gain + 50, loss),
    )


def offer(name: str = "a", **more: object) -> Offer:
    """An offer at 20 between 15 and 25."""
    basic = Offer(name, name, "EUR", Ladder((Decimal(20), Decimal(21))), Decimal(15), Decimal(25), Decimal(20))
    return replace(basic, **more)  # type: ignore[arg-type]
