"""A demand estimate, as data: what crosses from forecasting to optimization.

Guarantees
----------
* `DemandCurves` is finite and never negative; written to a table or to JSON and read back, it is equal.
* Each offer's curve carries the evidence it rests on, so that whoever prices on it can refuse.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from pricing.model import Ladder

if TYPE_CHECKING:
    import pandas as pd


class Identification(StrEnum):
    """Whether the data can tell how buyers react to the price."""

    IDENTIFIED = "identified"
    WEAK = "weak"
    NOT_IDENTIFIED = "not-identified"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an offer's demand curve rests on.

    Attributes
    ----------
    status : whether the price response is identified
    elasticity, se : posterior mean and standard deviation of d ln(units) / d ln(price)
    reason : why the status is what it is, in words a manager understands
    model : what forecast the level of demand
    """

    status: Identification
    elasticity: float
    se: float
    reason: str
    model: str

    def __post_init__(self) -> None:
        if not (np.isfinite(self.elasticity) and 0 <= self.se < np.inf):
            raise ValueError(f"evidence is not finite: elasticity {self.elasticity}, se {self.se}")


@dataclass(frozen=True, eq=False)
class DemandCurves:
    """Draws from the posterior of the units that sell at each step of each offer's ladder over one horizon.

    Attributes
    ----------
    offers : (n,) offer ids
    ladders : (n,) the steps each offer's curve is given at
    units : (draws, n, steps) demand, not cut at capacity; 0 beyond an offer's last step [units over the horizon]
    evidence : (n,)
    """

    offers: tuple[str, ...]
    ladders: tuple[Ladder, ...]
    units: NDArray[np.float64] = field(repr=False)
    evidence: tuple[Evidence, ...]

    def __post_init__(self) -> None:
        n, steps = len(self.offers), max((len(ladder) for ladder in self.ladders), default=0)
        problems = [
            (len(set(self.offers)) != n, "an offer appears twice"),
            (len(self.ladders) != n or len(self.evidence) != n, "ladders, evidence and offers differ in length"),
            (self.units.shape[1:] != (n, steps), f"units have shape {self.units.shape}, not (draws, {n}, {steps})"),
            (not np.all(np.isfinite(self.units)), "a number of units is missing or infinite"),
            (not np.all(self.units >= 0), "a number of units is negative"),
        ]
        if found := [text for wrong, text in problems if wrong]:
            raise ValueError("demand curves: " + "; ".join(found))
        beyond = np.arange(steps) >= np.array([len(ladder) for ladder in self.ladders])[:, None]
        if self.units.size and np.any(self.units[:, beyond]):
            raise ValueError("demand curves: units beyond the last step of a ladder")

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DemandCurves)
            and (self.offers, self.ladders, self.evidence) == (other.offers, other.ladders, other.evidence)
            and np.array_equal(self.units, other.units)
        )

    __hash__ = None  # type: ignore[assignment]  # holds an array

    @property
    def draws(self) -> int:
        """Number of draws from the posterior."""
        return int(self.units.shape[0])

    @property
    def mean(self) -> NDArray[np.float64]:
        """(n, steps) expected units [units over the horizon]."""
        return self.units.mean(axis=0)

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each offer stands."""
        return {offer: i for i, offer in enumerate(self.offers)}

    def of(self, offer: str) -> NDArray[np.float64]:
        """(draws, steps) curve of one offer, over its own ladder [units over the horizon]."""
        i = self.place[offer]
        return self.units[:, i, : len(self.ladders[i])]

    def only(self, offers: Sequence[str]) -> "DemandCurves":
        """The curves of these offers, in this order."""
        at = [self.place[name] for name in offers]
        ladders = tuple(self.ladders[i] for i in at)
        steps = max((len(ladder) for ladder in ladders), default=0)
        return DemandCurves(tuple(offers), ladders, self.units[:, at, :steps], tuple(self.evidence[i] for i in at))

    def to_dict(self) -> dict[str, Any]:
        """The curves as plain values for JSON; prices are strings."""
        return {
            "offers": list(self.offers),
            "ladders": [[str(price) for price in ladder] for ladder in self.ladders],
            "evidence": [asdict(evidence) for evidence in self.evidence],
            "units": self.units.tolist(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read back what `to_dict` wrote."""
        return cls(
            tuple(values["offers"]),
            tuple(Ladder(tuple(Decimal(price) for price in ladder)) for ladder in values["ladders"]),
            np.asarray(values["units"], dtype=np.float64),
            tuple(Evidence(**{**e, "status": Identification(e["status"])}) for e in values["evidence"]),
        )

    def to_frame(self) -> "pd.DataFrame":
        """One row per offer, step and draw, for Parquet; prices are strings, evidence repeats."""
        import pandas as pd  # noqa: PLC0415  # the path that serves a price must not load pandas

        rows = [(i, step) for i, ladder in enumerate(self.ladders) for step in range(len(ladder))]
        offer, step = (np.repeat(np.array(rows)[:, k], self.draws) for k in (0, 1))
        draw = np.tile(np.arange(self.draws), len(rows))
        columns: dict[str, Any] = {
            "offer": pd.Categorical.from_codes(offer.tolist(), pd.Index(list(self.offers))),
            "price": np.array([str(self.ladders[i][k]) for i, k in rows], dtype=object).repeat(self.draws),
            "draw": draw,
            "units": self.units[draw, offer, step],
        }
        for name in ("status", "elasticity", "se", "reason", "model"):
            columns[name] = np.array([getattr(e, name) for e in self.evidence], dtype=object)[offer]
        return pd.DataFrame(columns)

    @classmethod
    def from_frame(cls, frame: "pd.DataFrame") -> Self:
        """Read back what `to_frame` wrote; rows in any order."""
        groups = {str(offer): rows for offer, rows in frame.groupby("offer", sort=False, observed=True)}
        ladders = [Ladder(tuple(sorted({Decimal(p) for p in rows["price"].astype(str)}))) for rows in groups.values()]
        draws = int(frame["draw"].max()) + 1
        units = np.zeros((draws, len(groups), max(len(ladder) for ladder in ladders)))
        for i, (rows, ladder) in enumerate(zip(groups.values(), ladders, strict=True)):
            step = rows["price"].astype(str).map({str(price): k for k, price in enumerate(ladder)})
            units[rows["draw"].to_numpy(), i, step.to_numpy()] = rows["units"].to_numpy()
        first = [rows.iloc[0] for rows in groups.values()]
        evidence = tuple(
            Evidence(
                Identification(r["status"]), float(r["elasticity"]), float(r["se"]), str(r["reason"]), str(r["model"])
            )
            for r in first
        )
        return cls(tuple(groups), tuple(ladders), units, evidence)


def constant_elasticity(
    base: NDArray[np.float64], elasticity: NDArray[np.float64], reference: float, prices: Sequence[float]
) -> NDArray[np.float64]:
    """Units at each price, `base * (price / reference) ** elasticity`.

    Parameters
    ----------
    base : (draws,) units at the reference price [units over the horizon]
    elasticity : (draws,) d ln(units) / d ln(price)
    reference : price at which `base` was forecast [currency]
    prices : (steps,) [currency]

    Returns
    -------
    (draws, steps) [units over the horizon]
    """
    ratio = np.log(np.asarray(prices, dtype=np.float64) / reference)
    return base[:, None] * np.exp(np.outer(elasticity, ratio))
