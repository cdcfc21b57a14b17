"""Verifications of callers: their attempts, their results, and PINs."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "verification_attempts",
        sa.Column("customer", sa.String(32), primary_key=True),
        sa.Column("attempt", sa.String(32), primary_key=True),
        sa.Column("caller", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_verification_attempts_at", "verification_attempts", ["at"])
    op.create_table(
        "verification_results",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("call", sa.String(64), nullable=False),
        sa.Column("work_no", sa.String(32), nullable=False),
        sa.Column("result", sa.Integer, nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("customer", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_verification_results_at", "verification_results", ["at"])
    op.create_index("ix_verification_results_work_no", "verification_results", ["tenant", "work_no", "at"])
    op.create_table(
        "verification_pins",
        sa.Column("record", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("blind_id", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("index_key", sa.String(8), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
