"""Demand among substitutes, as data: what crosses from forecasting to optimization where buyers choose.

Guarantees
----------
* `ChoiceDemand` is finite, every buyer's sensitivity to price positive, every nest's parameter in (0, 1]; written to a
  table or to JSON and read back, it is equal.
* Each offer carries the evidence it rests on, so that whoever prices on it can refuse.

The model, for one draw and segment (Gallego and Wang 2014): offer i of nest g at price p_i attracts with
exp(a_i - b_i p_i); a nest with the sum A_g of these is worth A_g ** gamma_g, buying nothing exp(outside), and

    P(i) = exp(a_i - b_i p_i) / A_g * A_g ** gamma_g / (exp(outside) + sum over nests of A_h ** gamma_h).

With every gamma at 1 this is the multinomial logit. Where a, b and gamma come from a nested logit with utility V and
log-sum parameter lambda, a - b p = V / lambda and gamma = lambda.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pricing.demand import DemandCurves, Evidence, Identification
from pricing.model import Ladder

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChoiceDemand:
    """Draws from the posterior of how many buyers come, and how each segment chooses among the offers.

    Attributes
    ----------
    offers : (n,) offer ids
    ladders : (n,) the prices each offer may take
    nests : (n,) name of each offer's nest; those of one name are nearer substitutes
    segments : (s,) names
    buyers : (draws, s) who come to choose [buyers over the horizon]
    utility : (draws, s, n) a
    sensitivity : (draws, s, n) b [1 / currency]
    gamma : (draws, nests) parameter of each nest, in the order of `nest_names`
    outside : (draws, s) utility of buying none of the offers
    evidence : (n,)
    """

    offers: tuple[str, ...]
    ladders: tuple[Ladder, ...]
    nests: tuple[str, ...]
    segments: tuple[str, ...]
    buyers: Array = field(repr=False)
    utility: Array = field(repr=False)
    sensitivity: Array = field(repr=False)
    gamma: Array = field(repr=False)
    outside: Array = field(repr=False)
    evidence: tuple[Evidence, ...]

    def __post_init__(self) -> None:
        n, s, draws = len(self.offers), len(self.segments), len(self.buyers)
        lengths = {len(self.ladders), len(self.nests), len(self.evidence)}
        shapes = [(draws, s), (draws, s, n), (draws, s, n), (draws, len(self.nest_names)), (draws, s)]
        problems = [
            (len(set(self.offers)) != n or len(set(self.segments)) != s, "an offer or segment appears twice"),
            (not (n and s and draws), "there is no offer, segment or draw"),
            (lengths != {n}, "ladders, nests, evidence and offers differ in length"),
            ([array.shape for array in self._arrays] != shapes, f"shapes are not {shapes}"),
            (not all(np.all(np.isfinite(array)) for array in self._arrays), "a number is missing or infinite"),
            (not np.all(self.buyers >= 0), "a number of buyers is negative"),
            (not np.all(self.sensitivity > 0), "a sensitivity to price is not positive"),
            (not np.all((self.gamma > 0) & (self.gamma <= 1)), "a nest's gamma is not in (0, 1]"),
        ]
        if found := [text for wrong, text in problems if wrong]:
            raise ValueError("choice demand: " + "; ".join(found))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ChoiceDemand)
            and self._names == other._names
            and all(np.array_equal(mine, theirs) for mine, theirs in zip(self._arrays, other._arrays, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    @property
    def _names(self) -> tuple[object, ...]:
        return self.offers, self.ladders, self.nests, self.segments, self.evidence

    @property
    def _arrays(self) -> tuple[Array, ...]:
        return self.buyers, self.utility, self.sensitivity, self.gamma, self.outside

    @property
    def draws(self) -> int:
        """Number of draws from the posterior."""
        return len(self.buyers)

    @cached_property
    def nest_names(self) -> tuple[str, ...]:
        """Each nest once, in the order in which the offers name them."""
        return tuple(dict.fromkeys(self.nests))

    @cached_property
    def nest_of(self) -> NDArray[np.int64]:
        """(n,) where each offer's nest stands in `nest_names`."""
        return np.array([self.nest_names.index(nest) for nest in self.nests], dtype=np.int64)

    def probabilities(self, prices: ArrayLike) -> Array:
        """Share of each segment's buyers who take each offer.

        Parameters
        ----------
        prices : (..., n) one price per offer; any number of price lists [currency]

        Returns
        -------
        (draws, ..., s, n); what is missing to 1 buys nothing
        """
        lists = np.asarray(prices, dtype=np.float64)
        if not (lists.shape[-1:] == (len(self.offers),) and np.all(np.isfinite(lists))):
            raise ValueError(f"prices have shape {lists.shape} or are not finite; one per offer is needed")
        flat = lists.reshape(-1, len(self.offers))
        share = self._of_lists(flat)
        return share.reshape(self.draws, *lists.shape[:-1], len(self.segments), len(self.offers))

    def _of_lists(self, prices: Array) -> Array:
        """(draws, k, s, n) for price lists (k, n)."""
        worth = self.utility[:, None] - self.sensitivity[:, None] * prices[None, :, None, :]
        nests = range(len(self.nest_names))
        total = np.stack([np.logaddexp.reduce(worth[..., self.nest_of == g], axis=-1) for g in nests], axis=-1)
        value = self.gamma[:, None, None, :] * total
        every = np.logaddexp(np.logaddexp.reduce(value, axis=-1), self.outside[:, None, :])
        return np.exp(worth - total[..., self.nest_of] + (value - every[..., None])[..., self.nest_of])

    def units(self, prices: ArrayLike) -> Array:
        """(draws, ..., n) expected units of each offer at these prices (..., n), not cut at capacity."""
        share = self.probabilities(prices)
        buyers = self.buyers.reshape(self.draws, *(1,) * (share.ndim - 3), len(self.segments))
        return np.einsum("...s,...sn->...n", buyers, share)

    def curves(self, prices: Sequence[Decimal]) -> DemandCurves:
        """Each offer's demand over its own ladder while all others keep these prices (n,)."""
        steps = max(len(ladder) for ladder in self.ladders)
        units = np.zeros((self.draws, len(self.offers), steps))
        for i, ladder in enumerate(self.ladders):
            lists = np.tile(np.array(prices, dtype=np.float64), (len(ladder), 1))
            lists[:, i] = np.array(list(ladder), dtype=np.float64)
            units[:, i, : len(ladder)] = self.units(lists)[:, :, i]
        return DemandCurves(self.offers, self.ladders, units, self.evidence)

    def to_dict(self) -> dict[str, Any]:
        """The demand as plain values for JSON; prices are strings."""
        return {
            "offers": list(self.offers),
            "ladders": [[str(price) for price in ladder] for ladder in self.ladders],
            "nests": list(self.nests),
            "segments": list(self.segments),
            "evidence": [asdict(evidence) for evidence in self.evidence],
            **{name: array.tolist() for name, array in zip(_ARRAYS, self._arrays, strict=True)},
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read back what `to_dict` wrote."""
        return cls(
            offers=tuple(values["offers"]),
            ladders=tuple(Ladder(tuple(Decimal(price) for price in ladder)) for ladder in values["ladders"]),
            nests=tuple(values["nests"]),
            segments=tuple(values["segments"]),
            evidence=tuple(Evidence(**{**e, "status": Identification(e["status"])}) for e in values["evidence"]),
            **{name: np.asarray(values[name], dtype=np.float64) for name in _ARRAYS},
        )

    def to_frame(self) -> "pd.DataFrame":
        """One row per draw, segment and offer, for Parquet; ladders are JSON lists of strings, evidence repeats."""
        import pandas as pd  # noqa: PLC0415  # the path that serves a price must not load pandas

        shape = (self.draws, len(self.segments), len(self.offers))
        draw, segment, offer = (axis.ravel() for axis in np.indices(shape))
        ladders = [json.dumps([str(price) for price in ladder]) for ladder in self.ladders]
        columns: dict[str, Any] = {
            "draw": draw,
            "segment": np.array(self.segments, dtype=object)[segment],
            "offer": np.array(self.offers, dtype=object)[offer],
            "nest": np.array(self.nests, dtype=object)[offer],
            "ladder": np.array(ladders, dtype=object)[offer],
            "buyers": self.buyers[draw, segment],
            "utility": self.utility.ravel(),
            "sensitivity": self.sensitivity.ravel(),
            "gamma": self.gamma[draw, self.nest_of[offer]],
            "outside": self.outside[draw, segment],
        }
        for name in _EVIDENCE:
            columns[name] = np.array([getattr(e, name) for e in self.evidence], dtype=object)[offer]
        return pd.DataFrame(columns)

    @classmethod
    def from_frame(cls, frame: "pd.DataFrame") -> Self:
        """Read back what `to_frame` wrote, its rows in that order."""
        offers, segments = tuple(map(str, frame["offer"].unique())), tuple(map(str, frame["segment"].unique()))
        shape = (-1, len(segments), len(offers))
        cube = {name: frame[name].to_numpy(dtype=np.float64).reshape(shape) for name in _ARRAYS}
        first = frame.iloc[: len(offers)]
        nests = tuple(map(str, first["nest"]))
        heads = [nests.index(nest) for nest in dict.fromkeys(nests)]
        return cls(
            offers=offers,
            ladders=tuple(Ladder(tuple(Decimal(price) for price in json.loads(text))) for text in first["ladder"]),
            nests=nests,
            segments=segments,
            buyers=cube["buyers"][:, :, 0],
            utility=cube["utility"],
            sensitivity=cube["sensitivity"],
            gamma=cube["gamma"][:, 0][:, heads],
            outside=cube["outside"][:, :, 0],
            evidence=tuple(_evidence(row) for row in first.to_dict("records")),
        )


_ARRAYS = ("buyers", "utility", "sensitivity", "gamma", "outside")
_EVIDENCE = ("status", "elasticity", "se", "reason", "model")


def _evidence(row: dict[Any, Any]) -> Evidence:
    return Evidence(
        Identification(row["status"]), float(row["elasticity"]), float(row["se"]), str(row["reason"]), str(row["model"])
    )
