"""Who may ask the callbacks: the cloud's networks and its certificate, looked at again by the application."""

from collections.abc import Callable, Mapping

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import ret_code
from tests.support.callback_requests import SIDES, Side, issued
from tests.support.fakes import Enterprise
from validator.errors import Reason

Found = Callable[..., Enterprise]
NETWORKS = {"callbacks.networks": '["203.0.113.0/24", "2001:db8::/32"]'}
ORIGINS = {"proxy.origin": "https://a.example", "proxy.callbacks_origin": "https://b.example"}
CERTIFIED = {**ORIGINS, "proxy.client_ca": "ca.pem"}
PROXIED = {"server.trusted_proxies": "1", "server.bind": "unix:/run/validator.sock"}
ALLOWED, DENIED = "203.0.113.9", "198.51.100.9"
REFUSED = b'{"retCode":2,"message":"not allowed"}'

both_sides = pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)


def ask(enterprise: Enterprise, side: Side, headers: Mapping[str, str], cloud: FlaskClient) -> TestResponse:
    """Return the answer to a right question that is sent with *headers*."""
    question = side.question(issued(enterprise, side.subject)[0])
    return cloud.post(side.path, json=question, headers=dict(headers))


def ask_from(enterprise: Enterprise, side: Side, source: str, **said: str) -> TestResponse:
    """Return the answer to a right question of *source*, as the proxy tells it."""
    return ask(enterprise, side, {"X-Forwarded-For": source, **said}, enterprise.visitor())


def verdicts(enterprise: Enterprise) -> list[dict[str, object]]:
    """Return the verdicts of the trail, oldest first."""
    return [entry for entry in enterprise.trail() if entry["event"] == "verdict"]


def last_verdict(enterprise: Enterprise) -> dict[str, object]:
    """Return the newest verdict of the trail."""
    return verdicts(enterprise)[-1]


# The networks


@both_sides
@pytest.mark.parametrize(
    "source", [ALLOWED, "203.0.113.255", "203.0.113.9:80", "2001:db8:1::1", "::ffff:203.0.113.9"]
)
def test_the_clouds_networks_may_ask(found_enterprise: Found, side: Side, source: str) -> None:
    """A right question from one of the networks is accepted."""
    answer = ask_from(found_enterprise({**NETWORKS, **PROXIED}), side, source)

    assert (answer.status_code, ret_code(answer)) == (200, 0)


@both_sides
@pytest.mark.parametrize(
    "source", [DENIED, "203.0.114.0", "2001:db9::1", "unknown", "", "203.0.113.9:", f"{ALLOWED}, {DENIED}"]
)
def test_nobody_else_may_ask(found_enterprise: Found, side: Side, source: str) -> None:
    """The same question from elsewhere, or from nobody knows where, is refused in the cloud's shape."""
    enterprise = found_enterprise({**NETWORKS, **PROXIED})

    answer = ask_from(enterprise, side, source)

    assert (answer.status_code, answer.data, ret_code(answer)) == (403, REFUSED, 2)


@both_sides
def test_without_networks_everybody_may_ask(found_enterprise: Found, side: Side) -> None:
    """The setting is what refuses: with it empty, the same sources are accepted."""
    enterprise = found_enterprise(PROXIED)

    for source in (DENIED, "2001:db9::1", "unknown"):
        assert ret_code(ask_from(enterprise, side, source)) == 0


@both_sides
def test_source_cannot_be_claimed(found_enterprise: Found, side: Side) -> None:
    """Without a trusted proxy the connection's address counts, whatever a header says."""
    enterprise = found_enterprise(NETWORKS)
    headers = {"X-Forwarded-For": ALLOWED, "X-Real-IP": ALLOWED, "Forwarded": f"for={ALLOWED}"}
    stranger, cloud = enterprise.visitor(), enterprise.visitor()
    stranger.environ_base["REMOTE_ADDR"], cloud.environ_base["REMOTE_ADDR"] = DENIED, ALLOWED

    assert ask(enterprise, side, headers, stranger).data == REFUSED
    assert ret_code(ask(enterprise, side, {"X-Forwarded-For": DENIED}, cloud)) == 0


@both_sides
def test_refused_source_is_written_down(found_enterprise: Found, side: Side) -> None:
    """The trail has the refusal with its exact reason and where it came from; nothing of the question."""
    enterprise = found_enterprise({**NETWORKS, **PROXIED})

    answer = ask_from(enterprise, side, DENIED)

    entry = last_verdict(enterprise)
    assert (entry["outcome"], entry["reason"]) == ("refused", Reason.SOURCE_DENIED)
    assert (entry["source"], entry["request_id"]) == (DENIED, answer.headers["X-Request-ID"])
    assert "subject" not in entry


