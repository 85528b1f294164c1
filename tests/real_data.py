"""Where the real data sets are; tests that need one skip, saying so, where it is absent."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = Path(os.environ.get("FAIRFARE_DATA", ROOT.parent / "shared" / "data"))


def real_data(name: str) -> Path:
    """Path of a real data file, or skip the test."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"real data {name} is not here (FAIRFARE_DATA names its folder)")
    return path
