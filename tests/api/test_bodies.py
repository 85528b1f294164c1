"""Slow senders wait for one another, and nobody for them."""

import io
import threading
from pathlib import Path
from typing import Any

import pytest

from api.bodies import AT_ONCE, FILES, SLOWEST, SlowError, flowing, received
from api.store.keys import Scope
from tests.api.desk import Desk
from tests.api.store.book_kit import IDS
from tests.api.test_app import check_problem


class Slow(io.BytesIO):
    """A body that does not come until it may."""

    def __init__(self, text: bytes, begun: threading.Semaphore, may_come: threading.Event) -> None:
        super().__init__(text)
        self._begun, self._may_come = begun, may_come

    def _wait(self) -> None:
        self._begun.release()
        assert self._may_come.wait(20)

    def read(self, size: int | None = -1, /) -> bytes:
        """Wait, then read."""
        self._wait()
        return super().read(size)

    def readinto(self, buffer: Any, /) -> int:
        """Wait, then read."""
        self._wait()
        return super().readinto(buffer)


def test_slow_senders_hold_up_nobody_else(tmp_path: Path) -> None:
    """While as many as may are waited for, another is told to try again, and prices are read; then all are answered."""
    desk = Desk(tmp_path)
    begun, may_come, answers = threading.Semaphore(0), threading.Event(), list[int]()

    def send() -> None:
        text = b'{"reason": "slow"}'
        slow: dict[str, Any] = {
            "input_stream": Slow(text, begun, may_come),
            "headers": {"Content-Type": "application/json"},
        }
        answers.append(desk.bob("PUT", "/v1/freeze", content_length=len(text), **slow).status_code)

    senders = [threading.Thread(target=send) for _ in range(AT_ONCE)]
    for sender in senders:
        sender.start()
        assert begun.acquire(timeout=20)
    refused = desk.bob("PUT", "/v1/freeze", {"reason": "x"})
    check_problem(refused, 503)
    assert refused.headers["Retry-After"] == "1"
    assert desk.send("GET", f"/v1/prices/{IDS[0]}", key=desk.keys["eve", Scope.PRICES_READ]).status_code == 200
    may_come.set()
    for sender in senders:
        sender.join()
    assert answers == [200] * AT_ONCE
    assert received(lambda: b"x") == b"x"


def test_of_a_stranger_nothing_is_read(tmp_path: Path) -> None:
    """Neither by the application nor by the express lane of quotes."""
    desk = Desk(tmp_path)
    begun, may_come = threading.Semaphore(0), threading.Event()
    for path in ("/v1/quotes", "/v1/publications"):
        slow: dict[str, Any] = {
            "input_stream": Slow(b"{}", begun, may_come),
            "headers": {"Content-Type": "application/json"},
        }
        check_problem(desk.send("POST", path, key="ff_wrong", content_length=2, **slow), 401)
    assert not begun.acquire(blocking=False)


def test_slow_forms_hold_up_nobody_with_a_key(tmp_path: Path) -> None:
    """While as many strangers as may send the desk a form, another is told to try again, and bodies with keys come."""
    desk = Desk(tmp_path)
    begun, may_come, answers = threading.Semaphore(0), threading.Event(), list[int]()

    def send() -> None:
        text = b"name=Vera"
        slow: dict[str, Any] = {
            "input_stream": Slow(text, begun, may_come),
            "headers": {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://localhost"},
        }
        answers.append(desk.send("POST", "/desk/sign-in", content_length=len(text), **slow).status_code)

    senders = [threading.Thread(target=send) for _ in range(AT_ONCE)]
    for sender in senders:
        sender.start()
        assert begun.acquire(timeout=20)
    refused = desk.send("POST", "/desk/sign-in", headers={"Origin": "http://localhost"}, data={"name": "Vera"})
    assert refused.status_code == 503
    assert desk.bob("PUT", "/v1/freeze", {"reason": "x"}).status_code == 200
    may_come.set()
    for sender in senders:
        sender.join()
    assert answers == [401] * AT_ONCE


class Drip:
    """A sender of which every part comes when it may."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self._parts = list(parts)
        self.may_come = threading.Semaphore(0)

    def read(self, _size: int) -> bytes:
        """Wait, then give the next part."""
        assert self.may_come.acquire(timeout=20)
        part = self._parts.pop(0) if self._parts else b""
        if isinstance(part, Exception):
            raise part
        return part


def free_again() -> bool:
    """Whether every place for files is free, once the threads that read have ended."""
    taken = [FILES.acquire(timeout=20) for _ in range(AT_ONCE)]
    for _ in taken:
        FILES.release()
    return all(taken)


def test_a_file_comes_part_by_part() -> None:
    """In its order, to its end or to what went wrong."""
    sender = Drip(b"a", b"b")
    sender.may_come.release(3)
    parts = flowing(sender.read)
    assert parts is not None
    assert list(parts) == [b"a", b"b"]
    sender = Drip(b"a", OSError("gone"))
    sender.may_come.release(2)
    parts = flowing(sender.read)
    assert parts is not None
    with pytest.raises(OSError, match="gone"):
        list(parts)
    assert free_again()


def test_whoever_sends_nothing_is_given_up() -> None:
    """The thread that answers goes on; the place is free once the sender is gone."""
    sender = Drip(b"a")
    sender.may_come.release()
    parts = flowing(sender.read, silence=0.05)
    assert parts is not None
    assert next(parts) == b"a"
    with pytest.raises(SlowError):
        next(parts)
    sender.may_come.release()
    assert free_again()


def test_whoever_sends_drop_by_drop_is_given_up() -> None:
    """Once there was time to begin; a slow line is not."""
    for speed, slow in ((SLOWEST - 1000, True), (SLOWEST + 1000, False)):
        sender, clock = Drip(*[b"x" * speed] * 2000), iter(range(3000))
        sender.may_come.release(2001)
        parts = flowing(sender.read, clock=lambda clock=clock: float(next(clock)))  # type: ignore[misc]  # a second each
        assert parts is not None
        if slow:
            with pytest.raises(SlowError):
                list(parts)
        else:
            assert sum(map(len, parts)) == 2000 * speed
        sender.may_come.release(3000)
        assert free_again()


def test_files_that_nobody_asks_for_any_more_are_left() -> None:
    """Their reader ends, though nobody had listened yet; one more than may is told so meanwhile."""
    senders = [Drip(*[b"x"] * 100) for _ in range(AT_ONCE)]
    flows = [flowing(sender.read) for sender in senders]
    assert None not in flows
    assert flowing(senders[0].read) is None
    for sender in senders:
        sender.may_come.release(100)
    for flow in flows:
        assert flow is not None
        flow.close()  # type: ignore[attr-defined]  # a generator
    assert free_again()
