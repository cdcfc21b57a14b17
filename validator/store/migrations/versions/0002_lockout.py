"""Failed logins, by account and by address; the high-water mark."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the two tables of failures and the table of the mark."""
    op.create_table(
        "login_attempts",
        sa.Column("key", sa.String(160), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("blocked_until", sa.BigInteger, nullable=False),
        sa.Column("forget_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_login_attempts_forget_at", "login_attempts", ["forget_at"])
    op.create_table(
        "login_addresses",
        sa.Column("address", sa.String(64), primary_key=True),
        sa.Column("period", sa.Integer, primary_key=True),
        sa.Column("slot", sa.BigInteger, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("forget_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_login_addresses_forget_at", "login_addresses", ["forget_at"])
    op.create_table(
        "marks",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("reached", sa.BigInteger, nullable=False),
    )
