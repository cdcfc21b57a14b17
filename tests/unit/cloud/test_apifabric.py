"""The cloud's client: its requests, the caching of a token, and every failure of the cloud."""

import gzip
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.fakes import FakeClock
from tests.support.faulty_fabric import (
    AGENTS_PATH,
    APP_KEY,
    APP_SECRET,
    SIP_PASSWORD,
    TOKEN,
    TOKEN_PATH,
    FakeCloud,
    Misbehaviour,
    agent,
    running_cloud,
)
from tests.support.loopback_authority import server_context
from tests.unit.cloud.conftest import POLICY
from validator.cloud.apifabric import ApiFabric
from validator.cloud.policy import CloudPolicy
from validator.errors import OperatorError

SECRETS = (APP_KEY, APP_SECRET, TOKEN, SIP_PASSWORD)
BOTH = pytest.mark.parametrize("path", [TOKEN_PATH, AGENTS_PATH], ids=["token", "agents"])


@pytest.fixture
def fabric(fabric_policy: CloudPolicy, clock: FakeClock, cloud: FakeCloud) -> ApiFabric:
    """Return a client of a cloud with one agent."""
    cloud.agents = [agent("11")]
    return ApiFabric(fabric_policy, clock)


def error_of(fabric: ApiFabric) -> str:
    """Return the operator's message when the agents cannot be read: one line without a secret."""
    with pytest.raises(OperatorError) as raised:
        fabric.agents()
    message = str(raised.value)
    assert message.isprintable()
    assert not any(secret in message for secret in SECRETS)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return message


# Requests


def test_requests_are_as_the_cloud_expects(fabric: ApiFabric, cloud: FakeCloud) -> None:
    """Key and secret are sent for a token, key and token for the agents, in the cloud's fields."""
    fabric.agents()

    token, agents = cloud.asked
    assert (token.method, token.path) == ("POST", "/apigovernance/api/oauth/tokenByAkSk")
    assert json.loads(token.body) == {"app_key": APP_KEY, "app_secret": APP_SECRET}
    assert token.headers["content-type"] == "application/json"
    assert token.headers["x-token-expire"] == "600"
    assert "authorization" not in token.headers
    assert (agents.method, agents.path) == ("GET", "/apiaccess/CC-Mangemant/v1/queryAgentInfo")
    assert agents.headers["x-app-key"] == APP_KEY
    assert agents.headers["authorization"] == f"Bearer {cloud.issued[0]}"
    assert agents.body == b""
    assert not any(APP_SECRET in value for one in cloud.asked for value in one.headers.values())


def test_agents_are_returned(fabric: ApiFabric) -> None:
    """The cloud's listed agents are returned."""
    listed = fabric.agents()

    assert [(one.account_code, one.work_no) for one in listed.agents] == [("11", "1001")]
    assert (listed.sip_service_ip, listed.sip_service_port) == ("192.0.2.9", 5060)


def test_paths_and_lifetime_are_settings(
    fabric_policy: CloudPolicy, cloud: FakeCloud, clock: FakeClock
) -> None:
    """Other paths and another lifetime need only settings."""
    cloud.misbehave("/t", Misbehaviour(200, json.dumps({"AccessToken": "x"}).encode()))
    cloud.misbehave("/CC-Management", Misbehaviour(200, b'{"agents": []}'))
    policy = replace(
        fabric_policy, token_path="/t", agents_path="/CC-Management", token_lifetime=timedelta(hours=1)
    )

    assert ApiFabric(policy, clock).agents().agents == ()
    assert cloud.asked[0].headers["x-token-expire"] == "3600"


