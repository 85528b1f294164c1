"""A bell is rung by whoever likes, and says nothing but that it was."""

import socket
from contextlib import closing

import httpx
import pytest

from api.shops.bell import hung
from pricing.errors import InputError
from tests.shops.processes import free_port


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff" * 5_000], ids=["nothing", "something", "nonsense"])
def test_whatever_is_posted_rings(body: bytes) -> None:
    """It is answered with nothing, and a look at it alone does not ring."""
    with hung(port := free_port()) as rung:
        assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 501
        assert not rung.is_set()
        answer = httpx.post(f"http://127.0.0.1:{port}/any/path", content=body, trust_env=False)
        assert (answer.status_code, answer.content) == (204, b"")
        assert rung.is_set()


def test_a_line_that_says_nonsense_keeps_nobody_else_out(capfd: pytest.CaptureFixture[str]) -> None:
    """Garbage, and a length that is none, neither stop the bell nor write into our log."""
    with hung(port := free_port()) as rung:
        with closing(socket.create_connection(("127.0.0.1", port))) as line:
            line.sendall(b"\x00\x01\r\n\r\n")
        with closing(socket.create_connection(("127.0.0.1", port))) as line:
            line.sendall(b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n")
            assert line.recv(100).startswith(b"HTTP/1.0 204")
        assert rung.wait(5)
    assert capfd.readouterr().err == ""


def test_a_bell_taken_down_lets_its_port_go() -> None:
    """The next one hangs there."""
    port = free_port()
    for _ in range(2):
        with hung(port) as rung:
            httpx.post(f"http://127.0.0.1:{port}/", trust_env=False)
            assert rung.is_set()


def test_a_port_that_is_taken_is_told() -> None:
    """A slip of the number ends in a sentence."""
    with hung(port := free_port()), pytest.raises(InputError, match=f"port {port} cannot be listened on"), hung(port):
        pass
