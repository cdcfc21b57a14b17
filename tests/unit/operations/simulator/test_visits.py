"""Cookies of the stand-in: whose they are, and only on their own side."""

from tests.support.fakes import START
from validator.operations.simulator.visits import AGENT_COOKIE, CHAT_COOKIE, Visitor, Visits

ANN = Visitor("1", "ann", "Ann")


def test_cookie_stands_for_its_visitor() -> None:
    """An agent has four cookies, of which one is who they are; a visitor of the chat has one."""
    visits = Visits()

    agent, chat = visits.begin_agent(ANN, START), visits.begin_chat(ANN)

    assert set(agent) == {"sum_atime", "sum_refresh_token", "sum_sid", "sum_token"}
    assert set(chat) == {"ccmessaging-token"}
    assert visits.find(agent, AGENT_COOKIE) == ANN
    assert visits.find(chat, CHAT_COOKIE) == ANN
    assert len({*agent.values(), *chat.values()}) == 5


def test_cookie_of_one_side_is_nothing_on_the_other() -> None:
    """The chat's cookie is no agent's, nor the other way round, nor is none."""
    visits = Visits()
    chat = visits.begin_chat(ANN)

    assert visits.find({AGENT_COOKIE: chat[CHAT_COOKIE]}, AGENT_COOKIE) is None
    assert visits.find({}, AGENT_COOKIE) is None
    assert visits.find({CHAT_COOKIE: "other"}, CHAT_COOKIE) is None


def test_oldest_are_forgotten() -> None:
    """Memory is bounded; the newest stay."""
    visits = Visits()
    first = visits.begin_chat(ANN)
    for _ in range(500):
        last = visits.begin_chat(ANN)

    assert visits.find(first, CHAT_COOKIE) is None
    assert visits.find(last, CHAT_COOKIE) == ANN
