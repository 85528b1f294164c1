"""pretix (https://pretix.eu), over its REST API."""

from api.shops.pretix.connector import Pretix, connect
from api.shops.pretix.hints import hinted

__all__ = ["Pretix", "connect", "hinted"]
