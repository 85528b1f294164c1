"""Connect a shop, take it off, say how often it is brought in step: its block in fairfare.toml, and its secret.

Guarantees
----------
* Nothing else in fairfare.toml changes, comments and order included; the new text is read back as settings before it
  takes the old one's place, at once and whole.
* A shop is connected only where its address may be spoken to; what is not public is allowed in the file alone, and so
  is a folder outside the workspace.
* A secret is written to `secrets/NAME`, which nobody but its owner can read, and to nothing else.
* What a shop's folder knows of one shop is never taken for another's of the same name; what kept an earlier connection
  from its work is not taken for this one's. A shop that was only looked at leaves its name to others.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import fields, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
import msgspec
import tomlkit

from api.atomic import write_bytes
from api.locks import locked
from api.settings import FILE, Settings, ShopSettings, ShopSystem, parse_settings, read_settings
from api.shops import seen, status
from api.shops.addresses import Guard
from api.shops.credentials import SECRETS, usable
from pricing.errors import InputError, RefusedError

BLOCK = re.compile(r"\s*\[\[\s*shops\s*\]\]")
HEADER = re.compile(r"\s*\[")
PERIOD = re.compile(r"(^\s*sync_seconds\s*=\s*)[0-9_+]+")
ASIDE = re.compile(r"\s*(#.*)?")
"""A line that says nothing."""
IDENTITY = "shop.json"
"""In a shop's folder: which shop it is."""
LOOKED = (IDENTITY, seen.FILE, status.FILE)
"""What is left there of a shop that was no more than looked at."""


def connect(root: Path, shop: ShopSettings, secret: str | None) -> None:
    """Add a shop to the settings of a workspace.

    Parameters
    ----------
    secret : its key; None where it has none, or the environment holds it

    Raises
    ------
    InputError
        if its address must not be spoken to, or secret or settings cannot be used; nothing was written.
    RefusedError
        if there is a shop of this name, or was another one.
    """
    with _held(root):
        text, settings = _settings(root)
        if any(each.name == shop.name for each in settings.shops):
            raise RefusedError(f"there is a shop {shop.name} in the settings already")
        _check_address(shop, settings)
        _check_identity(root, shop)
        key = None if secret is None else usable(shop.name, secret)
        block = tomlkit.dumps({"shops": [_block(shop)]})
        changed = _read_back(f"{text.rstrip()}\n\n{block}", _with_one_more(settings, shop))
        if key is not None:
            _keep_secret(root, shop.name, key.reveal())
        _write(root, changed)
        _keep_identity(root, shop)


def disconnect(root: Path, name: str) -> None:
    """Take a shop out of the settings, and remove its secret; its journal and its table of offers stay.

    Raises
    ------
    RefusedError
        if there is no shop of this name, or its block cannot be told from others.
    """
    with _held(root):
        text, settings = _settings(root)
        number = _number(settings, name)
        kept = tuple(each for each in settings.shops if each.name != name)
        _keep_identity(root, settings.shops[number])  # its owner may have written it into the settings, or changed it
        _write(root, _read_back(_without_block(text, number), replace(settings, shops=kept)))
        (root / SECRETS / name).unlink(missing_ok=True)


def keep_in_step(root: Path, name: str, seconds: int | None) -> None:
    """Say how often a shop is brought in step by itself; None: only when somebody asks.

    Raises
    ------
    InputError
        if that is no such number; nothing was written.
    RefusedError
        if there is no shop of this name, or its block cannot be told from others.
    """
    with _held(root):
        text, settings = _settings(root)
        number = _number(settings, name)
        shops = list(settings.shops)
        try:
            shops[number] = replace(shops[number], sync_seconds=seconds)
        except ValueError as error:
            raise InputError(str(error)) from None
        _write(root, _read_back(_with_period(text, number, seconds), replace(settings, shops=tuple(shops))))


def connected_at(root: Path, name: str) -> datetime | None:
    """When a shop was connected here last; None where its owner wrote it into the settings."""
    try:
        return datetime.fromtimestamp((root / "shops" / name / IDENTITY).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _with_one_more(settings: Settings, shop: ShopSettings) -> Settings:
    try:
        return replace(settings, shops=(*settings.shops, shop))
    except ValueError as error:  # its name and another's would have one secret, or it is another
        raise InputError(str(error)) from None


def _number(settings: Settings, name: str) -> int:
    names = [each.name for each in settings.shops]
    if name not in names:
        raise RefusedError(f"there is no shop {name} in the settings")
    return names.index(name)


def _check_address(shop: ShopSettings, settings: Settings) -> None:
    if shop.system is ShopSystem.FOLDER:
        path = PurePosixPath(shop.address)
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"a folder outside the workspace is connected in {FILE} only")
        return
    guard = Guard(tuple(ip_network(each) for each in settings.allowed_networks))
    for address in (shop.address, *((shop.storefront,) if shop.storefront else ())):
        with suppress(httpx.ConnectError):  # a host that is not found now may be later; a look at the shop tells
            guard.check(address)