@both_sides
def test_body_of_a_refused_source_does_not_matter(found_enterprise: Found, side: Side) -> None:
    """A stranger cannot distinguish a good request from nonsense by the response: nothing of it is read."""
    enterprise = found_enterprise({**NETWORKS, **PROXIED})
    good = ask_from(enterprise, side, DENIED)

    for body in (b"", b"{", b"\xff" * 100, b"[" * 10000, b"x" * 20000):
        answer = enterprise.visitor().post(side.path, data=body, headers={"X-Forwarded-For": DENIED})
        assert (answer.status_code, answer.data) == (good.status_code, good.data)


@both_sides
def test_refused_source_is_counted(found_enterprise: Found, side: Side) -> None:
    """A source that is refused too often is throttled and leaves no more entries; the cloud is not."""
    enterprise = found_enterprise({**NETWORKS, **PROXIED, "limits.callbacks_foreign": "3/1m"})

    answers = [ask_from(enterprise, side, DENIED) for _ in range(6)]

    assert [ret_code(answer) for answer in answers] == [2, 2, 2, 3, 3, 3]
    assert [answer.status_code for answer in answers[3:]] == [429] * 3
    assert [entry["reason"] for entry in verdicts(enterprise)] == [Reason.SOURCE_DENIED] * 3
    assert ret_code(ask_from(enterprise, side, ALLOWED)) == 0


@both_sides
def test_always_200_holds_for_a_refused_source(found_enterprise: Found, side: Side) -> None:
    """A cloud that drops other answers reads this refusal too."""
    enterprise = found_enterprise({**NETWORKS, **PROXIED, "callbacks.always_200": "true"})

    answer = ask_from(enterprise, side, DENIED)

    assert (answer.status_code, answer.data) == (200, REFUSED)


def test_networks_are_for_the_callbacks_only(found_enterprise: Found) -> None:
    """People log in from anywhere."""
    enterprise = found_enterprise({**NETWORKS, **PROXIED})

    answer = enterprise.visitor().get("/healthz", headers={"X-Forwarded-For": DENIED})

    assert answer.status_code == 200


# The client certificate


@both_sides
def test_certificate_that_the_proxy_verified_lets_ask(found_enterprise: Found, side: Side) -> None:
    """With nginx's word for a verified certificate the right question is accepted."""
    enterprise = found_enterprise({**CERTIFIED, **PROXIED})

    assert ret_code(ask_from(enterprise, side, DENIED, **{"X-Client-Verify": "SUCCESS"})) == 0


@both_sides
@pytest.mark.parametrize("verified", [None, "", "NONE", "FAILED:certificate has expired", "success"])
def test_without_a_verified_certificate_nobody_may_ask(
    found_enterprise: Found, side: Side, verified: str | None
) -> None:
    """A way around the door that demands the certificate ends here; the trail has the reason."""
    enterprise = found_enterprise({**CERTIFIED, **PROXIED})
    said = {} if verified is None else {"X-Client-Verify": verified}

    answer = ask_from(enterprise, side, ALLOWED, **said)

    assert (answer.status_code, answer.data, ret_code(answer)) == (403, REFUSED, 2)
    assert last_verdict(enterprise)["reason"] == Reason.CERTIFICATE_MISSING


@both_sides
def test_without_a_ca_no_certificate_is_asked_for(found_enterprise: Found, side: Side) -> None:
    """The setting is what refuses: without it the same question is accepted."""
    enterprise = found_enterprise({**ORIGINS, **PROXIED})

    assert ret_code(ask_from(enterprise, side, ALLOWED)) == 0


@both_sides
def test_certificate_cannot_be_claimed(found_enterprise: Found, side: Side) -> None:
    """Only a proxy can say that it saw one: without a trusted proxy the header counts for nothing."""
    enterprise = found_enterprise(CERTIFIED)

    answer = ask(enterprise, side, {"X-Client-Verify": "SUCCESS"}, enterprise.visitor())

    assert answer.data == REFUSED


@both_sides
def test_missing_certificate_is_counted(found_enterprise: Found, side: Side) -> None:
    """A source that sends too many requests without the certificate is throttled."""
    enterprise = found_enterprise({**CERTIFIED, **PROXIED, "limits.callbacks_foreign": "2/1m"})

    assert [ret_code(ask_from(enterprise, side, ALLOWED)) for _ in range(4)] == [2, 2, 3, 3]


@both_sides
def test_both_must_hold(found_enterprise: Found, side: Side) -> None:
    """A certificate from elsewhere is refused, and so is the right network without one."""
    enterprise = found_enterprise({**NETWORKS, **CERTIFIED, **PROXIED})
    verified = {"X-Client-Verify": "SUCCESS"}

    assert ret_code(ask_from(enterprise, side, ALLOWED, **verified)) == 0
    assert ret_code(ask_from(enterprise, side, DENIED, **verified)) == 2
    assert last_verdict(enterprise)["reason"] == Reason.SOURCE_DENIED
    assert ret_code(ask_from(enterprise, side, ALLOWED)) == 2
    assert last_verdict(enterprise)["reason"] == Reason.CERTIFICATE_MISSING
