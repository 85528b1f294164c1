"""WooCommerce (https://woocommerce.com), over its REST API."""

from api.shops.woocommerce.connector import WooCommerce, connect

__all__ = ["WooCommerce", "connect"]
