"""Shopify (https://www.shopify.com), over its GraphQL Admin API."""

from api.shops.shopify.connector import Shopify, connect
from api.shops.shopify.graphql import GraphQL

__all__ = ["GraphQL", "Shopify", "connect"]
