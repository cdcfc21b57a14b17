"""Messages to a system of the enterprise, each with a sealed body."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "webhook_messages",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("dead_at", sa.BigInteger),
        sa.Column("error", sa.String(64), nullable=False),
    )
    op.create_index("ix_webhook_messages_due_at", "webhook_messages", ["due_at", "id"])
    op.create_index("ix_webhook_messages_dead_at", "webhook_messages", ["dead_at"])
