"""Proposals that are split, so that a part of their prices can be decided about alone."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of parts, which is append-only."""
    op.create_table(
        "parts",
        sa.Column("proposal", sa.String, nullable=False),
        sa.Column("whole", sa.String, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("proposal", name="pk_parts"),
        sa.ForeignKeyConstraint(["proposal"], ["proposals.id"], name="fk_parts_proposal"),
        sa.ForeignKeyConstraint(["whole"], ["proposals.id"], name="fk_parts_whole"),
        sa.ForeignKeyConstraint(["origin"], ["proposals.id"], name="fk_parts_origin"),
    )
    op.create_index("ix_parts_whole", "parts", ["whole"])
    op.create_index("ix_parts_origin", "parts", ["origin"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER parts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON parts "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse('parts are only ever appended')"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER parts_no_{verb.lower()} BEFORE {verb} ON parts "
            "BEGIN SELECT RAISE(ABORT, 'parts are only ever appended'); END"
        )
