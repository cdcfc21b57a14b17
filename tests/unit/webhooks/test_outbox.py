"""The outbox: a message is stored with the change that it reports, sealed and bound to its row."""

from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select, update

from tests.support.fakes import OTHER_TENANT, TENANT, FakeClock
from validator.errors import Fault, Reason
from validator.keys.encryption import SecretEncryption
from validator.store.database import Database
from validator.webhooks.messages import WAITING, Messages
from validator.webhooks.outbox import Outbox, purpose
from validator.webhooks.tables import messages

NUMBER = "+8613606254580"
TYPE = "callrecord.created"


def test_message_is_stored_with_its_change(
    database: Database, encryption: SecretEncryption, outbox: Outbox, clock: FakeClock
) -> None:
    """A message has the change's type, time, tenant space and data, and is due at once."""
    ahead = clock.now() + timedelta(days=300)  # by a clock that is wrong

    with database.write() as connection:
        outbox.add(connection, TENANT, TYPE, {"callId": "7", "caller": NUMBER}, ahead)

    with database.read() as connection:
        row = connection.execute(select(messages)).one()
    assert orjson.loads(encryption.decrypt(row.sealed, purpose(TENANT, row.id))) == {
        "type": TYPE,
        "timestamp": "2027-08-31T03:45:52.263Z",
        "tenantSpaceId": TENANT,
        "data": {"callId": "7", "caller": NUMBER},
    }
    assert NUMBER.encode() not in row.sealed
    assert row.due_at < clock.now()
    assert row.id.startswith("msg_")


def test_message_is_rolled_back_with_its_change(database: Database, outbox: Outbox, clock: FakeClock) -> None:
    """A change that is not made has no message."""
    with database.write() as connection:
        outbox.add(connection, TENANT, TYPE, {}, clock.now())
        connection.rollback()

    with database.read() as connection:
        assert connection.execute(select(messages)).all() == []


def test_nothing_is_stored_while_webhooks_are_off(
    database: Database, encryption: SecretEncryption, clock: FakeClock
) -> None:
    """Without a URL no message is stored: nobody would send or delete it."""
    with database.write() as connection:
        Outbox(encryption, is_on=False).add(connection, TENANT, TYPE, {}, clock.now())

    with database.read() as connection:
        assert connection.execute(select(messages)).all() == []


def test_body_moved_to_another_row_does_not_open(
    database: Database, encryption: SecretEncryption, outbox: Outbox, clock: FakeClock
) -> None:
    """A ciphertext is bound to its message and tenant space: a writer of the database cannot redirect it."""
    with database.write() as connection:
        outbox.add(connection, TENANT, TYPE, {}, clock.now())
        outbox.add(connection, OTHER_TENANT, TYPE, {}, clock.now())
        of_other = connection.execute(select(messages.c.sealed).where(messages.c.tenant == OTHER_TENANT))
        connection.execute(
            update(messages).where(messages.c.tenant == TENANT).values(sealed=of_other.scalar_one())
        )
        row = connection.execute(select(messages).where(messages.c.tenant == TENANT)).one()

    with pytest.raises(Fault) as fault:
        encryption.decrypt(row.sealed, purpose(row.tenant, row.id))
    assert fault.value.reason is Reason.KEYS_UNAVAILABLE


def test_messages_about_somebody_are_erased(
    database: Database, outbox: Outbox, clock: FakeClock, stored: Messages
) -> None:
    """The messages of one tenant space that match are deleted, with those that cannot be read; no other."""
    with database.write() as connection:
        for tenant in (TENANT, OTHER_TENANT):
            for number in (NUMBER, "+8613606254581", NUMBER):
                clock.advance(milliseconds=1)
                outbox.add(connection, tenant, TYPE, {"caller": number}, clock.now())

    with database.write() as connection:
        assert outbox.erase(connection, TENANT, lambda data: data["caller"] == NUMBER) == 2

    waiting = [each.tenant for each in stored.list(WAITING, 10)]
    assert sorted(waiting) == sorted([TENANT, *[OTHER_TENANT] * 3])
    with database.write() as connection:
        connection.execute(update(messages).values(sealed=b"nothing" * 9))
        assert outbox.erase(connection, OTHER_TENANT, lambda _: False) == 3
