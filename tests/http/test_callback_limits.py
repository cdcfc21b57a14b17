"""The limits on the cloud's questions: no stranger can use up the limits of a good token."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import ret_code
from tests.support.callback_requests import AGENT_SIDE, CHAT_SIDE, SIDES, Side, issued
from tests.support.fakes import AGENT, CUSTOMER, LOGIN, OTHER_TENANT, TENANT, UNLIMITED, Enterprise
from tests.support.throttle_first import throttling_first
from validator.tenants import RecordStatus
from validator.tokens.claims import Subject
from validator.tokens.revocation import token_target

Found = Callable[..., Enterprise]
both_sides = pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
TOO_MANY = b'{"retCode":3,"message":"too many requests"}'
SMALL = {
    "limits.callbacks_foreign": "5/1m",
    "limits.callbacks_refused": "3/1m",
    "limits.callbacks_token": "4/1m",
    "limits.callbacks_subject": "10/1m",
    "limits.callbacks_tenant": "25/1m",
}


@pytest.fixture
def enterprise(found_enterprise: Found) -> Enterprise:
    """Return an enterprise with small limits on the callbacks, and no others."""
    return found_enterprise(UNLIMITED | SMALL)


def verdicts(enterprise: Enterprise) -> int:
    return sum(entry["event"] == "verdict" for entry in enterprise.trail())


def codes(answers: list[TestResponse]) -> list[int]:
    return [ret_code(answer) for answer in answers]


def about(side: Side, subject: Subject) -> Side:
    return replace(side, subject=subject)


def ask_well(enterprise: Enterprise, side: Side, times: int = 1) -> list[int]:
    """Return the codes for *times* right questions with one new token."""
    cloud, question = enterprise.visitor(), side.question(issued(enterprise, side.subject)[0])
    return codes([side.ask(cloud, question) for _ in range(times)])


# Foreign

Junk = Callable[[FlaskClient, Side, str], TestResponse]
JUNK: dict[str, Junk] = {
    "no token of ours": lambda cloud, side, _: side.ask(cloud, side.question("nonsense")),
    "a changed signature": lambda cloud, side, token: side.ask(cloud, side.question(token[:-3] + "AAA")),
    "no JSON": lambda cloud, side, _: cloud.post(side.path, data=b"{"),
    "nothing": lambda cloud, side, _: cloud.post(side.path, json={}),
    "a large body": lambda cloud, side, _: cloud.post(side.path, data=b" " * 20_000),
    "an unknown tenant": lambda cloud, side, _: side.ask(
        cloud, {**side.question("nonsense"), "tenantSpaceId": "nobody"}
    ),
}


@both_sides
@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_junk_from_the_clouds_address_holds_no_good_token_back(
    enterprise: Enterprise, side: Side, junk: Junk
) -> None:
    """However much junk a visitor makes the cloud send, a good token from the same address is answered."""
    cloud, token = enterprise.visitor(), issued(enterprise, side.subject)[0]

    junk_codes = codes([junk(cloud, side, token) for _ in range(20)])

    assert junk_codes[5:] == [3] * 15
    assert 3 not in junk_codes[:5]
    assert ask_well(enterprise, side, 4) == [0] * 4


@both_sides
def test_control_throttling_first_lets_junk_hold_good_tokens_back(enterprise: Enterprise, side: Side) -> None:
    """In the order of older versions the same junk takes the answers of everybody's good tokens."""
    older = throttling_first(enterprise)
    cloud, token = older.visitor(), issued(enterprise, side.subject)[0]

    for _ in range(20):
        JUNK["no token of ours"](cloud, side, token)

    assert codes([side.ask(cloud, side.question(token))]) == [3]


@both_sides
@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_junk_beyond_its_limit_costs_no_database_and_no_entry(
    enterprise: Enterprise, side: Side, junk: Junk
) -> None:
    """Within its limit junk is recorded; beyond it, it is answered 3 with a time to wait, no more."""
    cloud, token, before = enterprise.visitor(), issued(enterprise, side.subject)[0], verdicts(enterprise)
    for _ in range(5):
        junk(cloud, side, token)
    assert verdicts(enterprise) == before + 5
    statements: list[str] = []
    enterprise.services.database.kept.get().set_trace_callback(statements.append)

    answers = [junk(cloud, side, token) for _ in range(10)]

    assert {answer.data for answer in answers} == {TOO_MANY}
    assert {answer.status_code for answer in answers} == {429}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
    assert statements == []
    assert verdicts(enterprise) == before + 5


def test_junk_on_both_callbacks_is_counted_together(enterprise: Enterprise) -> None:
    """A source has one count of junk, whichever callback it sends it to and whatever tenant it names."""
    cloud, sides = enterprise.visitor(), list(SIDES.values())

    answers = [
        sides[n % 2].ask(cloud, {**sides[n % 2].question("x"), "tenantSpaceId": f"tenant-{n}"})
        for n in range(12)
    ]

    assert codes(answers) == [2] * 5 + [3] * 7


