"""Asking the cloud: what is sent, how long a token is kept, and every way in which the cloud can fail."""

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
    """Return what asks the cloud, which has one agent."""
    cloud.agents = [agent("11")]
    return ApiFabric(fabric_policy, clock)


def complaint(fabric: ApiFabric) -> str:
    """Return what an operator is told when the agents are not to be had: one line, without a secret."""
    with pytest.raises(OperatorError) as raised:
        fabric.agents()
    told = str(raised.value)
    assert told.isprintable()
    assert not any(secret in told for secret in SECRETS)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return told


# What is sent


def test_questions_are_as_the_cloud_wants_them(fabric: ApiFabric, cloud: FakeCloud) -> None:
    """Key and secret go for a token, and key and token for the agents, in the cloud's own words."""
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
    """What the cloud lists is what comes back."""
    listed = fabric.agents()

    assert [(one.account_code, one.work_no) for one in listed.agents] == [("11", "1001")]
    assert (listed.sip_service_ip, listed.sip_service_port) == ("192.0.2.9", 5060)


def test_paths_and_lifetime_are_settings(
    fabric_policy: CloudPolicy, cloud: FakeCloud, clock: FakeClock
) -> None:
    """Routes that the vendor spells otherwise, and another lifetime, need no new program."""
    cloud.misbehave("/t", Misbehaviour(200, json.dumps({"AccessToken": "x"}).encode()))
    cloud.misbehave("/CC-Management", Misbehaviour(200, b'{"agents": []}'))
    policy = replace(
        fabric_policy, token_path="/t", agents_path="/CC-Management", token_lifetime=timedelta(hours=1)
    )

    assert ApiFabric(policy, clock).agents().agents == ()
    assert cloud.asked[0].headers["x-token-expire"] == "3600"


def test_environment_names_no_proxy(fabric: ApiFabric, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment, which nobody listens at, is not asked."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert fabric.agents().agents


# The token


def test_token_is_kept(fabric: ApiFabric, cloud: FakeCloud, clock: FakeClock) -> None:
    """One token is good for every question until half a minute before its end, then there is a new one."""
    for seconds, tokens in ((0, 1), (569, 1), (1, 2), (0, 2)):
        clock.advance(seconds=seconds)
        fabric.agents()
        assert cloud.count(TOKEN_PATH) == tokens


@pytest.mark.parametrize(
    ("expires", "kept"), [("300", 269), (300, 269), ("999999", 569), (None, 569), ("soon", 569)], ids=repr
)
def test_token_is_kept_as_long_as_the_cloud_says(
    fabric: ApiFabric, cloud: FakeCloud, clock: FakeClock, expires: object, kept: int
) -> None:
    """The cloud's word counts where it is shorter than what was asked for."""
    cloud.expires = expires
    fabric.agents()

    clock.advance(seconds=kept)
    fabric.agents()
    assert cloud.count(TOKEN_PATH) == 1
    clock.advance(seconds=1)
    fabric.agents()
    assert cloud.count(TOKEN_PATH) == 2


def test_short_token_is_used_once(fabric: ApiFabric, cloud: FakeCloud) -> None:
    """A token that is always near its end is still good for the question it was fetched for."""
    cloud.expires = "1"

    fabric.agents()
    fabric.agents()

    assert cloud.count(TOKEN_PATH) == 2


def test_token_that_the_cloud_ended_is_replaced_once(fabric: ApiFabric, cloud: FakeCloud) -> None:
    """A 401 to a kept token brings a fresh one, and with it the agents."""
    fabric.agents()
    cloud.end_tokens()

    assert fabric.agents().agents
    assert (cloud.count(TOKEN_PATH), cloud.count(AGENTS_PATH)) == (2, 3)


def test_second_401_is_told(fabric: ApiFabric, cloud: FakeCloud) -> None:
    """A cloud that refuses the fresh token too is asked no third time."""
    cloud.misbehave(AGENTS_PATH, Misbehaviour(401), Misbehaviour(401))

    told = complaint(fabric)

    assert "refuses the app key: see cloud.app_key" in told
    assert (cloud.count(TOKEN_PATH), cloud.count(AGENTS_PATH)) == (2, 2)
    assert fabric.agents().agents


# What fails


@BOTH
@pytest.mark.parametrize("status", [500, 502, 503])
def test_fault_of_the_cloud_is_tried_once_more(
    fabric: ApiFabric, cloud: FakeCloud, path: str, status: int
) -> None:
    """One 5xx is forgiven, a second one is told."""
    cloud.misbehave(path, Misbehaviour(status))
    assert fabric.agents().agents
    assert cloud.count(path) == 2

    cloud.end_tokens()
    fresh = ApiFabric(fabric._policy, FakeClock())
    cloud.misbehave(path, Misbehaviour(status), Misbehaviour(status))
    told = complaint(fresh)
    assert "fault of its own" in told
    assert f"({status} at {path})" in told
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
        (418, "does not give what is asked"),
        (429, "is asked too often"),
        (204, "does not give what is asked"),
    ],
)
def test_other_status_is_told_and_not_tried_again(
    fabric: ApiFabric, cloud: FakeCloud, path: str, status: int, words: str
) -> None:
    """No 4xx is asked twice, no redirect followed; the operator is told what to look at."""
    elsewhere = (("Location", f"{cloud.url}/elsewhere"),)
    cloud.misbehave(path, Misbehaviour(status, headers=elsewhere))

    told = complaint(fabric)

    assert words in told
    assert f"({status} at {path})" in told
    assert cloud.count(path) == 1
    assert cloud.count("/elsewhere") == 0


