"""Settings are read once, and every unknown or impossible one is an error that names it."""

from decimal import Decimal
from pathlib import Path

import pytest

from api.settings import default_text, read_settings
from pricing.errors import InputError
from pricing.policy import Policy


def write(folder: Path, text: str) -> Path:
    """A settings file."""
    path = folder / "fairfare.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_text_a_workspace_starts_with_is_read_back(tmp_path: Path) -> None:
    """Money and shares stay decimal; order pairs arrive."""
    text = default_text(currency="CHF", time_zone="Europe/Zurich", country="CH", order=(("child", "adult"),))
    settings = read_settings(write(tmp_path, text))
    assert (settings.currency, settings.time_zone, settings.country) == ("CHF", "Europe/Zurich", "CH")
    assert settings.policy == Policy(segment_order=(("child", "adult"),))
    assert isinstance(settings.policy.step, Decimal)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('curency = "EUR"', "curency"),
        ('currency = "EURO"', "EURO"),
        ('time_zone = "Middle/Earth"', "Middle/Earth"),
        ("[policy]\nstepp = 0.1", "policy.stepp"),
        ("[policy]\nstep = 0", "step"),
        ("[policy]\nconfidence = 1.5", "confidence"),
        ('[policy]\nobjective = "glory"', "glory"),
        ('[policy]\nsegment_order = [["a", "b"], ["b", "a"]]', "contradicts"),
        ("draws = 1", "draws"),
        ("quote_minutes = 0", "quote_minutes"),
        ('database = "mysql://ann@host/prices"', "postgresql://USER@HOST/NAME"),
        ('database = "postgresql://ann:secret@host/prices"', "without a password"),
        ('database = "postgresql://ann@host"', "postgresql://USER@HOST/NAME"),
        ("currency = ", "TOML"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, named: str) -> None:
    """One clear error, with the setting in it."""
    with pytest.raises(InputError, match=named):
        read_settings(write(tmp_path, text))


def test_a_folder_that_is_no_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    """The error is the next step."""
    with pytest.raises(InputError, match="fairfare init"):
        read_settings(tmp_path / "fairfare.toml")
