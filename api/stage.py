"""What a what-if plays on, kept beside the fit: what is on sale, and the draws of demand at every step.

Guarantees
----------
* It is read without pandas, a model, a solver or the database, so that an answer is there at once.
* It is used only while everything it was made from (tables, fit, settings, prices in force) is as it was and the day
  has not passed; otherwise it is made again. A damaged file counts as none.
"""

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from api.atomic import write_bytes
from pricing.demand import DemandCurves, Evidence
from pricing.guardrails import InForce
from pricing.market import Market
from pricing.model import Ladder, Offer, Resource
from pricing.problem import Objective

STAGE_NAME = "whatif.npz"
MADE_FROM = ("fairfare.toml", "snapshot.json", "fits/current.json", "history/**/*.parquet")
"""Files of a workspace that a stage depends on."""
DAMAGED = (
    *(OSError, EOFError, KeyError, ValueError, RuntimeError, MemoryError),
    *(msgspec.MsgspecError, zipfile.BadZipFile, zlib.error),
)
"""What reading a damaged archive may raise; `NotImplementedError` is a `RuntimeError`."""


class _Told(msgspec.Struct, frozen=True):
    """Everything but the draws."""

    stamp: str
    good_until: datetime
    objective: Objective
    offers: tuple[Offer, ...]
    in_force: dict[str, InForce]
    resources: tuple[Resource, ...]
    ladders: tuple[Ladder, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """A market with the demand curves of its offers, what is maximised, and when the day it was made for ends."""

    market: Market
    curves: DemandCurves
    objective: Objective
    good_until: datetime

    def at(self, prices: Mapping[tuple[str, str], Decimal]) -> "Stage | None":
        """The same with other prices in force, by offer and channel; None where one is no step of its curve."""
        in_force = {o.id: prices[o.id, o.channel] for o in self.market.offers if (o.id, o.channel) in prices}
        if any(
            in_force.get(o.id) not in ladder for o, ladder in zip(self.market.offers, self.curves.ladders, strict=True)
        ):
            return None
        steady = {name: InForce.steady(price) for name, price in in_force.items()}
        return replace(self, market=replace(self.market, in_force=steady))

    def save(self, root: Path) -> None:
        """Keep it in a workspace."""
        market, curves = self.market, self.curves
        told = _Told(
            stamp(root),
            self.good_until,
            self.objective,
            market.offers,
            dict(market.in_force),
            market.resources,
            curves.ladders,
            curves.evidence,
        )
        data = io.BytesIO()
        np.savez(data, told=np.frombuffer(msgspec.json.encode(told), dtype=np.uint8), units=curves.units)
        write_bytes(data.getvalue(), root / STAGE_NAME)


def load_stage(root: Path, *, now: datetime) -> Stage | None:
    """The stage of a workspace, if it is still good."""
    try:
        with zipfile.ZipFile(root / STAGE_NAME) as kept:
            told = msgspec.json.decode(_read(kept, "told").tobytes(), type=_Told)
            if told.stamp != stamp(root) or not now < told.good_until:
                return None
            curves = DemandCurves(tuple(o.id for o in told.offers), told.ladders, _read(kept, "units"), told.evidence)
    except DAMAGED:
        return None
    return Stage(Market(told.offers, told.in_force, told.resources), curves, told.objective, told.good_until)


def _read(kept: zipfile.ZipFile, name: str) -> np.ndarray[tuple[int, ...], np.dtype[Any]]:
    """An array, its member read to the end: only then is its checksum looked at."""
    return np.asarray(np.load(io.BytesIO(kept.read(f"{name}.npy"))))


def stamp(root: Path) -> str:
    """Names, sizes and times of the files that a stage depends on; other files have another one."""
    found = [(path, path.stat()) for pattern in MADE_FROM for path in sorted(root.glob(pattern))]
    return ";".join(f"{path.relative_to(root)} {about.st_size} {about.st_mtime_ns}" for path, about in found)
