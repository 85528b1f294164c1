"""The end of a run tells what each running shop took."""

from typing import Literal

import pytest

from tests.shops.conftest import lines


def report(test: str, when: Literal["setup", "call"], seconds: float, *said: tuple[str, object]) -> pytest.TestReport:
    """A report as a process of tests sends it."""
    return pytest.TestReport(
        test, ("", 0, test), {}, "passed", None, when, duration=seconds, user_properties=[("shop", "pretix"), *said]
    )


def test_a_shop_has_one_line_whatever_process_its_tests_ran_in() -> None:
    """Tests are counted once, however many reports tell of them; tests that need no shop are not told of."""
    alone = pytest.TestReport("elsewhere", ("", 0, ""), {}, "passed", None, "call", duration=9)
    reports = [report("a", "setup", 4.0, ("said", "held 300 MB")), report("a", "call", 1.0), report("b", "call", 2.0)]
    assert list(lines([alone, *reports])) == ["pretix: 2 tests in 7 s; held 300 MB"]
