"""The stored customers: sealed records, and blind indexes of their ids and numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the two tables."""
    op.create_table(
        "customers",
        sa.Column("record", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(64), sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("blind_id", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("index_key", sa.String(8), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("imported_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_customers_imported_at", "customers", ["imported_at"])
    op.create_table(
        "customer_numbers",
        sa.Column("number", sa.LargeBinary(32), primary_key=True),
        sa.Column("record", sa.String(32), sa.ForeignKey("customers.record"), primary_key=True),
    )
    op.create_index("ix_customer_numbers_record", "customer_numbers", ["record"])
