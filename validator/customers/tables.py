"""The tables of the stored customers: sealed records, and blind indexes of their ids and numbers."""

from sqlalchemy import Column, ForeignKey, LargeBinary, String, Table

from validator.sizes import MAX_TENANT
from validator.store.database import Instant, metadata

customers = Table(
    "customers",
    metadata,
    Column("record", String(32), primary_key=True),
    Column("tenant", String(MAX_TENANT), ForeignKey("tenants.id"), nullable=False),
    Column("blind_id", LargeBinary(32), nullable=False, unique=True),
    Column("index_key", String(8), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("imported_at", Instant, nullable=False, index=True),
)
customer_numbers = Table(
    "customer_numbers",
    metadata,
    Column("number", LargeBinary(32), primary_key=True),
    Column("record", String(32), ForeignKey("customers.record"), primary_key=True, index=True),
)