def test_proxy_of_the_environment_is_ignored(fabric: ApiFabric, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy named in the environment is not used."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert fabric.agents().agents


# Token


def test_token_is_cached(fabric: ApiFabric, cloud: FakeCloud, clock: FakeClock) -> None:
    """One token serves every request until half a minute before its end, then a new one is requested."""
    for seconds, tokens in ((0, 1), (569, 1), (1, 2), (0, 2)):
        clock.advance(seconds=seconds)
        fabric.agents()
        assert cloud.count(TOKEN_PATH) == tokens


@pytest.mark.parametrize(
    ("expires", "kept"), [("300", 269), (300, 269), ("999999", 569), (None, 569), ("soon", 569)], ids=repr
)
def test_token_is_cached_for_the_clouds_lifetime(
    fabric: ApiFabric, cloud: FakeCloud, clock: FakeClock, expires: object, kept: int
) -> None:
    """The cloud's lifetime applies if it is shorter than the requested one."""
    cloud.expires = expires
    fabric.agents()

    clock.advance(seconds=kept)
    fabric.agents()
    assert cloud.count(TOKEN_PATH) == 1
    clock.advance(seconds=1)
    fabric.agents()
    assert cloud.count(TOKEN_PATH) == 2


def test_short_token_is_used_once(fabric: ApiFabric, cloud: FakeCloud) -> None:
    """A token that is always near its end is used for the request it was fetched for."""
    cloud.expires = "1"

    fabric.agents()
    fabric.agents()

    assert cloud.count(TOKEN_PATH) == 2


def test_token_that_the_cloud_ended_is_replaced_once(fabric: ApiFabric, cloud: FakeCloud) -> None:
    """A 401 for a cached token replaces it and then returns the agents."""
    fabric.agents()
    cloud.end_tokens()

    assert fabric.agents().agents
    assert (cloud.count(TOKEN_PATH), cloud.count(AGENTS_PATH)) == (2, 3)


def test_second_401_is_an_error(fabric: ApiFabric, cloud: FakeCloud) -> None:
    """When the cloud refuses the new token too, there is no third request."""
    cloud.misbehave(AGENTS_PATH, Misbehaviour(401), Misbehaviour(401))

    message = error_of(fabric)

    assert "refuses the app key: see cloud.app_key" in message
    assert (cloud.count(TOKEN_PATH), cloud.count(AGENTS_PATH)) == (2, 2)
    assert fabric.agents().agents


# Failures


@BOTH
@pytest.mark.parametrize("status", [500, 502, 503])
def test_server_error_is_retried_once(fabric: ApiFabric, cloud: FakeCloud, path: str, status: int) -> None:
    """One 5xx is retried, a second one is an error."""
    cloud.misbehave(path, Misbehaviour(status))
    assert fabric.agents().agents
    assert cloud.count(path) == 2

    cloud.end_tokens()
    fresh = ApiFabric(fabric._policy, FakeClock())
    cloud.misbehave(path, Misbehaviour(status), Misbehaviour(status))
    message = error_of(fresh)
    assert "internal error" in message
    assert f"({status} at {path})" in message
    assert cloud.count(path) == 4


@BOTH
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (301, "redirects, which is not followed: set cloud.api_url"),
        (307, "redirects, which is not followed: set cloud.api_url"),
        (400, "refuses the app key: see cloud.app_key"),
        (403, "refuses the app key: see cloud.app_key"),
        (404, "has no such route: see cloud.api_url and cloud."),
        (418, "sends an unexpected status"),
        (429, "limits the rate of requests"),
        (204, "sends an unexpected status"),
    ],
)
def test_other_status_is_not_retried(
    fabric: ApiFabric, cloud: FakeCloud, path: str, status: int, words: str
) -> None:
    """A 4xx is not retried, a redirect not followed; the error says what to check."""
    elsewhere = (("Location", f"{cloud.url}/elsewhere"),)
    cloud.misbehave(path, Misbehaviour(status, headers=elsewhere))

    message = error_of(fabric)

    assert words in message
    assert f"({status} at {path})" in message
    assert cloud.count(path) == 1
    assert cloud.count("/elsewhere") == 0


def test_refused_key_is_an_error(fabric_policy: CloudPolicy, cloud: FakeCloud, clock: FakeClock) -> None:
    """A wrong secret is refused once, at the token; the agents are not requested."""
    message = error_of(ApiFabric(replace(fabric_policy, app_secret="another"), clock))

    assert "refuses the app key" in message
    assert [one.path for one in cloud.asked] == [TOKEN_PATH]


