"""What happened last at a shop is told whole, whoever writes it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from api.shops.model import Held, Refused
from api.shops.status import FILE, DriftedPlace, LastPull, LastPush, Problem, Status, note
from tests.shops.shelf import NOW


def test_what_is_not_told_stays_as_it_was(tmp_path: Path) -> None:
    """Each step tells its own part; a folder is made."""
    folder = tmp_path / "shops" / "till"
    assert Status.read(folder) == Status()
    whole = Status(
        pulled=LastPull(NOW, 3, ("a: no price",)),
        pushed=LastPush(NOW, "version 7", whole=False),
        problem=Problem(NOW, "no answer", permanent=False),
        drifted=(DriftedPlace("a", "A", "10.00", "11.00"),),
        held=(Held("b", "B", "version 7"),),
        refused=(Refused("c", "the shop has no price there"),),
    )
    for name in Status.__slots__:
        note(folder, **{name: getattr(whole, name)})
    assert Status.read(folder) == whole
    note(folder, problem=None)
    assert (Status.read(folder).problem, Status.read(folder).pulled) == (None, whole.pulled)
    assert (folder / FILE).stat().st_mode & 0o077 == 0


def test_two_who_write_at_a_time_lose_nothing(tmp_path: Path) -> None:
    """A loop pulls while a job pushes."""

    def pull(number: int) -> None:
        note(tmp_path, pulled=LastPull(NOW, number))

    def push(number: int) -> None:
        note(tmp_path, pushed=LastPush(NOW, f"version {number}", whole=True))

    for number in range(10):
        with ThreadPoolExecutor(2) as both:
            both.submit(pull, number)
            both.submit(push, number)
        told = Status.read(tmp_path)
        assert (told.pulled, told.pushed) == (LastPull(NOW, number), LastPush(NOW, f"version {number}", whole=True))


def test_a_damaged_file_is_none(tmp_path: Path) -> None:
    """The next step writes it anew."""
    (tmp_path / FILE).write_text("{", encoding="utf-8")
    assert Status.read(tmp_path) == Status()
    note(tmp_path, held=(Held("b", "B", "version 7"),))
    assert Status.read(tmp_path).held
