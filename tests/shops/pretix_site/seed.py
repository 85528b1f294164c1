"""An organizer with an event and a series, tickets, quotas, vouchers, and two keys: a shop's own and Fairfare's.

Prints what the tests must know, as JSON.
"""

import json
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import django

django.setup()

from django_scopes import scopes_disabled  # noqa: E402  # Django's models exist once it is set up
from pretix.base.models import Event, Item, Organizer, Quota, Team  # noqa: E402

ZONE = ZoneInfo("Europe/Berlin")
START = datetime(2031, 5, 1, 20, tzinfo=ZONE)
LEAST = (
    "event.orders:read",
    "event.items:write",
    "event.subevents:write",
    "event.vouchers:read",
    "event.vouchers:write",
)
"""What docs/shops/pretix.md asks an owner to allow Fairfare."""


def event_of(organizer: Organizer, slug: str, *, series: bool) -> Event:
    """On sale, payable by bank transfer, with a waiting list."""
    event = Event.objects.create(
        organizer=organizer,
        name=slug.title(),
        slug=slug,
        date_from=START,
        currency="EUR",
        has_subevents=series,
        live=True,
        plugins="pretix.plugins.banktransfer,pretix.plugins.manualpayment",
    )
    event.settings.timezone = "Europe/Berlin"
    event.settings.set("payment_banktransfer__enabled", value=True)
    event.settings.set("payment_manual__enabled", value=True)
    event.settings.set("waiting_list_enabled", value=True)
    return event


def gala(organizer: Organizer) -> dict[str, int]:
    """One evening: adults, children (with a waiting list), and seats in front and in the rear."""
    event = event_of(organizer, "gala", series=False)
    adult = event.items.create(name="Adult", default_price=Decimal("40.00"))
    child = event.items.create(name="Child", default_price=Decimal("20.00"))
    seat = event.items.create(name="Seat", default_price=Decimal("60.00"))
    front = seat.variations.create(value="Front", default_price=Decimal("75.00"))
    rear = seat.variations.create(value="Rear", default_price=None)
    hall = quota(event, "Hall", 50, [adult, seat], variations=[front, rear])
    few = quota(event, "Few", 2, [child])
    student = event.vouchers.create(
        code="STUDENT", tag="student", item=adult, price_mode="set", value=Decimal("25.00"), max_usages=100
    )
    event.vouchers.create(
        code="TENOFF", tag="friends", item=adult, price_mode="percent", value=Decimal(10), max_usages=9
    )
    made = {"adult": adult, "child": child, "seat": seat, "front": front, "rear": rear, "student": student}
    return {name: each.pk for name, each in {**made, "hall": hall, "few": few}.items()}


def tour(organizer: Organizer) -> dict[str, int]:
    """A series of two dates; on the first, Child has a price of its own, Adult none."""
    event = event_of(organizer, "tour", series=True)
    adult = event.items.create(name="Adult", default_price=Decimal("30.00"))
    child = event.items.create(name="Child", default_price=Decimal("15.00"))
    dates = [
        event.subevents.create(name=f"Night {night + 1}", date_from=START + timedelta(days=night), active=True)
        for night in range(2)
    ]
    for date in dates:
        quota(event, f"Club {date.pk}", 30, [adult, child], date=date)
    dates[0].subeventitem_set.create(item=child, price=Decimal("12.00"))
    made = {"adult": adult, "child": child, "first": dates[0], "second": dates[1]}
    return {name: each.pk for name, each in made.items()}


def quota(
    event: Event, name: str, size: int, items: Sequence[Item], *, variations: Sequence[object] = (), date: object = None
) -> Quota:
    """So many units that these products share."""
    made = event.quotas.create(name=name, size=size, subevent=date)
    made.items.add(*items)
    made.variations.add(*variations)
    return made


def key(organizer: Organizer, name: str, permissions: tuple[str, ...] | None) -> str:
    """The key of a team that may do these things; everything if None."""
    team = Team.objects.create(
        organizer=organizer,
        name=name,
        all_events=True,
        all_event_permissions=permissions is None,
        all_organizer_permissions=permissions is None,
        limit_event_permissions=dict.fromkeys(permissions or (), True),
    )
    return str(team.tokens.create(name=name).token)


with scopes_disabled():
    hosts = Organizer.objects.create(name="Hosts", slug="hosts")
    hosts.plugins = "pretix.plugins.banktransfer,pretix.plugins.manualpayment"
    hosts.save()
    told = {
        "gala": gala(hosts),
        "tour": tour(hosts),
        "owner": key(hosts, "owner", None),
        "fairfare": key(hosts, "fairfare", LEAST),
    }
    json.dump(told, sys.stdout)
