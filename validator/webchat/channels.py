"""The cloud's web chat channels, to which guests may be signed in."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Executable,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    delete,
    insert,
    select,
    text,
    update,
)  # fmt: skip
from sqlalchemy.exc import IntegrityError

from validator.clock import Clock
from validator.errors import Fault, OperatorError, Reason, Refusal
from validator.keys.encryption import SecretEncryption
from validator.origins import MAX_ORIGIN, is_origin
from validator.sizes import MAX_CHANNEL, MAX_TENANT
from validator.store.database import Database, Instant, metadata
from validator.tenants import RecordStatus, Tenants
from validator.tenants import table as tenants
from validator.webchat.channelforms import check_form, check_origins, check_secret
from validator.webchat.wire import SIGNED_KEYS, LengthRule

table = Table(
    "channels",
    metadata,
    Column("id", String(MAX_CHANNEL), primary_key=True),
    Column("tenant", String(MAX_TENANT), ForeignKey("tenants.id"), nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("key_order", JSON, nullable=False),
    Column("length_rule", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
)
# The origins of a channel's pages, in the order they were given.
origins_table = Table(
    "channel_origins",
    metadata,
    Column("channel", String(MAX_CHANNEL), ForeignKey("channels.id"), primary_key=True),
    Column("origin", String(MAX_ORIGIN), primary_key=True, index=True),
    Column("position", Integer, nullable=False),
)
_ALLOW = text("""
INSERT INTO channel_origins (channel, origin, position)
SELECT CAST(:channel AS VARCHAR), CAST(:origin AS VARCHAR), coalesce(max(position) + 1, 0)
FROM channel_origins WHERE channel = :channel
ON CONFLICT (channel, origin) DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel: its `channelConfigId`, its tenant, the origins of its pages, and how the cloud reads it."""

    id: str
    tenant: str
    origins: tuple[str, ...]
    key_order: tuple[str, ...]
    length_rule: LengthRule
    status: RecordStatus
    tenant_status: RecordStatus
    created_at: datetime

    @property
    def is_usable(self) -> bool:
        """Whether the channel and its tenant are in use."""
        return self.status is self.tenant_status is RecordStatus.ACTIVE

    def check_usable(self, tenant: str, origin: str | None) -> None:
        """Raise Refusal unless a page of *origin* may use this channel for *tenant* now."""
        if self.status is not RecordStatus.ACTIVE:
            raise Refusal(Reason.CHANNEL_DISABLED)
        if self.tenant_status is not RecordStatus.ACTIVE:
            raise Refusal(Reason.TENANT_DISABLED)
        if self.tenant != tenant:
            raise Refusal(Reason.TENANT_NOT_GRANTED)
        if origin not in self.origins:
            raise Refusal(Reason.ORIGIN_DENIED)


class Channels:
    """The table of channels; their secret keys are encrypted in it."""

    def __init__(
        self, database: Database, tenants: Tenants, encryption: SecretEncryption, clock: Clock
    ) -> None:
        self._database, self._tenants, self._encryption, self._clock = database, tenants, encryption, clock

    def add(
        self,
        channel_id: str,
        tenant: str,
        secret_key: str,
        origins: Collection[str],
        *,
        key_order: tuple[str, ...] = SIGNED_KEYS,
        length_rule: LengthRule = LengthRule.BYTES,
    ) -> Channel:
        """Add a channel; raises OperatorError when something is not allowed or is taken."""
        self._tenants.require(tenant)
        check_form(channel_id, secret_key, origins, key_order)
        values = {
            "id": channel_id,
            "tenant": tenant,
            "sealed_secret": self._encryption.encrypt(secret_key, _purpose(channel_id)),
            "key_order": list(key_order),
            "length_rule": length_rule,
            "status": RecordStatus.ACTIVE,
            "created_at": self._clock.now(),
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(table).values(values))
                connection.execute(insert(origins_table), _rows(channel_id, origins))
        except IntegrityError:
            raise OperatorError(f"channel {channel_id} exists already") from None
        return self.require(channel_id)

    def find(self, channel_id: str) -> Channel | None:
        """Return the channel with this id, or None."""
        with self._database.confirmed() as connection:
            return next(_channels(connection.execute(_QUERY.where(table.c.id == channel_id))), None)

    def require(self, channel_id: str) -> Channel:
        """Return the channel with this id; raises OperatorError when there is none."""
        channel = self.find(channel_id)
        if channel is None:
            raise OperatorError(f"there is no channel {channel_id}")
        return channel

    def list(self) -> list[Channel]:
        """Return every channel, by id."""
        with self._database.confirmed() as connection:
            return list(_channels(connection.execute(_QUERY)))

    def is_page_origin(self, origin: str | None) -> bool:
        """Return whether some channel in use has pages at *origin*."""
        if origin is None or not is_origin(origin):
            return False
        with self._database.confirmed() as connection:
            return connection.execute(page_query(origin)).first() is not None

    def secret_key(self, channel: Channel) -> str:
        """Return the channel's secret key; raises Fault when it cannot be decrypted."""
        with self._database.confirmed() as connection:
            box = connection.execute(
                select(table.c.sealed_secret).where(table.c.id == channel.id)
            ).scalar_one()
        return self._encryption.decrypt(box, _purpose(channel.id))

    def rotate(self, channel_id: str, secret_key: str) -> None:
        """Replace a channel's secret key by the one the cloud has now."""
        check_secret(secret_key)
        with suppress(Fault):  # a key that cannot be decrypted any more is replaced by any
            if self.secret_key(self.require(channel_id)) == secret_key:
                raise OperatorError(f"channel {channel_id} has this key already: take the cloud's new one")
        self._change(channel_id, sealed_secret=self._encryption.encrypt(secret_key, _purpose(channel_id)))

    def allow(self, channel_id: str, origin: str) -> None:
        """Let pages of *origin* use a channel, too; raises OperatorError when it is malformed."""
        check_origins([origin])
        self._write(channel_id, _ALLOW.bindparams(channel=channel_id, origin=origin))

    def set_origins(self, channel_id: str, origins: Collection[str]) -> None:
        """Replace the origins of a channel's pages; raises OperatorError when one is malformed."""
        check_origins(origins)
        new = insert(origins_table).values(_rows(channel_id, origins))
        self._write(channel_id, _delete_origins(channel_id), new)

    def remove(self, channel_id: str) -> None:
        """Remove a channel, with its secret key; raises OperatorError when there is none."""
        self._write(channel_id, _delete_origins(channel_id), delete(table).where(table.c.id == channel_id))

    def set_status(self, channel_id: str, status: RecordStatus) -> None:
        """Enable or disable a channel."""
        self._change(channel_id, status=status)

    def _change(self, channel_id: str, **values: Any) -> None:
        self._write(channel_id, update(table).where(table.c.id == channel_id).values(values))

    def _write(self, channel_id: str, *changes: Executable) -> None:
        """Execute *changes* in one transaction, one after another of a channel; it must exist."""
        is_this = table.c.id == channel_id
        with self._database.durable_write(self._clock.now()) as connection:
            if connection.execute(select(table.c.id).where(is_this).with_for_update()).first() is None:
                raise OperatorError(f"there is no channel {channel_id}")
            for change in changes:
                connection.execute(change)


