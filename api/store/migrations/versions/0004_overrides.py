"""Overrides: bounds that people set on a price for a time."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, which is only ever appended to."""
    op.create_table(
        "overrides",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("offer", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("amount", sa.String),
        sa.Column("currency", sa.String, nullable=False),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_overrides"),
        sa.CheckConstraint("kind IN ('floor', 'ceiling', 'fixed')", name="ck_overrides_kind"),
        sa.CheckConstraint("amount IS NULL OR until > at", name="ck_overrides_until"),
    )
    op.create_index("ix_overrides_offer_channel_kind", "overrides", ["offer", "channel", "kind"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER overrides_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON overrides "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse('overrides are only ever appended')"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER overrides_no_{verb.lower()} BEFORE {verb} ON overrides "
            "BEGIN SELECT RAISE(ABORT, 'overrides are only ever appended'); END"
        )
