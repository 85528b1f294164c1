"""What a worker may be asked to do at a shop, and what comes of it: names and shapes, for whoever asks and reads.

Guarantees
----------
* An errand is asked for as a job (`api.store.runs.Kind.SHOP`): whoever asks waits for no shop.
* Each kind of errand names the least role that may ask for it; nothing about a secret is among its arguments.
* What comes of it reads back as it was written: amounts as decimals, never as binary fractions.

`api.shop_work` does them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import msgspec

from api.shops.model import Held, Refused
from api.shops.status import DriftedPlace
from api.store.runs import Kind, Run, State
from api.store.users import Role
from pricing.errors import InputError


class Errand(StrEnum):
    """What can be done at a shop."""

    LOOK = "look"
    """Read its prices and stock into `shops/NAME/seen.json`: a test of the connection."""
    PULL = "pull"
    """Take in what was sold."""
    COMPARE = "compare"
    """Say what a push would change; nothing is written."""
    PUSH = "push"
    """Write prices in force, as a comparison showed them."""
    VERIFY = "verify"
    """Look at every mapped place, as whoever runs the shop and as a buyer."""
    ROLLBACK = "rollback"
    """Put back what stood there before a decision was pushed."""
    ACCEPT = "accept"
    """Take what stands at places for right, so that a push may price them again."""


ROLES: Mapping[Errand, Role] = dict.fromkeys(Errand, Role.ANALYST) | dict.fromkeys(
    (Errand.PUSH, Errand.ROLLBACK, Errand.ACCEPT), Role.APPROVER
)
"""The least role that may ask for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An errand at a shop, as a job's arguments hold it.

    Attributes
    ----------
    shop : its name in the settings
    digest : of a push: of the comparison that whoever asks for it has seen
    decision : of a rollback: which is taken back, such as "version 7"
    places : of an accept
    """

    shop: str
    step: Errand
    digest: str = ""
    decision: str = ""
    places: tuple[str, ...] = ()

    @property
    def arguments(self) -> dict[str, str]:
        """For `api.store.runs.ask`."""
        said = {"digest": self.digest, "decision": self.decision}
        told = {"places": msgspec.json.encode(self.places).decode()} if self.places else {}
        return {"shop": self.shop, "step": self.step.value, **{key: text for key, text in said.items() if text}, **told}

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> "Order":
        """The errand that arguments name.

        Raises
        ------
        InputError
            if they name none.
        """
        try:
            places = msgspec.json.decode(arguments.get("places", "[]"), type=tuple[str, ...])
            return msgspec.convert({**arguments, "places": places}, cls)
        except msgspec.MsgspecError as error:
            raise InputError(f"this is no errand at a shop: {error}") from None


@dataclass(frozen=True, slots=True)
class Looked:
    """How many places and stocks a shop has."""

    places: int
    stock: int


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came in: sales that are new, known before, of places without an offer, and refused with the reason.

    `stock` says why what can still be sold is not known; empty if it is.
    """

    new: int
    known: int
    unmapped: tuple[str, ...]
    refused: tuple[str, ...]
    stock: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A price that a push would write.

    Attributes
    ----------
    before : what is written there now: an amount, "empty" or "nothing"
    shown : the price that holds there now; None: there is none
    after : the price to write
    lowest : in force within the last 30 days
    """

    place: str
    name: str
    offer: str
    channel: str
    before: str
    shown: Decimal | None
    after: Decimal
    currency: str
    floor: Decimal
    ceiling: Decimal
    lowest: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a push would change.

    Attributes
    ----------
    digest : names this very comparison
    decision : what a push would be called, such as "version 7"
    kept : places that are as decided already
    drifted, held, refused : places that a push leaves as they are
    frozen : whether a push would write nothing because prices are frozen
    """

    digest: str
    decision: str
    steps: tuple[Difference, ...]
    kept: int
    drifted: tuple[DriftedPlace, ...]
    held: tuple[Held, ...]
    refused: tuple[Refused, ...]
    frozen: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """How the write at one place ended; `outcome` is an `api.shops.model.Outcome`."""

    place: str
    name: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What stands at a place; see `api.shops.model.Check`."""

    place: str
    name: str
    expected: Decimal
    listed: Decimal | None
    shown: Decimal | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pushed:
    """How a push or a rollback ended, what stands there now, and whether all is as it was to be."""

    decision: str
    results: tuple[Ended, ...]
    checks: tuple[Checked, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """What stands at every mapped place."""

    checks: tuple[Checked, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """A place where what stands there was taken for right."""

    place: str
    ours: str
    found: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """Places that a push may price again."""

    accepted: tuple[Taken, ...]


Made = Looked | Pulled | Compared | Pushed | Verified | Accepted
SHAPES: Mapping[Errand, type[Made]] = {
    Errand.LOOK: Looked,
    Errand.PULL: Pulled,
    Errand.COMPARE: Compared,
    Errand.PUSH: Pushed,
    Errand.VERIFY: Verified,
    Errand.ROLLBACK: Pushed,
    Errand.ACCEPT: Accepted,
}


def order_of(run: Run) -> Order | None:
    """The errand of a job; None if it is no errand."""
    return Order.of(run.arguments) if run.kind is Kind.SHOP else None


def made_of(run: Run) -> Made | None:
    """What came of an errand; None where it is not done, or the job is no errand."""
    order = order_of(run)
    if order is None or run.state is not State.DONE or run.result is None:
        return None
    return msgspec.convert(run.result, SHAPES[order.step])
