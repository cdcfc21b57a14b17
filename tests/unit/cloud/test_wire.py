"""The cloud's responses: what is read, what is tolerated, and what makes a list incomplete."""

import json

import pytest

from tests.support.faulty_fabric import SIP_PASSWORD, TOKEN, agent
from validator.cloud import wire
from validator.cloud.wire import AgentList, ListedAgent
from validator.errors import Refusal


def body(**members: object) -> bytes:
    return json.dumps(members).encode()


def refusal_of(content: bytes) -> str:
    """Return the detail with which a list of agents is refused."""
    with pytest.raises(Refusal) as refused:
        wire.parse_agents(content)
    return str(refused.value.detail)


# Token


def test_token_is_read() -> None:
    """The token and its lifetime are read from a response with only texts."""
    token = wire.parse_token(body(AccessToken=TOKEN, ApplyType="Bearer", Expires="600", CreateTime="1"))

    assert (token.text, token.lifetime) == (TOKEN, 600)
    assert TOKEN not in repr(token)


@pytest.mark.parametrize(
    "expires", [None, "", "soon", "-1", "1.5", [], {}, True, 1.5, "6" * 10, "٦٠"], ids=repr
)
def test_invalid_lifetime_is_unknown(expires: object) -> None:
    """A missing lifetime, or one that is not a number, is None."""
    assert wire.parse_token(body(AccessToken=TOKEN, Expires=expires)).lifetime is None
    assert wire.parse_token(body(AccessToken=TOKEN)).lifetime is None
    assert wire.parse_token(body(AccessToken=TOKEN, Expires=600)).lifetime == 600


@pytest.mark.parametrize(
    "token", [None, "", 7, ["x"], "with blank", "line\r\nX-Injected: 1", "é", "x" * 8193], ids=ascii
)
def test_token_that_is_invalid_in_a_header_is_refused(token: object) -> None:
    """A token must be valid in a header; the refusal does not quote it."""
    with pytest.raises(Refusal) as refused:
        wire.parse_token(body(AccessToken=token))

    assert str(refused.value.detail).startswith("AccessToken: ")
    assert not isinstance(token, str) or not token or token not in str(refused.value)


# Agents


def test_list_is_read() -> None:
    """Every agent is read with its fields, sorted by code; no repr has the SIP password."""
    content = body(
        sipServiceIp="192.0.2.9",
        sipServicePort=5060,
        agents=[agent("12", 1002), agent("11", 1001)],
    )

    listed = wire.parse_agents(content)

    assert listed == AgentList(
        agents=(
            ListedAgent("11", "1001", "1001", f"{SIP_PASSWORD}-11"),
            ListedAgent("12", "1002", "1002", f"{SIP_PASSWORD}-12"),
        ),
        left_out=0,
        sip_service_ip="192.0.2.9",
        sip_service_port=5060,
    )
    assert SIP_PASSWORD not in repr(listed)


@pytest.mark.parametrize(
    ("port", "read"), [(5060, 5060), ("5060", 5060), (None, None), ("", None), ("sip", None)], ids=repr
)
def test_port_is_a_number_or_a_text(port: object, read: int | None) -> None:
    """The vendor writes the port both ways; an invalid one is None."""
    assert wire.parse_agents(body(agents=[], sipServicePort=port)).sip_service_port == read


@pytest.mark.parametrize("code", ["11", 11], ids=repr)
@pytest.mark.parametrize("work_no", ["1001", 1001], ids=repr)
def test_numbers_may_be_texts(code: object, work_no: object) -> None:
    """Codes and numbers are the same in either form."""
    content = body(agents=[{"accountCode": code, "workNo": work_no, "sipAccount": work_no}])

    assert wire.parse_agents(content).agents == (ListedAgent("11", "1001", "1001"),)


@pytest.mark.parametrize(
    "nothing", [{}, {"sipAccount": None, "sipPwd": None}, {"sipAccount": "", "sipPwd": ""}]
)
def test_only_agents_and_work_numbers_are_required(nothing: dict[str, object]) -> None:
    """All else may be missing, null or empty, and unknown fields are ignored."""
    content = body(agents=[{"accountCode": "11", "workNo": 1, "new": {"of": ["the", "cloud"]}, **nothing}])

    assert wire.parse_agents(content) == AgentList((ListedAgent("11", "1"),))


