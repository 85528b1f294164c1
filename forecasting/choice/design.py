"""The columns a choice model is estimated on: constants, price, attributes; generic or one per alternative.

Guarantees
----------
* Price has one coefficient per segment of buyers; constants are told against the first alternative.
* A column the choices cannot tell from others is named, with those others, before anything is estimated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from forecasting.choice.choices import Choices, Codes, Mask, Matrix, Vector
from pricing.errors import Finding, InputError

CONSTANT = "constant"
COLLINEAR = 1e-9
"""Share of a column's own variation that must be left once the others are held fixed."""


@dataclass(frozen=True, slots=True)
class Term:
    """A coefficient: of what, for which alternative (None: the same for all), in which segment (None: in all)."""

    of: str
    alternative: str | None = None
    segment: str | None = None

    def __str__(self) -> str:
        """`TT`, `TT of CAR`, `price in GA=1`."""
        place = f" of {self.alternative}" if self.alternative else ""
        return f"{self.of}{place}" + (f" in {self.segment}" if self.segment else "")


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """What a likelihood is computed from.

    Attributes
    ----------
    terms : (k,)
    x : (n, m, k), 0 where an alternative is not available
    available : (n, m)
    chosen : (n,)
    weight : (n,)
    """

    terms: tuple[Term, ...]
    x: Matrix = field(repr=False)
    available: Mask = field(repr=False)
    chosen: Codes = field(repr=False)
    weight: Vector = field(repr=False)

    def utility(self, beta: Vector) -> Matrix:
        """(n, m) utility less its part by chance; -inf where not available."""
        return np.where(self.available, self.x @ beta, -np.inf)

    def centred(self) -> "Design":
        """The same less each situation's mean over what is available, which leaves every probability as it is.

        A level that all alternatives share would drown what differs between them.
        """
        share = self.available / self.available.sum(axis=1, keepdims=True)
        mean = np.einsum("nm,nmk->nk", share, self.x)
        return replace(self, x=(self.x - mean[:, None, :]) * self.available[:, :, None])

    def of_chosen(self) -> Matrix:
        """(n, k) the columns of what was chosen."""
        return self.x[np.arange(len(self.chosen)), self.chosen]


def terms_of(
    choices: Choices, *, attributes: Sequence[str] = (), specific: Sequence[str] = (), constants: bool = True
) -> tuple[Term, ...]:
    """The coefficients of a model.

    Parameters
    ----------
    attributes : names with one coefficient for all alternatives
    specific : names with one coefficient per alternative; for what does not differ between alternatives (an income),
        one per alternative but the first
    constants : whether each alternative but the first has a constant
    """
    told_apart = len(choices.segments) > 1
    made = [Term(CONSTANT, name) for name in choices.alternatives[1:]] if constants else []
    made += [Term(choices.price, segment=name if told_apart else None) for name in choices.segments]
    made += [Term(name) for name in attributes]
    for name in specific:
        first = int(personal(choices, name))
        has = (
            np.abs(choices.values[name]).max(axis=0) > 0
        )  # a column only some alternatives have, or an outside option without any
        made += [Term(name, a) for a, there in list(zip(choices.alternatives, has, strict=True))[first:] if there]
    return tuple(made)


def lay_out(choices: Choices, terms: Sequence[Term]) -> Design:
    """The columns of these coefficients, for these choices."""
    x = np.stack([_column(choices, term) for term in terms], axis=-1)
    return Design(tuple(terms), x, choices.available, choices.chosen, choices.weight)


def _column(choices: Choices, term: Term) -> Matrix:
    column = choices.available.astype(np.float64)
    if term.of != CONSTANT:
        column *= choices.values[term.of]
    if term.alternative is not None:
        column *= np.array(choices.alternatives) == term.alternative
    if term.segment is not None:
        column *= (np.array(choices.segments) == term.segment)[choices.segment][:, None]
    return column


def personal(choices: Choices, name: str) -> bool:
    """Whether the column never differs between the alternatives of a situation: it describes the buyer."""
    inside = choices.available & np.array([name != choices.outside for name in choices.alternatives])
    high = np.where(inside, choices.values[name], -np.inf).max(axis=1)
    low = np.where(inside, choices.values[name], np.inf).min(axis=1)
    return bool(np.all(high <= low))


def unidentified(made: Design) -> Iterator[str]:
    """What the choices cannot tell, in words: columns without variation, and columns that say what others say.

    A logit sees a column only through its differences between the alternatives of a situation, so these are compared.
    """
    weight = made.available / made.available.sum(axis=1, keepdims=True)
    flat = (made.centred().x * np.sqrt(weight)[:, :, None]).reshape(-1, len(made.terms))
    size = np.sqrt((flat**2).sum(axis=0))
    still = np.atleast_1d(size <= 1e-12 * np.sqrt((made.x**2).sum(axis=(0, 1))))
    for term in (made.terms[i] for i in np.flatnonzero(still)):
        yield f"{term} does not differ between the alternatives of any situation, so choices cannot tell its effect"
    moving = np.flatnonzero(~still)
    gram = (flat[:, moving] / size[moving]).T @ (flat[:, moving] / size[moving])
    yield from _collinear(gram, [str(made.terms[i]) for i in moving])


def _collinear(gram: Matrix, names: Sequence[str]) -> Iterator[str]:
    """Names of columns that others explain, from the columns' correlations (k, k), one after the other."""
    kept: list[int] = []
    for i, name in enumerate(names):
        by = np.linalg.solve(gram[np.ix_(kept, kept)], gram[kept, i]) if kept else np.zeros(0)
        if gram[i, i] - by @ gram[kept, i] > COLLINEAR:
            kept.append(i)
        else:
            others = ", ".join(names[k] for k, share in zip(kept, by, strict=True) if abs(share) > 1e-6)
            yield f"{name} says the same as {others} together: leave one of them out"


def check(choices: Choices, made: Design, file: str | None) -> None:
    """Refuse what cannot be estimated.

    Raises
    ------
    InputError
        naming every alternative nobody chose and every column that cannot be told from others.
    """
    taken = np.bincount(choices.chosen, minlength=len(choices.alternatives))
    never = [
        Finding("is never chosen: its appeal has no lower bound, leave it out of --alternatives", file, value=name)
        for name, count in zip(choices.alternatives, taken, strict=True)
        if not count
    ]
    if found := [*never, *(Finding(text, file) for text in unidentified(made))]:
        raise InputError(found)
