"""Choice situations as data: what could be chosen, at which price, and what was.

Guarantees
----------
* Every situation has exactly one choice, and it was available; every number that counts is finite.
* A situation of weight 10 is as much evidence as ten like it, of ten people; where people are told apart, of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """The choices of n situations among m alternatives.

    Attributes
    ----------
    alternatives : (m,) names; constants are told against the first
    price : name of the price among `values`
    values : price and attributes by name, each (n, m); 0 where an alternative is not available
    available : (n, m)
    chosen : (n,) index of the alternative taken
    weight : (n,) how many choices each situation stands for
    person : (n,) who chose, as codes 0..; each situation its own where nobody chooses twice
    segment : (n,) index into `segments`
    segments : names; one only where buyers are not told apart
    outside : name of the alternative that means buying nothing here, if there is one
    told : whether `person` is known; else whoever chose only once stands for as many people as the weight says
    """

    alternatives: tuple[str, ...]
    price: str
    values: Mapping[str, Matrix] = field(repr=False)
    available: Mask = field(repr=False)
    chosen: Codes = field(repr=False)
    weight: Vector = field(repr=False)
    person: Codes = field(repr=False)
    segment: Codes = field(repr=False)
    segments: tuple[str, ...] = ("all",)
    outside: str | None = None
    told: bool = False

    def __post_init__(self) -> None:
        n, shape = len(self.chosen), self.available.shape
        problems = [
            (shape != (n, len(self.alternatives)), "available does not match alternatives and choices"),
            (any(v.shape != shape for v in self.values.values()), "values differ in shape"),
            (self.price not in self.values, "there is no price"),
            (not all(np.all(np.isfinite(v)) for v in self.values.values()), "a value is missing or infinite"),
            (not (np.all(np.isfinite(self.weight)) and np.all(self.weight > 0)), "a weight is not positive"),
        ]
        if found := [text for wrong, text in problems if wrong]:
            raise ValueError("choices: " + "; ".join(found))
        if not self.available[np.arange(n), self.chosen].all():
            raise ValueError("choices: what was chosen was not available")

    def __len__(self) -> int:
        return len(self.chosen)

    def where(self, kept: Mask) -> "Choices":
        """The situations in `kept` (n,)."""
        person = np.unique(self.person[kept], return_inverse=True)[1].astype(np.int64)
        return Choices(
            self.alternatives,
            self.price,
            {name: value[kept] for name, value in self.values.items()},
            self.available[kept],
            self.chosen[kept],
            self.weight[kept],
            person,
            self.segment[kept],
            self.segments,
            self.outside,
            self.told,
        )

    @property
    def clustered(self) -> bool:
        """Whether some of the choices are of the same person, so that they are no evidence of their own."""
        again = int(self.person.max()) + 1 < len(self)
        return again or (self.told and bool(np.any(self.weight != 1)))

    @property
    def people(self) -> int:
        """How many chose."""
        return int(self.person.max()) + 1 if self.clustered else round(float(self.weight.sum()))

    def shares(self) -> Vector:
        """(m,) weighted share of each alternative among the choices."""
        counts = np.bincount(self.chosen, self.weight, len(self.alternatives))
        return counts / counts.sum()
