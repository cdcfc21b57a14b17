"""Fixtures: messages in a database, and the parts that send them."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.fakes import TENANT, FakeClock
from tests.support.faulty_crm import FakeCrm, running_crm
from tests.support.webhook_parts import TYPE, policy_of
from validator.keys.encryption import SecretEncryption
from validator.store.database import Database
from validator.webhooks.claims import Claims
from validator.webhooks.messages import Messages
from validator.webhooks.outbox import Outbox


@pytest.fixture
def crm() -> Iterator[FakeCrm]:
    """Yield a CRM that responds with 200."""
    with running_crm() as crm:
        yield crm


@pytest.fixture
def outbox(encryption: SecretEncryption) -> Outbox:
    """Return an outbox that is switched on."""
    return Outbox(encryption, is_on=True)


@pytest.fixture
def add(database: Database, outbox: Outbox, clock: FakeClock) -> Callable[[int], None]:
    """Return a function that adds a number of messages, each a millisecond after the one before."""

    def add(count: int) -> None:
        with database.write() as connection:
            for number in range(count):
                clock.advance(milliseconds=1)
                outbox.add(connection, TENANT, TYPE, {"number": number}, clock.now())

    return add


@pytest.fixture
def claims(database: Database, clock: FakeClock) -> Claims:
    """Return the claims of a worker."""
    return Claims(database, clock, policy_of())


@pytest.fixture
def stored(database: Database) -> Messages:
    """Return the table of messages as operators see it."""
    return Messages(database)
