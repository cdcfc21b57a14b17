"""Which logins had tokens issued for an agent, for tokens.single_agent."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "agent_logins",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("user_account", sa.String(100), primary_key=True),
        sa.Column("holder", sa.String(160), primary_key=True),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("token_ends_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_agent_logins_expires_at", "agent_logins", ["expires_at"])