_QUERY = (
    select(
        *(column for column in table.c if column is not table.c.sealed_secret),
        tenants.c.status.label("tenant_status"),
        origins_table.c.origin,
    )
    .join_from(table, tenants)
    .join(origins_table)
    .order_by(table.c.id, origins_table.c.position)
)


def page_query(origin: str) -> Select[str]:
    """Return the query for a channel in use with pages at *origin*, which it finds by an index."""
    are_usable = (table.c.status == RecordStatus.ACTIVE, tenants.c.status == RecordStatus.ACTIVE)
    query = select(table.c.id).join_from(origins_table, table).join(tenants)
    return query.where(origins_table.c.origin == origin, *are_usable).limit(1)


def _purpose(channel_id: str) -> str:
    return f"channel:{channel_id}"


def _rows(channel_id: str, origins: Collection[str]) -> list[dict[str, Any]]:
    return [
        {"channel": channel_id, "origin": origin, "position": position}
        for position, origin in enumerate(dict.fromkeys(origins))
    ]


def _delete_origins(channel_id: str) -> Executable:
    return delete(origins_table).where(origins_table.c.channel == channel_id)


def _channels(rows: Iterable[Row[*tuple[Any, ...]]]) -> Iterator[Channel]:
    """Yield the channels of *rows*, one row for each origin, sorted by channel."""
    for _, of_channel in groupby(rows, key=attrgetter("id")):
        row, *others = of_channel
        yield _channel(row, (row.origin, *(other.origin for other in others)))


def _channel(row: Row[*tuple[Any, ...]], origins: tuple[str, ...]) -> Channel:
    return Channel(
        id=row.id,
        tenant=row.tenant,
        origins=origins,
        key_order=tuple(row.key_order),
        length_rule=LengthRule(row.length_rule),
        status=RecordStatus(row.status),
        tenant_status=RecordStatus(row.tenant_status),
        created_at=row.created_at,
    )
