"""How each shop stands, by what is written down of it; nothing is asked of the shop itself.

Guarantees
----------
* A shop is in step where its last push stands, nobody changed a price since, and none that is mapped has moved in the
  price book since.
* What keeps a shop from being in step is said, the gravest first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _
from flask_babel import ngettext

from api.http.backend import Backend
from api.pages.situation import Situation
from api.settings import ShopSettings, ShopSystem
from api.shops.offers import Offers
from api.shops.seen import Seen
from api.shops.shop import ROLLBACK
from api.shops.status import Status
from api.store.checks import Key
from pricing.errors import InputError

SILENT = timedelta(hours=1)
"""A shop that has not done what it was asked for in so long needs a person; one that failed once does not."""
FIRST = datetime.min.replace(tzinfo=UTC)
NAMED = 4
"""Shops that are told of in a sentence by name."""


class ShopState(StrEnum):
    """How a shop stands, the gravest first."""

    REFUSED = "refused"
    """It will not do what it is asked for, however often."""
    SILENT = "silent"
    """It does not answer."""
    DRIFTED = "drifted"
    """Prices were changed by hand."""
    SHORT = "short"
    """The last push did not come to stand as a whole."""
    HELD = "held"
    """What was rolled back there is not pushed again by itself."""
    NEW = "new"
    """Nobody has looked into it."""
    UNMAPPED = "unmapped"
    """It is not said what is sold at its places."""
    WAITING = "waiting"
    """Prices have moved in the price book since."""
    IN_STEP = "in step"


SENTENCES = {
    ShopState.REFUSED: _("%(shop)s refuses what it is asked for."),
    ShopState.SILENT: _("%(shop)s did not answer."),
    ShopState.SHORT: _("The last push to %(shop)s did not come to stand as a whole."),
    ShopState.HELD: _("What was rolled back in %(shop)s is held until later prices are published."),
    ShopState.NEW: _("%(shop)s was not tested yet."),
    ShopState.UNMAPPED: _("Nobody has said yet which offers are sold in %(shop)s."),
    ShopState.WAITING: _("Nothing was pushed to %(shop)s yet."),
    ShopState.IN_STEP: _("%(shop)s is in step."),
}


@dataclass(frozen=True)
class ShopStanding:
    """One shop.

    Attributes
    ----------
    said : the offer at each place, as its owner says
    unusable : what is wrong with that table
    waiting : places whose price has moved in the price book since the last push
    """

    settings: ShopSettings
    seen: Seen | None
    status: Status
    said: dict[str, Key] = field(default_factory=dict)
    unusable: tuple[str, ...] = ()
    waiting: int = 0

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self.settings.name

    @property
    def reached(self) -> datetime:
        """When it last did what it was asked for."""
        done = (self.status.pulled, self.status.pushed, self.seen)
        return max((each.at for each in done if each), default=FIRST)

    @property
    def where(self) -> str:
        """The host it is reached at, or its folder."""
        address = self.settings.address
        return address if self.settings.system is ShopSystem.FOLDER else urlsplit(address).hostname or address

    @property
    def places(self) -> int:
        """Places where a price stands."""
        return len(self.seen.places) if self.seen else 0

    @property
    def mapped(self) -> int:
        """How many of them have an offer."""
        return sum(each.place in self.said for each in self.seen.places) if self.seen else 0

    @property
    def held(self) -> bool:
        """Whether places keep what a rollback put back."""
        pushed = self.status.pushed
        return len(self.status.held) > 0 or (pushed is not None and pushed.decision.startswith(ROLLBACK))

    @property
    def state(self) -> ShopState:
        """How it stands."""
        found = [
            (ShopState.REFUSED, self.status.problem is not None and self.status.problem.permanent),
            (ShopState.SILENT, self.status.problem is not None),
            (ShopState.DRIFTED, len(self.status.drifted) > 0),
            (ShopState.SHORT, self.status.pushed is not None and not self.status.pushed.whole),
            (ShopState.HELD, self.held),
            (ShopState.NEW, self.seen is None),
            (ShopState.UNMAPPED, not self.said),
            (ShopState.WAITING, self.waiting > 0 or self.status.pushed is None),
        ]
        return next((state for state, holds in found if holds), ShopState.IN_STEP)


def folder_of(backend: Backend, name: str) -> Path:
    """Where what is known of a shop is kept."""
    return backend.root / "shops" / name


def standings(backend: Backend, at: Situation) -> tuple[ShopStanding, ...]:
    """Every shop of the settings."""
    return tuple(standing_of(backend, shop, at) for shop in at.settings.shops)


def standing_of(backend: Backend, shop: ShopSettings, at: Situation) -> ShopStanding:
    """How one shop stands."""
    folder = folder_of(backend, shop.name)
    seen, status = Seen.read(folder), Status.read(folder)
    try:
        said = said_in(backend, shop.name)
    except InputError as error:
        return ShopStanding(shop, seen, status, unusable=tuple(finding.reason for finding in error.findings))
    since = status.pushed.at if status.pushed else FIRST
    return ShopStanding(shop, seen, status, said, waiting=_waiting(said, at, since))


def table_of(backend: Backend, name: str) -> Path:
    """Where it is kept what is sold at the places of a shop."""
    return folder_of(backend, name) / "offers.csv"


def said_in(backend: Backend, name: str) -> dict[str, Key]:
    """The offer at each place; none where nobody has said anything; errors as of `Offers.read`."""
    file = table_of(backend, name)
    return dict(Offers.read(file).at) if file.exists() else {}


def _waiting(said: dict[str, Key], at: Situation, since: datetime) -> int:
    return sum(key in at.prices and at.prices[key].valid_from > since for key in said.values())


def verdict(shops: tuple[ShopStanding, ...]) -> str:
    """How all shops stand, in a few sentences."""
    good = sum(shop.state is ShopState.IN_STEP for shop in shops)
    others = [sentence(shop) for shop in sorted(shops, key=_gravity) if shop.state is not ShopState.IN_STEP]
    said = [ngettext("One shop is in step.", "%(num)d shops are in step.", good)] if good or not others else []
    more = len(others) - NAMED
    left = [ngettext("One more needs a look.", "%(num)d more need a look.", more)] if more > 0 else []
    return " ".join([*said, *others[:NAMED], *left])


def _gravity(shop: ShopStanding) -> int:
    return list(ShopState).index(shop.state)


def sentence(shop: ShopStanding) -> str:
    """Why a shop is not in step."""
    if shop.state is ShopState.DRIFTED:
        return ngettext(
            "One price was changed by hand in %(shop)s.",
            "%(num)d prices were changed by hand in %(shop)s.",
            len(shop.status.drifted),
            shop=shop.name,
        )
    if shop.state is ShopState.WAITING and shop.status.pushed is not None:
        return _waits(shop)
    return str(SENTENCES[shop.state]) % {"shop": shop.name}


def _waits(shop: ShopStanding) -> str:
    return ngettext(
        "One price has moved since the last push to %(shop)s.",
        "%(num)d prices have moved since the last push to %(shop)s.",
        shop.waiting,
        shop=shop.name,
    )


def troubled(shops: tuple[ShopStanding, ...], now: datetime) -> Iterator[ShopStanding]:
    """Shops that need a person: they refuse what they are asked for, are silent for long, or were changed by hand."""
    for shop in shops:
        silent = shop.state is ShopState.SILENT and now - shop.reached > SILENT
        if silent or shop.state in {ShopState.REFUSED, ShopState.DRIFTED}:
            yield shop
