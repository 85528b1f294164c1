"""Where a workspace keeps its price book."""

from pathlib import Path

from api.settings import FILE, read_settings
from api.store.database import DATABASE_NAME, Place


def database_of(workspace: Path) -> Place:
    """The PostgreSQL database that the settings name, else a file in the folder."""
    named = read_settings(workspace / FILE).database if (workspace / FILE).exists() else None
    return named or workspace / DATABASE_NAME
