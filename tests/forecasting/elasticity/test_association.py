"""Groups of one table whose price followed demand take the trust from the others, and never add to it."""

import numpy as np

from forecasting.elasticity.association import by_association
from forecasting.elasticity.feedback import Direction, Feedback
from forecasting.elasticity.identification import Verdict
from pricing.demand import Identification

IDENTIFIED, WEAK, REFUSED = Identification.IDENTIFIED, Identification.WEAK, Identification.NOT_IDENTIFIED


def test_many_groups_whose_price_followed_demand_discredit_the_untested() -> None:
    """Three of seven clear groups: the four that could not be tested are refused, none speaks for others."""
    followed = Verdict(REFUSED, "followed", followed=True)
    untested, unclear = Verdict(WEAK, "few rows", credible=True, tested=False), Verdict(REFUSED, "?", credible=True)
    tested = Verdict(IDENTIFIED, "tested", credible=True)
    verdicts = by_association([followed] * 3 + [untested] * 3 + [tested, unclear])
    assert [v.status for v in verdicts[3:]] == [REFUSED] * 3 + [IDENTIFIED, REFUSED]
    assert not any(v.credible for v in verdicts)
    harmless = [followed] + [untested] * 3
    assert by_association(harmless) == harmless


def test_what_all_groups_show_together_leaves_none_identified() -> None:
    """Twelve products, each too short to show it alone; the reason says so."""
    lag = [Direction(0.1, 0.1, 1.6, np.arange(60) + 100 * k, np.full(60, 60**-0.5)) for k in range(12)]
    alone = [Verdict(IDENTIFIED, "tested", credible=True, test=Feedback(300, one, Direction())) for one in lag]
    untested = Verdict(IDENTIFIED, "with instruments", credible=True)
    verdicts = by_association([*alone, untested])
    assert {v.status for v in verdicts[:-1]} == {WEAK}
    assert "12 groups" in verdicts[0].reason
    assert not any(v.credible for v in verdicts[:-1])
    assert verdicts[-1] == untested
