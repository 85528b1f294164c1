"""The same idempotency key has its effect once; with another request it is refused."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from api.store.book import PriceBook
from api.store.database import open_database, reading
from api.store.requests import KEPT, Answered, fingerprint, once
from api.store.tables import freezes, requests
from pricing.errors import InputError, RefusedError
from tests.api.store.book_kit import NOW, Home, new_book, place_in

KEYS = int(os.environ.get("FAIRFARE_KEYS", "100"))
"""Keys sent ten times each; 1,000 for the record."""

asked = st.tuples(
    st.sampled_from(["ann", "bob"]), st.sampled_from(["k1", "k2", "k3"]), st.sampled_from(["a", "b"]), st.booleans()
)


class Effects:
    """A price book in which each effect is one row: a freeze whose reason says what was asked for."""

    def __init__(self, home: Home) -> None:
        self.book: PriceBook = new_book(home)
        self.engine: Engine = open_database(place_in(home))
        self.counted = PriceBook(self.engine)

    def ask(self, holder: str, key: str, body: str, *, fails: bool = False, at: timedelta = timedelta()) -> Answered:
        """Ask for an effect; a failure comes after it, in the same transaction."""

        def act() -> Answered:
            self.counted.freeze(by=holder, now=NOW, reason=f"{holder} {key} {body}")
            if fails:
                raise RefusedError("after the effect")
            return Answered(200, f"did {body} for {holder}")

        mark = fingerprint("POST", "/v1/x", body)
        return once(self.engine, act, holder=holder, key=key, mark=mark, now=NOW + at)

    def made(self) -> list[str]:
        """What was done, in order."""
        with reading(self.engine) as db:
            return list(db.scalars(select(freezes.c.reason).order_by(freezes.c.number)))

    def recorded(self) -> int:
        """How many answers are kept."""
        with reading(self.engine) as db:
            return db.scalar(select(func.count()).select_from(requests)) or 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=st.lists(asked, max_size=12))
def test_each_key_of_each_holder_takes_effect_once(
    new_home: Callable[[], Home], wishes: list[tuple[str, str, str, bool]]
) -> None:
    """Whatever is sent in whatever order, failures among it: one effect for each (holder, key) that succeeded."""
    effects, known = Effects(new_home()), dict[tuple[str, str], str]()
    for holder, key, body, fails in wishes:
        before = known.get((holder, key))
        if before is not None and before != body:
            with pytest.raises(InputError, match="another request"):
                effects.ask(holder, key, body, fails=fails)
        elif before is None and fails:
            with pytest.raises(RefusedError):
                effects.ask(holder, key, body, fails=fails)
        else:
            assert effects.ask(holder, key, body, fails=fails) == Answered(200, f"did {body} for {holder}")
            known[holder, key] = body
    assert sorted(effects.made()) == sorted(f"{holder} {key} {body}" for (holder, key), body in known.items())
    assert effects.recorded() == len(known)


def test_sent_ten_times_from_many_threads_each_key_takes_effect_once(home: Home) -> None:
    """Whoever comes while the first is at work waits for it, and gets its answer."""
    effects = Effects(home)
    sent = [f"k{n}" for n in range(KEYS) for _ in range(10)]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda key: effects.ask("ann", key, key), sent))
    assert answers == [Answered(200, f"did {key} for ann") for key in sent]
    assert sorted(effects.made()) == sorted({f"ann {key} {key}" for key in sent})


def test_a_record_and_its_effect_are_committed_together(home: Home) -> None:
    """Until the request is done nobody sees the effect; a crash in between would leave neither."""
    effects, seen = Effects(home), list[tuple[int, int]]()

    def act() -> Answered:
        effects.counted.freeze(by="ann", now=NOW, reason="x")
        other = threading.Thread(target=lambda: seen.append((len(effects.made()), effects.recorded())))
        other.start()
        other.join()
        return Answered(200, "done")

    once(effects.engine, act, holder="ann", key="k", mark="m", now=NOW)
    assert (seen, len(effects.made()), effects.recorded()) == ([(0, 0)], 1, 1)


def test_records_are_kept_for_a_week(home: Home) -> None:
    """Then the key is new again."""
    effects = Effects(home)
    effects.ask("ann", "old", "a")
    effects.ask("ann", "new", "a", at=KEPT)
    assert effects.recorded() == 2
    effects.ask("ann", "newer", "a", at=KEPT + timedelta(seconds=1))
    assert effects.recorded() == 2
    effects.ask("ann", "old", "b", at=KEPT + timedelta(seconds=1))


def test_parts_of_a_request_cannot_be_shifted_into_one_another() -> None:
    """A path that ends as a body begins is another request."""
    assert fingerprint("POST", "/ab", "c") != fingerprint("POST", "/a", "bc")
    assert fingerprint("POST", "/a", b"b") == fingerprint("POST", "/a", "b")


def test_the_table_holds_no_secret(tmp_path: Path) -> None:
    """Of a request its fingerprint is kept, not its body."""
    effects = Effects(tmp_path)
    effects.ask("ann", "k", "a very long and secret wish")
    with reading(effects.engine) as db:
        assert "secret wish" not in str([tuple(row)[:3] for row in db.execute(select(requests))])
