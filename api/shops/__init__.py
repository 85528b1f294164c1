"""Shops: where prices are paid."""

from api.shops.connector import Connector
from api.shops.errors import ShopError
from api.shops.journal import Journal
from api.shops.shop import Shop

__all__ = ["Connector", "Journal", "Shop", "ShopError"]
