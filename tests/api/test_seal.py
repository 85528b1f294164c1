"""A fit is what was saved, or it is refused; nothing in it ever runs."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from api.estimates import CURRENT, ESTIMATES, Current
from api.fitting import TABLES, Fit, load_fit
from api.grounds import GROUNDS, load_grounds
from api.outcomes import EXPECTED, read_expectations
from api.seal import SEAL, check_seal, seal, sealed
from pricing.errors import InputError

VERSION = "0123456789ab"
FILES = (*TABLES, EXPECTED, ESTIMATES, GROUNDS, SEAL)


def fit(mean: float = 4.0) -> Fit:
    """A small fit."""
    elasticities = pd.DataFrame(
        {
            "product": ["cup"], "segment": ["all"], "elasticity": [-1.4], "se": [0.2], "lower": [-1.8],
            "upper": [-1.0], "status": ["identified"], "reason": ["40 prices"], "method": ["poisson"],
            "raw_elasticity": [-1.5], "n_obs": [300], "n_prices": [40],
        }
    )  # fmt: skip
    keys = {"event": ["all"], "product": ["cup"], "segment": ["all"], "channel": ["all"]}
    values = {"mean": [mean], "lower": [3.0], "upper": [5.0], "reference": [2.5], "model": ["theta"]}
    demand = pd.DataFrame(keys | values)
    forecast = demand.drop(columns=["event", "channel", "reference"]).assign(date=pd.Timestamp("2026-03-02"))
    return Fit(VERSION, elasticities, demand, forecast)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The folder of a fit."""
    fit().save(tmp_path)
    return tmp_path


def test_a_fit_is_read_back_equal(saved: Path) -> None:
    """Tables, expectations, version."""
    found, made = load_fit(saved), fit()
    assert (found.version, found.expected, found.fitted_at) == (VERSION, (), None)
    for name in ("elasticities", "demand", "forecast"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(made, name))
    assert Current(saved).estimates() is not None


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, cut off, doubled or put elsewhere; never the same."""
    at, length = int(rng.integers(len(data))), int(rng.integers(1, 40))
    match rng.integers(4):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + data[at + length :]
        case 2:
            return data[:at] + rng.bytes(length) + data[at:]
        case _:
            changed = bytearray(data)
            for place in rng.integers(0, len(data), length):
                changed[place] ^= int(rng.integers(1, 256))
            return bytes(changed)


def test_a_thousand_damaged_fits_are_refused(saved: Path) -> None:
    """Whichever of its files: said to be damaged, by its name; none is read as another fit."""
    rng = np.random.default_rng(0)
    files = [saved / CURRENT, *(saved / VERSION / name for name in FILES)]
    for i in range(1000):
        file = files[i % len(files)]
        whole = file.read_bytes()
        if (damaged := damage(whole, rng)) == whole:
            continue
        file.write_bytes(damaged)
        if file.name in {CURRENT, SEAL, EXPECTED, *TABLES}:
            with pytest.raises(InputError, match="damaged"):
                load_fit(saved)
        elif file.name == GROUNDS:
            assert load_grounds(saved, VERSION) is None
        else:
            assert Current(saved).estimates() is None
        file.write_bytes(whole)
    assert load_fit(saved).version == VERSION


@pytest.mark.parametrize("step", ["another table", "another fit", "no seal", "no table", "no folder", "a way out"])
def test_what_was_swapped_or_left_out_is_refused(
    saved: Path, tmp_path_factory: pytest.TempPathFactory, step: str
) -> None:
    """Each file by itself may be whole."""
    folder, other = saved / VERSION, tmp_path_factory.mktemp("other")
    fit(mean=4.5).save(other)
    match step:
        case "another table":
            shutil.copy(folder / "demand.parquet", folder / "forecast.parquet")
        case "another fit":
            shutil.copytree(other / VERSION, folder, dirs_exist_ok=True)
        case "no seal":
            (folder / SEAL).unlink()
        case "no table":
            (folder / "demand.parquet").unlink()
        case "no folder":
            shutil.rmtree(folder)
        case _:
            current = msgspec.json.decode((saved / CURRENT).read_bytes())
            (saved / CURRENT).write_bytes(msgspec.json.encode(current | {"version": f"../{other.name}/{VERSION}"}))
    with pytest.raises(InputError, match="damaged"):
        load_fit(saved)


def test_no_fit_is_another_matter(tmp_path: Path) -> None:
    """Nothing was damaged: there is none yet."""
    with pytest.raises(InputError, match="no fit yet"):
        load_fit(tmp_path)
    with pytest.raises(InputError, match="damaged"):
        read_expectations(tmp_path / VERSION / EXPECTED)


def test_what_is_said_about_a_folder_is_sealed_with_it(tmp_path: Path) -> None:
    """Files and what is said about them, both; a file beside them is none of them."""
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"1")
    mark = seal(tmp_path, ["a"], {"day": "monday"})
    assert sealed(tmp_path / "a") == b"1"
    check_seal(tmp_path, mark, {"day": "monday"})
    with pytest.raises(InputError, match="damaged"):
        check_seal(tmp_path, mark, {"day": "tuesday"})
    with pytest.raises(InputError, match="damaged"):
        sealed(tmp_path / "b")
