"""A pricing problem among substitutes: what one offer sells depends on the prices of all.

Guarantees
----------
* A problem that exists is well posed: offers, ladders, rules and resources agree with the demand.
* `at` gives the ordinary problem around one list of prices, so that rules, resources and figures of a plan are checked
  by `pricing.feasibility` from `ChoiceDemand` itself, by code that no solver shares.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from pricing.choice import ChoiceDemand
from pricing.errors import Finding, InputError
from pricing.problem import Measure, Problem


@dataclass(frozen=True, slots=True)
class ChoiceProblem:
    """Choose one ladder step per offer, buyers choosing among the offers.

    Attributes
    ----------
    base : offers, resources and rules; the offers' own `demand` is never looked at
    demand : who comes and how they choose, over the same offers and ladders in the same order
    """

    base: Problem
    demand: ChoiceDemand

    def __post_init__(self) -> None:
        found = []
        if [(o.id, o.ladder) for o in self.base.offers] != [*zip(self.demand.offers, self.demand.ladders, strict=True)]:
            found.append("the offers and ladders of the problem are not those of the demand")
        if self.base.risk.measure is not Measure.MEAN:
            found.append("offers buyers choose among are priced by the mean over draws, not by its tail")
        if found:
            raise InputError([Finding(text) for text in found])

    def canonical(self) -> "ChoiceProblem":
        """The same problem with offers in a fixed order, so that the order they are brought in changes nothing."""
        demand, order = self.demand, sorted(range(len(self.demand.offers)), key=lambda i: self.demand.offers[i])
        nests = tuple(demand.nests[i] for i in order)
        reordered = replace(
            demand,
            offers=tuple(demand.offers[i] for i in order),
            ladders=tuple(demand.ladders[i] for i in order),
            nests=nests,
            utility=demand.utility[:, :, order],
            sensitivity=demand.sensitivity[:, :, order],
            gamma=demand.gamma[:, [demand.nest_names.index(nest) for nest in dict.fromkeys(nests)]],
            evidence=tuple(demand.evidence[i] for i in order),
        )
        return ChoiceProblem(replace(self.base, offers=tuple(self.base.offers[i] for i in order)), reordered)

    def at(self, prices: Mapping[str, Decimal]) -> Problem:
        """The problem of each offer alone while all others keep these prices."""
        curves = self.demand.curves([prices[name] for name in self.demand.offers])
        offers = tuple(replace(offer, demand=curves.of(offer.id)) for offer in self.base.offers)
        return replace(self.base, offers=offers)
