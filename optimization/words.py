"""Rules and resources in words a manager understands."""

from collections.abc import Sequence
from decimal import Decimal

from pricing.problem import Choice, MaxChange, MinMargin, MinUnits, Order, Problem, Rule, SamePrice, Shared

MOST_NAMES = 6


def rule_in_words(problem: Problem, rule: Rule) -> str:
    """What a rule demands, with the offers it names."""
    match rule:
        case Order(lower, upper, gap):
            more = f"at least {gap} {problem.currency} more than" if gap else "at least as much as"
            return f"{upper} costs {more} {lower}"
        case MaxChange(names, fraction):
            return f"{listed(names)}: the price moves at most {percent(fraction)} from the current one"
        case SamePrice(names):
            return f"{listed(names)} cost the same"
        case MinMargin(fraction):
            return f"{listed([o.id for o in problem.offers])}: the margin is at least {percent(fraction)} of the price"
        case MinUnits(names, units):
            return f"{listed(names)} {'together sell' if len(names) > 1 else 'sells'} at least {units:g} units"


def resource_in_words(resource: Shared) -> str:
    """What a resource allows."""
    return f"{resource.id} holds {resource.capacity:g} units"


def listed(names: Sequence[str]) -> str:
    """Names in a row, the many cut short."""
    shown = list(names[:MOST_NAMES])
    if more := len(names) - len(shown):
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def percent(share: Decimal) -> str:
    """A share as a percentage, without trailing zeros."""
    return f"{(share * 100).normalize():f} %"


def priced(problem: Problem, offer: Choice, price: Decimal) -> str:
    """An offer with its price."""
    return f"{offer.id} ({price} {problem.currency})"
