"""A shop is connected and taken off without an editor, and nothing else in the settings changes."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.connecting import connect, disconnect, keep_in_step
from api.settings import FILE, ShopSettings, ShopSystem, default_text, parse_settings, read_settings
from api.shops import seen, status
from api.shops.addresses import HostileAddressError
from pricing.errors import FairfareError, InputError, RefusedError
from tests.api.store.book_kit import NOW

TILL = ShopSettings(name="till", system=ShopSystem.FOLDER, address="exchange/till")
TICKETS = ShopSettings(
    name="tickets",
    system=ShopSystem.PRETIX,
    address="https://93.184.215.14",
    organizer="stage",
    events=("gala", "tour"),
    vouchers=True,
)
OWN = """\
# Ours since 2019
currency = "EUR"   # as the till has it
allowed_networks = ["127.0.0.1/32"]

[policy]
mode = "manual"    # until Bob is back

# the shop at the door
[[shops]]
name = "door"
system = "folder"
address = "exchange/door"   # a mounted disk

# the law
[[markets]]
name = "Germany"
country = "DE"
"""
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a workspace with settings that somebody wrote."""
    (tmp_path / FILE).write_text(OWN, encoding="utf-8")
    return tmp_path


def text(root: Path) -> str:
    """Its settings as they stand."""
    return (root / FILE).read_text(encoding="utf-8")


def test_a_shop_is_added_and_everything_else_stays(root: Path) -> None:
    """Comments, order and spaces too; only what is not as by default is written."""
    connect(root, TILL, None)
    connect(root, TICKETS, "token-1")
    assert text(root).startswith(OWN)
    assert [shop.name for shop in read_settings(root / FILE).shops] == ["door", "till", "tickets"]
    assert read_settings(root / FILE).shops[1:] == (TILL, TICKETS)
    assert "requests_per_minute" not in text(root)


def test_a_shop_taken_off_leaves_the_settings_as_they_were(root: Path) -> None:
    """In whatever order; its secret goes with it, its journal and its table stay."""
    connect(root, TILL, None)
    connect(root, TICKETS, "token-1")
    journal = root / "shops" / "tickets" / "journal.jsonl"
    journal.write_text("{}\n", encoding="utf-8")
    disconnect(root, "till")
    disconnect(root, "tickets")
    assert text(root).rstrip() == OWN.rstrip()
    assert (journal.exists(), [*(root / "secrets").iterdir()]) == (True, [])


def test_how_often_a_shop_is_brought_in_step_is_changed_and_nothing_else(root: Path) -> None:
    """Comments beside it too; None: only when somebody asks."""
    connect(root, TILL, None)
    before = text(root)
    keep_in_step(root, "door", 60)
    address = 'address = "exchange/door"   # a mounted disk\n'
    assert text(root) == before.replace(address, f"{address}sync_seconds = 60\n")
    (root / FILE).write_text(text(root).replace("= 60", "= 60  # enough"), encoding="utf-8")
    keep_in_step(root, "door", 5)
    assert "sync_seconds = 5  # enough\n" in text(root)
    keep_in_step(root, "till", 7)
    assert [shop.sync_seconds for shop in read_settings(root / FILE).shops] == [5, 7]
    for name in ("till", "door"):
        keep_in_step(root, name, None)
    assert text(root) == before


def test_a_period_that_is_none_is_refused(root: Path) -> None:
    """And so is a shop that there is not."""
    with pytest.raises(InputError, match="sync_seconds"):
        keep_in_step(root, "door", 0)
    with pytest.raises(RefusedError, match="there is no shop till"):
        keep_in_step(root, "till", 60)
    assert text(root) == OWN


def test_the_comment_of_the_next_block_stays_with_it(root: Path) -> None:
    """What stands behind a block belongs to what follows."""
    disconnect(root, "door")
    assert "# the law\n[[markets]]" in text(root)
    assert read_settings(root / FILE) == replace(parse_settings(OWN, file=FILE), shops=())


