"""The tables a user brings: declared once, read exactly, checked all at once, made into the values of pricing.model.

What is declared loads no pandas, so that pages can show it; `pricing.tables.examine` and `.values`, which read, do.
"""

from pricing.tables.declaration import TABLES, Column, Kind, Table

__all__ = ["TABLES", "Column", "Kind", "Table"]
