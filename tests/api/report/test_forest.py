"""A forest shows each group's status and reason, and counts every miss where the truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd

from api.report.forest import Group, by_columns, description, groups, position, truth_sentence
from pricing.demand import Identification
from pricing.simulation import TICKETS
from tests.api.report.season import elasticities

TRUTH = {(who.product, who.segment): who.elasticity for who in TICKETS}
KNOWN = Group(("a",), -2.0, -2.5, -1.5, -2.1, Identification.IDENTIFIED, "It moved. Details.", "500 rows", -1.9)


def test_the_best_known_come_first_and_by_columns_are_those_before_the_estimate() -> None:
    """What cannot be told ends the list."""
    table = elasticities(TRUTH)
    made = groups(table.sort_values("status", ascending=False))
    assert by_columns(table) == ["product", "segment"]
    assert made[-1].names == ("VIP", "adult")
    assert made[-1].status is Identification.NOT_IDENTIFIED
    assert made[-1].reason == "Price followed demand (−0.2). More."
    assert (made[-1].verdict, made[-1].detail) == ("Price followed demand (−0.2).", "More.")


def test_a_group_without_a_number_is_unknown_never_zero() -> None:
    """Its interval is missing, and it is not judged against the truth."""
    made = groups(elasticities(TRUTH).assign(elasticity=np.nan, lower=np.nan, upper=np.nan, raw_elasticity=np.nan))
    assert not any(group.known for group in made)
    assert description(made[0]) == "no raw estimate"
    assert truth_sentence([replace(group, truth=-1.0) for group in made]) is None


def test_misses_the_engine_was_not_sure_of_are_told_from_bold_ones() -> None:
    """A miss of an identified group is named."""
    unsure = replace(KNOWN, truth=-9.0, status=Identification.WEAK)
    bold = replace(KNOWN, names=("b", "student"), truth=-9.0)
    assert truth_sentence([KNOWN, unsure]) == (
        "1 of 2 intervals contain the truth; every one the engine was not sure of is marked (1 of 2)."
    )
    assert "1 of 2 intervals contain the truth; one miss among those the engine was sure of: b · student" in str(
        truth_sentence([KNOWN, bold])
    )
    assert truth_sentence([replace(KNOWN, truth=None)]) is None


def test_what_lies_beyond_the_scale_stands_at_its_edge() -> None:
    """The scale is one for all rows."""
    assert [position(slope) for slope in (-50, -5, -2, 1, 3)] == [0, 0, 50, 100, 100]


def test_an_empty_table_has_no_groups() -> None:
    """Nothing was estimated."""
    assert groups(pd.DataFrame()) == ()
