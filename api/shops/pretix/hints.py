"""What pretix says by itself when something happens: a hint to look, never a fact.

Guarantees
----------
* A hint names an event to look at and nothing else is taken from it: whoever knows the address of the hook can send
  anything, and pretix itself sends ids only.
"""

import msgspec


class _Hint(msgspec.Struct):
    organizer: str
    event: str


def hinted(body: bytes, organizer: str) -> str | None:
    """The event a webhook wants looked at; None if that is none of the organizer's."""
    try:
        hint = msgspec.json.decode(body, type=_Hint)
    except msgspec.DecodeError:
        return None
    return hint.event if hint.organizer == organizer else None
