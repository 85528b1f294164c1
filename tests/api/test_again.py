"""What fails is tried again after growing waits, and said once."""

import structlog
from structlog.testing import capture_logs

from api.again import LONGEST, Said, Waits


def test_waits_double_up_to_the_longest_and_begin_anew_after_a_success() -> None:
    """Ten seconds apart."""
    waits = Waits(10.0)
    assert [waits.failed() for _ in range(6)] == [20.0, 40.0, 80.0, 160.0, LONGEST, LONGEST]
    waits.done()
    assert waits.failed() == 20.0


def test_a_failure_is_waited_after_for_no_shorter_than_a_success() -> None:
    """Rounds may be an hour apart; after a million failures the wait is still a number."""
    waits = Waits(3600.0)
    assert {waits.failed() for _ in range(2000)} == {3600.0}


def test_what_stands_in_the_way_is_said_once_and_that_it_is_over_too() -> None:
    """Whatever else comes in between; after a success it is said anew."""
    with capture_logs() as logged:
        said = Said(structlog.get_logger())
        for reason in ("down", "refused", "down", "refused", "down"):
            said.failed(reason)
        said.done(())
        said.done(())
        said.failed("down")
    assert [(line["event"], line.get("reason")) for line in logged] == [
        ("cannot be done now; it is tried again", "down"),
        ("cannot be done now; it is tried again", "refused"),
        ("done again", None),
        ("cannot be done now; it is tried again", "down"),
    ]


def test_what_is_not_as_it_should_be_is_said_once_while_it_lasts() -> None:
    """A failure in between changes nothing about it."""
    with capture_logs() as logged:
        said = Said(structlog.get_logger())
        said.done(("drift",))
        said.failed("down")
        said.done(("drift", "frozen"))
        said.done(())
        said.done(("drift",))
    remarks = [line["reason"] for line in logged if line["event"] == "not as it should be"]
    assert remarks == ["drift", "frozen", "drift"]
