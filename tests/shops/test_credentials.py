"""Secrets of shops stay secret."""

from pathlib import Path

import pytest

from api.settings import variable
from api.shops.credentials import secret_of
from pricing.errors import InputError


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """A variable named after the shop; else the file, whose last line may end."""
    file = tmp_path / "secret"
    file.write_text("from-file\n")
    file.chmod(0o600)
    assert variable("my-shop") == "FAIRFARE_SHOP_MY_SHOP"
    assert secret_of("my-shop", environment={"FAIRFARE_SHOP_MY_SHOP": "from-it"}, file=file).reveal() == "from-it"
    assert secret_of("my-shop", environment={}, file=file).reveal() == "from-file"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o620])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    """What to do is said; what it holds is not."""
    file = tmp_path / "secret"
    file.write_text("hush")
    file.chmod(mode)
    with pytest.raises(InputError, match="chmod 600") as raised:
        secret_of("shop", environment={}, file=file)
    assert "hush" not in str(raised.value)


def test_a_link_to_a_file_is_refused(tmp_path: Path) -> None:
    """Its permissions are not those of what it leads to."""
    (tmp_path / "real").write_text("hush")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "secret").symlink_to(tmp_path / "real")
    with pytest.raises(InputError, match="no secret"):
        secret_of("shop", environment={}, file=tmp_path / "secret")


def test_without_a_secret_both_ways_to_give_one_are_said(tmp_path: Path) -> None:
    """The variable and the file."""
    with pytest.raises(InputError, match=r"secrets/shop.*FAIRFARE_SHOP_SHOP"):
        secret_of("shop", environment={}, file=tmp_path / "secrets" / "shop")


@pytest.mark.parametrize("text", ["", "  ", "two words", "line\nline", "naïve"])
def test_what_cannot_be_a_secret_is_refused(text: str, tmp_path: Path) -> None:
    """A header with it could not be sent, or would say something else."""
    with pytest.raises(InputError, match="spaces or signs"):
        secret_of("shop", environment={"FAIRFARE_SHOP_SHOP": text}, file=tmp_path / "none")


def test_a_secret_does_not_show_itself(tmp_path: Path) -> None:
    """Not in a message, not in a repr."""
    secret = secret_of("shop", environment={"FAIRFARE_SHOP_SHOP": "hush"}, file=tmp_path / "none")
    assert "hush" not in f"{secret} {secret!r} {[secret]}"
