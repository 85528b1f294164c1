"""What a price response rests on, line by line, and the price test that would tell more: in words, from kept figures.

Guarantees
----------
* Each line says what was found and, where the status depends on it, what is needed; its mark says whether it is met.
* Figures and thresholds are those the fit was decided with; a number that was not worked out is never shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from flask_babel import gettext, ngettext

from api.estimates import Response
from api.grounds import Change, Followed, Ground, Interval, Needed, PriceTest
from api.pages.numbers import Numbers


@dataclass(frozen=True, slots=True)
class Line:
    """What was looked at, what was found and what is needed; `met` is None where nothing depends on it."""

    label: str
    found: str
    needed: str = ""
    met: bool | None = None


def lines(ground: Ground, needed: Needed, n: Numbers) -> tuple[Line, ...]:
    """All of one group."""
    return (*_moves(ground, needed, n), *_answer(ground, n), _followed(ground, needed, n), *_beyond(ground, needed, n))


def _at_least(number: str) -> str:
    return gettext("at least %(number)s", number=number)


def _at_most(number: str) -> str:
    return gettext("at most %(number)s", number=number)


def _moves(ground: Ground, needed: Needed, n: Numbers) -> Iterator[Line]:
    moves = gettext("%(moves)s of %(dates)s", moves=n.units(ground.moves), dates=n.units(ground.dates))
    yield Line(
        gettext("Dates on which the price changed"),
        moves,
        _at_least(n.units(needed.moves)),
        ground.moves >= needed.moves,
    )
    own, least = n.share(ground.own), n.percent(needed.own)
    yield Line(
        gettext("Size of these changes, beyond season and other effects"),
        own,
        _at_least(least),
        ground.own >= needed.own,
    )
    things = ngettext("one series", "%(num)d series", ground.units)
    yield Line(gettext("Units sold meanwhile"), f"{n.units(ground.sold)} · {things}")


def _answer(ground: Ground, n: Numbers) -> Iterator[Line]:
    label = gettext("What sales of this group alone say")
    alone = ground.alone
    if alone is None:
        yield Line(label, gettext("nothing"), gettext("a number"), met=False)
        return
    sure = alone.upper < 0 and alone.upper - alone.lower <= abs(alone.slope)
    yield Line(label, _interval(alone, n), gettext("below 0, and no wider than the number"), sure)
    if ground.in_logs is not None:
        apart = ground.in_logs.lower > alone.upper or ground.in_logs.upper < alone.lower
        label = gettext("The same, if each row counts alike")
        yield Line(label, _interval(ground.in_logs, n), gettext("ranges that overlap"), not apart)


def _interval(one: Interval, n: Numbers) -> str:
    low, high = n.decimal(one.lower), n.decimal(one.upper)
    return gettext("%(mean)s (95%%: %(low)s to %(high)s)", mean=n.decimal(one.slope), low=low, high=high)


def _followed(ground: Ground, needed: Needed, n: Numbers) -> Line:
    """Whether the price followed demand."""
    label, test = gettext("Did the price follow demand?"), ground.followed
    rows = gettext("%(rows)s rows that can show it", rows=n.units(needed.rows))
    if test is None:
        return Line(label, gettext("could not be checked"), rows, met=False)
    if ways := _alarms(test):
        return Line(label, gettext("yes: %(ways)s", ways="; ".join(ways)), gettext("no sign of it"), met=False)
    found = gettext("no sign of it in %(rows)s rows", rows=n.units(test.rows))
    return Line(label, found, rows, test.rows >= needed.rows)


def _alarms(test: Followed) -> list[str]:
    """In which ways it did."""
    named = [
        (test.lag, gettext("after strong sales it changed")),
        (test.lead, gettext("its next change already shows in sales")),
    ]
    if test.left is not None:
        named.append((test.left, gettext("it moved with what was left to sell")))
    return [text for way, text in named if way.p < test.level]


def _beyond(ground: Ground, needed: Needed, n: Numbers) -> Iterator[Line]:
    yield Line(
        gettext("Something that moves the price and not demand"), gettext("none was given; sales alone are asked")
    )
    if ground.sold_out > 0:
        yield Line(gettext("Rows that sold out: more was wanted than sold"), n.share(ground.sold_out))
    if ground.mixed > 0:
        most = _at_most(n.percent(needed.mixed))
        yield Line(gettext("Rows with several prices"), n.share(ground.mixed), most, ground.mixed <= needed.mixed)
    if ground.guessed > 0:
        most = _at_most(n.percent(needed.guessed))
        label = gettext("Dates without a sale or a price")
        yield Line(label, n.share(ground.guessed), most, ground.guessed <= needed.guessed)
    if ground.unseen is not None:
        share = gettext("%(share)s of what is left of both price and demand", share=n.percent(ground.unseen))
        yield Line(gettext("To explain this away, something unseen must explain"), share)
    if ground.change is not None:
        yield _change(ground.change, n)


def _change(change: Change, n: Numbers) -> Line:
    before, since = n.decimal(change.before), n.decimal(change.since)
    found = gettext("%(before)s before %(day)s, %(since)s since", before=before, since=since, day=n.date(change.day))
    return Line(gettext("Has the reaction changed?"), found, gettext("no clear change"), not change.large)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A price test in words: facts where one is in reach, else why none is."""

    facts: tuple[tuple[str, str], ...]
    why_not: str = ""


