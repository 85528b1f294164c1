"""What each system needs to be connected, and where its owner finds it (docs/shops).

Guarantees
----------
* A key is asked for with the least that it must be allowed to do; the page says how far each connector was tried.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from api.settings import ShopSystem


@dataclass(frozen=True, slots=True)
class Field:
    """What is asked for, and where it is found."""

    name: str
    label: LazyString
    help: LazyString
    example: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """What a system needs.

    Attributes
    ----------
    about : what it is, and how far it was tried
    steps : what to do there first, in its own words
    secret : what its key is called; None where it needs none
    taxed : whether it must be told if prices are written with tax
    """

    about: LazyString
    steps: tuple[LazyString, ...]
    fields: tuple[Field, ...]
    secret: Field | None
    taxed: bool = True


SYSTEMS: Mapping[ShopSystem, System] = {
    ShopSystem.PRETIX: System(
        _("Tickets: events, series of dates, vouchers. Tried against a running one."),
        (
            _(
                "In pretix open Organizers, your organizer, Teams, and create a team called fairfare, limited"
                " to the events it may price."
            ),
            _(
                "Give it: Orders “View all”; Products, quotas and questions “View and change”; Event series "
                "dates “View and change” if you have series; Vouchers “View and change” if vouchers are "
                "priced. Leave everything else as it is."
            ),
            _(
                "Open the team; under API tokens enter fairfare and press Add. The token is shown once: copy "
                "it for the field API token here."
            ),
        ),
        (
            Field(
                "address",
                _("Address"),
                _("Where your pretix runs: https://pretix.eu, or your own."),
                "https://pretix.eu",
            ),
            Field(
                "organizer",
                _("Organizer's short name"),
                _("In the address of your shop, the part behind the host: hosts in https://pretix.eu/hosts/gala/."),
                "hosts",
            ),
            Field(
                "events",
                _("Events' short names"),
                _("The part behind that: gala in https://pretix.eu/hosts/gala/. Several with commas between them."),
                "gala, tour",
            ),
        ),
        Field("secret", _("API token"), _("Of the team you made, not of yourself.")),
        taxed=False,
    ),
    ShopSystem.OSCAR: System(
        _("A shop on django-oscar with django-oscar-api. Tried against a running one."),
        (
            _(
                "In the shop's settings: OSCARAPI_BLOCK_ADMIN_API_ACCESS = False, and HTTP Basic among the "
                "authentication classes."
            ),
            _(
                "In Django's admin add a user fairfare with Staff status (not Superuser) and the permissions "
                "catalogue.view_product, partner.change_stockrecord, order.view_order and order.view_line."
            ),
        ),
        (Field("address", _("Address of the API"), _("Where django-oscar-api answers."), "https://shop.example/api"),),
        Field("secret", _("User and password"), _("Of that user, with a colon between them: fairfare:PASSWORD.")),
    ),
    ShopSystem.SHOPIFY: System(
        _(
            "Written after Shopify's documentation, and not yet run against the service: begin with a "
            "development store."
        ),
        (
            _(
                "In the shop's admin: Settings, Apps and sales channels, Develop apps, Create an app. Under "
                "Configuration tick the Admin API scopes read_products, write_products, read_inventory and "
                "read_orders."
            ),
            _("Install the app and reveal the Admin API access token. It is shown once: copy it for the field here."),
        ),
        (
            Field("address", _("Address"), _("The one that ends in myshopify.com."), "https://my-shop.myshopify.com"),
            Field("storefront", _("Storefront"), _("Where buyers come."), "https://shop.example"),
        ),
        Field("secret", _("Admin API access token"), _("It begins with shpat_.")),
    ),
    ShopSystem.WOOCOMMERCE: System(
        _("Written after WooCommerce's documentation, and not yet run against a shop: begin with a copy of yours."),
        (
            _(
                "In WordPress: WooCommerce, Settings, Advanced, REST API, Add key, for a user with the role "
                "Shop manager, Permissions Read/Write."
            ),
        ),
        (Field("address", _("Address"), _("As in your browser, up to the first slash."), "https://shop.example"),),
        Field("secret", _("Consumer key and secret"), _("With a colon between them: ck_...:cs_...")),
    ),
    ShopSystem.FOLDER: System(
        _("Any system that can write and read CSV files: a till, a spreadsheet, a nightly export."),
        (_("In the workspace make a folder with a file prices.csv: each row a place, name, price, currency."),),
        (
            Field(
                "address",
                _("Folder"),
                _("Its path within the workspace; a folder elsewhere is connected in fairfare.toml only."),
                "exchange/till",
            ),
        ),
        None,
        taxed=False,
    ),
}
