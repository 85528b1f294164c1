"""What a what-if plays on, kept beside the fit: what is on sale, and the draws of demand at every step.

Guarantees
----------
* It is read without pandas, a model, a solver or the database, so that an answer is there at once.
* It is used only while the tables, the fit and what the settings say of prices are as they were and the day has not
  passed; otherwise it is made again. A damaged file counts as none.
* It always stands at the prices in force, whichever they are by now; where one is no step of its curve, there is none.
"""

import functools
import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from api.atomic import write_bytes
from api.served.snapshot import SNAPSHOT_NAME, Snapshot, load
from api.settings import FILE, read_settings
from pricing.demand import DemandCurves, Evidence
from pricing.errors import InputError
from pricing.guardrails import InForce
from pricing.market import Market
from pricing.model import Ladder, Offer, Resource
from pricing.problem import Objective

STAGE_NAME = "whatif.npz"
MADE_FROM = ("fits/current.json", "history/**/*.parquet")
"""Files of a workspace that a stage is made from; prices are taken as they are."""
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

    def at(self, snapshot: Snapshot) -> "Stage | None":
        """The same with the prices in force of a snapshot; None where one is missing or no step of its curve."""
        prices = {entry.key: msgspec.json.decode(entry.price, type=_Priced).price for entry in snapshot.entries}
        moved: dict[str, InForce] = {}
        for offer, ladder in zip(self.market.offers, self.curves.ladders, strict=True):
            price, known = prices.get((offer.id, offer.channel)), self.market.in_force[offer.id]
            if price is None or price not in ladder:
                return None
            moved[offer.id] = known if price == known.price else InForce.steady(price)
        return replace(self, market=replace(self.market, in_force=moved))

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


class _Priced(msgspec.Struct):
    price: Decimal


def load_stage(root: Path, *, now: datetime) -> Stage | None:
    """The stage of a workspace at the prices of its snapshot on disk, if it is still good."""
    stage, snapshot = read_stage(root), load(root / SNAPSHOT_NAME)
    if stage is None or snapshot is None or not now < stage.good_until:
        return None
    return stage.at(snapshot.at(max(now, snapshot.since)))


def read_stage(root: Path) -> Stage | None:
    """The stage of a workspace as it was kept, if what it was made from is as it was."""
    try:
        with zipfile.ZipFile(root / STAGE_NAME) as kept:
            told = msgspec.json.decode(_read(kept, "told", np.uint8).tobytes(), type=_Told)
            if told.stamp != stamp(root):
                return None
            units = _read(kept, "units", np.float64)
            curves = DemandCurves(tuple(o.id for o in told.offers), told.ladders, units, told.evidence)
            return Stage(Market(told.offers, told.in_force, told.resources), curves, told.objective, told.good_until)
    except DAMAGED:
        return None


def _read(kept: zipfile.ZipFile, name: str, kind: type[np.generic]) -> np.ndarray[tuple[int, ...], np.dtype[Any]]:
    """An array, its member read to the end: only then is its checksum looked at. It never is larger than the file."""
    if kept.getinfo(f"{name}.npy").compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed, which we do not do")
    array = np.asarray(np.load(io.BytesIO(kept.read(f"{name}.npy"))))
    if array.dtype != kind:
        raise ValueError(f"{name} holds {array.dtype}")
    return array


def stamp(root: Path) -> str:
    """What a stage is made from: names, sizes and times of files, and a digest of the settings."""
    found = [(path, path.stat()) for pattern in MADE_FROM for path in sorted(root.glob(pattern))]
    files = (f"{path.relative_to(root)} {about.st_size} {about.st_mtime_ns}" for path, about in found)
    about = (root / FILE).stat()
    return ";".join((_said(root / FILE, about.st_size, about.st_mtime_ns), *files))


@functools.lru_cache(maxsize=4)
def _said(path: Path, _size: int, _changed: int) -> str:
    """Digest of what settings say; whom prices are told has no part in them."""
    try:
        said = replace(read_settings(path), shops=(), webhooks=(), allowed_networks=())
    except InputError:
        return "settings that cannot be read"
    return hashlib.sha256(repr(said).encode()).hexdigest()