def test_refused_key_is_told(fabric_policy: CloudPolicy, cloud: FakeCloud, clock: FakeClock) -> None:
    """A wrong secret is refused at the token, once; no agents are asked for."""
    told = complaint(ApiFabric(replace(fabric_policy, app_secret="another"), clock))

    assert "refuses the app key" in told
    assert [one.path for one in cloud.asked] == [TOKEN_PATH]


@BOTH
def test_slow_cloud_is_given_up(
    fabric_policy: CloudPolicy, cloud: FakeCloud, clock: FakeClock, path: str
) -> None:
    """A cloud that does not answer within the timeout is asked twice, not waited for."""
    cloud.misbehave(path, Misbehaviour(is_slow=True), Misbehaviour(is_slow=True))

    told = complaint(ApiFabric(replace(fabric_policy, timeout=timedelta(milliseconds=150)), clock))

    assert told == f"{cloud.url} did not answer within 0.15 s, 2 times: see cloud.timeout"
    assert cloud.count(path) == 2


@pytest.mark.parametrize(("timeout", "is_given_up"), [(0.2, True), (20, False)])
def test_dripping_answer_has_a_deadline(
    fabric_policy: CloudPolicy, cloud: FakeCloud, clock: FakeClock, timeout: float, is_given_up: bool
) -> None:
    """An answer whose bytes come one by one, each in time, is given up when the whole takes too long."""
    dripping = Misbehaviour(200, b'{"agents": []}', drips=True)
    cloud.misbehave(AGENTS_PATH, *[dripping] * (2 if is_given_up else 1))
    fabric = ApiFabric(replace(fabric_policy, timeout=timedelta(seconds=timeout)), clock)

    if is_given_up:
        assert complaint(fabric) == f"{cloud.url} did not answer within 0.2 s, 2 times: see cloud.timeout"
    else:
        assert fabric.agents().agents == ()


@BOTH
def test_slow_once_is_forgiven(fabric: ApiFabric, cloud: FakeCloud, clock: FakeClock, path: str) -> None:
    """One answer that does not come is asked for again."""
    cloud.misbehave(path, Misbehaviour(is_slow=True))

    patient = ApiFabric(replace(fabric._policy, timeout=timedelta(milliseconds=400)), clock)

    assert patient.agents().agents
    assert cloud.count(path) == 2


@BOTH
def test_answer_that_is_broken_off_is_asked_for_again(fabric: ApiFabric, cloud: FakeCloud, path: str) -> None:
    """Half an answer is none: once it is forgiven, twice it is told."""
    half = Misbehaviour(body=b'{"agents": [', breaks_off=True)
    cloud.misbehave(path, half)
    assert fabric.agents().agents

    cloud.misbehave(path, half, half)
    told = complaint(ApiFabric(fabric._policy, FakeClock()))

    assert told == f"{cloud.url} broke off its answer, 2 times: RemoteProtocolError"


def test_cloud_that_is_not_there_is_told(fabric_policy: CloudPolicy, clock: FakeClock) -> None:
    """Where nobody listens, the operator is told where that was."""
    with running_cloud() as gone:
        url = gone.url

    told = complaint(ApiFabric(replace(fabric_policy, api_url=url), clock))

    assert told == f"{url} cannot be reached, 2 times: see cloud.api_url, the name and the firewall"


def test_token_may_be_asked_elsewhere(cloud: FakeCloud, fabric_policy: CloudPolicy, clock: FakeClock) -> None:
    """On premises the token has a port of its own: it is asked there, the list is not, and words name it."""
    with running_cloud() as tokens:
        cloud.issued = tokens.issued
        policy = replace(fabric_policy, token_api_url=tokens.url)
        listed = ApiFabric(policy, clock).agents()
    told = complaint(ApiFabric(policy, clock))

    assert listed.agents == ()
    assert [one.path for one in tokens.asked] == [TOKEN_PATH]
    assert [one.path for one in cloud.asked] == [AGENTS_PATH]
    assert (
        told == f"{tokens.url} cannot be reached, 2 times: see cloud.token_api_url, the name and the firewall"
    )


