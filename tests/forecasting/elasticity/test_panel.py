"""Slopes equal those of other software, and recover a known truth."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from linearmodels.iv.absorbing import AbsorbingLS
from scipy.stats import nbinom

from forecasting.elasticity.errors import sandwich
from forecasting.elasticity.panel import (
    Fit,
    _beyond,
    censored,
    informative,
    linear,
    log_log,
    poisson,
)
from forecasting.elasticity.within import Codes, Vector, codes_of
from tests.real_data import real_data


def panel(seed: int = 0, *, outlets: int = 30, weeks: int = 20) -> tuple[Vector, Vector, Codes, Codes]:
    """Quantity, (log price, control), outlet and week of an unbalanced panel with a true slope of -1.8."""
    rng = np.random.default_rng(seed)
    kept = rng.random(outlets * weeks) < 0.8
    outlet, week = (codes_of(index.ravel()[kept]) for index in np.indices((outlets, weeks)))
    columns = np.column_stack(
        [rng.normal(0, 0.2, len(outlet)) + rng.normal(0, 0.3, outlets)[outlet], rng.normal(size=len(outlet))]
    )
    effect = rng.normal(0, 0.5, outlets)[outlet] + rng.normal(0, 0.3, weeks)[week]
    quantity = rng.poisson(np.exp(1 + columns @ [-1.8, 0.3] + effect)).astype(float)
    return quantity, columns, outlet, week


def dummies(*factors: Codes) -> Vector:
    """One column per level of every factor, but the first of each further one."""
    blocks = [np.eye(factor.max() + 1)[factor][:, int(k > 0) :] for k, factor in enumerate(factors)]
    return np.column_stack(blocks)


def test_the_poisson_slope_and_error_equal_statsmodels_with_dummies() -> None:
    """To 1e-6, with errors clustered by outlet (statsmodels also counts the dummies: (n - 1) / (n - k))."""
    quantity, columns, outlet, week = panel()
    design = np.column_stack([columns, dummies(outlet, week)])
    peer = sm.GLM(quantity, design, family=sm.families.Poisson()).fit(
        cov_type="cluster", cov_kwds={"groups": outlet}, tol=1e-12, maxiter=200
    )
    fit = poisson(quantity, columns, [outlet, week])
    n, k = design.shape
    assert fit.slope == pytest.approx(peer.params[0], abs=1e-6)
    assert sandwich(fit, outlet) * np.sqrt((n - 1) / (n - k)) == pytest.approx(peer.bse[0], abs=1e-6)


def test_the_slope_in_logs_equals_linearmodels() -> None:
    """To 1e-6, over the rows with a sale."""
    quantity, columns, outlet, week = panel()
    sold = quantity > 0
    effects = pd.DataFrame({"outlet": outlet[sold], "week": week[sold]}).astype("category")
    peer = AbsorbingLS(np.log(quantity[sold]), columns[sold], absorb=effects).fit()
    assert log_log(quantity, columns, [outlet, week]).slope == pytest.approx(peer.params.iloc[0], abs=1e-6)


def test_a_level_in_which_nothing_was_sold_is_left_out() -> None:
    """It would need an effect of minus infinity; the slope is that of the other rows."""
    quantity, columns, outlet, week = panel()
    quantity[outlet == 3] = 0
    kept = outlet != 3
    fit = poisson(quantity, columns, [outlet, week])
    assert np.array_equal(fit.kept, kept)
    alone = poisson(quantity[kept], columns[kept], [codes_of(outlet[kept]), week[kept]])
    assert fit.slope == pytest.approx(alone.slope, abs=1e-8)


def test_dropping_goes_on_until_every_level_sold_something() -> None:
    """A level that is left with zeros once another is dropped goes too."""
    quantity = np.array([0.0, 0.0, 0.0, 5.0, 2.0])
    first, second = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 2, 2])
    assert informative(quantity, [first, second]).tolist() == [False, False, False, True, True]


def test_nothing_sold_gives_no_slope() -> None:
    """All zeros: no number, and the fit says so."""
    _, columns, outlet, week = panel()
    assert not poisson(np.zeros(len(outlet)), columns, [outlet, week]).usable


def test_a_price_without_own_variation_gives_no_slope() -> None:
    """A price that is the same in every outlet of a week is lost to the week's effect."""
    quantity, _, outlet, week = panel()
    assert not poisson(quantity, np.sin(week.astype(float))[:, None], [outlet, week]).usable


