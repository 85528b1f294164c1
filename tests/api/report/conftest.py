"""One season for all tests of reports; it is only read."""

import pytest

from api.report.season import SeasonView
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
