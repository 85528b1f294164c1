"""The settings of a workspace as a server needs them, and where its price book is."""

from pathlib import Path

from api.settings import FILE, Settings, read_settings
from api.store.database import DATABASE_NAME, Place


def settings_of(workspace: Path) -> Settings:
    """What its `fairfare.toml` says; without one, as things are by default."""
    return read_settings(workspace / FILE) if (workspace / FILE).exists() else Settings()


def database_of(workspace: Path) -> Place:
    """The PostgreSQL database that the settings name, else a file in the folder."""
    return settings_of(workspace).database or workspace / DATABASE_NAME