def rationed(seed: int) -> tuple[Fit, Fit, Codes]:
    """Censored and naive fit where every outlet sells out in about a quarter of the weeks; truth -2."""
    rng = np.random.default_rng(seed)
    outlet, week = (index.ravel() for index in np.indices((20, 60)))
    price = rng.normal(0, 0.15, len(outlet))
    mean = np.exp(2 - 2 * price + rng.normal(0, 0.5, 20)[outlet]) * rng.gamma(4, 0.25, len(outlet))
    demand = rng.poisson(mean).astype(float)
    stock = np.maximum([np.quantile(demand[outlet == k], 0.75) for k in range(20)], 1.0)[outlet]
    sold, gone = np.minimum(demand, stock), demand >= stock
    columns = price[:, None]
    return censored(sold, columns, [outlet, week], gone), poisson(sold, columns, [outlet, week]), outlet


def test_sold_out_rows_do_not_bend_the_slope() -> None:
    """Taken as demand they bend it towards 0 by more than half; as censored the truth is inside on average."""
    fits = [rationed(seed)[:2] for seed in range(8)]
    assert np.mean([fit.slope for fit, _ in fits]) == pytest.approx(-2.0, abs=0.15)
    assert np.mean([naive.slope for _, naive in fits]) > -1.5


def test_without_sold_out_rows_the_error_of_the_censored_fit_is_that_of_its_score() -> None:
    """The observed information with nothing censored is the expected one."""
    quantity, columns, outlet, week = panel()
    fit = censored(quantity, columns, [outlet, week], np.zeros(len(outlet), dtype=bool))
    assert fit.slope == pytest.approx(poisson(quantity, columns, [outlet, week]).slope, abs=0.05)
    assert sandwich(fit, outlet) == pytest.approx(sandwich(poisson(quantity, columns, [outlet, week]), outlet), rel=0.2)


def test_demand_beyond_the_stock_has_the_mean_and_variance_of_its_distribution() -> None:
    """Summed term by term for a mean of 6 and a dispersion of 0.4; far beyond any demand it is the stock."""
    units = np.arange(2_000)
    chance = nbinom.pmf(units, 2.5, 2.5 / 8.5)
    for stock in (0, 1, 5, 20):
        beyond = np.where(units >= stock, chance, 0.0) / chance[units >= stock].sum()
        mean = beyond @ units
        found = _beyond(np.array([float(stock)]), np.array([6.0]), 0.4)
        assert found[0][0] == pytest.approx(mean)
        assert found[1][0] == pytest.approx(beyond @ (units - mean) ** 2)
    assert _beyond(np.array([1e6]), np.array([6.0]), 0.4)[0][0] == 1e6


@pytest.mark.real_data
def test_published_cross_sections() -> None:
    """Cigarettes 1995 by least squares (Stock and Watson) and subscriptions to journals."""
    rows = pd.read_csv(real_data("fixtures/CigarettesSW.csv")).query("year == 1995")
    price = np.log((rows["price"] / rows["cpi"]).to_numpy())[:, None]
    assert log_log(rows["packs"].to_numpy(float), price, [np.zeros(len(rows), dtype=np.intp)]).slope == pytest.approx(
        -1.2131, abs=5e-5
    )
    journals = pd.read_csv(real_data("fixtures/Journals.csv"))
    cost = np.log((journals["price"] / journals["citations"]).to_numpy())[:, None]
    one = [np.zeros(len(journals), dtype=np.intp)]
    assert log_log(journals["subs"].to_numpy(float), cost, one).slope == pytest.approx(-0.533, abs=5e-4)


@pytest.mark.real_data
def test_published_panels() -> None:
    """Gasoline within countries (Baltagi and Griffin 1983): income, price, cars; air fares with routes and years."""
    rows = pd.read_csv(real_data("fixtures/Gasoline.csv"))
    country, names = codes_of(rows["country"].to_numpy(str)), ["lincomep", "lrpmg", "lcarpcap"]
    for name, slope in zip(names, (0.662, -0.322, -0.640), strict=True):
        columns = rows[[name, *(other for other in names if other != name)]].to_numpy()
        assert linear(rows["lgaspcar"].to_numpy(), columns, [country]).slope == pytest.approx(slope, abs=5e-4)
    fares = pd.read_csv(real_data("fixtures/airfare.csv"))
    factors = [codes_of(fares[name].to_numpy()) for name in ("id", "year")]
    assert linear(fares["lpassen"].to_numpy(), fares[["lfare"]].to_numpy(), factors).slope == pytest.approx(
        -1.155, abs=5e-4
    )


@pytest.mark.real_data
def test_published_fish() -> None:
    """Fulton market with dummies for days: least squares -0.525."""
    rows = pd.read_csv(real_data("fixtures/fulton_fish.csv"))
    columns = rows[["lavgprc", "mon", "tues", "wed", "thurs"]].to_numpy(float)
    one = [np.zeros(len(rows), dtype=np.intp)]
    assert log_log(rows["totqty"].to_numpy(float), columns, one).slope == pytest.approx(-0.525, abs=5e-4)
