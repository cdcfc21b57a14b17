"""The outbox: messages are stored in the transaction of the change that they report, and sent later.

So there is a message for each change that was acknowledged, and none for one that was rolled back. Its body
is one ciphertext, bound to its row: neither the database nor a backup of it shows a number. A delivered
message is deleted.

    {"type": text, "timestamp": when it happened, "tenantSpaceId": text, "data": object}
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, insert, select

from validator.clock import EPOCH, iso_milliseconds, to_milliseconds
from validator.errors import Fault
from validator.keys.encryption import Cipher, SecretEncryption
from validator.webhooks.tables import messages

_RANDOM_BYTES = 10
_BATCH = 500  # messages of one statement


class Outbox:
    """The messages that wait to be sent."""

    def __init__(self, encryption: SecretEncryption, *, is_on: bool) -> None:
        """Seal bodies with *encryption*; unless it *is_on*, nothing is stored."""
        self._encryption, self._is_on = encryption, is_on

    def add(
        self,
        connection: Connection,
        tenant: str,
        type: str,  # noqa: A002 - the specification's word
        data: Mapping[str, Any],
        at: datetime,
    ) -> None:
        """Store a message about *data*, what happened *at* an instant, in the transaction of *connection*.

        *type* is words with full stops between them, such as `callrecord.created`. Without webhooks nothing
        is stored. Raises Fault(KEYS_UNAVAILABLE) when it cannot be sealed.
        """
        if self._is_on:
            connection.execute(insert(messages).values(self.sealed(tenant, type, data, at)))

    def erase(self, connection: Connection, tenant: str, matches: Callable[[Mapping[str, Any]], bool]) -> int:
        """Delete the messages of *tenant* whose data *matches*, and those that cannot be read.

        For the erasure of what they are about, in the transaction of *connection*. Return how many. A message
        that is being sent at this moment may still arrive.
        """
        cipher = self._encryption.cipher()
        query = select(messages.c.id, messages.c.sealed).where(messages.c.tenant == tenant)
        erased = [row.id for row in connection.execute(query) if _is_about(row, cipher, tenant, matches)]
        for ids in (erased[at : at + _BATCH] for at in range(0, len(erased), _BATCH)):
            connection.execute(delete(messages).where(messages.c.id.in_(ids)))
        return len(erased)

    def sealed(
        self,
        tenant: str,
        type: str,  # noqa: A002 - as above
        data: Mapping[str, Any],
        at: datetime,
    ) -> dict[str, Any]:
        """Return the row of a message, which is due at once, whatever clock the caller has."""
        content = {
            "type": type,
            "timestamp": iso_milliseconds(at),
            "tenantSpaceId": tenant,
            "data": data,
        }
        # The ids sort by time, so that the oldest message is sent first.
        message = f"msg_{to_milliseconds(at):012x}{secrets.token_hex(_RANDOM_BYTES)}"
        body = orjson.dumps(content).decode()
        return {
            "id": message,
            "tenant": tenant,
            "type": type,
            "sealed": self._encryption.encrypt(body, purpose(tenant, message)),
            "added_at": at,
            "attempts": 0,
            "due_at": EPOCH,
            "error": "",
        }


def _is_about(
    row: Row[*tuple[Any, ...]], cipher: Cipher, tenant: str, matches: Callable[[Mapping[str, Any]], bool]
) -> bool:
    try:
        body = cipher.decrypt(row.sealed, purpose(tenant, row.id))
    except Fault:
        return True
    return matches(orjson.loads(body)["data"])


def purpose(tenant: str, message: str) -> str:
    """Return what the ciphertext of a *message* of *tenant* is bound to."""
    return f"webhook:{tenant}:{message}"
