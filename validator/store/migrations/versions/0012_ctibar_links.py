"""The links of accounts to users of the other call centre, with their encrypted passwords and logins."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "ctibar_links",
        sa.Column("account", sa.String(32), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("username", sa.String(64), nullable=False),
        sa.Column("sealed_password", sa.LargeBinary, nullable=False),
        sa.Column("linked_at", sa.BigInteger, nullable=False),
        sa.Column("sealed_login", sa.LargeBinary),
        sa.Column("renew_at", sa.BigInteger),
        sa.Column("epoch", sa.BigInteger),
        sa.Column("number", sa.BigInteger),
        sa.Column("flight", sa.String(32)),
        sa.Column("flight_until", sa.BigInteger),
        sa.UniqueConstraint("username"),
    )
