"""The one place that reads the clock; everything else takes `now` as an argument."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current instant, UTC."""
    return datetime.now(UTC)  # noqa: TID251  # this is the place