@pytest.mark.slow
@BOTH
def test_slow_cloud_is_given_up(
    fabric_policy: CloudPolicy, cloud: FakeCloud, clock: FakeClock, path: str
) -> None:
    """A cloud that does not respond within the timeout gets two requests."""
    cloud.misbehave(path, Misbehaviour(is_slow=True), Misbehaviour(is_slow=True))

    message = error_of(ApiFabric(replace(fabric_policy, timeout=timedelta(milliseconds=150)), clock))

    assert message == f"{cloud.url} did not respond within 0.15 s, 2 times: see cloud.timeout"
    assert cloud.count(path) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("timeout", "is_given_up"), [(0.2, True), (20, False)])
def test_dripping_response_has_a_deadline(
    fabric_policy: CloudPolicy, cloud: FakeCloud, clock: FakeClock, timeout: float, is_given_up: bool
) -> None:
    """A response that arrives byte by byte (slowloris) is aborted when the whole takes too long."""
    dripping = Misbehaviour(200, b'{"agents": []}', drips=True)
    cloud.misbehave(AGENTS_PATH, *[dripping] * (2 if is_given_up else 1))
    fabric = ApiFabric(replace(fabric_policy, timeout=timedelta(seconds=timeout)), clock)

    if is_given_up:
        assert error_of(fabric) == f"{cloud.url} did not respond within 0.2 s, 2 times: see cloud.timeout"
    else:
        assert fabric.agents().agents == ()


@pytest.mark.slow
@BOTH
def test_slow_response_is_retried(fabric: ApiFabric, cloud: FakeCloud, clock: FakeClock, path: str) -> None:
    """One missing response is requested again."""
    cloud.misbehave(path, Misbehaviour(is_slow=True))

    patient = ApiFabric(replace(fabric._policy, timeout=timedelta(milliseconds=400)), clock)

    assert patient.agents().agents
    assert cloud.count(path) == 2


@BOTH
def test_truncated_response_is_retried(fabric: ApiFabric, cloud: FakeCloud, path: str) -> None:
    """A truncated response is retried once; the second one is an error."""
    half = Misbehaviour(body=b'{"agents": [', breaks_off=True)
    cloud.misbehave(path, half)
    assert fabric.agents().agents

    cloud.misbehave(path, half, half)
    message = error_of(ApiFabric(fabric._policy, FakeClock()))

    assert message == f"{cloud.url} closed the connection within its response, 2 times: RemoteProtocolError"


def test_unreachable_cloud_is_an_error(fabric_policy: CloudPolicy, clock: FakeClock) -> None:
    """The error of an unreachable cloud names its URL."""
    with running_cloud() as gone:
        url = gone.url

    message = error_of(ApiFabric(replace(fabric_policy, api_url=url), clock))

    assert message == f"{url} cannot be reached, 2 times: see cloud.api_url, the name and the firewall"


def test_token_may_be_requested_elsewhere(
    cloud: FakeCloud, fabric_policy: CloudPolicy, clock: FakeClock
) -> None:
    """On premises only the token has a separate port, which errors name."""
    with running_cloud() as tokens:
        cloud.issued = tokens.issued
        policy = replace(fabric_policy, token_api_url=tokens.url)
        listed = ApiFabric(policy, clock).agents()
    message = error_of(ApiFabric(policy, clock))

    assert listed.agents == ()
    assert [one.path for one in tokens.asked] == [TOKEN_PATH]
    assert [one.path for one in cloud.asked] == [AGENTS_PATH]
    assert (
        message
        == f"{tokens.url} cannot be reached, 2 times: see cloud.token_api_url, the name and the firewall"
    )


@BOTH
@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"null", b'{"agents": 7}', b'{"AccessToken": 7}'])
def test_malformed_response_is_an_error(
    fabric: ApiFabric, cloud: FakeCloud, path: str, content: bytes
) -> None:
    """A malformed response is an error with its path, and is not retried."""
    cloud.misbehave(path, Misbehaviour(200, content, (("Content-Type", "application/json"),)))

    message = error_of(fabric)

    assert message.startswith(f"the cloud's response at {path} is malformed: ")
    assert cloud.count(path) == 1


