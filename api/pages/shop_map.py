"""Which offer is sold at which place of a shop: what is said, what can be guessed, and what is still open.

Guarantees
----------
* A guess is in use only once a person has saved it, and is made of offers alone that nobody has named a place for.
* What is priced by hand stays so: a place without an offer is none of Fairfare's.
* Nobody's choice is lost: places that are not on the page keep theirs, also those the shop no longer has, and so do
  those whose row was left as it was shown; two who choose differently at a time are told of each other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from api.shops.guesses import guesses
from api.shops.offers import Mapped
from api.shops.seen import SeenPlace
from api.store.checks import Key
from pricing.book import Listing
from pricing.errors import Finding, InputError
from pricing.model import ALL, Offer

CROSSED = "somebody else has saved something else there since; save again to put yours in its place"
MOST_CHOICES = 200
"""So many offers can be chosen from in a list; of more, one is typed."""


@dataclass(frozen=True, slots=True)
class Row:
    """A place and what is sold there.

    Attributes
    ----------
    place : as it was seen; None: the shop no longer has it
    offer, channel : empty: none
    guessed : whether nobody has said so
    was : offer and channel that were saved when it was shown; None: none
    """

    id: str
    place: SeenPlace | None
    offer: str = ""
    channel: str = ALL
    guessed: bool = False
    was: Key | None = None

    @property
    def key(self) -> Key | None:
        """What is sold there; None: nothing."""
        return (self.offer, self.channel) if self.offer else None

    @property
    def name(self) -> str:
        """What it is called in the shop."""
        return self.place.name if self.place else self.id

    def matches(self, wanted: str) -> bool:
        """Whether it is sought by these letters."""
        return wanted.casefold() in f"{self.id} {self.name} {self.offer}".casefold()


@dataclass(frozen=True)
class Choices:
    """The offers on sale, as they are chosen from."""

    listings: Mapping[Key, Listing]

    @cached_property
    def offers(self) -> dict[str, str]:
        """What each is called where one is chosen."""
        return {offer.id: _called(offer) for offer in sorted(self._each(), key=lambda each: each.id)}

    @cached_property
    def channels(self) -> list[str]:
        """Channels that prices are made for; the one for all others first."""
        return sorted({channel for _, channel in self.listings}, key=lambda name: (name != ALL, name))

    @property
    def listed(self) -> bool:
        """Whether there are few enough to choose from in a list."""
        return len(self.offers) <= MOST_CHOICES

    def _each(self) -> Iterable[Offer]:
        return {offer: each.offer for (offer, _), each in self.listings.items()}.values()


def rows_of(seen: Iterable[SeenPlace], said: Mapping[str, Key]) -> tuple[Row, ...]:
    """Every place, what is open first; then what the shop no longer has, and what is said."""
    places = {each.place: each for each in seen}
    known = [Row(place, places.get(place), *key, was=key) for place, key in said.items()]
    open_ = [Row(each.place, each) for each in places.values() if each.place not in said]
    lost = [row for row in known if row.place is None]
    return (*open_, *lost, *(row for row in known if row.place))


def with_guesses(rows: Sequence[Row], choices: Choices, said: Iterable[Key] = ()) -> Iterator[Row]:
    """Rows, and what is likely meant by those that are open, of offers not yet said to be sold anywhere."""
    taken = set(said)
    left = [listing for key, listing in choices.listings.items() if key not in taken]
    found = guesses([row.place for row in rows if row.place and not row.offer], left)
    for row in rows:
        offer, channel = found.get(row.id, ("", ALL))
        yield replace(row, offer=offer, channel=channel, guessed=True) if offer else row


def changed(said: Mapping[str, Key], rows: Sequence[Row]) -> list[Mapped]:
    """What is said once these rows are saved.

    Raises
    ------
    InputError
        naming each place of which somebody else has said something else since it was shown.
    """
    new = [row for row in rows if row.key != row.was]
    if crossed := [row for row in new if said.get(row.id) not in {row.was, row.key}]:
        raise InputError([Finding(CROSSED, value=row.id) for row in crossed])
    places = {row.id for row in new}
    kept = [Mapped(place, *key) for place, key in said.items() if place not in places]
    return [*kept, *(Mapped(row.id, row.offer, row.channel) for row in new if row.offer)]


def typed(rows: Iterable[Row], new: Iterable[Row]) -> Iterator[Row]:
    """Rows as somebody filled them in, but for those they left as they were and somebody else has changed."""
    chosen = {row.id: row for row in new}
    for row in rows:
        found = chosen.get(row.id)
        if found is None or (found.key == found.was and row.was != found.was):
            yield row
        else:
            yield replace(row, offer=found.offer, channel=found.channel, guessed=False)


def _called(offer: Offer) -> str:
    """Its name, and what it is where the name does not tell."""
    more = [part for part in (offer.product, offer.segment, offer.event) if part != ALL and part not in offer.id]
    return f"{offer.id} ({', '.join(more)})" if more else offer.id
