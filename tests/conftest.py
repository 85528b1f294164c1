"""Each test draws and logs the same whatever ran before it: a green run stays green."""

import pytest
import structlog
from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)  # however busy the machine is
settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def everything_is_logged() -> None:
    """How much a command that ran in this process before wants to hear of is not this test's business."""
    structlog.reset_defaults()
