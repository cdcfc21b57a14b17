"""Tokens that scenarios present: good ones, and each way to spoil one."""

from base64 import urlsafe_b64decode
from dataclasses import dataclass, field

import pytest

from validator.errors import OperatorError
from validator.operations.simulator.certificate import system_trust
from validator.operations.simulator.scenario import TIMED_TOKENS, TOKENS
from validator.operations.simulator.target import (
    AGENT_PATH,
    CHAT_PATH,
    Known,
    Others,
    Skipped,
    Target,
    is_server_url,
)
from validator.operations.simulator.tokens import (
    ClientTokens,
    Presented,
    others_fields,
    spoiled,
    subject_fields,
)

TOKEN = "eyJqdGkiOiJ4In0." + "A" * 42 + "M"
KNOWN = Known("1", "agent-7", "customer-7", "李伟")


@dataclass
class FakeSource:
    """Numbered tokens of each side."""

    issued: list[str] = field(default_factory=list)

    def issue(self, side: str) -> str:
        """Return another token each time."""
        self.issued.append(side)
        return f"{side}{len(self.issued)}.{'A' * 42}M"

    def issue_timed(self, side: str, kind: str) -> str:
        """Return a token of another time."""
        return f"{side} {kind}"


def test_one_scenario_presents_the_same_token_again() -> None:
    """A kind is issued once for a scenario, so that the cloud can ask about it twice."""
    source = FakeSource()
    presented, later = Presented(source), Presented(source)

    assert presented.token("agent", "good") == presented.token("agent", "good")
    assert presented.token("agent", "good") != later.token("agent", "good")
    assert source.issued == ["agent", "agent"]


def test_other_audience_is_the_other_sides() -> None:
    """A token for one side is presented on the other."""
    presented = Presented(FakeSource())

    assert presented.token("agent", "other audience").startswith("chat")
    assert presented.token("chat", "other audience").startswith("agent")


@pytest.mark.parametrize("kind", TIMED_TOKENS)
def test_timed_tokens_are_the_sources(kind: str) -> None:
    """Only the source can make a token of another time."""
    assert Presented(FakeSource()).token("chat", kind) == f"chat {kind}"


@pytest.mark.parametrize("kind", [kind for kind in TOKENS if kind.startswith(("altered", "other sp"))])
def test_spoiled_token_is_another(kind: str) -> None:
    """What is spoiled has the same length and the same form."""
    other = spoiled(TOKEN, kind)

    assert other != TOKEN
    assert len(other) == len(TOKEN)
    assert other.count(".") == 1


def test_each_way_spoils_its_part() -> None:
    """One alters the payload, one the signature, and one spells the same signature otherwise."""
    payload, signature = TOKEN.split(".")

    assert spoiled(TOKEN, "altered payload").endswith(f".{signature}")
    assert spoiled(TOKEN, "altered signature").startswith(f"{payload}.")
    spelt = spoiled(TOKEN, "other spelling").split(".")[1]
    assert spelt != signature
    assert urlsafe_b64decode(spelt + "=") == urlsafe_b64decode(signature + "=")


@pytest.mark.parametrize("token", ["opaque", ".x", "x."])
def test_tokens_of_another_form_cannot_be_spoiled(token: str) -> None:
    """Another server's tokens may have another form: the step is skipped, not failed."""
    with pytest.raises(Skipped, match="not of the form"):
        spoiled(token, "altered payload")


def test_signature_with_one_spelling_is_skipped() -> None:
    """Without spare bits there is no other spelling."""
    with pytest.raises(Skipped, match="one spelling"):
        spoiled("a.AAAA", "other spelling")


def test_quoted_tokens_are_hidden() -> None:
    """A server that quotes the token in its message does not bring it into the report."""
    presented = Presented(FakeSource())
    token = presented.token("agent", "good")

    assert presented.hidden(f"bad {token}!") == "bad (token)!"


def test_client_has_no_token_of_another_time() -> None:
    """A backend client gets today's tokens; what is missing is reported."""
    target = Target.at(
        "http://127.0.0.1:9", system_trust(), KNOWN, agent_path=AGENT_PATH, chat_path=CHAT_PATH
    )

    with pytest.raises(Skipped, match="--home"):
        ClientTokens(target, "client", "secret").issue_timed("agent", "expired")


def test_target_that_is_not_there_ends_the_run() -> None:
    """Without any token nothing can be tried; the secret is not in the words."""
    target = Target.at(
        "http://127.0.0.1:9", system_trust(), KNOWN, agent_path=AGENT_PATH, chat_path=CHAT_PATH
    )

    with pytest.raises(OperatorError, match="issues no token to client") as raised:
        ClientTokens(target, "client", "a-secret").issue("agent")
    assert "a-secret" not in str(raised.value)


def test_who_is_not_known_is_skipped() -> None:
    """A side without a subject is skipped, and the missing option is named."""
    with pytest.raises(Skipped, match="--user-account"):
        subject_fields("agent", Known("1"))
    with pytest.raises(Skipped, match="--user-id"):
        subject_fields("chat", Known("1", "agent-7"))
    assert subject_fields("agent", KNOWN) == {"tenantSpaceId": "1", "userAccount": "agent-7"}
    assert subject_fields("chat", KNOWN)["userName"] == "李伟"


def test_somebody_else_is_another_of_the_same_tenant() -> None:
    """Somebody else differs by the account, or by both the id and the name, and by nothing more."""
    others = Others("agent-8", "customer-8", "Ann", "2")

    agent, chat = (others_fields(side, "other", KNOWN, others) for side in ("agent", "chat"))

    assert agent == {"tenantSpaceId": "1", "userAccount": "agent-8"}
    assert chat == {"tenantSpaceId": "1", "userId": "customer-8", "userName": "Ann"}


@pytest.mark.parametrize("side", ["agent", "chat"])
def test_other_tenant_changes_the_tenant_only(side: str) -> None:
    """Shown for another tenant, the token is still its user's."""
    fields = others_fields(side, "other tenant", KNOWN, Others("agent-8", "customer-8", "Ann", "2"))

    assert fields == {**subject_fields(side, KNOWN), "tenantSpaceId": "2"}


@pytest.mark.parametrize(
    ("side", "whose", "option"),
    [
        ("agent", "other", "--other-user-account"),
        ("chat", "other", "--other-user-id"),
        ("agent", "other tenant", "--other-tenant"),
        ("chat", "other tenant", "--other-tenant"),
    ],
)
def test_where_nobody_else_is_known_is_skipped(side: str, whose: str, option: str) -> None:
    """An invented name would be refused as unknown: the step is skipped, and the missing option is named."""
    with pytest.raises(Skipped, match=option):
        others_fields(side, whose, KNOWN, Others())


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("http://127.0.0.1:8000", True),
        ("https://e.example/prefix", True),
        ("https://[::1]:8443", True),
        ("ftp://e.example", False),
        ("e.example", False),
        ("http://", False),
        ("http://e.example:0", False),
        ("http://e.example:99999", False),
        ("http://user:word@e.example", False),
        ("http://e.example?x", False),
        ("http://e.example#x", False),
        ("http://é.example", False),
        ("http://e.example/\n", False),
    ],
)
def test_target_is_a_servers_url(text: str, is_one: bool) -> None:
    """Only what can be asked is a target, and no URL has a password in it."""
    assert is_server_url(text) is is_one
