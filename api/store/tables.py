"""The tables of the price book and of what surrounds it.

Guarantees
----------
* What is decided, offered and sold is append-only: triggers (see the migrations) refuse to change or delete a row; a
  price may only be closed, earlier than it was to end, or taken back before it begins. Keys, secrets, requests, runs,
  users and sessions have no such triggers.
* The database itself refuses two prices of an offer, channel and currency at one instant.
* A key is stored only as its hash.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
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
    Column("large", Integer, nullable=False, server_default="0"),
    CheckConstraint("verdict IN ('approved', 'rejected')", name="verdict"),
)
"""`large`: the person approved although many prices move at once."""

parts = Table(
    "parts",
    metadata,
    Column("proposal", String, ForeignKey("proposals.id"), primary_key=True),
    Column("whole", String, ForeignKey("proposals.id"), nullable=False, index=True),
    Column("origin", String, ForeignKey("proposals.id"), nullable=False, index=True),
)
"""Proposals that hold a part of another one's decisions; `whole` was split, and is closed by that; `origin` was the
first that was, of which no part makes another one stale."""

publications = Table(
    "publications",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("change", String, nullable=False),
    Column("proposal", String, ForeignKey("reviews.proposal"), unique=True),
    Column("undone", Integer, ForeignKey("publications.version")),
    Column("by", String, nullable=False),
    Column("at", UtcInstant, nullable=False, unique=True),
    Column("effective_at", UtcInstant),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("change IN ('import', 'publish', 'rollback')", name="change"),
    CheckConstraint("(change = 'publish') = (proposal IS NOT NULL)", name="proposal"),
    CheckConstraint("(change = 'rollback') = (undone IS NOT NULL)", name="undone"),
)
"""`effective_at` is set where prices begin later than `at`."""

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
    Column("voided", Integer),
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
        sqlite_where=text("valid_until IS NULL AND voided IS NULL"),
        postgresql_where=text("valid_until IS NULL AND voided IS NULL"),
    ),
)
"""`voided` is the version that took back a price that had not begun; such a row counts for nothing."""

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

overrides = Table(
    "overrides",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("offer", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("amount", Amount),
    Column("currency", String, nullable=False),
    Column("until", UtcInstant, nullable=False),
    Column("reason", String, nullable=False),
    Column("by", String, nullable=False),
    Column("at", UtcInstant, nullable=False),
    CheckConstraint("kind IN ('floor', 'ceiling', 'fixed')", name="kind"),
    CheckConstraint("amount IS NULL OR until > at", name="until"),
    Index("ix_overrides_offer_channel_kind", "offer", "channel", "kind"),
)
"""Bounds that people set; the last row of an offer, channel and kind counts, and one without an amount ended it."""

keys = Table(
    "keys",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("hash", String, nullable=False, unique=True),
    Column("scopes", String, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("holder", String),
)
"""`holder` is who acts with the key; a key from before there were holders has none."""

revocations = Table(
    "revocations",
    metadata,
    Column("key", Integer, ForeignKey("keys.number"), primary_key=True),
    Column("by", String, nullable=False),
    Column("at", UtcInstant, nullable=False),
    Column("reason", String, nullable=False),
)

listings = Table(
    "listings",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("offer", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", UtcInstant, nullable=False),
    Index("ix_listings_offer_channel", "offer", "channel"),
)
"""`body` is a `pricing.book.Listing` as JSON; the last one of an offer and channel counts."""

log = Table(
    "log",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at", UtcInstant, nullable=False),
    Column("by", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", String, nullable=False, unique=True),
)
"""See `api.store.log`."""

secrets = Table(
    "secrets",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)
"""`quotes` signs quotes, so that every server knows its own."""

requests = Table(
    "requests",
    metadata,
    Column("holder", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", UtcInstant, nullable=False, index=True),
)
"""Answers to requests that came with an idempotency key."""

sales = Table(
    "sales",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("offer", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("sold_at", UtcInstant, nullable=False),
    Column("quantity", Float, nullable=False),
    Column("price", Amount, nullable=False),
    Column("currency", String, nullable=False),
    Column("in_force", Amount),
    Column("quote", String),
    Column("received_at", UtcInstant, nullable=False),
    Column("by", String, nullable=False),
    Index("ix_sales_offer_channel_sold_at", "offer", "channel", "sold_at"),
)
"""`id` is the shop's own; `in_force` is the price that should have been paid at `sold_at`, None if not on sale."""

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("stage", String, nullable=False),
    Column("progress", Float),
    Column("log", Text, nullable=False),
    Column("result", Text),
    Column("by", String, nullable=False),
    Column("asked_at", UtcInstant, nullable=False),
    Column("started_at", UtcInstant),
    Column("finished_at", UtcInstant),
    Column("worker", String),
    Column("lease_until", UtcInstant),
    Column("cancel", Integer, nullable=False),
    CheckConstraint("state IN ('asked', 'running', 'done', 'failed', 'cancelled')", name="state"),
    CheckConstraint("progress >= 0 AND progress <= 1", name="progress"),
)
"""Jobs; a row changes as its job goes on."""

users = Table(
    "users",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("folded", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("password", String, nullable=False),
    Column("disabled_at", UtcInstant),
    CheckConstraint("role IN ('viewer', 'analyst', 'approver', 'admin')", name="role"),
)
"""`folded` is the name as names are compared; `password` is an argon2 hash. Each change is in the log."""

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String, primary_key=True),
    Column("user", Integer, ForeignKey("users.number"), nullable=False, index=True),
    Column("began_at", UtcInstant, nullable=False),
    Column("seen_at", UtcInstant, nullable=False),
)
"""Who is signed in; a session that ends is removed."""
