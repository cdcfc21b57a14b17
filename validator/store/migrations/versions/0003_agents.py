"""The agents of the cloud; which of the cloud's accounts are linked to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the two tables; every account's own agent identity is a link from now on."""
    op.create_table(
        "agents",
        sa.Column("tenant", sa.String(64), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("account_code", sa.String(64), primary_key=True),
        sa.Column("work_no", sa.String(32), nullable=False),
        sa.Column("sip_account", sa.String(64)),
        sa.Column("sealed_sip_password", sa.LargeBinary),
        sa.Column("synced_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "account_links",
        sa.Column("tenant", sa.String(64), sa.ForeignKey("tenants.id"), primary_key=True),
        sa.Column("user_account", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(32), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("linked_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_account_links_account", "account_links", ["account"])
    op.execute("""
        INSERT INTO account_links (tenant, user_account, account, linked_at)
        SELECT tenant, user_account, id, created_at FROM accounts WHERE user_account IS NOT NULL
    """)
