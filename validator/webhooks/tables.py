"""The table of outgoing messages: a sealed body, and when it is sent next."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from validator.sizes import MAX_TENANT
from validator.store.database import Instant, metadata

MAX_ERROR = 64

messages = Table(
    "webhook_messages",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("tenant", String(MAX_TENANT), nullable=False),
    Column("type", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant),  # the next attempt, or the end of a lease; none of a dead letter
    Column("dead_at", Instant, index=True),
    Column("error", String(MAX_ERROR), nullable=False),  # why the last attempt failed
    Index("ix_webhook_messages_due_at", "due_at", "id"),
)
