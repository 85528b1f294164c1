"""Brings a database to the shape the code expects."""

from pathlib import Path

from sqlalchemy import Engine

from api.store.database import writing

__all__ = ["upgrade"]


def upgrade(engine: Engine) -> None:
    """Create the tables of a new database, or bring an older one up to date; does nothing if it already is.

    Raises
    ------
    UnavailableError
        if the database does not answer.
    """
    from alembic import command  # noqa: PLC0415  # serving prices needs no migrations
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
