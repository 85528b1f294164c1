"""The tables of the price book.

Guarantees
----------
* Append-only: triggers (see the first migration) refuse to change or delete a row; only a price may be closed, once.
* The database itself refuses two prices of an offer, channel and currency at one instant.
* A key is stored only as its hash.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from api.store.database import Amount, UtcInstant

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

proposals = Table(
    "proposals",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("proposed_by", String, nullable=False),
    Column("body", Text, nullable=False),
)
"""`body` is the whole `pricing.book.Proposal` as JSON; `number` is the order of arrival."""

reviews = Table(
    "reviews",
    metadata,
    Column("proposal", String, ForeignKey("proposals.id"), primary_key=True),
    Column("verdict", String, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcInstant, nullable=False),
    CheckConstraint("verdict IN ('approved', 'rejected')", name="verdict"),
)

publications = Table(
    "publications",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("change", String, nullable=False),
    Column("proposal", String, ForeignKey("reviews.proposal"), unique=True),
    Column("undone", Integer, ForeignKey("publications.version")),
    Column("by", String, nullable=False),
    Column("at", UtcInstant, nullable=False, unique=True),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("change IN ('import', 'publish', 'rollback')", name="change"),
    CheckConstraint("(change = 'publish') = (proposal IS NOT NULL)", name="proposal"),
    CheckConstraint("(change = 'rollback') = (undone IS NOT NULL)", name="undone"),
)

prices = Table(
    "prices",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("offer", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("price", Amount, nullable=False),
    Column("version", Integer, ForeignKey("publications.version"), nullable=False),
    Column("valid_from", UtcInstant, nullable=False),
    Column("valid_until", UtcInstant),
    Column("terms", Text, nullable=False),
    UniqueConstraint("offer", "channel", "currency", "version"),
    CheckConstraint("length(currency) = 3", name="currency"),
    CheckConstraint("CAST(price AS REAL) > 0 AND CAST(price AS REAL) < 1e15", name="price"),
    CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="interval"),
    Index(
        "uq_prices_open",
        "offer",
        "channel",
        "currency",
        unique=True,
        sqlite_where=text("valid_until IS NULL"),
        postgresql_where=text("valid_until IS NULL"),
    ),
)

freezes = Table(
    "freezes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("frozen", Integer, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcInstant, nullable=False),
    Column("reason", String, nullable=False),
    CheckConstraint("frozen IN (0, 1)", name="frozen"),
)
"""The last row says whether prices are frozen."""

keys = Table(
    "keys",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("hash", String, nullable=False, unique=True),
    Column("scopes", String, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
)
