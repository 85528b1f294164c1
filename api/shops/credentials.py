"""The secrets of shops: from the environment or from a file nobody else can read; never shown, logged or stored.

Guarantees
----------
* A file that the group or others may read, or that is another's, is refused before it is read.
* A secret's text is given out by `reveal` alone: it is in no repr, no message and no log.
"""

import os
import re
import stat
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from api.settings import variable
from pricing.errors import Finding, InputError

SECRETS = "secrets"
"""Folder of a workspace: a file for each shop."""
_USABLE = re.compile(r"[\x21-\x7e]+")


class Secret:
    """A text that shows itself to nobody who does not ask for it by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(...)"

    def reveal(self) -> str:
        """The text itself."""
        return self._text


def basic(secret: Secret) -> str:
    """What HTTP Basic sends for a secret that is `USER:PASSWORD`."""
    return f"Basic {b64encode(secret.reveal().encode()).decode()}"


def secret_of(shop: str, *, environment: Mapping[str, str], file: Path) -> Secret:
    """The secret of a shop, from its environment variable, else from a file.

    Raises
    ------
    InputError
        if there is none, others can read the file, or it holds something that is no secret.
    """
    text = environment.get(variable(shop))
    if text is None:
        text = _read(file, variable(shop))
    return usable(shop, text)


def usable(shop: str, text: str) -> Secret:
    """The secret of a shop that a text is.

    Raises
    ------
    InputError
        if it is none.
    """
    if not _USABLE.fullmatch(text.strip()):
        raise InputError(f"the secret of shop {shop} is empty, or has spaces or signs that no token has")
    return Secret(text.strip())


def _read(file: Path, name: str) -> str:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        reason = f"no secret: set {name}, or put it into this file ({error.strerror})"
        raise InputError(Finding(reason, file=str(file))) from None
    with open(descriptor, encoding="utf-8", errors="replace") as opened:  # noqa: PTH123  # opened once: what is checked is read
        found = os.fstat(descriptor)
        if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid not in {os.getuid(), 0}:
            raise InputError(Finding("others may read this secret; run: chmod 600 FILE", file=str(file)))
        return opened.read()
