"""Which offer a place of a shop may sell, guessed from names, ids and prices; a person says which it is.

Guarantees
----------
* A guess is told where one offer fits a place better than every other; nothing is guessed by chance or by price alone.
* An offer is guessed where it fits best: what one event sells under a name is not taken for another's of that name.
* The same shop and offers give the same guesses, in whatever order they come.

An offer fits as well as its words are found in the name and the id of the place, a word counting the more the fewer
offers have it (inverse document frequency: Spärck Jones 1972, J. Documentation 28:11). Among those that fit alike the
price that stands there decides.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from api.shops.offers import Key
from api.shops.seen import SeenPlace
from pricing.book import Listing
from pricing.model import ALL, Offer

ENOUGH = 0.5
"""Share of an offer's words, by weight, that a place must have to be taken for one that sells it."""
_WORD = re.compile(r"[^\W_]+")


def guesses(places: Iterable[SeenPlace], listings: Iterable[Listing]) -> dict[str, Key]:
    """The (offer, channel) that each place may sell; places without a good guess are left out."""
    offers = sorted((listing.offer for listing in listings), key=lambda offer: (offer.id, offer.channel))
    words = [_words_of(offer) for offer in offers]
    rarity = _rarity(words)
    fits = [(place.place, _best(place, offers, words, rarity)) for place in places]
    found = [(place, *fit) for place, fit in fits if fit is not None]
    best: dict[Key, float] = {}
    for _, key, share in found:
        best[key] = max(share, best.get(key, 0.0))
    return {place: key for place, key, share in found if share == best[key]}


def _best(
    place: SeenPlace, offers: Sequence[Offer], words: Sequence[frozenset[str]], rarity: Mapping[str, float]
) -> tuple[Key, float] | None:
    """The offer that fits best, if it is one, and fits; and how well."""
    numbered = {word for word in _words(place.place) if word.isdecimal() and word != place.place}
    there = _words(place.name) | _words(place.place) - numbered  # a shop's own numbers are like others' by chance
    fits = [
        ((_share(its & there, its, rarity), _weight(its & there, rarity), offer.current_price == place.price), offer)
        for offer, its in zip(offers, words, strict=True)
        if offer.currency == place.currency
    ]
    best = max((fit for fit, _ in fits), default=None)
    keys = [(offer.id, offer.channel) for fit, offer in fits if fit == best]
    return (keys[0], best[0]) if best is not None and best[0] >= ENOUGH and len(keys) == 1 else None


def _words_of(offer: Offer) -> frozenset[str]:
    named = (offer.id, offer.product, offer.segment, offer.event, offer.channel)
    return _words(*(text for text in named if text != ALL))


def _words(*texts: str) -> frozenset[str]:
    """Words as they are compared: without case, and without the ending of a plural."""
    found = (word for text in texts for word in _WORD.findall(text.casefold()))
    return frozenset(word.removesuffix("s") if len(word) > 3 else word for word in found)


def _rarity(words: Sequence[frozenset[str]]) -> dict[str, float]:
    """What each word weighs: one that all offers have, little."""
    counts = Counter(word for each in words for word in each)
    return {word: math.log(1 + len(words) / count) for word, count in counts.items()}


def _weight(words: Iterable[str], rarity: Mapping[str, float]) -> float:
    return math.fsum(rarity[word] for word in words)


def _share(common: Iterable[str], its: frozenset[str], rarity: Mapping[str, float]) -> float:
    return _weight(common, rarity) / _weight(its, rarity) if its else 0.0
