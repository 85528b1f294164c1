"""Small problems for the optimizers' tests: by hand, and at random with every family of rules."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from pricing.model import Ladder
from pricing.problem import (
    AverageMargin,
    Choice,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    Measure,
    MinMargin,
    MinUnits,
    MostChanges,
    Objective,
    Order,
    Problem,
    Risk,
    Rule,
    SamePrice,
    SellThrough,
    Shared,
    with_fee,
)


def offer(
    name: str,
    prices: Sequence[str | int],
    units: Sequence[float] | Sequence[Sequence[float]],
    *,
    cost: str = "0",
    now: str | None = None,
    recent: Sequence[str] = (),
    fee: str = "0",
) -> Choice:
    """An offer with demand known (one row) or as draws, and a fee on top of the price."""
    ladder = Ladder(tuple(Decimal(price) for price in prices))
    demand = np.atleast_2d(np.array(units, dtype=np.float64))
    totals = with_fee(ladder, "EUR", amount=Decimal(fee)) if fee != "0" else ()
    current = None if now is None else Decimal(now)
    return Choice(name, ladder, demand, Decimal(cost), current, tuple(Decimal(price) for price in recent), totals)


def problem(
    *offers: Choice,
    resources: Sequence[Shared] = (),
    rules: Sequence[Rule] = (),
    objective: Objective = Objective.REVENUE,
    risk: Risk | None = None,
) -> Problem:
    """A problem in euros."""
    return Problem("EUR", objective, offers, tuple(resources), tuple(rules), risk or Risk())


def at_random(seed: int, *, count: int = 4, steps: int = 4, tail: bool = True) -> Problem:
    """A problem with some of every family of rules; about one in three has no answer."""
    rng = np.random.default_rng(seed)
    draws = int(rng.integers(2, 6)) if tail and rng.random() < 0.3 else 1
    names = [f"o{i}" for i in range(int(rng.integers(1, count + 1)))]
    offers = [_offer_at_random(rng, name, steps, draws) for name in names]
    resources = _resources_at_random(rng, offers)
    risk = Risk(Measure.CVAR, float(rng.choice([0.2, 0.35, 1.0]))) if draws > 1 else Risk()
    return problem(
        *offers,
        resources=resources,
        rules=[*_rules_at_random(rng, offers), *_sums_at_random(rng, offers, resources)],
        objective=Objective(str(rng.choice(["revenue", "margin"]))),
        risk=risk,
    )


def _offer_at_random(rng: np.random.Generator, name: str, steps: int, draws: int) -> Choice:
    base, size = int(rng.integers(2, 6)), int(rng.integers(2, steps + 1))
    prices = [Decimal(base + k) * Decimal("2.50") for k in range(size)]
    elasticity, level = rng.uniform(-2.5, -0.3, (draws, 1)), rng.uniform(5, 60, (draws, 1))
    units = level * (np.arange(base, base + size) / base) ** elasticity
    current, before = (Decimal("2.50") * int(rng.integers(2, 8)) if rng.random() < 0.7 else None for _ in range(2))
    ladder, cost = Ladder(tuple(prices)), Decimal(int(rng.integers(0, 5)))
    fee = with_fee(ladder, "EUR", amount=Decimal(1), share=Decimal("0.1")) if rng.random() < 0.2 else ()
    return Choice(name, ladder, units, cost, current, (before,) if before else (), fee)


def _resources_at_random(rng: np.random.Generator, offers: Sequence[Choice]) -> list[Shared]:
    resources = []
    for n in range(int(rng.integers(0, 3))):
        uses = {o.id: float(rng.choice([0.5, 1.0, 2.0])) for o in offers if rng.random() < 0.7}
        most = sum(uses[o.id] * float(o.mean.max()) for o in offers if o.id in uses)
        spill = Decimal(int(rng.integers(0, 30))) if rng.random() < 0.4 else None
        resources.append(Shared(f"r{n}", float(rng.uniform(0.3, 1.1)) * most, uses, spill))
    return resources


def _rules_at_random(rng: np.random.Generator, offers: Sequence[Choice]) -> list[Rule]:
    """Rules about prices."""
    names = [o.id for o in offers]
    rules: list[Rule] = []
    if len(names) > 1:
        pairs = [tuple(str(name) for name in rng.choice(names, 2, replace=False)) for _ in range(3)]
        if rng.random() < 0.5:
            rules.append(Order(pairs[0][0], pairs[0][1], Decimal(int(rng.integers(0, 3)))))
        if rng.random() < 0.2:
            rules.append(SamePrice(pairs[1]))
        if rng.random() < 0.2:
            limit = Decimal(int(rng.integers(0, 5)))
            rules.append(MaxSpread(pairs[2], limit) if rng.random() < 0.5 else MaxSpread(pairs[2], None, limit / 4))
    if rng.random() < 0.2:
        rules.append(MaxChange(tuple(names), Decimal(str(rng.choice(["0.25", "0.5", "1"])))))
    if rng.random() < 0.2:
        rules.append(DailyChange(tuple(names[:2]), Decimal(str(rng.choice(["0.5", "1"])))))
    if rng.random() < 0.1:
        rules.append(Ending(tuple(names[:1]), (str(rng.choice([".50", "0.00", "5.00"])), ".00")))
    if rng.random() < 0.2:
        rules.append(MinMargin(Decimal("0.4")))
    return rules


def _sums_at_random(rng: np.random.Generator, offers: Sequence[Choice], resources: Sequence[Shared]) -> list[Rule]:
    """Rules about many offers taken together."""
    chosen = offers[: int(rng.integers(1, len(offers) + 1))]
    names = tuple(o.id for o in chosen)
    rules: list[Rule] = []
    if rng.random() < 0.2:
        rules.append(MinUnits(names, sum(float(o.mean.min()) for o in chosen) * float(rng.uniform(0.8, 1.8))))
    if rng.random() < 0.2:
        rules.append(MostChanges(names, int(rng.integers(0, len(names) + 1))))
    if rng.random() < 0.2:
        rules.append(AverageMargin(names, Decimal(str(rng.choice(["0.5", "0.7", "0.8"])))))
    rules += [
        SellThrough(resource.id, float(rng.uniform(0.2, 0.9)))
        for resource in resources
        if resource.uses and rng.random() < 0.2
    ]
    return rules
