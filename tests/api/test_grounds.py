"""What a price response rests on is kept with its fit, as the fit had it."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from api.estimates import CURRENT
from api.estimating import NEEDED, grounds_of
from api.fitting import Fit, load_fit
from api.goods import KEY
from api.grounds import GROUNDS, Followed, Ground, Way, load_grounds
from api.seal import SEAL, seal
from forecasting.elasticity.basis import MOST, Basis
from forecasting.elasticity.feedback import Direction, Feedback
from forecasting.elasticity.proposal import proposals
from forecasting.elasticity.table import elasticity_table
from tests.api.test_seal import FILES, VERSION, fit

WEEKS = 260


def sold(product: str, slope: float, rng: np.random.Generator, *, moves: bool = True) -> pd.DataFrame:
    """Weekly sales of one product, whose price moves by lot or never."""
    days = pd.date_range("2024-01-01", periods=WEEKS, freq="7D")
    price = 10 * np.exp(rng.uniform(-0.2, 0.2, WEEKS)) if moves else np.full(WEEKS, 10.0)
    units = rng.poisson(60 * (price / 10) ** slope)
    return pd.DataFrame({"date": days, "product": product, "segment": "all", "quantity": units * 1.0, "price": price})


@pytest.fixture(scope="module")
def made() -> tuple[dict[str, Ground], list[Basis], pd.DataFrame]:
    """Grounds of one product whose price moved and one whose price did not, and what they were made from."""
    rng, bases = np.random.default_rng(4), list[Basis]()
    sales = pd.concat([sold("mug", -2.0, rng), sold("bag", -2.0, rng, moves=False)], ignore_index=True)
    table = elasticity_table(sales, by=KEY, witness=bases.append)
    tests = proposals(sales, table, by=KEY)
    return {ground.product: ground for ground in grounds_of(bases, tests).groups}, bases, tests


def test_grounds_are_what_the_status_was_decided_with(
    made: tuple[dict[str, Ground], list[Basis], pd.DataFrame],
) -> None:
    """To six digits: the estimate alone, the moves, the test whether price followed demand, and the dots."""
    grounds, bases, _ = made
    for basis in bases:
        ground = grounds[basis.key[0]]
        assert (ground.moves, ground.dates, ground.sold) == (basis.moves, basis.dates, basis.sold)
        assert (ground.alone is None) == (basis.estimate is None)
        if basis.estimate and ground.alone:
            assert ground.alone.slope == pytest.approx(basis.estimate.slope, rel=1e-5)
        assert basis.dots is not None
        assert [dot.sales for dot in ground.dots] == pytest.approx(basis.dots.sales.tolist(), rel=1e-5)
        assert sum(dot.rows for dot in ground.dots) == basis.cells
    assert grounds["mug"].followed is not None
    assert grounds["mug"].kind == "net"
    assert grounds["bag"].kind == "raw"


def test_each_way_in_which_price_followed_is_kept(
    made: tuple[dict[str, Ground], list[Basis], pd.DataFrame],
) -> None:
    """With its coefficient and p-value; what could not be looked at is none."""
    mug = next(basis for basis in made[1] if basis.key[0] == "mug")
    stock = Feedback(300, Direction(0.4, 0.02, 2.3), Direction(0.1, 0.7, 0.4), 0.01, Direction(-0.3, 0.004, -2.9))
    (ground,) = grounds_of([replace(mug, test=stock)], made[2]).groups
    assert ground.followed == Followed(300, 0.01, Way(0.4, 0.02), Way(0.1, 0.7), Way(-0.3, 0.004))
    assert made[0]["mug"].followed is not None
    assert made[0]["mug"].followed.left is None


def test_the_dots_lie_about_the_curve(made: tuple[dict[str, Ground], list[Basis], pd.DataFrame]) -> None:
    """Net of all but the price, so that nine of ten lie within three standard errors of the group's own slope."""
    mug = made[0]["mug"]
    assert mug.alone
    assert mug.usual
    off = [abs(dot.sales - 100 * (dot.price / mug.usual) ** mug.alone.slope) / dot.se for dot in mug.dots]
    assert np.mean(np.array(off) < 3) >= 0.9


def test_what_is_kept_is_bounded(made: tuple[dict[str, Ground], list[Basis], pd.DataFrame]) -> None:
    """However many sales there were: a few dots, and not two kilobytes a group."""
    for ground in made[0].values():
        assert len(ground.dots) <= MOST
        assert len(msgspec.json.encode(ground)) < 2048


def test_a_test_is_kept_for_what_is_not_identified_alone(
    made: tuple[dict[str, Ground], list[Basis], pd.DataFrame],
) -> None:
    """With the prices, weeks and costs that were worked out for it."""
    grounds, _, tests = made
    assert grounds["mug"].test is None
    test, row = grounds["bag"].test, tests.set_index("product").loc["bag"]
    assert test is not None
    assert (test.low, test.high, test.weeks) == (row["low_price"], row["high_price"], row["weeks"])
    assert test.cost == pytest.approx(row["cost"], rel=1e-5)
    assert grounds["bag"].no_test == ""


def test_a_group_without_a_sale_has_grounds_too() -> None:
    """No usual price, no dots, and the sentence why there is no test."""
    sales = pd.DataFrame(
        {"date": pd.to_datetime(["2026-01-01"]), "product": "cap", "segment": "all", "quantity": 0.0, "price": 0.0}
    )
    bases = list[Basis]()
    table = elasticity_table(sales, by=KEY, witness=bases.append)
    (ground,) = grounds_of(bases, proposals(sales, table, by=KEY)).groups
    assert (ground.usual, ground.tried, ground.dots, ground.test) == (None, None, (), None)
    assert ground.no_test == "Nothing was sold at a known price."
    assert msgspec.json.decode(msgspec.json.encode(ground), type=Ground) == ground


def test_a_fit_of_before_is_read_and_has_none(tmp_path: Path) -> None:
    """It was sealed without; prices are made from it as ever."""
    made = fit()
    made.save(tmp_path)
    found = load_grounds(tmp_path, VERSION)
    assert found is not None
    assert (found.needed, found.by_key) == (NEEDED, {})
    _as_before(tmp_path, made)
    assert load_fit(tmp_path).version == VERSION
    assert load_grounds(tmp_path, VERSION) is None


def test_grounds_that_were_changed_are_not_shown(tmp_path: Path) -> None:
    """Not even if they can be read."""
    fit().save(tmp_path)
    path = tmp_path / VERSION / GROUNDS
    path.write_bytes(path.read_bytes().replace(b'"moves":5', b'"moves":6'))
    assert load_grounds(tmp_path, VERSION) is None


def _as_before(root: Path, made: Fit) -> None:
    """Make a saved fit what it was when grounds were not kept."""
    folder = root / VERSION
    (folder / GROUNDS).unlink()
    about = {"version": VERSION, "fitted_at": None, "inputs": " ".join(made.inputs)}
    mark = seal(folder, [name for name in FILES if name not in {GROUNDS, SEAL}], about)
    (root / CURRENT).write_bytes(msgspec.json.encode(about | {"seal": mark}))
