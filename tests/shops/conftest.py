"""What a running shop costs is told at the end, one line a shop, however many processes the tests ran in."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path

import pytest

from tests.shops.processes import Server, installed

COST = pytest.StashKey[list[str]]()
"""What became known of a shop since the last report."""


def shop_of(test: pytest.Item) -> str | None:
    """The running shop a test needs, as its mark says, or else its module."""
    mark = test.get_closest_marker("shops")
    return None if mark is None else str(mark.args[0]) if mark.args else test.path.stem


@pytest.fixture(scope="module")
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Have something said of the shop at the end."""
    return request.config.stash.setdefault(COST, []).append


@pytest.fixture(scope="module")
def tell_cost(tell: Callable[[str], None]) -> Iterator[Callable[[Path, Server], None]]:
    """Have it said what a lock file took to install and a server to start, and what it held in the end."""
    servers: list[Server] = []

    def note(lock: Path, server: Server) -> None:
        made = installed(lock)
        tell(f"installed once in {made.seconds:.0f} s, {made.size:.0f} MB")
        tell(f"started in {server.took:.1f} s")
        servers.append(server)

    yield note
    for server in servers:
        tell(f"held {server.held:.0f} MB")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send along what became known: reports reach the process that prints."""
    report = yield
    if (shop := shop_of(item)) is not None:
        said = item.config.stash.setdefault(COST, [])
        report.user_properties += [("shop", shop), *(("said", words) for words in said)]
        said.clear()
    return report


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say it, below everything else."""
    printer = config.pluginmanager.get_plugin("terminalreporter")
    if printer is not None:
        reports = [report for some in printer.stats.values() for report in some if hasattr(report, "user_properties")]
        for line in lines(reports):
            printer.write_line(line)


def lines(reports: Iterable[pytest.TestReport]) -> Iterator[str]:
    """A line for each shop: how many tests it took how long, and what was said of it."""
    seconds: defaultdict[str, float] = defaultdict(float)
    tests, said = defaultdict[str, set[str]](set), defaultdict[str, list[str]](list)
    for report in reports:
        for shop in (str(value) for name, value in report.user_properties if name == "shop"):
            seconds[shop] += report.duration
            tests[shop].add(report.nodeid)
            said[shop] += [str(value) for name, value in report.user_properties if name == "said"]
    for shop in seconds:
        yield "; ".join([f"{shop}: {len(tests[shop])} tests in {seconds[shop]:.0f} s", *said[shop]])
