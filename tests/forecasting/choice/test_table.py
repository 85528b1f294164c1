"""The tables of an answer agree with each other, and hand on no number the choices cannot tell."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from forecasting.choice.fit import Model
from forecasting.choice.layout import Layout
from forecasting.choice.table import Answer, choice_tables
from pricing.errors import InputError
from tests.forecasting.choice.markets import NESTS, choices, wide

LAYOUT = Layout({n: n for n in ("bus", "rail", "car")}, ("price",), attributes=("time",), available="av")
NUMBERS = ["elasticity", "se", "lower", "upper", "at_means"]


def answer(seed: int = 0, *, slope: float = -0.8, n: int = 600, layout: Layout = LAYOUT, **options: object) -> Answer:
    """The answer for choices simulated with this price coefficient."""
    made = choices(np.random.default_rng(seed), n=n, slopes=(slope,))
    return choice_tables(wide(made), layout, **options)  # type: ignore[arg-type]


def value(of: Answer, statistic: str) -> float:
    """A line of the summary."""
    return float(of.summary.set_index("statistic")["value"][statistic])


def test_the_tables_agree() -> None:
    """Ratios of coefficients are the willingness to pay, differences of log-likelihoods the tests."""
    made = answer()
    beta = made.coefficients.set_index("term")["coefficient"]
    worth = made.willingness.set_index("term")["willingness_to_pay"]
    assert worth["time"] == pytest.approx(beta["time"] / -beta["price"])
    level, null = value(made, "log-likelihood"), value(made, "log-likelihood, equal probabilities")
    assert value(made, "rho-squared") == pytest.approx(1 - level / null)
    gain = 2 * (level - value(made, "log-likelihood, constants only"))
    assert value(made, "likelihood ratio against constants only") == pytest.approx(gain)
    assert len(made.elasticities) == 9
    assert set(made.elasticities["status"]) == {"identified"}
    assert any("choices alone cannot show" in note for note in made.notes)


@pytest.mark.parametrize(("slope", "n", "said"), [(0.0, 600, "no reaction"), (0.5, 600, "chosen more")])
def test_what_is_not_identified_has_no_number(slope: float, n: int, said: str) -> None:
    """Neither willingness to pay nor elasticity; the coefficient stays, with its interval."""
    made = answer(3, slope=slope, n=n)
    assert set(made.willingness["status"]) == {"not-identified"}
    assert made.willingness[["willingness_to_pay", "se", "lower", "upper"]].isna().all(axis=None)
    assert made.elasticities[NUMBERS].isna().all(axis=None)
    assert made.willingness["reason"].str.contains(said).all()
    assert made.coefficients["coefficient"].notna().all()


def test_what_is_said_of_all_is_as_weak_as_the_weakest_segment() -> None:
    """A segment that can be told keeps its numbers."""
    made = choices(np.random.default_rng(0), n=1500, slopes=(-1.0, 0.3))
    frame = wide(made).assign(kind=made.segment)
    table = choice_tables(frame, dataclasses.replace(LAYOUT, segment="kind")).elasticities
    by = table.groupby("segment")["elasticity"]
    assert by.count().to_dict() == {"all": 0, "kind=0": 9, "kind=1": 0}


def test_a_log_sum_outside_0_to_1_is_said() -> None:
    """Choices in which alternatives of the nest repel each other: utility maximisation does not make them."""
    made = choices(np.random.default_rng(1), n=3000, logsum=1.8)
    found = choice_tables(wide(made), LAYOUT, Model(nests=NESTS))
    assert float(found.coefficients["coefficient"].iloc[-1]) > 1
    assert any("outside 0 to 1" in note for note in found.notes)
    assert "p-value against multinomial" in set(found.summary["statistic"])


def test_people_held_out_are_foretold_and_the_same_seed_holds_out_the_same() -> None:
    """A fifth of the people, whole."""
    made = choices(np.random.default_rng(2), n=1000)
    frame = wide(made).assign(who=np.arange(1000) // 4)
    layout = dataclasses.replace(LAYOUT, person="who")
    first, again = (choice_tables(frame, layout, holdout=0.2, seed=1) for _ in range(2))
    assert first.shares is not None
    assert again.shares is not None
    pd.testing.assert_frame_equal(first.shares, again.shares)
    assert value(first, "choices held out") == 200
    assert value(first, "people") == 200
    assert first.shares["predicted"].to_numpy() == pytest.approx(first.shares["chosen"], abs=0.1)


@pytest.mark.parametrize(("n", "share", "out"), [(40, 0.01, 1), (60, 0.9, 54)])
def test_a_share_held_out_is_at_least_one_person(n: int, share: float, out: int) -> None:
    """A share that rounds to nobody is foretold for one."""
    made = answer(n=n, holdout=share, layout=dataclasses.replace(LAYOUT, attributes=()))
    assert value(made, "choices held out") == out
    assert value(made, "choices") == n - out


def test_holding_people_out_leaves_someone() -> None:
    """Nine tenths of three people are two; the third alone is too few, and said so."""
    frame = wide(choices(np.random.default_rng(2), n=300)).assign(who=np.arange(300) % 3)
    with pytest.raises(InputError, match="only 1 people"):
        choice_tables(frame, dataclasses.replace(LAYOUT, person="who"), holdout=0.9)


def test_weights_count_as_rows_in_every_table() -> None:
    """Thirty rows of weight ten are three hundred choices: enough to judge, with the same errors."""
    frame = wide(choices(np.random.default_rng(8), n=29)).assign(w=10)
    layout = dataclasses.replace(LAYOUT, attributes=())
    heavy = choice_tables(frame, dataclasses.replace(layout, weights="w"))
    rows = choice_tables(frame.loc[frame.index.repeat(10)].reset_index(drop=True), layout)
    for table in ("coefficients", "summary", "willingness", "elasticities"):
        pd.testing.assert_frame_equal(getattr(heavy, table), getattr(rows, table), rtol=1e-5)


def test_wrong_nests_are_said_with_what_is_wrong_with_the_table() -> None:
    """One error with every problem."""
    nests = {"a": ("bus",), "b": ("rail", "boat"), "c": ("rail", "car")}
    with pytest.raises(InputError) as refused:
        answer(layout=dataclasses.replace(LAYOUT, person="who"), model=Model(nests=nests))
    for word in ("'a'", "'boat'", "'rail'", "who"):
        assert word in str(refused.value)


def test_too_few_people_for_errors_are_refused() -> None:
    """One person's thousand choices are one piece of evidence; 3 choices are not enough for 4 coefficients."""
    made = choices(np.random.default_rng(4), n=1000)
    with pytest.raises(InputError, match="only 1 people"):
        choice_tables(wide(made).assign(who="x"), dataclasses.replace(LAYOUT, person="who"))
    with pytest.raises(InputError):
        choice_tables(wide(made).iloc[:3], LAYOUT)


def test_few_people_are_weak_evidence() -> None:
    """Errors by person need many persons, and robust ones many choices."""
    frame = wide(choices(np.random.default_rng(5), n=400)).assign(who=np.arange(400) % 12)
    made = choice_tables(frame, dataclasses.replace(LAYOUT, person="who"))
    assert set(made.willingness["status"]) == {"weak"}
    assert "only 12 people" in made.willingness["reason"].iloc[0]
    assert set(choice_tables(frame, LAYOUT).willingness["status"]) == {"identified"}
