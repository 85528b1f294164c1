"""The season of a fleet is found from all its series, and from nothing else."""

import datetime as dt

import numpy as np
import pytest

from forecasting.grid import Frequency, Grid
from forecasting.model import Vector
from forecasting.shared_season import Block, Shared, averaged, centred, easter, season_columns
from tests.forecasting.examples import history
from tests.forecasting.fleets import START, WEEKS, fleet, wave


def found(block: Block) -> Vector:
    """Season of the block's own columns."""
    shared = Shared.of(block, None)
    return shared.season(shared.effects(shared.mean, shared.count), 0, block.width)


@pytest.mark.parametrize(
    "day",
    [dt.date(1991, 3, 31), dt.date(2000, 4, 23), dt.date(2008, 3, 23), dt.date(2011, 4, 24), dt.date(2038, 4, 25)],
)
def test_easter_falls_where_it_fell(day: dt.date) -> None:
    """Among them the earliest of a century and its latest."""
    assert easter(day.year) == day


def test_the_season_all_series_share_is_found() -> None:
    """A yearly wave, from twelve noisy series of different levels and lengths; flatter, for robustness, than it was."""
    season = found(Block.of(fleet()))
    truth = wave(np.arange(START, START + 208))
    assert np.corrcoef(season, truth)[0, 1] > 0.98
    assert 0.6 < season.std() / truth.std() < 1.05


def test_series_that_sold_nothing_or_ended_weigh_nothing() -> None:
    """The season with and without them is the same, digit by digit; zeros are not low sales."""
    alive = fleet()
    dead = [history([0.0] * 208, grid=WEEKS, start=START), history([0.0] * 20, grid=WEEKS, start=START + 188)]
    assert found(Block.of([*alive, *dead])) == pytest.approx(found(Block.of(alive)), abs=1e-12)


def test_one_series_gone_wild_does_not_move_the_season() -> None:
    """A series whose sales are multiplied by thirty for a month shifts the season by less than a hundredth."""
    alive = fleet()
    wild = alive[0].sales.copy()
    wild[100:104] *= 30
    moved = found(Block.of([history(wild, grid=WEEKS, start=START), *alive[1:]]))
    assert np.abs(moved - found(Block.of(alive))).max() < 0.02


@pytest.mark.parametrize("country", [None, "US"])
def test_a_movable_feast_is_found_where_it_falls(country: str | None) -> None:
    """Easter sells a third more: known a year ahead with the country's holidays, in the week it falls in."""
    days = [easter(year) for year in range(2004, 2010)]
    feast = WEEKS.period(np.array(days, dtype="datetime64[D]"))
    every = []
    for past in fleet():
        sales = past.sales * np.exp(0.3 * np.isin(past.periods, feast) - wave(past.periods))
        every.append(history(sales, grid=WEEKS, start=past.start))
    shared = Shared.of(Block.of(every), country)
    season = shared.season(shared.effects(shared.mean, shared.count), 208, 260)
    coming = feast[feast >= START + 208][0] - START - 208
    bump = season[coming] - (season[coming - 3] + season[coming + 3]) / 2
    assert (bump > 0.06) == (country == "US")


def test_a_centred_level_is_the_mean_of_what_is_known() -> None:
    """A straight line stays where it is in the middle, and gaps do not pull it down."""
    line = np.arange(60.0)[None, :]
    known = np.ones((1, 60), dtype=np.bool_)
    known[0, [25, 35]] = False
    assert centred(line, known, 10)[0, 30] == pytest.approx(30)
    assert centred(np.full((1, 60), 4.0), known, 26)[0] == pytest.approx(np.full(60, 4.0))


def test_residuals_are_cut_before_they_are_averaged() -> None:
    """Of 0, 0 and 9, cut at 3, the mean is 1; what is not known does not count."""
    mean, count = averaged(np.array([[0.0], [0.0], [9.0], [5.0]]), np.array([[True], [True], [True], [False]]), 3.0)
    assert (mean[0], count[0]) == (pytest.approx(1.0), 3)


def test_what_is_seen_at_an_origin_does_not_look_ahead() -> None:
    """The residuals of the last half year before an origin are those of a block that ends there."""
    every = fleet(noise=0.1)
    shared = Shared.of(Block.of(every), None)
    rows = np.arange(len(every))
    late, _ = shared.as_of(150, rows, 40)
    jumped = [history(np.append(h.sales[:-58], h.sales[-58:] * 9), grid=WEEKS, start=h.start) for h in every]
    again, _ = Shared(shared.block, None, *_later(shared, Block.of(jumped))).as_of(150, rows, 40)
    assert again[:, -26:] == pytest.approx(late[:, -26:])


def _later(shared: Shared, block: Block) -> tuple[Vector, Vector, Vector, Vector, float]:
    """Parts of `shared`, with what came after column 150 taken from another block."""
    free = np.where(np.arange(block.width) < 150, shared.free, block.log)
    return free, shared.residual, shared.mean, shared.count, shared.noise


@pytest.mark.parametrize("frequency", list(Frequency))
def test_columns_are_finite_for_every_length_of_a_period(frequency: Frequency) -> None:
    """Days to years, with and without a year to learn from, and they are shared, so nobody may write to them."""
    for yearly in (False, True):
        columns, deviations = season_columns(Grid(frequency), "US", 40, 30, yearly=yearly)
        assert columns.shape == (30, deviations.size)
        assert np.all(np.isfinite(columns))
        assert not columns.flags.writeable