@BOTH
@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"null", b'{"agents": 7}', b'{"AccessToken": 7}'])
def test_answer_of_another_kind_is_told(
    fabric: ApiFabric, cloud: FakeCloud, path: str, content: bytes
) -> None:
    """What is no such answer is told with its route, and is not asked for again."""
    cloud.misbehave(path, Misbehaviour(200, content, (("Content-Type", "application/json"),)))

    told = complaint(fabric)

    assert told.startswith(f"the cloud's answer at {path} is not what it should be: ")
    assert cloud.count(path) == 1


@BOTH
def test_enormous_answer_is_refused(
    fabric_policy: CloudPolicy, cloud: FakeCloud, clock: FakeClock, path: str
) -> None:
    """An answer of one byte too many is not read; one of just so many is."""
    cloud.agents = []
    fitting = json.dumps({"AccessToken": "x", "agents": []}).encode().ljust(300)
    cloud.misbehave(path, Misbehaviour(200, fitting + b" "))
    fabric = ApiFabric(fabric_policy, clock, largest_answer=300)

    assert (
        complaint(fabric) == f"the cloud's answer at {path} is larger than 300 bytes: "
        "see that cloud.api_url is the cloud's"
    )

    cloud.misbehave(AGENTS_PATH, Misbehaviour(200, fitting))
    assert fabric.agents().agents == ()


@BOTH
def test_compressed_answer_is_refused(fabric: ApiFabric, cloud: FakeCloud, path: str) -> None:
    """A few bytes that unpack to very many are not unpacked; the question asked for plain ones."""
    bomb = gzip.compress(b" " * 1_000_000)
    cloud.misbehave(path, Misbehaviour(200, bomb, (("Content-Encoding", "gzip"),)))

    assert complaint(fabric) == f"the cloud's answer at {path} is compressed, unasked"
    assert {one.headers["accept-encoding"] for one in cloud.asked} == {"identity"}


# Settings


def test_cloud_that_is_not_set_up_is_told(clock: FakeClock) -> None:
    """Without the setting nothing is asked, and the operator is told which ones are needed."""
    told = complaint(ApiFabric(POLICY, clock))

    assert told == "the cloud is not set up: set cloud.api_url, cloud.app_key and its secret"


def test_missing_secret_is_told(fabric_policy: CloudPolicy, clock: FakeClock, cloud: FakeCloud) -> None:
    """Without a secret nothing is asked."""
    told = complaint(ApiFabric(replace(fabric_policy, app_secret=None), clock))

    assert "set cloud.app_secret_file" in told
    assert cloud.asked == []


def test_policy_shows_no_secret(fabric_policy: CloudPolicy) -> None:
    """A policy that is printed by mistake has neither key nor secret."""
    assert not any(secret in repr(fabric_policy) for secret in SECRETS)


# TLS


def test_certificate_of_the_authority_in_the_file_is_trusted(tmp_path: Path, clock: FakeClock) -> None:
    """With the authority's certificate in the file, its cloud is asked."""
    with running_cloud(server_context(tmp_path)) as cloud:
        policy = replace(POLICY, api_url=cloud.url, ca_file=tmp_path / "ca.pem")

        assert ApiFabric(policy, clock).agents().agents == ()


@pytest.mark.parametrize("ca_file", [None, "other.pem"], ids=["system", "another authority"])
def test_certificate_of_another_authority_is_refused(
    tmp_path: Path, clock: FakeClock, ca_file: str | None
) -> None:
    """A cloud whose certificate is of nobody trusted hears neither key nor secret."""
    other = tmp_path / "other"
    other.mkdir()
    server_context(other)
    (other / "ca.pem").rename(tmp_path / "other.pem")
    with running_cloud(server_context(tmp_path)) as cloud:
        policy = replace(POLICY, api_url=cloud.url, ca_file=tmp_path / ca_file if ca_file else None)

        told = complaint(ApiFabric(policy, clock))

        assert told == f"the certificate of {cloud.url} is not trusted: set cloud.ca_file to its authority's"
        assert cloud.asked == []


def test_certificate_for_another_name_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    """A trusted authority's certificate for another host is not the cloud's."""
    with running_cloud(server_context(tmp_path, "127.0.0.9")) as cloud:
        policy = replace(POLICY, api_url=cloud.url, ca_file=tmp_path / "ca.pem")

        assert "is not trusted" in complaint(ApiFabric(policy, clock))
        assert cloud.asked == []


@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=repr)
def test_file_of_authorities_that_cannot_be_read_is_told(
    fabric_policy: CloudPolicy, clock: FakeClock, tmp_path: Path, content: bytes | None
) -> None:
    """A file that is missing, or has no certificate in it, is named."""
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)

    told = complaint(ApiFabric(replace(fabric_policy, ca_file=tmp_path / "ca.pem"), clock))

    assert told == f"cloud.ca_file: {tmp_path / 'ca.pem'} cannot be read as certificates in PEM"
