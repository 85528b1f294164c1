"""A folder of files that are what was written, or are refused: the fits a price is made from.

Guarantees
----------
* A file that was changed by one byte, cut short, swapped for another or left out is refused, with its name; this is
  found before anything reads what it says.
* The seal is against damage, not against whoever may write to the folder and could seal it anew.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from api.atomic import write_bytes
from pricing.errors import Finding, InputError

SEAL = "seal.json"
DAMAGED = "this is damaged, or from an earlier Fairfare; make it again with: fairfare fit"


class _Seal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    about: dict[str, str | None]
    files: dict[str, str]


def seal(folder: Path, names: Iterable[str], about: Mapping[str, str | None]) -> str:
    """Seal these files of a folder, and what is said about them; returns the hash of the seal."""
    files = {name: _hash((folder / name).read_bytes()) for name in names}
    data = msgspec.json.encode(_Seal(dict(about), files))
    write_bytes(data, folder / SEAL)
    return _hash(data)


def sealed(path: Path) -> bytes:
    """The bytes of a sealed file.

    Raises
    ------
    InputError
        if it is not what was sealed, or nothing was.
    """
    try:
        data = path.read_bytes()
        whole = _read(path.parent / SEAL).files.get(path.name) == _hash(data)
    except OSError:
        whole = False
    if not whole:
        raise InputError(Finding(DAMAGED, file=str(path)))
    return data


def check_seal(folder: Path, seal: str, about: Mapping[str, str | None]) -> None:
    """Refuse a folder that was sealed as something else (InputError)."""
    path = folder / SEAL
    try:
        whole = _hash(path.read_bytes()) == seal and _read(path).about == about
    except OSError:
        whole = False
    if not whole:
        raise InputError(Finding(DAMAGED, file=str(folder)))


def _read(path: Path) -> _Seal:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Seal)
    except (ValueError, RecursionError):
        raise InputError(Finding(DAMAGED, file=str(path))) from None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
