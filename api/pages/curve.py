"""The booking curve of an event in words and numbers: for those who read rather than look, and for the script.

Guarantees
----------
* Whatever the picture shows stands in its sentence or its table.
* No text of a user enters the picture.
"""

from dataclasses import dataclass

from flask_babel import gettext

from api.bookings import Filling
from api.pages.numbers import DASH, Numbers
from api.pages.outlook import Outlook

ROWS = 8
"""About so many rows of a table tell a curve."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What a chart says in words: `label` what it shows, `caption` how to read it, and its numbers."""

    label: str
    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def curve(filling: Filling, view: Outlook | None, n: Numbers) -> Curve:
    """Of one event."""
    heads = (gettext("Days before"), gettext("Sold"), gettext("Typical"), gettext("Expected"), gettext("80% range"))
    return Curve(_label(filling, view, n), _caption(filling, view), heads, tuple(_rows(filling, view, n)))


def _label(filling: Filling, view: Outlook | None, n: Numbers) -> str:
    sold = gettext("Tickets sold by days before the event; %(sold)s so far.", sold=n.units(filling.on_hand))
    if view is None:
        return sold
    final = view.now.final
    ends = gettext(
        "Expected in the end %(mean)s, 80%% range %(low)s to %(high)s.",
        mean=n.units(final.mean),
        low=n.units(final.low),
        high=n.units(final.high),
    )
    return f"{sold} {ends}"


def _caption(filling: Filling, view: Outlook | None) -> str:
    band = gettext("The band should hold the final count 80 times in 100; 10 times it ends lower, 10 times higher.")
    return " ".join([band, _likeness(filling)] if view else [_likeness(filling)])


def _likeness(filling: Filling) -> str:
    usual = filling.typical
    if usual is None:
        return gettext("Too few events like it are over to draw what is typical.")
    if usual.same_venue:
        return gettext(
            "Typical: median and middle 80%% of %(events)d finished events at this venue.", events=usual.events
        )
    return gettext(
        "Typical: median and middle 80%% of %(events)d finished events, scaled by capacity.", events=usual.events
    )


def _rows(filling: Filling, view: Outlook | None, n: Numbers) -> list[tuple[str, ...]]:
    past = [(lead, sold) for lead, sold in zip(filling.lead, filling.sold, strict=True)]
    rows: list[tuple[str, ...]]
    rows = [(n.units(lead), n.units(sold), _usual(filling, lead, n), "", "") for lead, sold in _thinned(past)]
    if view is None:
        return rows
    final, on_hand = view.now.final, filling.on_hand
    for lead, share in _thinned(list(zip(*filling.share_left(), strict=True)))[1:]:
        low, mean, high = (n.units(on_hand + (end - on_hand) * share) for end in (final.low, final.mean, final.high))
        rows.append(
            (n.units(lead), "", _usual(filling, lead, n), mean, gettext("%(low)s to %(high)s", low=low, high=high))
        )
    return rows


def _thinned(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Some of many, the last one among them."""
    every = max(1, len(points) // ROWS)
    return points[::-1][::every][::-1]


def _usual(filling: Filling, lead: int, n: Numbers) -> str:
    return n.units(filling.usual_at(lead)) if filling.typical else DASH


def selling(filling: Filling | None, n: Numbers) -> str:
    """How an event sells, in a sentence."""
    if filling is None:
        return gettext("Its sales are not known here yet.")
    if filling.pace is None:
        return gettext("Too few events like it are over to say what is typical.")
    if abs(filling.pace) < 0.05:
        return gettext("It sells about as such events usually do.")
    if filling.pace > 0:
        return gettext("It has sold %(share)s more than is typical by now.", share=n.percent(filling.pace))
    return gettext("It has sold %(share)s less than is typical by now.", share=n.percent(-filling.pace))


def pace_in_words(pace: float | None, n: Numbers) -> str:
    """How an event sells against similar ones, in a few words."""
    if pace is None:
        return gettext("too few similar events to compare")
    if abs(pace) < 0.05:
        return gettext("about as usual")
    if pace > 0:
        return gettext("%(share)s ahead of typical", share=n.percent(pace))
    return gettext("%(share)s behind typical", share=n.percent(-pace))


def said() -> dict[str, str]:
    """Texts of the script; it fills in what stands in %(...)s."""
    return {
        "today": gettext("today"),
        "sold": gettext("Sold"),
        "typical": gettext("Typical"),
        "days": gettext("days before the event"),
        "capacity": gettext("Capacity %(units)s"),
        "asnow": gettext("today's prices"),
        "whatif": gettext("what if"),
        "range": gettext("80%%: %(low)s to %(high)s"),
        "between": gettext("%(low)s to %(high)s"),
        "final": gettext("Tickets in the end"),
        "revenue": gettext("Revenue still to come"),
        "difference": gettext("Difference"),
        "interval": gettext("80% range"),
        "full": gettext("Sells out"),
        "mean": gettext("mean price %(before)s → %(after)s"),
        "recommended": gettext("As recommended"),
        "move": gettext("Move the slider to compare 20 equally likely outcomes."),
        "outcomes": gettext(
            "Of 20 equally likely outcomes, %(more)s earn more than today's prices and %(less)s earn less:"
        ),
        "hardly": gettext("Fewer than 1 of 20 equally likely outcomes earns less than today's prices."),
        "beyond": gettext(
            "Beyond the ladder of %(prices)s of these prices: nothing is known there, they stay at its end."
        ),
        "isrecommended": gettext("Each price as recommended, inside all guard rails."),
        "oversteps": gettext(
            "Beyond your largest step of %(step)s: that would take several runs, or prices set by hand."
        ),
        "within": gettext(
            "Inside your largest step. Floors, ceilings and orders are checked when prices are proposed."
        ),
    }