def test_a_secret_is_for_its_owner_alone_and_nowhere_else(root: Path) -> None:
    """Not in the settings, and in no other file of the workspace."""
    connect(root, TICKETS, " token-1\n")
    secret = root / "secrets" / "tickets"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("token-1", 0o600)
    assert secret.parent.stat().st_mode & 0o777 == 0o700
    others = [path for path in root.rglob("*") if path.is_file() and path != secret]
    assert not any("token-1" in path.read_text(encoding="utf-8") for path in others)


@pytest.mark.parametrize(
    "address",
    [
        "https://10.1.2.3",
        "https://169.254.169.254/latest",
        "http://93.184.215.14",
        "file:///etc/passwd",
        "https://[::1]",
        "https://127.1",
    ],
)
def test_an_address_that_must_not_be_spoken_to_is_refused(root: Path, address: str) -> None:
    """The owner's file alone allows more; nothing was written."""
    with pytest.raises(HostileAddressError):
        connect(root, replace(TICKETS, address=address), "token-1")
    assert (text(root), (root / "secrets").exists()) == (OWN, False)


def test_an_address_on_a_network_that_is_allowed_is_taken(root: Path) -> None:
    """By the settings file."""
    connect(root, replace(TICKETS, address="http://127.0.0.1:8000"), "token-1")
    assert read_settings(root / FILE).shops[-1].address == "http://127.0.0.1:8000"


def test_where_buyers_come_is_held_against_the_same_rules(root: Path) -> None:
    """Fairfare reads it as it reads the shop itself."""
    shop = ShopSettings(
        name="s", system=ShopSystem.SHOPIFY, address="https://93.184.215.14", storefront="https://10.0.0.1"
    )
    with pytest.raises(HostileAddressError):
        connect(root, shop, "token-1")


@pytest.mark.parametrize("address", ["/etc", "../elsewhere", "a/../../b"])
def test_a_folder_outside_the_workspace_is_refused(root: Path, address: str) -> None:
    """Whoever has a password for the desk has none for the machine's files."""
    with pytest.raises(InputError, match="outside the workspace"):
        connect(root, replace(TILL, address=address), None)
    assert text(root) == OWN