def _identity(shop: ShopSettings) -> dict[str, str | None]:
    return {"system": shop.system.value, "address": shop.address.rstrip("/"), "organizer": shop.organizer}


def _check_identity(root: Path, shop: ShopSettings) -> None:
    with suppress(FileNotFoundError, msgspec.DecodeError):
        was = msgspec.json.decode((root / "shops" / shop.name / IDENTITY).read_bytes())
        if was != _identity(shop):
            _leave(root / "shops" / shop.name)


def _leave(folder: Path) -> None:
    """Forget a shop that nothing was fetched from or written to, such as one with a slip in its address."""
    if any(each.name not in LOOKED and each.suffix != ".lock" for each in folder.iterdir()):
        raise RefusedError(f"{folder.name} was another shop, whose journal is kept: give this one another name")
    for name in LOOKED:
        (folder / name).unlink(missing_ok=True)


def _keep_identity(root: Path, shop: ShopSettings) -> None:
    folder = root / "shops" / shop.name
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(msgspec.json.encode(_identity(shop)), folder / IDENTITY, mode=0o600)
    status.note(folder, problem=None)


def _block(shop: ShopSettings) -> dict[str, Any]:
    """What of a shop is not as by default, as TOML has it."""
    declared = {field.name: (getattr(shop, field.name), field.default) for field in fields(shop)}
    return {name: msgspec.to_builtins(value) for name, (value, default) in declared.items() if value != default}


def _without_block(text: str, number: int) -> str:
    """The text without a block of shops, counted from 0."""
    before, _, after = _parted(text, number)
    return "".join([*before, *after])


def _with_period(text: str, number: int, seconds: int | None) -> str:
    """The text with another period in a block of shops, counted from 0; None: without any."""
    before, block, after = _parted(text, number)
    kept = [line for line in block if seconds is not None or not PERIOD.match(line)]
    if seconds is not None and not any(map(PERIOD.match, block)):
        kept[-1] = kept[-1].removesuffix("\n") + "\n"
        kept.append(f"sync_seconds = {seconds}\n")
    return "".join([*before, *(PERIOD.sub(rf"\g<1>{seconds}", line) for line in kept), *after])


def _parted(text: str, number: int) -> tuple[list[str], list[str], list[str]]:
    """Lines before, of and behind a block of shops; comments behind it belong to what follows."""
    lines = text.splitlines(keepends=True)
    begins = [i for i, line in enumerate(lines) if BLOCK.match(line)]
    if number >= len(begins):
        raise _by_hand()
    begin = begins[number]
    end = next((i for i in range(begin + 1, len(lines)) if HEADER.match(lines[i])), len(lines))
    while ASIDE.fullmatch(lines[end - 1].rstrip("\n")):
        end -= 1
    return lines[:begin], lines[begin:end], lines[end:]


def _read_back(text: str, wanted: Settings) -> str:
    """The text, if it says what is wanted and nothing else."""
    try:
        found = parse_settings(text, file=FILE)
    except InputError:
        raise _by_hand() from None
    if found != wanted:
        raise _by_hand()
    return text


def _by_hand() -> RefusedError:
    return RefusedError(f"{FILE} writes its shops in a way that is not changed here: change it by hand")


def _settings(root: Path) -> tuple[str, Settings]:
    settings = read_settings(root / FILE)
    return (root / FILE).read_text(encoding="utf-8"), settings


def _write(root: Path, text: str) -> None:
    file = (root / FILE).resolve()
    write_bytes(text.encode(), file, mode=file.stat().st_mode & 0o777)


def _keep_secret(root: Path, name: str, secret: str) -> None:
    folder = root / SECRETS
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    write_bytes(secret.encode(), folder / name, mode=0o600)


@contextmanager
def _held(root: Path) -> Iterator[None]:
    """Keep everybody else from changing the settings meanwhile."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(root))
        except OSError as error:
            raise InputError(f"{root} is no workspace: {error.strerror}") from None
        yield
