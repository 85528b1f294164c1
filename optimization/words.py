"""Rules and resources in words a manager understands."""

from collections.abc import Sequence
from decimal import Decimal

from pricing.problem import Problem, Shared
from pricing.rules import (
    AverageMargin,
    DailyChange,
    Ending,
    MaxChange,
    MaxSpread,
    MinMargin,
    MinUnits,
    MostChanges,
    Order,
    Rule,
    SamePrice,
    SellThrough,
)

MOST_NAMES = 6


def item_in_words(problem: Problem, item: Rule | Shared) -> str:
    """What a rule or a resource demands."""
    return f"{item.id} holds {item.capacity:.15g} units" if isinstance(item, Shared) else rule_in_words(problem, item)


def rule_in_words(problem: Problem, rule: Rule) -> str:
    """What a rule demands, with the offers it names."""
    match rule:
        case Order() | SamePrice() | MaxSpread() | Ending():
            return _about_prices(problem, rule)
        case MaxChange() | DailyChange() | MostChanges():
            return _about_changes(rule)
        case MinMargin(fraction):
            return f"{listed([o.id for o in problem.offers])}: the margin is at least {percent(fraction)} of the price"
        case AverageMargin(names, fraction):
            return f"{listed(names)}: the average margin is at least {percent(fraction)} of what is taken in"
        case MinUnits(names, units):
            return f"{listed(names)} {'together sell' if len(names) > 1 else 'sells'} at least {units:g} units"
        case SellThrough(name, share):
            capacity = next(resource.capacity for resource in problem.resources if resource.id == name)
            return f"at least {percent(Decimal(repr(share)))} of {name}'s {capacity:g} units are used"


def _about_prices(problem: Problem, rule: Order | SamePrice | MaxSpread | Ending) -> str:
    match rule:
        case Order(lower, upper, gap):
            return f"{upper} costs {at_least(gap, problem.currency)} {lower}"
        case SamePrice(names):
            return f"{listed(names)} cost the same"
        case MaxSpread(names):
            return f"{listed(names)}: prices lie at most {spread_in_words(rule, problem.currency)} apart"
        case Ending(names, endings):
            return f"{listed(names)}: prices end in {' or '.join(endings)}"


def spread_in_words(rule: MaxSpread, currency: str) -> str:
    """How far prices may lie apart."""
    return f"{rule.amount} {currency}" if rule.fraction is None else f"{percent(rule.fraction)} of the cheapest"


def _about_changes(rule: MaxChange | DailyChange | MostChanges) -> str:
    match rule:
        case MaxChange(names, fraction):
            return f"{listed(names)}: the price moves at most {percent(fraction)} from the current one"
        case DailyChange(names, fraction):
            return f"{listed(names)}: the price is at most {percent(fraction)} from any of the last 24 hours"
        case MostChanges(names, count):
            return f"{listed(names)}: at most {count} of the prices change"


def at_least(gap: Decimal, currency: str) -> str:
    """How much more than another an offer costs."""
    if gap < 0:
        return f"at most {-gap} {currency} less than"
    return f"at least {gap} {currency} more than" if gap else "at least as much as"


def listed(names: Sequence[str]) -> str:
    """Names in a row, the many cut short."""
    shown = list(names[:MOST_NAMES])
    if more := len(names) - len(shown):
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def percent(share: Decimal) -> str:
    """A share as a percentage, without trailing zeros."""
    return f"{(share * 100).normalize():f} %"
