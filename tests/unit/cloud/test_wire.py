"""The cloud's answers: what is read of them, what is tolerated, and what spoils a list."""

import json

import pytest

from tests.support.faulty_fabric import SIP_PASSWORD, TOKEN, agent
from validator.cloud import wire
from validator.cloud.wire import AgentList, ListedAgent
from validator.errors import Refusal


def body(**members: object) -> bytes:
    return json.dumps(members).encode()


def refusal_of(content: bytes) -> str:
    """Return the words in which a list of agents is refused."""
    with pytest.raises(Refusal) as refused:
        wire.parse_agents(content)
    return str(refused.value.detail)


# The token


def test_token_is_read() -> None:
    """The token and its lifetime are read from an answer in which everything is a text."""
    token = wire.parse_token(body(AccessToken=TOKEN, ApplyType="Bearer", Expires="600", CreateTime="1"))

    assert (token.text, token.lifetime) == (TOKEN, 600)
    assert TOKEN not in repr(token)


@pytest.mark.parametrize(
    "expires", [None, "", "soon", "-1", "1.5", [], {}, True, 1.5, "6" * 10, "٦٠"], ids=repr
)
def test_lifetime_that_is_none_is_unknown(expires: object) -> None:
    """A lifetime that is missing, or is no number, is not made up."""
    assert wire.parse_token(body(AccessToken=TOKEN, Expires=expires)).lifetime is None
    assert wire.parse_token(body(AccessToken=TOKEN)).lifetime is None
    assert wire.parse_token(body(AccessToken=TOKEN, Expires=600)).lifetime == 600


@pytest.mark.parametrize(
    "token", [None, "", 7, ["x"], "with blank", "line\r\nX-Injected: 1", "é", "x" * 8193], ids=ascii
)
def test_token_that_fits_into_no_header_is_refused(token: object) -> None:
    """A token is a text that a header can carry and nothing else; the refusal does not repeat it."""
    with pytest.raises(Refusal) as refused:
        wire.parse_token(body(AccessToken=token))

    assert str(refused.value.detail).startswith("AccessToken: ")
    assert not isinstance(token, str) or not token or token not in str(refused.value)


# The agents


def test_list_is_read() -> None:
    """Every agent is read with its names, in the order of the codes; the SIP password shows in no repr."""
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
    """The vendor writes the port both ways; one that is no number is unknown."""
    assert wire.parse_agents(body(agents=[], sipServicePort=port)).sip_service_port == read


@pytest.mark.parametrize("code", ["11", 11], ids=repr)
@pytest.mark.parametrize("work_no", ["1001", 1001], ids=repr)
def test_numbers_may_be_texts(code: object, work_no: object) -> None:
    """Codes and numbers are the same whichever way they are written."""
    content = body(agents=[{"accountCode": code, "workNo": work_no, "sipAccount": work_no}])

    assert wire.parse_agents(content).agents == (ListedAgent("11", "1001", "1001"),)


@pytest.mark.parametrize(
    "nothing", [{}, {"sipAccount": None, "sipPwd": None}, {"sipAccount": "", "sipPwd": ""}]
)
def test_only_agents_and_work_numbers_are_needed(nothing: dict[str, object]) -> None:
    """Everything else may be missing, null or empty, and what nobody knows is ignored."""
    content = body(agents=[{"accountCode": "11", "workNo": 1, "new": {"of": ["the", "cloud"]}, **nothing}])

    assert wire.parse_agents(content) == AgentList((ListedAgent("11", "1"),))


@pytest.mark.parametrize("nothing", [{}, {"accountCode": None}, {"accountCode": ""}], ids=repr)
def test_agent_without_a_code_is_only_counted(nothing: dict[str, object]) -> None:
    """An agent that no login could be linked to is left out and counted."""
    listed = wire.parse_agents(body(agents=[agent("11"), {"workNo": 1002, **nothing}]))

    assert [one.account_code for one in listed.agents] == ["11"]
    assert listed.left_out == 1


def test_agent_listed_twice_alike_is_one() -> None:
    """The same agent twice is that agent, whether its numbers are texts or not."""
    content = body(agents=[agent("11", 1001), agent(11, "1001")])

    assert len(wire.parse_agents(content).agents) == 1


def test_code_of_two_agents_is_left_out() -> None:
    """One code for two work numbers cannot be stored: neither is, it is named, and the others are read."""
    listed = wire.parse_agents(body(agents=[agent("11", 1001), agent("11", 1002), agent("12", 1003)]))

    assert [each.account_code for each in listed.agents] == ["12"]
    assert listed.unreadable == ("the accountCode 11 is listed twice, as different agents",)


def test_long_account_code_is_read() -> None:
    """A code of 100 characters, as the vendor's reference allows, is an agent like any other."""
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
def test_one_wrong_entry_is_named_and_the_others_are_read(wrong: object, words: str) -> None:
    """An entry that cannot be read stops no other; alone, it is the whole answer that cannot be read."""
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
def test_answer_that_is_no_list_is_refused(content: bytes, words: str) -> None:
    """Whatever is not an object with a list of agents is refused, in words that quote nothing of it."""
    told = refusal_of(content)

    assert words in told
    assert "see you" not in told
    assert "closed" not in told


def test_long_list_is_read() -> None:
    """Ten thousand agents are one list."""
    content = body(agents=[agent(f"{number:05}", number) for number in range(10_000)])

    assert len(wire.parse_agents(content).agents) == 10_000
