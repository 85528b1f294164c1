"""Connecting a shop: the system first, then what that one needs, with where to find it.

Guarantees
----------
* A key that was typed goes into a file of the owner's own and nowhere else; no page shows it again.
* What is wrong is said beside its field, all of it at once; until all is right nothing has changed.
* Who connected a shop, and where it is, is in the log.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from flask import g, redirect, render_template, request, url_for
from flask_babel import gettext

from api.connecting import connect
from api.http.backend import Backend
from api.pages.desk import Answer, Desk
from api.pages.shop_systems import SYSTEMS
from api.settings import SHOP_NAME, ShopSettings, ShopSystem
from api.store import log
from api.store.database import writing
from api.store.log import ANCHOR_NAME
from api.store.users import Role
from pricing.errors import InputError, RefusedError

LONGEST = 2000
"""Of what is typed into a field [characters]."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was filled in, without the key, and what is wrong with it, by field (`""`: with all of it)."""

    system: ShopSystem
    values: Mapping[str, str]
    wrong: Mapping[str, str]


def add(desk: Desk) -> None:
    """Add it to the desk."""
    backend = desk.backend

    @desk.page("/connect", role=Role.ADMIN)
    def connecting() -> str:
        wanted = request.args.get("system", "")
        form = Form(ShopSystem(wanted), {"tax_included": "on"}, {}) if wanted in set(ShopSystem) else None
        return _page(form)

    @desk.act("/connect", role=Role.ADMIN)
    def connect_shop() -> Answer:
        wanted = request.form.get("system", "")
        if wanted not in set(ShopSystem):
            return redirect(url_for("desk.connecting"), HTTPStatus.SEE_OTHER)
        values = {key: value.strip()[:LONGEST] for key, value in request.form.items()}
        return _connected(backend, ShopSystem(wanted), values)


def _page(form: Form | None) -> str:
    needs = SYSTEMS[form.system] if form else None
    return render_template("desk/shop_connect.html", page="shops", systems=SYSTEMS, form=form, needs=needs)


def _connected(backend: Backend, system: ShopSystem, values: dict[str, str]) -> Answer:
    """Connect it and lead to its page; or the form again, with what is wrong."""
    secret, wrong = values.pop("secret", ""), dict(_wrong(backend, system, values))
    if SYSTEMS[system].secret is not None and not secret:
        wrong["secret"] = gettext("This is needed. It is asked for anew each time, for it is never shown again.")
    if not wrong:
        try:
            connect(backend.root, _settings(system, values), secret or None)
        except InputError as error:
            wrong[""] = "; ".join(finding.reason for finding in error.findings)
        except (RefusedError, ValueError) as error:
            wrong[""] = str(error)
    if wrong:
        return _page(Form(system, values, wrong)), HTTPStatus.UNPROCESSABLE_ENTITY
    tell(backend, "connect-shop", values["name"], {"system": system.value, "address": values["address"]})
    return redirect(url_for("desk.shop", name=values["name"], done="shop-connected"), HTTPStatus.SEE_OTHER)


def tell(backend: Backend, action: str, shop: str, body: Mapping[str, object]) -> None:
    """Have the log say what whoever is signed in did about a shop."""
    who, now, anchor = g.session.user.name, backend.now(), backend.root / ANCHOR_NAME
    with writing(backend.engine) as db:
        log.append(db, action, shop, body, by=who, now=now, anchor=anchor)


def _settings(system: ShopSystem, values: Mapping[str, str]) -> ShopSettings:
    pretix = system is ShopSystem.PRETIX
    return ShopSettings(
        name=values["name"],
        system=system,
        address=values["address"],
        storefront=values["storefront"] if system is ShopSystem.SHOPIFY else None,
        organizer=values["organizer"] if pretix else None,
        events=_listed(values["events"]) if pretix else (),
        vouchers=pretix and "vouchers" in values,
        tax_included="tax_included" in values or not SYSTEMS[system].taxed,
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[,\s]+", text) if part)


def _wrong(backend: Backend, system: ShopSystem, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What can be told of single fields; the rest is told by whoever connects."""
    name = values.get("name", "")
    if SHOP_NAME.fullmatch(name) is None:
        yield "name", gettext("Letters without accents, digits, - and _, beginning with a letter or digit.")
    elif any(shop.name == name for shop in backend.settings.shops):
        yield "name", gettext("There is a shop of this name already.")
    for field in SYSTEMS[system].fields:
        value = values.get(field.name, "")
        if not value:
            yield field.name, gettext("This is needed.")
        elif field.name in {"address", "storefront"} and system is not ShopSystem.FOLDER and "://" not in value:
            yield field.name, gettext("This is no address; one begins with https://")
