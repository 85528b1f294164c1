"""Fare classes that tests of protection and overbooking share."""

import numpy as np
from hypothesis import strategies as st

from optimization.single_leg import FareClasses

SHARED_DEMAND = ([17.3, 45.1, 39.6, 34.0], [5.8, 15.0, 13.2, 11.3])
"""Mean and sd of the published case with four classes."""


def classes(fare: list[float], mean: list[float], sd: list[float]) -> FareClasses:
    """Classes from lists."""
    return FareClasses(np.array(fare), np.array(mean), np.array(sd))


def wide() -> FareClasses:
    """The published case whose fares lie apart."""
    return classes([1050.0, 950.0, 699.0, 520.0], *SHARED_DEMAND)


@st.composite
def any_classes(draw: st.DrawFn, *, most: int = 4, mean: float = 30.0) -> FareClasses:
    """Classes of any fares and demand."""
    n = draw(st.integers(1, most))
    fare = sorted(draw(st.lists(st.integers(1, 1000), min_size=n, max_size=n, unique=True)), reverse=True)
    means = draw(st.lists(st.floats(0.1, mean), min_size=n, max_size=n))
    sds = draw(st.lists(st.floats(0.0, mean / 2), min_size=n, max_size=n))
    return classes([float(price) for price in fare], means, sds)
