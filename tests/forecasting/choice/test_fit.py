"""Fits recover known truth, with intervals that hold it, and reproduce published answers."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from forecasting.choice.choices import Choices
from forecasting.choice.fit import Model, fit, foretold
from forecasting.choice.layout import Layout
from forecasting.choice.reading import read_choices
from pricing.errors import InputError
from tests.forecasting.choice.markets import CONSTANTS, NESTS, PRICE, TIME, choices
from tests.real_data import real_data

TRUTH = np.array([*CONSTANTS[1:3], PRICE, TIME])
MODEL = Model(attributes=("time",))


def test_95_percent_intervals_hold_the_truth_of_the_multinomial_logit() -> None:
    """In 92 to 98 of 100, over 150 seeds and four coefficients."""
    inside = []
    for seed in range(150):
        found = fit(choices(np.random.default_rng(seed), n=200), MODEL)
        inside.append(np.abs(found.theta - TRUTH) <= found.critical * found.se)
    assert 0.92 <= np.mean(inside) <= 0.98
    assert np.all(np.mean(inside, axis=0) > 0.90)


def test_95_percent_intervals_hold_the_truth_of_the_nested_logit() -> None:
    """In 92 to 98 of 100, over 100 seeds, log-sum parameter included; its mean is near the truth."""
    model, inside, logsum = dataclasses.replace(MODEL, nests=NESTS), [], []
    for seed in range(100):
        found = fit(choices(np.random.default_rng(seed), n=300, logsum=0.6), model)
        inside.append(np.abs(found.theta - [*TRUTH, 0.6]) <= found.critical * found.se)
        logsum.append(found.theta[-1])
    assert 0.92 <= np.mean(inside) <= 0.98
    assert np.mean(logsum) == pytest.approx(0.6, abs=0.05)


def test_errors_clustered_by_person_hold_where_a_person_chooses_again_and_again() -> None:
    """Every person answers the same question 8 times alike: robust errors alone would be far too small."""
    inside, naive = [], []
    for seed in range(60):
        once = choices(np.random.default_rng(seed), n=150)
        again = once.where(np.repeat(np.arange(150), 8))
        people = fit(again, MODEL)
        alone = fit(dataclasses.replace(again, person=np.arange(1200)), MODEL)
        inside.append(np.abs(people.theta - TRUTH) <= people.critical * people.se)
        naive.append(np.abs(alone.theta - TRUTH) <= alone.critical * alone.se)
    assert people.clusters == 150
    assert 0.92 <= np.mean(inside) <= 0.98
    assert np.mean(naive) < 0.7


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("nests", [{}, NESTS])
def test_a_row_of_weight_ten_has_the_errors_of_ten_rows(told: bool, nests: dict[str, tuple[str, ...]]) -> None:
    """Robust and classical, limits, and how many chose; of ten people, or where people are told of one."""
    once = dataclasses.replace(choices(np.random.default_rng(7), n=300, logsum=0.6 if nests else 1.0), told=told)
    ten = once.where(np.repeat(np.arange(300), 10))
    heavy = dataclasses.replace(once, weight=np.full(300, 10.0))
    rows = ten if told else dataclasses.replace(ten, person=np.arange(3000))
    by_weight, by_row = (fit(c, dataclasses.replace(MODEL, nests=nests)) for c in (heavy, rows))
    assert by_weight.theta == pytest.approx(by_row.theta, rel=1e-4)
    assert by_weight.se == pytest.approx(by_row.se, rel=1e-4)
    assert np.diag(by_weight.classical) == pytest.approx(np.diag(by_row.classical), rel=1e-4)
    assert (by_weight.people, by_weight.critical) == (by_row.people, by_row.critical)
    assert by_weight.people == (300 if told else 3000)


def test_price_coefficients_by_segment_are_each_their_own() -> None:
    """Two kinds of buyers, one thrice as sensitive."""
    found = fit(choices(np.random.default_rng(0), n=4000, slopes=(-0.4, -1.2)), MODEL)
    places = [found.place("price", f"kind={i}") for i in range(2)]
    assert found.theta[places] == pytest.approx([-0.4, -1.2], abs=0.1)


def test_what_is_foretold_of_unseen_choices_is_near_what_was_chosen() -> None:
    """Shares sum to 1 and lie within the noise; the log-likelihood is that of the choices."""
    made = choices(np.random.default_rng(1), n=4000)
    seen = np.arange(4000) < 3000
    shares, level = foretold(fit(made.where(seen), MODEL), made.where(~seen))
    assert shares.sum() == pytest.approx(1)
    assert shares == pytest.approx(made.where(~seen).shares(), abs=0.03)
    assert -1.2 < level / 1000 < -0.6


def test_columns_that_cannot_be_told_apart_are_all_named() -> None:
    """A column that says what price says, one that never differs, an alternative nobody took."""
    made = choices(np.random.default_rng(2), n=300, absent=0.0)
    made = made.where(made.chosen != 0)
    values = {**made.values, "fee": 2 * made.values["price"] + 3, "age": np.ones((len(made), 3))}
    with pytest.raises(InputError) as refused:
        fit(dataclasses.replace(made, values=values), Model(("fee", "age")))
    said = str(refused.value)
    assert "'bus'" in said
    assert "fee says the same as price" in said
    assert "age does not differ" in said


def yogurt() -> Choices:
    """The panel of yogurt purchases (Jain, Vilcassim and Chintagunta 1994)."""
    names = ("dannon", "yoplait", "hiland", "weight")
    layout = Layout({name: name for name in names}, ("price",), attributes=("feat",), person="id")
    return read_choices(pd.read_csv(real_data("fixtures/yogurt.csv")), layout)[0]


def swissmetro() -> Choices:
    """The sample of the textbook example: commuters and business; holders of a season ticket pay nothing by rail."""
    frame = pd.read_csv(real_data("fixtures/swissmetro.csv"))
    frame = frame[frame["PURPOSE"].isin([1, 3]) & (frame["CHOICE"] != 0)]
    for name in ("TRAIN", "SM", "CAR"):
        paid = 1 if name == "CAR" else frame["GA"] == 0
        frame[f"{name}_COST"] = frame[f"{name}_CO"] * paid / 100
        frame[f"{name}_TIME"] = frame[f"{name}_TT"] / 100
    layout = Layout(
        {"SM": "2", "TRAIN": "1", "CAR": "3"}, ("COST",), "CHOICE", attributes=("TIME",), available="AV", person="ID"
    )
    return read_choices(frame, layout)[0]


@pytest.mark.real_data
def test_yogurt_matches_the_published_answer() -> None:
    """Multinomial logit against dannon: price, feature, constants and log-likelihood to the digits given."""
    found = fit(yogurt(), Model(("feat",)))
    estimates = {str(term): value for term, value in zip(found.terms, found.theta, strict=True)}
    assert estimates == pytest.approx(
        {
            "constant of yoplait": 0.7346,
            "constant of hiland": -3.7156,
            "constant of weight": -0.6412,
            "price": -0.3666,
            "feat": 0.4914,
        },
        abs=5e-5,
    )
    assert found.loglik == pytest.approx(-2656.888, abs=5e-4)
    assert found.clusters == 100


@pytest.mark.real_data
def test_swissmetro_matches_the_published_answers() -> None:
    """Multinomial logit; with car and train in a nest -5236.900 at a scale of 2.05 (the example of Biogeme)."""
    made = swissmetro()
    found = fit(made, Model(("TIME",)))
    assert len(made) == 6768
    assert found.loglik == pytest.approx(-5331.252, abs=5e-4)
    assert found.theta == pytest.approx([-0.701, -0.155, -1.084, -1.278], abs=5e-4)
    nested = fit(made, Model(("TIME",), nests={"existing": ("TRAIN", "CAR")}))
    assert nested.loglik == pytest.approx(-5236.900, abs=5e-4)
    assert nested.theta[:4] == pytest.approx([-0.512, -0.167, -0.857, -0.899], abs=5e-4)
    assert 1 / nested.theta[4] == pytest.approx(2.05, abs=5e-3)
    alone = fit(dataclasses.replace(made, person=np.arange(len(made))), nested.model)  # robust errors as Biogeme's
    assert alone.se[:4] == pytest.approx([0.07912, 0.05453, 0.06003, 0.10711], abs=2e-5)
    assert alone.se[4] / alone.theta[4] ** 2 == pytest.approx(0.16418, abs=1e-4)
