"""Every kind of rule is documented, with an example that reads and solves."""

import json
import re
from typing import get_args

from api.documents.problem_json import read_problem
from api.documents.rule_models import TAGS
from optimization.solve import HighsOptimizer
from pricing.plan import Status
from pricing.rules import Rule
from tests.real_data import ROOT

PAGE = (ROOT / "docs" / "optimization.md").read_text(encoding="utf-8")


def test_the_example_of_the_docs_has_every_rule_and_an_answer() -> None:
    """What a reader copies works, and shows each rule there is."""
    found = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    assert {rule["type"] for rule in json.loads(found[1])["rules"]} == TAGS
    case = read_problem(found[1])
    assert {type(rule) for rule in case.rules} == set(get_args(Rule))
    assert HighsOptimizer().solve(case, time_limit=9).report.status is Status.OPTIMAL


def test_every_rule_has_its_mathematics_in_the_docs() -> None:
    """A row of the table of families each."""
    assert [tag for tag in sorted(TAGS) if f"| `{tag}` |" not in PAGE] == []
