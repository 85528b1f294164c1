"""Files in one file: a zip archive whose every byte is covered by a checksum.

Guarantees
----------
* It is written whole or not at all, and readable by its owner only.
* Unpacking writes the files that the manifest names and nothing else: no path that leads out of the folder, no link, no
  device, no name twice, not a byte more than the manifest says. What is damaged or cut short is refused.
"""

import hashlib
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import msgspec

from api.atomic import replacing
from pricing.errors import Finding, InputError

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 64 * 2**20
"""A manifest of more bytes than this describes no workspace."""
CHUNK = 2**20
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=-]*(/[A-Za-z0-9_][A-Za-z0-9_.=-]*)*", re.ASCII)
"""Parts that start with a letter or digit: none is `..`, none is hidden, none is absolute."""


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file must be."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an archive holds; `about` is the writer's own."""

    about: dict[str, str | int]
    files: dict[str, Member]


class _Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    manifest: msgspec.Raw


def pack(files: Mapping[str, Path], about: Mapping[str, str | int], target: Path) -> Manifest:
    """Write these files, by the name they get, into one."""
    with (
        replacing(target, mode=0o600) as beside,
        zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        members = {name: _add(archive, name, path) for name, path in files.items()}
        manifest = Manifest(dict(about), members)
        body = msgspec.json.encode(manifest)
        archive.writestr(MANIFEST, msgspec.json.encode(_Sealed(hashlib.sha256(body).hexdigest(), msgspec.Raw(body))))
    return manifest


def unpack(source: Path, folder: Path) -> Manifest:
    """Write what an archive holds into a folder.

    Raises
    ------
    InputError
        if it is no such archive, is damaged, or holds what its manifest does not name.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = _manifest(archive)
            _refuse_strangers(archive, manifest)
            for name, member in manifest.files.items():
                _take(archive, name, member, folder)
    except FileNotFoundError:
        raise InputError(Finding("there is no such file", file=str(source))) from None
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(Finding(f"this backup cannot be used: {error}", file=str(source))) from None
    return manifest


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> Member:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file, archive.open(name, "w", force_zip64=True) as entry:
        for chunk in _chunks(file):
            entry.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return Member(size, digest.hexdigest())


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    with archive.open(MANIFEST) as file:
        data = file.read(LARGEST_MANIFEST + 1)
    if len(data) > LARGEST_MANIFEST:
        raise ValueError("its manifest is too long")
    sealed = msgspec.json.decode(data, type=_Sealed)
    if hashlib.sha256(sealed.manifest).hexdigest() != sealed.sha256:
        raise ValueError("the checksum of its manifest does not match")
    return msgspec.json.decode(sealed.manifest, type=Manifest)


def _refuse_strangers(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    entries = archive.infolist()
    if sorted(entry.filename for entry in entries) != sorted([MANIFEST, *manifest.files]):
        raise ValueError("it does not hold exactly the files of its manifest")
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in {0, stat.S_IFREG} or not NAME.fullmatch(entry.filename):
            raise ValueError(f"{entry.filename!r} is not a plain file inside it")


def _take(archive: zipfile.ZipFile, name: str, member: Member, folder: Path) -> None:
    target, digest, size = folder / name, hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as entry, target.open("xb") as file:
        for chunk in _chunks(entry):
            size += len(chunk)
            if size > member.size:
                break
            digest.update(chunk)
            file.write(chunk)
    if (size, digest.hexdigest()) != (member.size, member.sha256):
        raise ValueError(f"{name} is damaged")
