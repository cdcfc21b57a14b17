"""Attempts, against a real HTTP server: what is sent, and what each response means."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.fakes import OTHER_TENANT, TENANT, FakeClock
from tests.support.faulty_crm import FakeCrm, running_crm
from tests.support.loopback_authority import server_context
from tests.support.webhook_parts import OLD_SECRET, SECRET, TYPE, policy_of
from validator.errors import Fault, Reason
from validator.keys.encryption import SecretEncryption
from validator.webhooks.claims import Claimed, Claims
from validator.webhooks.sending import Attempt, Sender

SHORT = 0.2  # seconds of an attempt that must end by its deadline
HOUR, NO_TIME = timedelta(hours=1), timedelta(0)


@pytest.fixture
def message(claims: Claims, add: Callable[[int], None]) -> Claimed:
    """Return a message that was claimed."""
    add(1)
    return claims.claim(1)[0]


@pytest.fixture
def sender(crm: FakeCrm, encryption: SecretEncryption, clock: FakeClock) -> Sender:
    """Return what sends to the CRM."""
    return Sender(policy_of(crm.url), encryption, clock)


def test_request_is_signed(sender: Sender, crm: FakeCrm, message: Claimed, clock: FakeClock) -> None:
    """The signature is of the id, the time of the attempt and the very bytes of the body."""
    assert sender.send([message]) == [Attempt()]

    (request,) = crm.requests
    assert request.headers["webhook-id"] == message.id
    assert request.headers["webhook-timestamp"] == str(int(clock.now().timestamp()))
    signed = f"{message.id}.{int(clock.now().timestamp())}.".encode() + request.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert request.headers["content-type"] == "application/json"
    body = json.loads(request.body)
    assert (body["type"], body["tenantSpaceId"], body["data"]) == (TYPE, TENANT, {"number": 0})


def test_retried_message_has_its_id_and_body(
    sender: Sender, crm: FakeCrm, message: Claimed, clock: FakeClock
) -> None:
    """A later attempt has the same id and body, by which the receiver drops repeats, and another time."""
    sender.send([message])
    clock.advance(hours=3)
    sender.send([replace(message, attempt=2)])

    first, second = crm.requests
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 3 * 3600


def test_rotated_secret_signs_twice(
    crm: FakeCrm, encryption: SecretEncryption, clock: FakeClock, message: Claimed
) -> None:
    """With two secrets there are two signatures, so that the receiver may have either."""
    sender = Sender(policy_of(crm.url, secret=f"{SECRET}\n{OLD_SECRET}"), encryption, clock)

    sender.send([message])

    assert len(crm.requests[0].headers["webhook-signature"].split(" ")) == 2


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success_is_delivered(sender: Sender, crm: FakeCrm, message: Claimed, status: int) -> None:
    """Any 2xx is a delivery."""
    crm.status, crm.body = status, b""

    assert sender.send([message]) == [Attempt()]


@pytest.mark.parametrize(
    ("status", "header", "attempt"),
    [
        (301, "", Attempt("the status is 301")),
        (400, "", Attempt("the status is 400")),
        (500, "60", Attempt("the status is 500")),
        (410, "", Attempt("the status is 410", HOUR, is_gone=True)),
        (429, "60", Attempt("the status is 429", timedelta(minutes=1))),
        (503, "60", Attempt("the status is 503", timedelta(minutes=1))),
        (503, "999999999", Attempt("the status is 503", HOUR)),
        (503, "-5", Attempt("the status is 503")),
        (503, "²", Attempt("the status is 503")),
        (503, "9" * 5000, Attempt("the status is 503")),
        (503, "Wed, 21 Oct 2099 07:28:00 GMT", Attempt("the status is 503")),
    ],
)
def test_other_status_is_a_failure(
    sender: Sender, crm: FakeCrm, message: Claimed, status: int, header: str, attempt: Attempt
) -> None:
    """Another status is a failure with its number; the wait that the receiver wants is bounded."""
    crm.status, crm.headers = status, {"Retry-After": header.encode().decode("latin-1")}

    assert sender.send([message]) == [attempt]


def test_redirect_is_not_followed(sender: Sender, crm: FakeCrm, message: Claimed) -> None:
    """A redirect leads the message to no other place."""
    crm.status, crm.headers = 307, {"Location": f"{crm.origin}/elsewhere"}

    assert sender.send([message]) == [Attempt("the status is 307")]
    assert [request.path for request in crm.requests] == [crm.url.removeprefix(crm.origin)]


@pytest.mark.parametrize("stalls", ["head", "body"])
def test_stalled_receiver_is_given_up(
    crm: FakeCrm, encryption: SecretEncryption, clock: FakeClock, message: Claimed, stalls: str
) -> None:
    """An attempt ends at its deadline; the control is the same receiver once it responds."""
    crm.stalls = stalls
    assert Sender(policy_of(crm.url, seconds=SHORT), encryption, clock).send([message]) == [
        Attempt("no response in time")
    ]

    crm.released.set()

    assert Sender(policy_of(crm.url), encryption, clock).send([message]) == [Attempt()]


def test_large_response_is_a_failure(sender: Sender, crm: FakeCrm, message: Claimed) -> None:
    """A response is read up to its limit, so that a receiver fills no memory."""
    crm.body = b"x" * 70_000

    assert sender.send([message]) == [Attempt("the response is larger than 65536 bytes")]


def test_certificate_is_verified(
    tmp_path: Path, encryption: SecretEncryption, clock: FakeClock, message: Claimed
) -> None:
    """The receiver's certificate must be of an authority in the settings."""
    with running_crm(server_context(tmp_path)) as crm:
        unknown = Sender(policy_of(crm.url), encryption, clock)
        known = Sender(replace(policy_of(crm.url), ca_file=tmp_path / "ca.pem"), encryption, clock)

        assert unknown.send([message]) == [Attempt("the certificate is not trusted")]
        assert crm.requests == []
        assert known.send([message]) == [Attempt()]


def test_message_that_does_not_decrypt_stops_no_other(
    sender: Sender, crm: FakeCrm, claims: Claims, add: Callable[[int], None]
) -> None:
    """A row that somebody moved to another tenant space is not sent, and the others are."""
    add(3)
    first, second, third = claims.claim(3)

    attempts = sender.send([first, replace(second, tenant=OTHER_TENANT), third])

    assert attempts == [Attempt(), Attempt("the message cannot be decrypted"), Attempt()]
    assert {request.headers["webhook-id"] for request in crm.requests} == {first.id, third.id}


def test_nothing_is_sent_without_the_key(tmp_path: Path, clock: FakeClock, crm: FakeCrm) -> None:
    """Without the key no attempt begins, so that none is used up."""
    with pytest.raises(Fault) as fault:
        Sender(policy_of(crm.url), SecretEncryption(tmp_path / "nowhere"), clock).check()

    assert fault.value.reason is Reason.KEYS_UNAVAILABLE
