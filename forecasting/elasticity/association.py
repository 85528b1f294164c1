"""What the groups of one table, looked at together, take away from the trust in each.

Guarantees
----------
* Nothing is ever trusted more for the company it keeps.
* What one group is too short to show, many show: where all of them together have followed demand, none is identified.
"""

from collections.abc import Sequence
from dataclasses import replace

from forecasting.elasticity.feedback import alarm_together
from forecasting.elasticity.identification import Verdict, with_care
from pricing.demand import Identification

TAINTED = 0.25
"""Share of the groups with a clear slope that may show feedback before the untested ones are refused."""


def by_association(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Withdraw trust where many groups of one table show that price followed demand.

    Prices of one table are set by one hand. Where, among groups with a clear slope, at least `TAINTED` of them (and
    three) show that price followed demand, a group too short to be tested is not believed, and none speaks for others.
    Where the tests of all groups together show it, none of those tested is called identified.
    """
    verdicts = _seen_together(verdicts)
    clear = [v for v in verdicts if v.followed or v.status is not Identification.NOT_IDENTIFIED]
    followed = sum(v.followed for v in clear)
    if followed < 3 or followed < TAINTED * len(clear):
        return list(verdicts)
    reason = (
        f"Price followed demand in {followed} of the {len(clear)} groups with a clear answer, and here there are too "
        "few rows to check whether it did."
    )
    return [
        Verdict(Identification.NOT_IDENTIFIED, reason)
        if v.status is Identification.WEAK and not v.tested
        else replace(v, credible=False)
        for v in verdicts
    ]


def _seen_together(verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
    """Doubt what is identified by itself where price followed demand by the tests of all groups together."""
    tests = [v.test for v in verdicts if v.test is not None]
    if not alarm_together(tests):
        return verdicts
    doubt = (
        f"over the {len(tests)} groups of this table that could be tested prices partly followed demand, though here "
        "alone it does not show"
    )
    return [
        replace(v, status=Identification.WEAK, reason=with_care([doubt]), credible=False)
        if v.status is Identification.IDENTIFIED and v.test is not None
        else v
        for v in verdicts
    ]
