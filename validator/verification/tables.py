"""The tables of verifications: attempts, results and PINs, none of them with a number or an answer."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from validator.sizes import MAX_TENANT, MAX_WORK_NO
from validator.store.database import Instant, metadata
from validator.verification.policy import MAX_CODE
from validator.verification.wire import MAX_CALL

attempts = Table(
    "verification_attempts",
    metadata,
    Column("customer", String(32), primary_key=True),
    Column("attempt", String(32), primary_key=True),  # "": the row on which attempts of a customer queue
    Column("caller", String(32), nullable=False),
    Column("at", Instant, nullable=False, index=True),
)
results = Table(
    "verification_results",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", String(MAX_TENANT), nullable=False),
    Column("code", String(MAX_CODE), nullable=False),
    Column("call", String(MAX_CALL), nullable=False),
    Column("work_no", String(MAX_WORK_NO), nullable=False),
    Column("result", Integer, nullable=False),
    Column("cause", String(16), nullable=False),
    Column("method", String(16), nullable=False),
    Column("customer", String(32), nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Index("ix_verification_results_work_no", "tenant", "work_no", "at"),
)
pins = Table(
    "verification_pins",
    metadata,
    Column("record", String(32), primary_key=True),
    Column("tenant", String(MAX_TENANT), nullable=False),
    Column("blind_id", LargeBinary(32), nullable=False, unique=True),
    Column("index_key", String(8), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("changed_at", Instant, nullable=False),
)
