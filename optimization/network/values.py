"""A network and the demand for it, as data: what is sold, for how much, what it takes, and who wants it.

Guarantees
----------
* A value that exists is well posed: finite, none negative, names known and given once, at least one product. NaN is
  refused here, because a solver given NaN answers "optimal".
* Every problem is named at once, as findings.

Fares enter as exact amounts through `Network.of` and are floats from there on: no number of this package is a price.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from pricing.errors import Finding, InputError
from pricing.money import as_floats

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]

LARGEST = 1e15
"""No capacity, fare, demand or weight is above it: products of two still have digits to spare."""


@dataclass(frozen=True, slots=True)
class Product:
    """What is sold at one fare: an itinerary, a stay, a season ticket.

    Attributes
    ----------
    fare : [currency]
    uses : resource id -> units of it that one sale takes; none, if it takes nothing that is scarce
    """

    id: str
    fare: Decimal
    uses: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Resources, and products that take from several of them at once.

    Attributes
    ----------
    resources : (m,) ids
    capacity : (m,) what is left of each [units]
    products : (n,) ids
    fare : (n,) [currency]
    uses : (m, n) sparse: units of each resource that one sale of each product takes
    """

    resources: tuple[str, ...]
    capacity: Vector = field(repr=False)
    products: tuple[str, ...]
    fare: Vector = field(repr=False)
    uses: csc_array = field(repr=False)

    def __post_init__(self) -> None:
        m, n = len(self.resources), len(self.products)
        _refuse(
            [
                *_twice("resource", self.resources),
                *_twice("product", self.products),
                *(() if n else ("there is no product to sell",)),
                *_shapes(("capacity", self.capacity, (m,)), ("fare", self.fare, (n,)), ("uses", self.uses, (m, n))),
            ]
        )
        _refuse(
            [
                *_amiss("resource", self.resources, "capacity", self.capacity),
                *_amiss("product", self.products, "fare", self.fare),
                *self._uses_amiss(),
            ]
        )

    @classmethod
    def of(cls, capacity: Mapping[str, float], products: Sequence[Product]) -> Self:
        """Build a network from named capacities and products.

        Raises
        ------
        InputError
            with every problem.
        """
        at = {name: r for r, name in enumerate(capacity)}
        _refuse(
            f"product {product.id}: there is no resource {name}"
            for product in products
            for name in product.uses
            if name not in at
        )
        entries = [(use, at[name], j) for j, product in enumerate(products) for name, use in product.uses.items()]
        values, rows, columns = zip(*entries, strict=True) if entries else ((), (), ())
        uses = csc_array(
            (np.array(values, dtype=np.float64), (rows, columns)), shape=(len(at), len(products)), dtype=np.float64
        )
        return cls(
            resources=tuple(capacity),
            capacity=np.array(list(capacity.values()), dtype=np.float64),
            products=tuple(product.id for product in products),
            fare=as_floats(product.fare for product in products),
            uses=uses,
        )

    def _uses_amiss(self) -> Iterable[str]:
        found = self.uses.tocoo()
        wrong = ~_sound(found.data)
        for r, j, use in zip(found.row[wrong], found.col[wrong], found.data[wrong], strict=True):
            yield f"product {self.products[j]}: use {use} of {self.resources[r]} is not a number from 0 to {LARGEST:g}"


@dataclass(frozen=True, slots=True, eq=False)
class IndependentDemand:
    """Buyers who want one product and no other.

    Attributes
    ----------
    demand : (n,) expected requests for each product over the horizon [units]
    """

    network: Network
    demand: Vector = field(repr=False)

    def __post_init__(self) -> None:
        _refuse(_shapes(("demand", self.demand, (len(self.network.products),))))
        _refuse(_amiss("product", self.network.products, "demand", self.demand))


@dataclass(frozen=True, slots=True, eq=False)
class SegmentedDemand:
    """Segments of buyers who choose among what is offered, or walk away: the multinomial logit model.

    Of segment l a buyer takes product j of the offered set S with probability v_lj / (v_l0 + sum of v_li over i in S).

    Attributes
    ----------
    periods : length of the horizon [periods]
    segments : (s,) names
    rate : (s,) buyers of each segment who come in a period [units / period]
    weights : (s, n) v, the attraction of each product; 0 where the segment does not consider it
    no_purchase : (s,) v_l0, the attraction of walking away, above 0
    """

    network: Network
    periods: float
    segments: tuple[str, ...]
    rate: Vector = field(repr=False)
    weights: Vector = field(repr=False)
    no_purchase: Vector = field(repr=False)

    def __post_init__(self) -> None:
        s, n = len(self.segments), len(self.network.products)
        shaped = [("rate", self.rate, (s,)), ("weights", self.weights, (s, n)), ("no_purchase", self.no_purchase, (s,))]
        _refuse(
            [
                *(() if s else ("there is no segment to sell to",)),
                *(() if 0 < self.periods <= LARGEST else (f"{self.periods} is not a number of periods above 0",)),
                *_twice("segment", self.segments),
                *_shapes(*shaped),
            ]
        )
        sound = _sound(self.weights)
        far = self.weights.max(axis=1) > LARGEST * self.no_purchase
        problems = [
            (~_sound(self.rate), f"the rate of arrivals is not a number from 0 to {LARGEST:g}"),
            (~sound.all(axis=1), f"a weight is not a number from 0 to {LARGEST:g}"),
            (sound.all(axis=1) & ~self.weights.any(axis=1), "every weight is 0: it would buy nothing"),
            (~(_sound(self.no_purchase) & (self.no_purchase > 0)), "the weight of buying nothing is not above 0"),
            ((self.no_purchase > 0) & far, f"a weight is more than {LARGEST:g} times that of buying nothing"),
        ]
        _refuse(
            f"segment {self.segments[i]}: {text}" for wrong, text in problems for i in np.flatnonzero(wrong).tolist()
        )


def ranked(names: Sequence[str]) -> Indices:
    """Where the names stand, in alphabetical order: solvers see problems so, whoever brings them."""
    return np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.intp)


def _refuse(problems: Iterable[str]) -> None:
    if found := [Finding(text) for text in problems]:
        raise InputError(found)


def _twice(kind: str, names: Sequence[str]) -> list[str]:
    if len(set(names)) == len(names):
        return []
    return [f"{kind} {name} appears twice" for name, times in Counter(names).items() if times > 1]


def _shapes(*arrays: tuple[str, Vector | csc_array, tuple[int, ...]]) -> list[str]:
    return [f"{name} has shape {array.shape}, not {shape}" for name, array, shape in arrays if array.shape != shape]


def _sound(numbers: Vector) -> Mask:
    return (numbers >= 0) & (numbers <= LARGEST)


def _amiss(kind: str, names: Sequence[str], what: str, numbers: Vector) -> list[str]:
    wrong = np.flatnonzero(~_sound(numbers)).tolist()
    return [f"{kind} {names[i]}: {what} {numbers[i]} is not a number from 0 to {LARGEST:g}" for i in wrong]
