"""The heads of the audit trails."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table of the heads, one for each chain and node."""
    op.create_table(
        "trail_heads",
        sa.Column("chain", sa.String(32), primary_key=True),
        sa.Column("node", sa.String(255), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
        sa.Column("file", sa.Integer, nullable=False),
    )
