"""The tables of call records: sealed records with blind indexes of their numbers, and what surrounds them."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from validator.callcentre.policy import MAX_CALL
from validator.sizes import MAX_TENANT
from validator.store.database import Instant, metadata

MAX_SOURCE = 16

records = Table(
    "call_records",
    metadata,
    Column("record", String(32), primary_key=True),
    Column("tenant", String(MAX_TENANT), ForeignKey("tenants.id"), nullable=False),
    Column("source", String(MAX_SOURCE), nullable=False),
    Column("call", String(MAX_CALL), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("is_last", Boolean, nullable=False),
    Column("index_key", String(8), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False, index=True),
    UniqueConstraint("tenant", "source", "call", "revision"),
)
numbers = Table(
    "call_record_numbers",
    metadata,
    Column("number", LargeBinary(32), primary_key=True),
    Column(
        "record",
        String(32),
        ForeignKey("call_records.record", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
)
quarantine = Table(
    "call_quarantine",
    metadata,
    Column("record", String(32), primary_key=True),
    Column("tenant", String(MAX_TENANT), ForeignKey("tenants.id"), nullable=False),
    Column("source", String(MAX_SOURCE), nullable=False),
    Column("blind_id", LargeBinary(32), nullable=False, unique=True),
    Column("index_key", String(8), nullable=False),
    Column("why", String(128), nullable=False),
    Column("size", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False, index=True),
    Index("ix_call_quarantine_source", "tenant", "source"),
)
expected = Table(
    "call_expected",
    metadata,
    Column("tenant", String(MAX_TENANT), primary_key=True),
    Column("source", String(MAX_SOURCE), primary_key=True),
    Column("call", String(MAX_CALL), primary_key=True),
    Column("at", Instant, nullable=False, index=True),
)
