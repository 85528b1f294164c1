"""One season and one shop for all tests of reports; they are only read."""

import pytest

from api.report.season import SeasonView
from tests.api.report.responses import Shop, make_shop
from tests.api.report.season import Case, make_case


@pytest.fixture(scope="session")
def case() -> Case:
    """All a season report is made from."""
    return make_case()


@pytest.fixture(scope="session")
def view(case: Case) -> SeasonView:
    """What the season's report says."""
    return case.view()


@pytest.fixture(scope="session")
def page(case: Case) -> str:
    """The season's report."""
    return case.report()


@pytest.fixture(scope="session")
def shop() -> Shop:
    """A shop whose price response was estimated."""
    return make_shop()
