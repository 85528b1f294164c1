"""Running shops leave nothing behind, and what is made for them is whole or not used."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real_data import ROOT
from tests.shops import processes
from tests.shops.processes import Server, cache, environment, free_port, kept_port

SERVING = (
    "import http.server, os, sys; os.fork() and os.wait(); "
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()"
)
"""Answers from a child, as a shop with workers does."""


def taken(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def becomes(true: Callable[[], bool]) -> bool:
    """Whether something is so within half a minute."""
    end = time.monotonic() + 30
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


def server(folder: Path, program: str, port: int) -> Server:
    """A program as a server."""
    address = f"http://127.0.0.1:{port}/"
    return Server([sys.executable, "-c", program, str(port)], address, {}, folder, folder / "server.log")


def test_a_server_is_gone_with_its_children_when_it_is_killed_and_starts_again(tmp_path: Path) -> None:
    """At the same port, which nobody else was given meanwhile."""
    with kept_port() as port:
        shop = server(tmp_path, SERVING, port)
        for _ in range(2):
            shop.start()
            assert taken(port)
            shop.kill()
            assert not taken(port)
            assert shop.held > 0
            assert port not in {free_port() for _ in range(20)}


def test_a_server_ends_with_whoever_started_it_even_if_that_is_killed(tmp_path: Path) -> None:
    """Nothing that it started stays behind: neither a worker nor the port it listens on."""
    port = free_port()
    begin = (
        "import time; from pathlib import Path; from tests.shops.test_processes import SERVING, server; "
        f"server(Path({str(tmp_path)!r}), SERVING, {port}).start(); print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", begin], cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "up\n"
        assert taken(port)
        os.kill(starter.pid, signal.SIGKILL)
    assert becomes(lambda: not taken(port))


def test_a_server_that_ends_is_told_at_once_with_its_last_words(tmp_path: Path) -> None:
    """Nobody waits for what cannot come."""
    with pytest.raises(RuntimeError, match="no tables"):
        server(tmp_path, "raise SystemExit('no tables')", free_port()).start()


def test_what_a_shop_runs_in_holds_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of another Django, or a secret, in the environment of the tests do not reach it."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "another.settings")
    assert "DJANGO_SETTINGS_MODULE" not in processes.variables({})


@pytest.mark.parametrize("place", ["", "a file/below"])
def test_without_a_home_what_is_made_is_kept_beside_our_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Where there is no home, or it cannot be written, tests run nevertheless."""
    (tmp_path / "a file").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "ours"))
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / place) if place else "")
    assert cache() == tmp_path / "ours" / "shops"


def test_what_pip_cannot_install_is_said_and_leaves_nothing_to_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An index that does not serve something fails the gate in plain words, and the next run begins anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    lock = tmp_path / "absent.lock"
    lock.write_text(f"--no-index\nno-such-package==1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(RuntimeError, match=r"pip could not install what absent\.lock names"):
        environment(lock)
    assert "no-such-package" in capfd.readouterr().err
    assert not list(tmp_path.rglob("ready.json"))
