"""Brings a database to the shape the code expects."""

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from api.store.database import reading, writing
from api.store.log import adopt
from pricing.errors import RefusedError

__all__ = ["HEAD", "require_current", "revision", "upgrade"]

HEAD = "0005"
"""The revision this code expects."""


def revision(engine: Engine) -> str | None:
    """The revision a database is at; None for one without tables."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.scalar(text("SELECT version_num FROM alembic_version"))


def upgrade(engine: Engine) -> None:
    """Create the tables of a new database, or bring an older one up to date; does nothing if it already is.

    A book that is older than logs gets one, which begins with the prices it holds.

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
        adopt(connection)


def require_current(engine: Engine) -> None:
    """Refuse a database of another version of Fairfare.

    Raises
    ------
    RefusedError
        if it is older, or newer.
    """
    found = revision(engine)
    if found != HEAD:
        older = found is None or found < HEAD
        advice = "run `fairfare upgrade`" if older else "install the version of Fairfare that made it, or a newer one"
        raise RefusedError(f"the price book's database is at revision {found}, not {HEAD}: {advice}")
