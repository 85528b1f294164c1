"""The price book: proposals, reviews, publications, prices, freezes and keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("proposals", "reviews", "publications", "freezes")


def upgrade() -> None:
    """Create the tables, and the triggers that keep them append-only and free of overlaps."""
    op.create_table(
        "proposals",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("proposed_by", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_proposals"),
        sa.UniqueConstraint("id", name="uq_proposals_id"),
    )
    op.create_table(
        "reviews",
        sa.Column("proposal", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("proposal", name="pk_reviews"),
        sa.ForeignKeyConstraint(["proposal"], ["proposals.id"], name="fk_reviews_proposal"),
        sa.CheckConstraint("verdict IN ('approved', 'rejected')", name="ck_reviews_verdict"),
    )
    op.create_table(
        "publications",
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("change", sa.String, nullable=False),
        sa.Column("proposal", sa.String),
        sa.Column("undone", sa.Integer),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_publications"),
        sa.ForeignKeyConstraint(["proposal"], ["reviews.proposal"], name="fk_publications_proposal"),
        sa.ForeignKeyConstraint(["undone"], ["publications.version"], name="fk_publications_undone"),
        sa.UniqueConstraint("proposal", name="uq_publications_proposal"),
        sa.UniqueConstraint("at", name="uq_publications_at"),
        sa.CheckConstraint("version > 0", name="ck_publications_version"),
        sa.CheckConstraint("change IN ('import', 'publish', 'rollback')", name="ck_publications_change"),
        sa.CheckConstraint("(change = 'publish') = (proposal IS NOT NULL)", name="ck_publications_proposal"),
        sa.CheckConstraint("(change = 'rollback') = (undone IS NOT NULL)", name="ck_publications_undone"),
    )
    op.create_table(
        "prices",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("offer", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("currency", sa.String, nullable=False),
        sa.Column("price", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("valid_from", sa.DateTime, nullable=False),
        sa.Column("valid_until", sa.DateTime),
        sa.Column("terms", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_prices"),
        sa.ForeignKeyConstraint(["version"], ["publications.version"], name="fk_prices_version"),
        sa.UniqueConstraint("offer", "channel", "currency", "version", name="uq_prices_offer_channel_currency_version"),
        sa.CheckConstraint("length(currency) = 3", name="ck_prices_currency"),
        sa.CheckConstraint("CAST(price AS REAL) > 0 AND CAST(price AS REAL) < 1e15", name="ck_prices_price"),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="ck_prices_interval"),
    )
    op.create_index(
        "uq_prices_open",
        "prices",
        ["offer", "channel", "currency"],
        unique=True,
        sqlite_where=sa.text("valid_until IS NULL"),
        postgresql_where=sa.text("valid_until IS NULL"),
    )
    op.create_table(
        "freezes",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("frozen", sa.Integer, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_freezes"),
        sa.CheckConstraint("frozen IN (0, 1)", name="ck_freezes_frozen"),
    )
    op.create_table(
        "keys",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("scopes", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_keys"),
        sa.UniqueConstraint("hash", name="uq_keys_hash"),
    )
    _guard_postgresql() if op.get_bind().dialect.name == "postgresql" else _guard_sqlite()


def _guard_sqlite() -> None:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are only ever appended'); END"
            )
    op.execute(
        "CREATE TRIGGER prices_no_delete BEFORE DELETE ON prices "
        "BEGIN SELECT RAISE(ABORT, 'prices are never deleted'); END"
    )
    op.execute(
        "CREATE TRIGGER prices_close_only BEFORE UPDATE ON prices "
        "WHEN OLD.valid_until IS NOT NULL OR NEW.valid_until IS NULL OR (NEW.number, NEW.offer, NEW.channel, "
        "NEW.currency, NEW.price, NEW.version, NEW.valid_from, NEW.terms) IS NOT (OLD.number, OLD.offer, OLD.channel, "
        "OLD.currency, OLD.price, OLD.version, OLD.valid_from, OLD.terms) "
        "BEGIN SELECT RAISE(ABORT, 'a price may only be closed, once'); END"
    )
    op.execute(
        "CREATE TRIGGER prices_no_overlap BEFORE INSERT ON prices WHEN EXISTS (SELECT 1 FROM prices AS other "
        "WHERE other.offer = NEW.offer AND other.channel = NEW.channel AND other.currency = NEW.currency "
        "AND (other.valid_until IS NULL OR other.valid_until > NEW.valid_from) "
        "AND (NEW.valid_until IS NULL OR NEW.valid_until > other.valid_from)) "
        "BEGIN SELECT RAISE(ABORT, 'two prices of one offer at one instant'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table in (*APPEND_ONLY, "prices"):
        verbs = "TRUNCATE" if table == "prices" else "UPDATE OR DELETE OR TRUNCATE"
        reason = "prices are never deleted" if table == "prices" else f"{table} are only ever appended"
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE {verbs} ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION refuse('{reason}')"
        )
    op.execute(
        "CREATE TRIGGER prices_no_delete BEFORE DELETE ON prices "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse('prices are never deleted')"
    )
    op.execute(
        "CREATE TRIGGER prices_close_only BEFORE UPDATE ON prices FOR EACH ROW "
        "WHEN (OLD.valid_until IS NOT NULL OR NEW.valid_until IS NULL OR (NEW.number, NEW.offer, NEW.channel, "
        "NEW.currency, NEW.price, NEW.version, NEW.valid_from, NEW.terms) IS DISTINCT FROM (OLD.number, OLD.offer, "
        "OLD.channel, OLD.currency, OLD.price, OLD.version, OLD.valid_from, OLD.terms)) "
        "EXECUTE FUNCTION refuse('a price may only be closed, once')"
    )
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute(
        "ALTER TABLE prices ADD CONSTRAINT prices_no_overlap EXCLUDE USING gist "
        "(offer WITH =, channel WITH =, currency WITH =, tsrange(valid_from, valid_until) WITH &&)"
    )
