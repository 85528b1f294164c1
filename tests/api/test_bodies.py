"""Slow senders wait for one another, and nobody for them."""

import io
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from api.bodies import AT_ONCE, SLOWEST, SlowError, flowing, received
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


def sender(*parts: bytes | Exception) -> Callable[[int], bytes]:
    """What reads from a sender of these parts."""
    left = iter(parts)

    def read(_size: int) -> bytes:
        part = next(left, b"")
        if isinstance(part, Exception):
            raise part
        return part

    return read


def test_a_file_comes_part_by_part() -> None:
    """In its order, to its end or to what went wrong."""
    with flowing(sender(b"a", b"b")) as parts:
        assert parts is not None
        assert list(parts) == [b"a", b"b"]
    with flowing(sender(b"a", OSError("gone"))) as parts, pytest.raises(OSError, match="gone"):
        list(parts or ())


def test_whoever_sends_drop_by_drop_is_given_up() -> None:
    """Once there was time to begin; a slow line is not."""
    for speed, slow in ((SLOWEST - 1000, True), (SLOWEST + 1000, False)):
        clock = iter(range(3000))
        with flowing(sender(*[b"x" * speed] * 2000), clock=lambda clock=clock: float(next(clock))) as parts:  # type: ignore[misc]  # a second each
            assert parts is not None
            if slow:
                with pytest.raises(SlowError):
                    list(parts)
            else:
                assert sum(map(len, parts)) == 2000 * speed


def test_few_files_come_at_a_time() -> None:
    """One more is told so; a place is free again however its block ended."""
    for _ in range(2):
        with ExitStack() as stack, suppress(KeyError):
            for _ in range(AT_ONCE):
                assert stack.enter_context(flowing(sender(b"a"))) is not None
            with flowing(sender(b"a")) as parts:
                assert parts is None
            raise KeyError
