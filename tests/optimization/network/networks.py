"""Small networks for the tests: published ones, and ones at random."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from scipy.sparse import csc_array

from optimization.network.values import IndependentDemand, Indices, Network, Product, SegmentedDemand, Vector

TRIPS = {
    "SFO-BOS": ("SFO-CLT", "CLT-BOS"),
    "SFO-CLT": ("SFO-CLT",),
    "CLT-BOS": ("CLT-BOS",),
    "ABE-BOS": ("ABE-CLT", "CLT-BOS"),
    "ABE-CLT": ("ABE-CLT",),
}
LEGS = {"SFO-CLT": 10.0, "CLT-BOS": 10.0, "ABE-CLT": 8.0}
FARES = {"high": (800, 500, 580, 350, 120), "low": (450, 380, 400, 250, 100)}
DEMAND = [6, 4, 5, 4, 3, 15, 14, 8, 11, 5]


def trips() -> IndependentDemand:
    """Five trips over three legs, each at two fares."""
    products = [
        Product(f"{trip} {kind}", Decimal(fare), dict.fromkeys(TRIPS[trip], 1.0))
        for kind, fares in FARES.items()
        for trip, fare in zip(TRIPS, fares, strict=True)
    ]
    return IndependentDemand(Network.of(LEGS, products), np.array(DEMAND, dtype=np.float64))


def parallel_flights(alpha: float, no_purchase: Sequence[float]) -> SegmentedDemand:
    """Three flights between the same cities, each at two fares (Liu and van Ryzin 2008; Bront et al. 2009)."""
    weights = [[0, 5, 0, 10, 0, 1], [5, 0, 1, 0, 10, 0], [10, 8, 6, 4, 3, 1], [8, 10, 4, 6, 1, 3]]
    network = Network(
        ("morning", "noon", "evening"),
        alpha * np.array([30.0, 50.0, 40.0]),
        tuple("123456"),
        np.array([400.0, 800.0, 500.0, 1000.0, 300.0, 600.0]),
        csc_array(np.kron(np.eye(3), np.ones((1, 2)))),
    )
    return SegmentedDemand(
        network,
        300.0,
        ("a", "b", "c", "d"),
        np.array([0.1, 0.15, 0.2, 0.05]),
        np.array(weights, dtype=np.float64),
        np.array(no_purchase, dtype=np.float64),
    )


def network_at_random(rng: np.random.Generator, *, resources: int, products: int) -> Network:
    """Some products use nothing; some resources are used by none, or are empty."""
    uses = (rng.random((resources, products)) < 0.4) * rng.integers(1, 4, (resources, products))
    return Network(
        tuple(f"r{r}" for r in range(resources)),
        rng.integers(0, 40, resources).astype(np.float64),
        tuple(f"p{j}" for j in range(products)),
        rng.integers(0, 900, products).astype(np.float64),
        csc_array(uses.astype(np.float64)),
    )


def wanted_at_random(seed: int, *, resources: int = 4, products: int = 10) -> IndependentDemand:
    """Independent demand, some of it none."""
    rng = np.random.default_rng(seed)
    network = network_at_random(rng, resources=resources, products=products)
    return IndependentDemand(network, rng.integers(0, 12, products).astype(np.float64))


def choosing_at_random(
    seed: int, *, resources: int = 3, products: int = 7, segments: int = 3, apart: bool = False
) -> SegmentedDemand:
    """Segments that share products, or that share none."""
    rng = np.random.default_rng(seed)
    network = network_at_random(rng, resources=resources, products=products)
    weights = rng.integers(0, 10, (segments, products)).astype(np.float64)
    if apart:
        weights = (weights + 1) * (np.arange(products) % segments == np.arange(segments)[:, None])
    weights[np.arange(segments), np.arange(segments)] += 1
    names = tuple(f"s{i}" for i in range(segments))
    return SegmentedDemand(network, 200.0, names, rng.uniform(0, 0.3, segments), weights, rng.uniform(1, 9, segments))


def with_capacity(network: Network, capacity: Vector) -> Network:
    """The network with other capacities."""
    return Network(network.resources, capacity, network.products, network.fare, network.uses)


def shuffled(network: Network, products: Indices, resources: Indices) -> Network:
    """The network brought in another order."""
    return Network(
        tuple(network.resources[r] for r in resources),
        network.capacity[resources],
        tuple(network.products[j] for j in products),
        network.fare[products],
        csc_array(network.uses[:, products][resources]),
    )