def test_naming_a_tenant_uses_nothing_of_it_up(enterprise: Enterprise) -> None:
    """Questions that only name a tenant, from however many addresses, take none of its answers."""
    for number in range(40):
        stranger = enterprise.visitor()
        stranger.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        assert codes([JUNK["no token of ours"](stranger, AGENT_SIDE, "")]) == [2]

    assert ask_well(enterprise, AGENT_SIDE) == [0]


def test_control_throttling_first_lets_names_use_a_tenant_up(enterprise: Enterprise) -> None:
    """In the order of older versions strangers who name a tenant take its answers."""
    older, last = throttling_first(enterprise), 0
    for number in range(40):
        stranger = older.visitor()
        stranger.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        last = ret_code(JUNK["no token of ours"](stranger, AGENT_SIDE, ""))

    assert last == 3
    token = issued(enterprise, AGENT)[0]
    assert codes([AGENT_SIDE.ask(older.visitor(), AGENT_SIDE.question(token))]) == [3]


# Ours, not good


def expire(enterprise: Enterprise, jti: str) -> None:
    enterprise.clock.advance(days=1)


def go_back(enterprise: Enterprise, jti: str) -> None:
    enterprise.clock.instant -= timedelta(days=1)


def revoke(enterprise: Enterprise, jti: str) -> None:
    enterprise.services.revocations.revoke(token_target(TENANT, jti))


def disable_and_enable(enterprise: Enterprise, jti: str) -> None:
    enterprise.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    enterprise.services.accounts.set_status(LOGIN, RecordStatus.ACTIVE)


def nothing(enterprise: Enterprise, jti: str) -> None:
    pass


# What ends a token, and what is presented with it that is not its own.
NOT_GOOD: dict[str, tuple[Callable[[Enterprise, str], None], dict[str, Any]]] = {
    "expired": (expire, {}),
    "not yet valid": (go_back, {}),
    "revoked": (revoke, {}),
    "stale": (disable_and_enable, {}),
    "of another tenant": (nothing, {"tenantSpaceId": OTHER_TENANT}),
    "of another subject": (nothing, {"userAccount": "somebody", "userId": "somebody"}),
}


@both_sides
@pytest.mark.parametrize("name", NOT_GOOD)
def test_refused_token_is_counted_for_itself(enterprise: Enterprise, side: Side, name: str) -> None:
    """A token of ours that is not good is refused and recorded up to its limit, and uses up nothing else."""
    end, presented = NOT_GOOD[name]
    token, claims = issued(enterprise, side.subject)
    end(enterprise, claims.jti)
    cloud, before = enterprise.visitor(), verdicts(enterprise)

    answers = [side.ask(cloud, {**side.question(token), **presented}) for _ in range(30)]

    assert codes(answers) == [2] * 3 + [3] * 27
    assert {answer.data for answer in answers[3:]} == {TOO_MANY}
    assert verdicts(enterprise) == before + 3
    assert [ask_well(enterprise, side, 4) for _ in range(2)] == [[0] * 4] * 2
    assert codes([JUNK["no token of ours"](cloud, side, token)]) == [2]  # nor is it held against its source


@both_sides
@pytest.mark.parametrize("name", [name for name, (_, presented) in NOT_GOOD.items() if presented])
def test_wrong_presentations_do_not_hold_the_right_one_back(
    enterprise: Enterprise, side: Side, name: str
) -> None:
    """Presenting a good token wrongly uses up nothing of the limits of its correct use."""
    token, _ = issued(enterprise, side.subject)
    cloud = enterprise.visitor()
    for _ in range(30):
        side.ask(cloud, {**side.question(token), **NOT_GOOD[name][1]})

    assert codes([side.ask(cloud, side.question(token)) for _ in range(4)]) == [0] * 4


def test_disabled_subject_is_counted_by_token(enterprise: Enterprise) -> None:
    """While an account is disabled its token is refused up to its limit; enabled again, a new one is good."""
    token, _ = issued(enterprise, AGENT)
    enterprise.services.accounts.set_status(LOGIN, RecordStatus.DISABLED)
    cloud = enterprise.visitor()

    answers = [AGENT_SIDE.ask(cloud, AGENT_SIDE.question(token)) for _ in range(10)]

    assert codes(answers) == [2] * 3 + [3] * 7
    enterprise.services.accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    assert ask_well(enterprise, AGENT_SIDE) == [0]


# Good


@both_sides
def test_replaying_one_token_does_not_use_its_subject_up(enterprise: Enterprise, side: Side) -> None:
    """A good token that is replayed reaches its own limit first; its subject's next one is answered."""
    assert ask_well(enterprise, side, 100) == [0] * 4 + [3] * 96

    assert ask_well(enterprise, side, 4) == [0] * 4
    assert ask_well(enterprise, side, 4) == [0] * 2 + [3] * 2
    assert ask_well(enterprise, about(side, replace(side.subject, id="another"))) == [0]


