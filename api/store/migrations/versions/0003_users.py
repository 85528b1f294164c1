"""People with a password and a role, and who of them is signed in."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "users",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("folded", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("password", sa.String, nullable=False),
        sa.Column("disabled_at", sa.DateTime),
        sa.PrimaryKeyConstraint("number", name="pk_users"),
        sa.UniqueConstraint("folded", name="uq_users_folded"),
        sa.CheckConstraint("role IN ('viewer', 'analyst', 'approver', 'admin')", name="ck_users_role"),
    )
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("user", sa.Integer, nullable=False),
        sa.Column("began_at", sa.DateTime, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_sessions"),
        sa.ForeignKeyConstraint(["user"], ["users.number"], name="fk_sessions_user"),
    )
    op.create_index("ix_sessions_user", "sessions", ["user"])