def test_a_host_that_is_not_found_now_may_be_connected(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at the shop says so afterwards."""

    def nobody(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", nobody)
    connect(root, replace(TICKETS, address="https://tickets.example"), "token-1")
    assert read_settings(root / FILE).shops[-1].name == "tickets"


@pytest.mark.parametrize("secret", ["", "  ", "two words", "a\nb", "ü"])
def test_a_secret_that_is_none_is_refused(root: Path, secret: str) -> None:
    """Before anything is written."""
    with pytest.raises(InputError, match="the secret of shop tickets"):
        connect(root, TICKETS, secret)
    assert text(root) == OWN


def test_two_shops_never_have_one_name(root: Path) -> None:
    """Nor is a shop taken off that there is not."""
    with pytest.raises(RefusedError, match="there is a shop door"):
        connect(root, replace(TILL, name="door"), None)
    with pytest.raises(RefusedError, match="there is no shop till"):
        disconnect(root, "till")
    assert text(root) == OWN


def test_a_name_that_was_another_shop_is_refused(root: Path) -> None:
    """Its cursor and journal would be taken for this one's; the same shop comes back with another secret."""
    connect(root, TICKETS, "token-1")
    (root / "shops" / "tickets" / "cursor").write_text("7")
    disconnect(root, "tickets")
    with pytest.raises(RefusedError, match="another name"):
        connect(root, replace(TICKETS, address="https://93.184.215.15"), "token-1")
    connect(root, replace(TICKETS, address=f"{TICKETS.address}/", events=("gala",)), "token-2")
    assert (root / "secrets" / "tickets").read_text() == "token-2"


def test_a_name_that_its_owner_wrote_is_that_shop_s_too(root: Path) -> None:
    """What was connected in the file leaves a journal behind like what was connected here."""
    (root / "shops" / "door").mkdir(parents=True)
    (root / "shops" / "door" / "journal.jsonl").write_text("{}\n")
    disconnect(root, "door")
    with pytest.raises(RefusedError, match="was another shop"):
        connect(root, replace(TILL, name="door", address="exchange/back-door"), None)
    connect(root, replace(TILL, name="door", address="exchange/door"), None)


def test_a_name_whose_key_would_be_another_shop_s_is_refused(root: Path) -> None:
    """The environment holds the key of `my-shop` under the name that `my_shop` has there, too."""
    connect(root, replace(TILL, name="my-shop"), None)
    before = text(root)
    with pytest.raises(InputError, match="FAIRFARE_SHOP_MY_SHOP would hold the secrets of two"):
        connect(root, replace(TICKETS, name="my_shop"), "token")
    assert (text(root), (root / "secrets" / "my_shop").exists()) == (before, False)


def test_a_slip_in_an_address_costs_no_name(root: Path) -> None:
    """A shop that did not answer, or was only looked at, leaves nothing that is taken for another's."""
    folder = root / "shops" / "tickets"
    connect(root, replace(TICKETS, organizer="stagg"), "token-1")
    status.note(folder, problem=status.Problem(NOW, "there is no such organizer", permanent=True))
    seen.Seen(NOW, "pretix", (), ()).write(folder)
    disconnect(root, "tickets")
    connect(root, TICKETS, "token-1")
    assert seen.Seen.read(folder) is None
    assert status.Status.read(folder) == status.Status()
    disconnect(root, "tickets")
    connect(root, TICKETS, "token-2")


def test_shops_written_in_one_line_are_left_to_their_owner(root: Path) -> None:
    """What cannot be read back as wanted is not written."""
    line = 'shops = [{name = "door", system = "folder", address = "x"}]\n'
    (root / FILE).write_text(line, encoding="utf-8")
    with pytest.raises(RefusedError, match="by hand"):
        connect(root, TILL, None)
    with pytest.raises(RefusedError, match="by hand"):
        disconnect(root, "door")
    assert text(root) == line


def test_what_would_say_something_else_is_not_written(root: Path) -> None:
    """A text over lines that looks like a block is none: taking it out would leave settings that read well."""
    trap = '[[shops]]\nname = "a"\nsystem = "folder"\naddress = """\n[[shops]]\n[x]\n"""\n'
    (root / FILE).write_text(f'{trap}\n[[shops]]\nname = "b"\nsystem = "folder"\naddress = "b"\n', encoding="utf-8")
    before = text(root)
    with pytest.raises(RefusedError, match="by hand"):
        disconnect(root, "b")
    assert text(root) == before


def test_a_block_whose_values_go_over_lines_is_taken_out_whole(root: Path) -> None:
    """And no line of another."""
    block = '[[shops]]\nname = "a"\nsystem = "pretix"\nevents = [\n  "gala",\n]\n'
    (root / FILE).write_text(f'{OWN}\n{block}organizer = "o"\naddress = "https://a.example"\n', encoding="utf-8")
    disconnect(root, "a")
    assert text(root).rstrip() == OWN.rstrip()


def test_damaged_settings_are_left_alone(root: Path) -> None:
    """With what is wrong with them."""
    (root / FILE).write_text("currency = \n", encoding="utf-8")
    with pytest.raises(InputError, match="TOML"):
        connect(root, TILL, None)
    assert text(root) == "currency = \n"


@given(TEXT, TEXT, st.lists(TEXT, min_size=1, max_size=3))
def test_whatever_a_shop_is_called_reads_back(address: str, organizer: str, events: list[str]) -> None:
    """Quotation marks, brackets and line ends in a form end up in a text, or the form is refused."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / FILE).write_text(default_text(), encoding="utf-8")
        shop = replace(TICKETS, organizer=organizer, events=tuple(events))
        connect(root, shop, None)
        assert read_settings(root / FILE).shops == (shop,)
        try:
            connect(root, replace(TILL, address=address), None)
        except FairfareError:
            assert len(read_settings(root / FILE).shops) == 1
        disconnect(root, "tickets")
        assert text(root).startswith(default_text().rstrip())
