"""The multinomial logit finds the maximum of its likelihood, or says that there is none."""

import dataclasses

import numpy as np
import pytest
from statsmodels.discrete.conditional_models import ConditionalLogit

from forecasting.choice.design import lay_out, terms_of
from forecasting.choice.logit import UnboundedError, loglik, multinomial
from tests.forecasting.choice.markets import choices


def test_it_agrees_with_statsmodels() -> None:
    """Coefficients, classical errors and log-likelihood of a conditional logit, alternatives missing at random."""
    made = choices(np.random.default_rng(1))
    made = made.where(made.available.sum(axis=1) > 1)  # statsmodels warns of situations that tell nothing
    design = lay_out(made, terms_of(made, attributes=["time"]))
    best = multinomial(design)
    situation, place = np.nonzero(made.available)
    taken = (made.chosen[situation] == place).astype(int)
    theirs = ConditionalLogit(taken, design.x[situation, place], groups=situation).fit(disp=False, method="newton")
    assert best.loglik == pytest.approx(theirs.llf, abs=1e-8)
    assert best.theta == pytest.approx(theirs.params, abs=1e-6)
    assert np.sqrt(np.diag(np.linalg.inv(best.information))) == pytest.approx(theirs.bse, abs=1e-4)


def test_the_gradient_is_zero_and_every_step_away_is_lower() -> None:
    """In all directions, at a scale of columns far from 1."""
    made = choices(np.random.default_rng(2))
    made = dataclasses.replace(made, values={"price": made.values["price"] * 1e4, "time": made.values["time"] / 1e4})
    design = lay_out(made, terms_of(made, attributes=["time"]))
    best = multinomial(design)
    assert best.scores.sum(axis=0) / np.sqrt(np.diag(best.information)) == pytest.approx(np.zeros(4), abs=1e-6)
    for step in np.diag(1 / np.sqrt(np.diag(best.information))):
        assert loglik(design, best.theta + step) < best.loglik
        assert loglik(design, best.theta - step) < best.loglik


def test_a_weight_counts_like_rows() -> None:
    """A situation of weight 2 is two situations."""
    made = choices(np.random.default_rng(3), n=60)
    terms = terms_of(made)
    heavy = dataclasses.replace(lay_out(made, terms), weight=np.where(np.arange(60) < 20, 2.0, 1.0))
    index = np.concatenate([np.arange(60), np.arange(20)])
    whole = lay_out(made, terms)
    rows = dataclasses.replace(
        whole, x=whole.x[index], available=whole.available[index], chosen=whole.chosen[index], weight=np.ones(80)
    )
    assert multinomial(heavy).theta == pytest.approx(multinomial(rows).theta, abs=1e-8)


@pytest.mark.parametrize("level", [1e4, 1e8])
def test_a_level_that_all_alternatives_share_changes_nothing(level: float) -> None:
    """Prices a cent apart at a hundred million, alternatives missing: the same coefficient and information."""
    made = choices(np.random.default_rng(6))
    shifted = dataclasses.replace(made, values={"price": (made.values["price"] + level) * made.available})
    plain, far = (multinomial(lay_out(c, terms_of(c))) for c in (made, shifted))
    assert far.theta == pytest.approx(plain.theta, rel=1e-5)
    assert far.loglik == pytest.approx(plain.loglik)
    assert far.information == pytest.approx(plain.information, rel=1e-5)


@pytest.mark.parametrize("scale", [1.0, 1e5])
def test_a_column_that_foretells_the_choice_is_named(scale: float) -> None:
    """Perfect separation has no maximum, so no number is given."""
    made = choices(np.random.default_rng(4), n=200)
    tell = (np.arange(3) == made.chosen[:, None]) * scale
    values = {**made.values, "booked": tell * made.available}
    design = lay_out(dataclasses.replace(made, values=values), terms_of(made, attributes=["booked", "time"]))
    with pytest.raises(UnboundedError, match="booked"):
        multinomial(design)


def test_separation_in_part_is_found_too() -> None:
    """A column that is only ever set in rows where its alternative was taken, else 0."""
    made = choices(np.random.default_rng(5), n=200)
    tell = (np.arange(3) == made.chosen[:, None]) * (np.arange(200) < 20)[:, None]
    design = lay_out(
        dataclasses.replace(made, values={**made.values, "gift": tell * 1.0}), terms_of(made, attributes=["gift"])
    )
    with pytest.raises(UnboundedError, match="gift"):
        multinomial(design)
