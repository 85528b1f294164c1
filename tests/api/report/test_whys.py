"""What a price rests on, and what else could have been done, is told from the decision alone."""

from dataclasses import replace
from decimal import Decimal

from api.report.whys import Step, whys
from pricing.outcome import Alternative, Explanation, Gain, Otherwise, Outcome
from tests.api.report.season import decision

GAIN = Gain(12.0, -3.0, 27.0, 0.2)
OTHER = Alternative(Outcome(Decimal(22), 45.0, 40.0, 50.0, 990.0, 880.0, 1100.0), 900.0, GAIN, "costs too much")


def test_evidence_comes_first_then_what_is_in_the_way_then_what_would_be_otherwise() -> None:
    """Each with its figures; the neighbouring steps stand apart, and what only experts read comes last."""
    found = Explanation(
        ("a rule",), None, OTHER, Otherwise(Decimal(22), GAIN), Otherwise(Decimal(20), GAIN, "of doubt")
    )
    told = whys(replace(decision(), explanation=found))
    assert told.sentences == (
        "At today's price: 50 units (80% range 40 to 60). Elasticity −2.00, standard error 0.20, identified.",
        "In the way: a rule.",
        "If the cap let it go one step further: €22.00, +€12 (−€3 to +€27).",
        "If buyers minded the price 20% less: the price would be held, because of doubt.",
    )
    assert told.steps == (
        Step("€22.00", "45", "€990", "€900", "+€12", "−€3 to +€27", "Not chosen: it costs too much."),
    )
    assert told.model == "count"
    assert told.costs, "margins are not revenues"


def test_without_alternatives_only_the_evidence_is_told() -> None:
    """Nothing is made up."""
    told = whys(decision())
    assert (len(told.sentences), told.steps, told.costs) == (1, (), False)