def proposed(test: PriceTest, said: Response, *, alike: bool, currency: str, n: Numbers) -> Proposed:
    """What to try, for how long, how sure one would be then, and what it costs."""
    low, high, usual = (n.price(amount, currency) for amount in (test.low, test.high, test.usual))
    reach = _reach(test, said)
    then = gettext("to ±%(reach)s (95%%)", reach=n.decimal(reach)) if reach else ""
    if test.weeks is None:
        told = gettext(
            "No test within half a year would tell: at %(low)s and %(high)s it would tell the reaction only %(then)s. "
            "Test several things that sell alike together, or upload more sales at other prices.",
            low=low,
            high=high,
            then=then,
        )
        return Proposed((), told)
    step = n.percent(test.high / test.usual - 1)
    what = gettext("%(low)s and %(high)s instead of %(usual)s", low=low, high=high, usual=usual)
    if not alike:
        what = gettext("all prices %(step)s down and %(step)s up, as %(what)s", step=step, what=what)
    facts = [
        (gettext("Prices"), what),
        (gettext("How"), _how(test)),
        (gettext("How long"), ngettext("one week", "%(num)d weeks", test.weeks)),
        (gettext("Who pays what"), gettext("whoever buys at the same time and place pays the same")),
        (gettext("How sure then"), gettext("%(then)s; now %(now)s", then=then, now=_now(said, n))),
    ]
    if test.cost is not None and test.bad_case is not None:
        cost = gettext(
            "%(cost)s expected, %(bad)s in a bad case (1 in 20)",
            cost=_cost(test.cost, currency, n),
            bad=_cost(test.bad_case, currency, n),
        )
        facts.append((gettext("What it costs"), cost))
    return Proposed(tuple(facts))


def _reach(test: PriceTest, said: Response) -> float | None:
    """Half of the 95 % interval the test promises: a useful one is no wider than the elasticity."""
    return None if said.elasticity is None else test.promised / test.useful * abs(said.elasticity) / 2


def _now(said: Response, n: Numbers) -> str:
    """Half of today's interval."""
    if said.lower is None or said.upper is None:
        return gettext("unknown")
    return f"±{n.decimal((said.upper - said.lower) / 2)}"


def _how(test: PriceTest) -> str:
    if test.places:
        return gettext(
            "by place: half of the %(places)d at one price, half at the other, swapped each week, drawn by lot",
            places=test.places,
        )
    return gettext("by time: in each pair of weeks one at each price, the order drawn by lot")


def _cost(lost: float, currency: str, n: Numbers) -> str:
    amount = n.whole(abs(lost), currency)
    if lost >= 0:
        return gettext("%(amount)s less revenue", amount=amount)
    return gettext("%(amount)s more revenue", amount=amount)
