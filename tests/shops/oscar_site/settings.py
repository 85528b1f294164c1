"""Settings of a django-oscar shop with its interface over HTTP, on loopback, in a folder of its own."""

import os
from pathlib import Path

import oscar
from oscar.defaults import *  # noqa: F403  # as Oscar's documentation has it

SECRET_KEY = "of a shop on loopback that lives as long as a test"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
TIME_ZONE = "UTC"
SITE_ID = 1
INSTALLED_APPS = [*oscar.INSTALLED_APPS, "rest_framework", "oscarapi"]
MIDDLEWARE = [
    "oscarapi.middleware.HeaderSessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "oscarapi.middleware.ApiBasketMiddleWare",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["OSCAR_FOLDER"]) / "shop.sqlite3",
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
ROOT_URLCONF = "oscar_site.urls"
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a password a request, and nothing to guard
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_DEFAULT_CURRENCY = "EUR"
OSCAR_ORDER_STATUS_PIPELINE = {"new": ("Cancelled",), "Cancelled": ()}
OSCARAPI_BLOCK_ADMIN_API_ACCESS = False


class _Unmigrated(dict[str, None]):
    """Tables are made as the models are now: a second instead of a quarter of a minute."""

    def __contains__(self, _: object) -> bool:
        return True

    def __getitem__(self, _: str) -> None:
        return None


MIGRATION_MODULES = _Unmigrated()
