"""The receiver on the page about webhooks, which is run as it is printed, takes what is sent."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.architecture.source import CHECKOUT
from tests.support.fakes import FakeClock
from tests.support.faulty_crm import CrmRequest, FakeCrm
from tests.support.webhook_parts import OLD_SECRET, SECRET, policy_of
from validator.keys.encryption import SecretEncryption
from validator.webhooks.claims import Claims
from validator.webhooks.sending import Sender

PAGES = ["docs/webhooks.md", "docs/webhooks.zh-CN.md"]


@pytest.fixture(params=PAGES)
def receiver(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the functions that a page shows."""
    (code,) = re.findall(
        r"^```python\n(.*?)^```$", (CHECKOUT / request.param).read_text("utf-8"), re.M | re.S
    )
    names: dict[str, Any] = {}
    exec(compile(code, request.param, "exec"), names)
    return names


@pytest.fixture
def sent(
    crm: FakeCrm, encryption: SecretEncryption, clock: FakeClock, claims: Claims, add: Callable[[int], None]
) -> CrmRequest:
    """Return a request with a message, signed with two secrets."""
    add(1)
    Sender(policy_of(crm.url, secret=f"{SECRET}\n{OLD_SECRET}"), encryption, clock).send(claims.claim(1))
    (request,) = crm.requests
    return request


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_receiver_of_the_page_takes_a_message_once(
    receiver: dict[str, Any], sent: CrmRequest, clock: FakeClock, secret: str
) -> None:
    """A message is stored once however often it comes, with either secret while it is rotated."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript("CREATE TABLE seen (id TEXT PRIMARY KEY); CREATE TABLE events (content TEXT);")
        arguments = (database, sent.headers, sent.body, secret, clock.now().timestamp())

        assert [receiver["receive"](*arguments) for _ in range(2)] == [204, 204]
        assert database.execute("SELECT count(*) FROM events").fetchone() == (1,)


def test_receiver_of_the_page_refuses_a_forgery(
    receiver: dict[str, Any], sent: CrmRequest, clock: FakeClock
) -> None:
    """Another body, id, time or secret is refused, and an old message; the control is the message itself."""
    now = clock.now().timestamp()
    is_authentic = receiver["is_authentic"]

    assert is_authentic(sent.headers, sent.body, SECRET, now)
    assert not is_authentic(sent.headers, sent.body + b" ", SECRET, now)
    assert not is_authentic(sent.headers | {"webhook-id": "msg_other"}, sent.body, SECRET, now)
    assert not is_authentic(sent.headers | {"webhook-timestamp": str(int(now) + 1)}, sent.body, SECRET, now)
    assert not is_authentic(sent.headers, sent.body, SECRET[:-4] + "AAAA", now)
    assert not is_authentic(sent.headers | {"webhook-signature": "v1,é"}, sent.body, SECRET, now)
    assert not is_authentic(sent.headers, sent.body, SECRET, now + 301)