@both_sides
def test_accepted_questions_are_limited_for_a_tenant(enterprise: Enterprise, side: Side) -> None:
    """All subjects of a tenant together are answered up to its limit; another tenant has its own."""
    enterprise.services.clients.add("other", [OTHER_TENANT], [side.subject.audience])
    crowd = (about(side, replace(side.subject, id=f"one-{n}")) for n in count())

    answers = [code for _ in range(7) for code in ask_well(enterprise, next(crowd), 4)]

    assert answers == [0] * 25 + [3] * 3
    elsewhere = replace(side.subject, tenant=OTHER_TENANT, id="one-1")
    assert ask_well(enterprise, about(side, elsewhere)) == [0]


@both_sides
def test_throttled_good_token_leaves_no_entry(enterprise: Enterprise, side: Side) -> None:
    """A good token beyond its limit is answered 3 and is not recorded."""
    before = verdicts(enterprise)

    ask_well(enterprise, side, 10)

    assert verdicts(enterprise) == before + 4


@pytest.mark.parametrize(("one", "other"), [(AGENT_SIDE, CHAT_SIDE), (CHAT_SIDE, AGENT_SIDE)])
def test_agents_and_customers_share_no_limit(enterprise: Enterprise, one: Side, other: Side) -> None:
    """When all customers of a tenant together are at their limit its agents are answered, and the reverse.

    Also when an agent and a customer have the same id.
    """
    same = about(other, replace(other.subject, id=one.subject.id))
    crowd = (about(one, replace(one.subject, id=f"one-{n}")) for n in count())
    ask_well(enterprise, one, 20)
    while ask_well(enterprise, next(crowd)) == [0]:
        pass

    assert ask_well(enterprise, same, 4) == [0] * 4


@pytest.mark.slow
def test_no_crowd_and_no_stolen_token_holds_an_agent_back(found_enterprise: Found) -> None:
    """60 customers at their limits, and an agent's revoked token replayed 500 times in the same minute.

    Every agent of that tenant is answered 0.
    """
    settings = {"limits.callbacks_subject": "20/1m", "limits.callbacks_tenant": "600/1m"}
    enterprise = found_enterprise(settings)
    stolen, claims = issued(enterprise, AGENT)
    revoke(enterprise, claims.jti)
    cloud = enterprise.visitor()
    customers = [
        ask_well(enterprise, about(CHAT_SIDE, replace(CUSTOMER, id=f"c-{n}")), 21) for n in range(60)
    ]
    replayed = codes([AGENT_SIDE.ask(cloud, AGENT_SIDE.question(stolen)) for _ in range(500)])

    agents = [ask_well(enterprise, about(AGENT_SIDE, replace(AGENT, id=f"a-{n}")), 3) for n in range(40)]

    assert customers[0] == [0] * 20 + [3]
    assert customers[-1] == [3] * 21  # all customers together are at their limit, too
    assert replayed == [2] * 30 + [3] * 470
    assert agents == [[0] * 3] * 40
    assert ask_well(enterprise, AGENT_SIDE, 3) == [0] * 3


def test_control_throttling_first_lets_a_stolen_token_hold_agents_back(found_enterprise: Found) -> None:
    """In the order of older versions the same replay from the cloud's address takes every agent's answer."""
    enterprise = found_enterprise({})
    stolen, claims = issued(enterprise, AGENT)
    revoke(enterprise, claims.jti)
    cloud = throttling_first(enterprise).visitor()

    replayed = codes([AGENT_SIDE.ask(cloud, AGENT_SIDE.question(stolen)) for _ in range(310)])

    assert replayed == [2] * 300 + [3] * 10
    good = issued(enterprise, AGENT)[0]
    assert codes([AGENT_SIDE.ask(cloud, AGENT_SIDE.question(good))]) == [3]


# What both classes share


@pytest.mark.parametrize("junk", ["no token of ours", "no JSON"])
def test_throttled_question_says_so_with_always_200(found_enterprise: Found, junk: str) -> None:
    """A cloud that drops the body of anything but 200 gets retCode 3, and Retry-After, with 200."""
    enterprise = found_enterprise(UNLIMITED | SMALL | {"callbacks.always_200": "true"})
    cloud = enterprise.visitor()
    for _ in range(5):
        JUNK[junk](cloud, AGENT_SIDE, "")

    answer = JUNK[junk](cloud, AGENT_SIDE, "")

    assert (answer.status_code, ret_code(answer)) == (200, 3)
    assert int(answer.headers["Retry-After"]) >= 1


def test_no_answer_tells_how_a_limit_stands(enterprise: Enterprise) -> None:
    """No response shows a stranger or the cloud how busy a source, a token, a subject or a tenant is."""
    cloud, token = enterprise.visitor(), issued(enterprise, AGENT)[0]
    answers = [AGENT_SIDE.ask(cloud, AGENT_SIDE.question(text)) for text in (token, "x") for _ in range(9)]

    assert not [field for answer in answers for field, _ in answer.headers if "ratelimit" in field.lower()]
