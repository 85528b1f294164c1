"""A log chained by hashes, prices that begin later, listings, revoked keys, sales that come back, and runs."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("listings", "log", "revocations", "sales")
UNCHANGED = ("number", "offer", "channel", "currency", "price", "version", "valid_from", "terms")


def upgrade() -> None:
    """Add the tables and columns, and let the triggers know of prices that begin later."""
    op.add_column("publications", sa.Column("effective_at", sa.DateTime))
    op.add_column("reviews", sa.Column("large", sa.Integer, nullable=False, server_default="0"))
    op.add_column("keys", sa.Column("holder", sa.String))
    op.add_column("prices", sa.Column("voided", sa.Integer))
    op.create_table(
        "listings",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("offer", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_listings"),
    )
    op.create_index("ix_listings_offer_channel", "listings", ["offer", "channel"])
    op.create_table(
        "log",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_log"),
        sa.UniqueConstraint("hash", name="uq_log_hash"),
    )
    op.create_table(
        "revocations",
        sa.Column("key", sa.Integer, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_revocations"),
        sa.ForeignKeyConstraint(["key"], ["keys.number"], name="fk_revocations_key"),
    )
    made = op.create_table(
        "secrets",
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secrets"),
    )
    op.bulk_insert(made, [{"name": "quotes", "value": secrets.token_hex(32)}])
    op.create_table(
        "requests",
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("holder", "key", name="pk_requests"),
    )
    op.create_index("ix_requests_at", "requests", ["at"])
    op.create_table(
        "sales",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("offer", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("sold_at", sa.DateTime, nullable=False),
        sa.Column("quantity", sa.Float, nullable=False),
        sa.Column("price", sa.String, nullable=False),
        sa.Column("currency", sa.String, nullable=False),
        sa.Column("in_force", sa.String),
        sa.Column("quote", sa.String),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sales"),
        sa.UniqueConstraint("id", name="uq_sales_id"),
    )
    op.create_index("ix_sales_offer_channel_sold_at", "sales", ["offer", "channel", "sold_at"])
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("progress", sa.Float),
        sa.Column("log", sa.Text, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("asked_at", sa.DateTime, nullable=False),
        sa.Column("started_at", sa.DateTime),
        sa.Column("finished_at", sa.DateTime),
        sa.Column("worker", sa.String),
        sa.Column("lease_until", sa.DateTime),
        sa.Column("cancel", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
        sa.CheckConstraint(
            "state IN ('asked', 'running', 'done', 'failed', 'cancelled')", name="ck_runs_state"
        ),
        sa.CheckConstraint("progress >= 0 AND progress <= 1", name="ck_runs_progress"),
    )
    op.drop_index("uq_prices_open", "prices")
    op.create_index(
        "uq_prices_open",
        "prices",
        ["offer", "channel", "currency"],
        unique=True,
        sqlite_where=sa.text("valid_until IS NULL AND voided IS NULL"),
        postgresql_where=sa.text("valid_until IS NULL AND voided IS NULL"),
    )
    _guard_postgresql() if op.get_bind().dialect.name == "postgresql" else _guard_sqlite()


CHANGED = (
    "{changed} OR OLD.voided IS NOT NULL "  # another price, or one that was taken back already
    "OR NEW.voided IS NULL AND (NEW.valid_until IS NULL "  # opened again
    "OR OLD.valid_until IS NOT NULL AND NEW.valid_until >= OLD.valid_until "  # made to last longer
    "OR NEW.valid_until < (SELECT max(at) FROM publications)) "  # closed in the past
    "OR NEW.voided IS NOT NULL AND (NEW.valid_until IS {different} OLD.valid_until "
    "OR NEW.valid_from < (SELECT at FROM publications WHERE version = NEW.voided))"  # taken back after it began
)
REASON = "a price may only be closed earlier, or taken back before it begins"


def _guard_sqlite() -> None:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are only ever appended'); END"
            )
    op.execute("DROP TRIGGER prices_close_only")
    op.execute("DROP TRIGGER prices_no_overlap")
    both = [", ".join(f"{row}.{column}" for column in UNCHANGED) for row in ("NEW", "OLD")]
    changed = CHANGED.format(changed=f"({both[0]}) IS NOT ({both[1]})", different="NOT")
    op.execute(
        f"CREATE TRIGGER prices_close_only BEFORE UPDATE ON prices WHEN {changed} BEGIN SELECT RAISE(ABORT, '{REASON}'); END"
    )
    op.execute(
        "CREATE TRIGGER prices_no_overlap BEFORE INSERT ON prices WHEN EXISTS (SELECT 1 FROM prices AS other "
        "WHERE other.offer = NEW.offer AND other.channel = NEW.channel AND other.currency = NEW.currency "
        "AND other.voided IS NULL AND (other.valid_until IS NULL OR other.valid_until > NEW.valid_from) "
        "AND (NEW.valid_until IS NULL OR NEW.valid_until > other.valid_from)) "
        "BEGIN SELECT RAISE(ABORT, 'two prices of one offer at one instant'); END"
    )


def _guard_postgresql() -> None:
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION refuse('{table} are only ever appended')"
        )
    op.execute("DROP TRIGGER prices_close_only ON prices")
    both = [", ".join(f"{row}.{column}" for column in UNCHANGED) for row in ("NEW", "OLD")]
    changed = CHANGED.format(changed=f"({both[0]}) IS DISTINCT FROM ({both[1]})", different="DISTINCT FROM")
    op.execute(  # a condition that looks into another table has to stand in the function
        "CREATE FUNCTION refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {changed} THEN RAISE EXCEPTION '{REASON}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER prices_close_only BEFORE UPDATE ON prices FOR EACH ROW EXECUTE FUNCTION refuse_edit()"
    )
    op.execute("ALTER TABLE prices DROP CONSTRAINT prices_no_overlap")
    op.execute(
        "ALTER TABLE prices ADD CONSTRAINT prices_no_overlap EXCLUDE USING gist "
        "(offer WITH =, channel WITH =, currency WITH =, tsrange(valid_from, valid_until) WITH &&) WHERE (voided IS NULL)"
    )
