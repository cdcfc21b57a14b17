"""The sessions of the page in the cloud's frame, each of which ends with a person's session."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table."""
    session = sa.ForeignKey("sessions.digest", ondelete="CASCADE")
    op.create_table(
        "pop_sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("session", sa.String(64), session, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("redeemed_at", sa.BigInteger),
    )
    op.create_index("ix_pop_sessions_session", "pop_sessions", ["session"])