@pytest.mark.parametrize("nothing", [{}, {"accountCode": None}, {"accountCode": ""}], ids=repr)
def test_agent_without_a_code_is_only_counted(nothing: dict[str, object]) -> None:
    """An agent without a code cannot be linked, and is only counted."""
    listed = wire.parse_agents(body(agents=[agent("11"), {"workNo": 1002, **nothing}]))

    assert [one.account_code for one in listed.agents] == ["11"]
    assert listed.left_out == 1


def test_agent_listed_twice_alike_is_one() -> None:
    """The same agent twice is one agent, whether its numbers are texts or not."""
    content = body(agents=[agent("11", 1001), agent(11, "1001")])

    assert len(wire.parse_agents(content).agents) == 1


def test_code_of_two_agents_is_left_out() -> None:
    """A code with two work numbers is left out and reported; the others are read."""
    listed = wire.parse_agents(body(agents=[agent("11", 1001), agent("11", 1002), agent("12", 1003)]))

    assert [each.account_code for each in listed.agents] == ["12"]
    assert listed.unreadable == ("the accountCode 11 is listed twice, as different agents",)


def test_long_account_code_is_read() -> None:
    """A code of 100 characters, as the vendor's reference allows, is read."""
    listed = wire.parse_agents(body(agents=[agent("v" * 100), agent("11")]))

    assert [each.account_code for each in listed.agents] == ["11", "v" * 100]
    assert listed.unreadable == ()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"accountCode": "12"}, "workNo: missing"),
        ({"accountCode": "12", "workNo": None}, "workNo: missing"),
        ({"accountCode": "12", "workNo": True}, "workNo: not a string"),
        ({"accountCode": "12", "workNo": 1.5}, "workNo: not a string"),
        ({"accountCode": "12", "workNo": [1]}, "workNo: not a string"),
        ({"accountCode": ["12"], "workNo": 1}, "accountCode: not a string"),
        ({"accountCode": "1" * 101, "workNo": 1}, "accountCode: longer than 100 characters"),
        ({"accountCode": "1\n2", "workNo": 1}, "accountCode: has a character that does not print"),
        ({"accountCode": "12", "workNo": 1, "sipAccount": {}}, "sipAccount: not a string"),
        ({"accountCode": "12", "workNo": 1, "sipPwd": 7}, "sipPwd: not a string"),
        (None, "Invalid input type"),
        ("12", "Invalid input type"),
        ([], "Invalid input type"),
    ],
    ids=repr,
)
def test_invalid_entry_is_reported_and_the_others_are_read(wrong: object, words: str) -> None:
    """An invalid entry does not affect others; alone, it makes the response unreadable."""
    listed = wire.parse_agents(body(agents=[agent("11"), wrong, agent("13", 1003)]))

    assert [each.account_code for each in listed.agents] == ["11", "13"]
    (told,) = listed.unreadable
    assert words in refusal_of(body(agents=[wrong]))
    assert told.startswith("agent 2 of the list: ")
    assert words in told
    assert SIP_PASSWORD not in told


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"<html>the cloud is closed</html>", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"\xff", "not UTF-8"),
        (b'{"agents": [], "agents": []}', "not JSON"),
        (b"{}", "agents: missing"),
        (body(agents=None), "agents: missing"),
        (body(agents={}), "agents: not a list"),
        (body(agents="none"), "agents: not a list"),
        (body(agents=[], sipServiceIp=[]), "sipServiceIp: not a string"),
        (b'{"retCode": "0", "message": "see you"}', "agents: missing"),
    ],
    ids=repr,
)
def test_malformed_list_is_refused(content: bytes, words: str) -> None:
    """Anything but an object with a list of agents is refused, without quoting it."""
    told = refusal_of(content)

    assert words in told
    assert "see you" not in told
    assert "closed" not in told


def test_long_list_is_read() -> None:
    """Ten thousand agents are read as one list."""
    content = body(agents=[agent(f"{number:05}", number) for number in range(10_000)])

    assert len(wire.parse_agents(content).agents) == 10_000
