"""The price desk: pages in a browser, on the real book.

A page is a module with `add(desk)`, named in `PAGES`; docs/desk.md says how to add one.
"""

from flask import Flask

from api.http.backend import Backend
from api.pages import (
    account,
    events,
    group,
    history,
    jobs,
    language,
    overrides,
    overview,
    products,
    proposals,
    report,
    response,
    rules,
    shop_connect,
    shops,
    start,
    strip,
    uploads,
    users,
    versions,
)
from api.pages.desk import Desk

PAGES = (
    account,
    strip,
    overview,
    start,
    uploads,
    events,
    products,
    response,
    group,
    report,
    proposals,
    overrides,
    history,
    versions,
    jobs,
    rules,
    shop_connect,
    shops,
    users,
)
"""Modules with pages."""


def install(app: Flask, backend: Backend) -> None:
    """Add the desk to an application."""
    language.install(app)
    desk = Desk(backend)
    for module in PAGES:
        module.add(desk)
    app.register_blueprint(desk)


__all__ = ["PAGES", "install"]
