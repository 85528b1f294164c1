"""Connecting a shop on the desk: all that is wrong is said at once, beside its field, and a key is never seen again."""

import json
import stat

from api.settings import FILE, ShopSystem, read_settings
from tests.api.pages.conftest import ORIGIN, Office
from tests.api.pages.markup import PAYLOADS, Made

PAGE = "/desk/connect"
KEY = "k3y-0f-a-team-that-is-not"
PRETIX = {
    "system": "pretix",
    "name": "tickets",
    "address": "https://pretix.eu",
    "organizer": "hosts",
    "events": "gala, tour",
    "secret": KEY,
}
"""What an owner fills in."""


def test_a_connected_shop_stands_in_the_settings_and_its_key_in_a_file(office: Office) -> None:
    """Nowhere else: not in the settings, not in the database, and on no page."""
    ada = office.signed_in("Ada")
    sent = ada.send(PAGE, **PRETIX, vouchers="on")
    assert sent.headers["Location"] == "/desk/shops/tickets?done=shop-connected"
    root = office.desk.root
    (shop,) = read_settings(root / FILE).shops
    assert (shop.name, shop.events, shop.vouchers) == ("tickets", ("gala", "tour"), True)
    file = root / "secrets" / "tickets"
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (KEY, 0o600)
    others = [each for each in root.rglob("*") if each.is_file() and each != file]
    assert [each.name for each in others if KEY.encode() in each.read_bytes()] == []
    assert KEY not in ada.get(sent.headers["Location"]).text


def test_who_connected_and_disconnected_a_shop_is_in_the_log(office: Office) -> None:
    """With where it is, and never with its key."""
    ada = office.signed_in("Ada")
    ada.send(PAGE, **PRETIX)
    ada.send("/desk/shops/tickets/disconnect")
    told = [each for each in office.desk.book.entries(limit=1000) if each.action.endswith("-shop")]
    assert [(each.action, each.subject, each.by) for each in told] == [
        ("connect-shop", "tickets", "Ada"),
        ("disconnect-shop", "tickets", "Ada"),
    ]
    assert json.loads(told[0].body) == {"system": "pretix", "address": "https://pretix.eu"}
    page = ada.get("/desk/history").text
    assert "Shop connected" in page
    assert "Shop disconnected" in page


def test_only_what_a_system_needs_is_asked_for(office: Office) -> None:
    """Where to find it stands beside it; a key is typed unseen, and no browser keeps it."""
    ada = office.signed_in("Ada")
    for system in ShopSystem:
        page = ada.get(f"{PAGE}?system={system}").text
        assert ('name="organizer"' in page) == (system is ShopSystem.PRETIX)
        assert ('name="storefront"' in page) == (system is ShopSystem.SHOPIFY)
        keys = page.count('type="password"'), page.count('autocomplete="off" spellcheck')
        assert keys == ((0, 0) if system is ShopSystem.FOLDER else (1, 1))
        assert f"docs/shops/{system}.md" in page


def test_the_system_is_chosen_first(office: Office) -> None:
    """Each by a link, for those who run no script; one that is none leads back to the choice."""
    ada = office.signed_in("Ada")
    page = ada.get(PAGE).text
    assert all(f'href="{PAGE}?system={system}"' in page for system in ShopSystem)
    assert 'name="secret"' not in page
    assert 'name="secret"' not in ada.get(f"{PAGE}?system=zzz").text
    assert ada.send(PAGE, system="zzz").headers["Location"] == PAGE


def test_all_that_is_wrong_is_said_beside_its_field(office: Office) -> None:
    """What was filled in stays, but for the key; nothing has changed."""
    before = (office.desk.root / FILE).read_bytes()
    sent = office.signed_in("Ada").send(PAGE, **PRETIX | {"name": "Käse!", "address": "pretix.eu", "events": ""})
    assert (sent.status_code, sent.text.count('aria-invalid="true"'), KEY in sent.text) == (422, 3, False)
    assert "3 things are to be put right" in sent.text
    assert 'value="hosts"' in sent.text
    assert (office.desk.root / FILE).read_bytes() == before
    assert not (office.desk.root / "secrets").exists()


REFUSED: tuple[tuple[dict[str, str], str], ...] = (
    ({"address": "https://127.0.0.1"}, "write at the top of fairfare.toml: allowed_networks = ["),
    ({"address": "http://93.184.215.14"}, "write https"),
    ({"address": "https://user:word@pretix.eu"}, "holds no name or password"),
    ({"secret": "two words"}, "signs that no token has"),
    ({"secret": ""}, "it is never shown again"),
    ({"name": "a/b"}, "beginning with a letter or digit"),
    ({"system": "folder", "address": "/etc"}, "outside the workspace"),
    ({"system": "folder", "address": "../other"}, "outside the workspace"),
)


def test_what_must_not_be_spoken_to_is_refused(office: Office) -> None:
    """In plain words, on the form; a network of one's own is allowed in the settings' file alone."""
    ada = office.signed_in("Ada")
    for changed, said in REFUSED:
        sent = ada.send(PAGE, **PRETIX | changed)
        assert (sent.status_code, said in sent.text) == (422, True), changed
    assert read_settings(office.desk.root / FILE).shops == ()


def test_a_name_is_given_once(office: Office) -> None:
    """The form says so; the first shop stays as it is."""
    ada = office.signed_in("Ada")
    ada.send(PAGE, **PRETIX)
    again = ada.send(PAGE, **PRETIX | {"organizer": "others"})
    assert (again.status_code, "There is a shop of this name already." in again.text) == (422, True)
    assert [shop.organizer for shop in read_settings(office.desk.root / FILE).shops] == ["hosts"]


def test_what_was_filled_in_is_no_markup(office: Office) -> None:
    """In each field, and in what is said of it."""
    ada = office.signed_in("Ada")
    fields = ("name", "address", "organizer", "events", "secret")
    expected = {*Made(ada.send(PAGE, **PRETIX | dict.fromkeys(fields, "a b")).text).elements}
    token = ada.token
    for payload in PAYLOADS:
        sent = ada.client.post(PAGE, data={"token": token, **PRETIX, **dict.fromkeys(fields, payload)}, headers=ORIGIN)
        assert {*Made(sent.text).elements} <= expected, payload
