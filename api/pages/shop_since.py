"""What has happened around a shop since its last jobs: what they tell may no longer hold.

Guarantees
----------
* A comparison is offered for a push only while price book, table of offers and shop are as it had them, as far as is
  known here; the push itself looks again.
* What came of the last push is told of the last push, whoever it was that pushed.
"""

import re
from datetime import datetime, timedelta

from api.http.backend import Backend
from api.pages.shop_jobs import Decision, Work
from api.pages.shop_standing import ShopStanding
from api.pages.situation import Situation
from api.store.runs import Kind, State, newest

LATE = timedelta(minutes=1)
"""A round may take so long, besides three times what lies between two."""
LOOKED_AT = 20
"""Latest jobs that proposed prices among which the last that is done is looked for."""


def outdated(work: Work, shop: ShopStanding, at: Situation) -> bool:
    """Whether prices, offers or the shop have changed since the comparison was made."""
    compared, pushed, made = work.compared, shop.status.pushed, work.at("compare")
    if compared is None or made is None:
        return False
    version = Decision.of(compared.decision).version or 0
    return (
        (pushed is not None and pushed.at > made)
        or any(price.version > version for price in at.prices.values())
        or any(shop.said.get(step.place) != (step.offer, step.channel) for step in compared.steps)
    )


def overtaken(work: Work, shop: ShopStanding) -> bool:
    """Whether somebody has pushed since the last job that did: the loop, or the command line."""
    pushed, told = shop.status.pushed, work.at("push", "rollback")
    return pushed is not None and (told is None or pushed.at > told)


def late(shop: ShopStanding, now: datetime) -> bool:
    """Whether a shop that is brought in step by itself has not been for longer than it should take."""
    seconds, pulled, problem = shop.settings.sync_seconds, shop.status.pulled, shop.status.problem
    if seconds is None or pulled is None or problem is not None:
        return False
    return now - pulled.at > 3 * timedelta(seconds=seconds) + LATE


def left_out(backend: Backend, name: str) -> tuple[str, ...]:
    """What the shop has left that the last proposal made by a job did not reckon with, and why."""
    runs = newest(backend.engine, before=None, limit=LOOKED_AT, kind=Kind.PRICE)
    last = next((run.result for run in runs if run.state is State.DONE and run.result), {})
    named = re.compile(rf"(?:What |^|\+ ){re.escape(name)}(?:: | ha[sd] )")  # not a shop whose name ends alike
    return tuple(text for text in map(str, last.get("unused", ())) if named.search(text))
