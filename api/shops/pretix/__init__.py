"""pretix (https://pretix.eu), over its REST API."""

from api.shops.pretix.connector import Pretix, connect

__all__ = ["Pretix", "connect"]
