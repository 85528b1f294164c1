"""What the price book recorded, a page at a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import Engine, select

from api.store.database import reading
from api.store.queries import known_proposal, standing_of
from api.store.tables import proposals
from pricing.book import Proposal, Standing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of many; `next` is where to go on, None at the end."""

    items: tuple[T, ...]
    next: int | None


def proposals_page(
    engine: Engine, *, standing: Standing | None, before: int | None, limit: int, now: datetime
) -> Page[tuple[Proposal, Standing]]:
    """Proposals with how far each has come, the newest first.

    Parameters
    ----------
    standing : only those that have come so far
    before : go on beyond this place
    """
    found: list[tuple[Proposal, Standing]] = []
    query = select(proposals.c.number, proposals.c.id).order_by(proposals.c.number.desc())
    if before is not None:
        query = query.where(proposals.c.number < before)
    last = 0
    with reading(engine) as db:
        for number, name in db.execute(query):
            proposal = known_proposal(db, name)
            stands = standing_of(db, proposal, now)
            if standing not in {None, stands}:
                continue
            if len(found) == limit:
                return Page(tuple(found), last)
            found.append((proposal, stands))
            last = number
    return Page(tuple(found), None)
