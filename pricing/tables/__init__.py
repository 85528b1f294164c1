"""The tables a user brings: declared once, read exactly, checked all at once, made into the values of pricing.model."""

from pricing.tables.declaration import TABLES, Column, Kind, Table
from pricing.tables.examine import Examined, Settings, examine
from pricing.tables.schema import schema
from pricing.tables.values import events_from, offers_from, resources_from

__all__ = [
    "TABLES",
    "Column",
    "Examined",
    "Kind",
    "Settings",
    "Table",
    "events_from",
    "examine",
    "offers_from",
    "resources_from",
    "schema",
]
