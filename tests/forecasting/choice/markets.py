"""Choices simulated from a known truth, and tables of them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecasting.choice.choices import Choices, Matrix, Vector
from forecasting.choice.nested import Nests, shares

ALTERNATIVES = ("bus", "rail", "car", "plane")
CONSTANTS = np.array([0.0, 0.5, 1.0, -0.3])
PRICE, TIME = -0.8, -0.5
NESTS = {"public": ("bus", "rail")}


def choices(
    rng: np.random.Generator,
    *,
    n: int = 400,
    alternatives: int = 3,
    logsum: float = 1.0,
    slopes: Sequence[float] = (PRICE,),
    absent: float = 0.1,
) -> Choices:
    """Buyers of `len(slopes)` segments; bus and rail share a nest where `logsum` is below 1."""
    m = alternatives
    price, time = rng.uniform(1, 5, (n, m)), rng.uniform(0, 4, (n, m))
    available = rng.random((n, m)) > absent
    available[:, -1] = True
    segment = rng.integers(len(slopes), size=n)
    utility = CONSTANTS[:m] + np.array(slopes)[segment][:, None] * price + TIME * time
    nests = Nests.among(ALTERNATIVES[:m], NESTS)
    share = shares(np.where(available, utility, -np.inf), nests, nests.logsum(np.array([logsum]))).share
    return Choices(
        ALTERNATIVES[:m],
        "price",
        {"price": price * available, "time": time * available},
        available,
        drawn(share, rng),
        np.ones(n),
        np.arange(n),
        segment,
        ("all",) if len(slopes) == 1 else tuple(f"kind={i}" for i in range(len(slopes))),
    )


def drawn(share: Matrix, rng: np.random.Generator) -> "np.typing.NDArray[np.int64]":
    """(n,) one alternative per row, with these probabilities."""
    point: Vector = rng.random(len(share))
    return (share.cumsum(axis=1) < point[:, None] * share.sum(axis=1, keepdims=True)).sum(axis=1).astype(np.int64)


def wide(made: Choices) -> pd.DataFrame:
    """The table a user would have: blanks where an alternative was not available; rows count from 2."""
    columns: dict[str, object] = {"choice": [made.alternatives[i] for i in made.chosen]}
    for j, name in enumerate(made.alternatives):
        columns[f"av.{name}"] = made.available[:, j].astype(int)
        for stem, value in made.values.items():
            columns[f"{stem}.{name}"] = np.where(made.available[:, j], value[:, j], np.nan)
    return _from_file(pd.DataFrame(columns))


def long(made: Choices) -> pd.DataFrame:
    """The same choices, one row per situation and alternative that was available."""
    situation, place = np.nonzero(made.available)
    return _from_file(
        pd.DataFrame(
            {
                "trip": situation,
                "mode": np.array(made.alternatives)[place],
                "chosen": (made.chosen[situation] == place).astype(int),
                **{name: value[situation, place] for name, value in made.values.items()},
            }
        )
    )


def _from_file(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis(pd.RangeIndex(2, len(frame) + 2), axis="index")