@BOTH
def test_oversized_response_is_refused(
    fabric_policy: CloudPolicy, cloud: FakeCloud, clock: FakeClock, path: str
) -> None:
    """A response one byte over the maximum is refused; one of exactly the maximum is read."""
    cloud.agents = []
    fitting = json.dumps({"AccessToken": "x", "agents": []}).encode().ljust(300)
    cloud.misbehave(path, Misbehaviour(200, fitting + b" "))
    fabric = ApiFabric(fabric_policy, clock, max_response=300)

    assert (
        error_of(fabric) == f"the cloud's response at {path} is larger than 300 bytes: "
        "check that cloud.api_url is the cloud's"
    )

    cloud.misbehave(AGENTS_PATH, Misbehaviour(200, fitting))
    assert fabric.agents().agents == ()


@BOTH
def test_compressed_response_is_refused(fabric: ApiFabric, cloud: FakeCloud, path: str) -> None:
    """A decompression bomb is not decompressed; the request asked for identity."""
    bomb = gzip.compress(b" " * 1_000_000)
    cloud.misbehave(path, Misbehaviour(200, bomb, (("Content-Encoding", "gzip"),)))

    assert error_of(fabric) == f"the cloud's response at {path} is compressed, which was not requested"
    assert {one.headers["accept-encoding"] for one in cloud.asked} == {"identity"}


# Settings


def test_missing_settings_are_an_error(clock: FakeClock) -> None:
    """Without the settings nothing is requested, and the error names them."""
    message = error_of(ApiFabric(POLICY, clock))

    assert message == "the cloud is not set up: set cloud.api_url, cloud.app_key and its secret"


def test_missing_secret_is_an_error(fabric_policy: CloudPolicy, clock: FakeClock, cloud: FakeCloud) -> None:
    """Without a secret nothing is requested."""
    message = error_of(ApiFabric(replace(fabric_policy, app_secret=None), clock))

    assert "set cloud.app_secret_file" in message
    assert cloud.asked == []


def test_policy_shows_no_secret(fabric_policy: CloudPolicy) -> None:
    """The repr of the policy has neither key nor secret."""
    assert not any(secret in repr(fabric_policy) for secret in SECRETS)


# TLS


def test_certificate_of_the_authority_in_the_file_is_trusted(tmp_path: Path, clock: FakeClock) -> None:
    """A cloud certified by the authority in the file is trusted."""
    with running_cloud(server_context(tmp_path)) as cloud:
        policy = replace(POLICY, api_url=cloud.url, ca_file=tmp_path / "ca.pem")

        assert ApiFabric(policy, clock).agents().agents == ()


@pytest.mark.parametrize("ca_file", [None, "other.pem"], ids=["system", "another authority"])
def test_certificate_of_another_authority_is_refused(
    tmp_path: Path, clock: FakeClock, ca_file: str | None
) -> None:
    """A cloud with an untrusted certificate gets neither key nor secret."""
    other = tmp_path / "other"
    other.mkdir()
    server_context(other)
    (other / "ca.pem").rename(tmp_path / "other.pem")
    with running_cloud(server_context(tmp_path)) as cloud:
        policy = replace(POLICY, api_url=cloud.url, ca_file=tmp_path / ca_file if ca_file else None)

        message = error_of(ApiFabric(policy, clock))

        assert (
            message == f"the certificate of {cloud.url} is not trusted: set cloud.ca_file to its authority's"
        )
        assert cloud.asked == []


def test_certificate_for_another_name_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    """A trusted authority's certificate for another host is refused."""
    with running_cloud(server_context(tmp_path, "127.0.0.9")) as cloud:
        policy = replace(POLICY, api_url=cloud.url, ca_file=tmp_path / "ca.pem")

        assert "is not trusted" in error_of(ApiFabric(policy, clock))
        assert cloud.asked == []


@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=repr)
def test_unreadable_file_of_authorities_is_an_error(
    fabric_policy: CloudPolicy, clock: FakeClock, tmp_path: Path, content: bytes | None
) -> None:
    """A file that is missing or has no certificate is named."""
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)

    message = error_of(ApiFabric(replace(fabric_policy, ca_file=tmp_path / "ca.pem"), clock))

    assert message == f"cloud.ca_file: {tmp_path / 'ca.pem'} cannot be read as certificates in PEM"
