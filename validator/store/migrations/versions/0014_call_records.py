"""Pushed call records, those of them that could not be read, and calls whose record is expected."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create the four tables."""
    _create_records()
    _create_quarantine()
    op.create_table(
        "call_expected",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(16), primary_key=True),
        sa.Column("call", sa.String(128), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_call_expected_at", "call_expected", ["at"])


def _create_records() -> None:
    op.create_table(
        "call_records",
        sa.Column("record", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(64), sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("call", sa.String(128), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("is_last", sa.Boolean, nullable=False),
        sa.Column("index_key", sa.String(8), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tenant", "source", "call", "revision"),
    )
    op.create_index("ix_call_records_received_at", "call_records", ["received_at"])
    op.create_index("ix_call_records_index_key", "call_records", ["index_key"])
    record = sa.ForeignKey("call_records.record", ondelete="CASCADE")
    op.create_table(
        "call_record_numbers",
        sa.Column("number", sa.LargeBinary(32), primary_key=True),
        sa.Column("record", sa.String(32), record, primary_key=True),
    )
    op.create_index("ix_call_record_numbers_record", "call_record_numbers", ["record"])


def _create_quarantine() -> None:
    op.create_table(
        "call_quarantine",
        sa.Column("record", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(64), sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("blind_id", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("index_key", sa.String(8), nullable=False),
        sa.Column("why", sa.String(128), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_call_quarantine_received_at", "call_quarantine", ["received_at"])
    op.create_index("ix_call_quarantine_source", "call_quarantine", ["tenant", "source"])
