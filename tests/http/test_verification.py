"""Identity verification: both shapes of the request, the attempts, the agent's view, what is recorded."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from werkzeug.test import TestResponse

from tests.support.fakes import AGENT, OTHER_TENANT, TENANT, Enterprise
from validator.cloud.wire import ListedAgent
from validator.customers.directory import Customer
from validator.errors import ConfigurationError, Fault, Reason
from validator.files import make_private_folder
from validator.metrics.instruments import VERIFICATIONS, child
from validator.settings.loading import load
from validator.settings.sources import environment_variable
from validator.tenants import RecordStatus
from validator.tokens.claims import Audience
from validator.tokens.clients import Service
from validator.web.openapi import document

CARD, PIN, SINCE = "CARDVERIFY", "PIN", "SINCE"
ROUTES = f'["{CARD}=fields:card:4", "{PIN}=pin", "{SINCE}=fields:since"]'
NUMBER, STRANGER, NOBODYS, HOTLINE = "13606254580", "13606254587", "13606254588", "95588"
LI = Customer(
    "C-1", (f"+86{NUMBER}", HOTLINE), {"name": "欧阳静", "card": "6222 0202-1234", "since": "2024-03-01"}
)
WANG = Customer("C-2", (HOTLINE,), {"name": "王芳"})
RIGHT, WRONG, SECRET_PIN = "1234", "4321", "902718"
CALL, WORK_NO = "1653963570-252", "371"
PASSED, FAILED, EXCEPTION = 1, 2, 3

Founder = Callable[..., Enterprise]


@pytest.fixture
def found(found_enterprise: Founder) -> Founder:
    """Return a function that founds an enterprise with three codes, two customers and an agent."""

    def make(settings: Mapping[str, str] | None = None) -> Enterprise:
        on = {"verification.routes": ROUTES, "customers.source": "store"}
        enterprise = found_enterprise({**on, **(settings or {})})
        services = enterprise.services
        services.customers.put(TENANT, [LI, WANG], enterprise.clock.now())
        services.pins.set(TENANT, LI.id, SECRET_PIN)
        services.agents.sync(TENANT, [ListedAgent(AGENT.id, WORK_NO)])
        return enterprise

    return make


def flow(
    enterprise: Enterprise, *audiences: Service | Audience, tenants: tuple[str, ...] = (TENANT,)
) -> tuple[str, str]:
    """Return the credentials of a new client, by default one for verifications."""
    return enterprise.new_client(audiences or (Service.VERIFICATION,), tenants)


def ask(
    enterprise: Enterprise,
    answer: object = RIGHT,
    code: str = CARD,
    number: str = NUMBER,
    basic: tuple[str, str] | None = None,
    source: str = "203.0.113.9",
    **call_data: object,
) -> TestResponse:
    """Ask as the vendor's document prints it."""
    given = {"callerNum": number, "answer": answer, "callid": CALL, **call_data}
    body = {"calldata": given, "verifyServiceNo": "88880011", "verifyWorkNo": WORK_NO}
    return send(enterprise, body, code, basic, source)


def send(
    enterprise: Enterprise,
    body: object,
    code: str = CARD,
    basic: tuple[str, str] | None = None,
    source: str = "203.0.113.9",
) -> TestResponse:
    """Send *body* as a flow."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return enterprise.visitor().post(
        f"/rest/v1/verification/{code}",
        data=content,
        auth=basic or flow(enterprise),
        environ_overrides={"REMOTE_ADDR": source},
    )


def result(answer: TestResponse) -> int:
    """Return `verifyResult`, which must stand at both places, as an integer, with three texts."""
    content = answer.get_json()
    assert content["data"] == content["calldata"]["data"]
    assert content["data"].keys() == {"verifyResult", "verifyReturn1", "verifyReturn2", "verifyReturn3"}
    found = content["data"]["verifyResult"]
    assert type(found) is int
    return found


def results(enterprise: Enterprise, *answers: object, **options: Any) -> list[int]:
    """Return the results of *answers*, one after the other, by one client."""
    basic = flow(enterprise)
    return [result(ask(enterprise, answer, basic=basic, **options)) for answer in answers]


def entries(enterprise: Enterprise) -> list[dict[str, Any]]:
    """Return the entries of the trail about verifications."""
    return [entry for entry in enterprise.trail() if entry["event"] == "verification"]


def counted(method: str, cause: str) -> float:
    """Return how many verifications by *method* ended with *cause*."""
    (metric,) = child(VERIFICATIONS, method, cause).collect()
    return float(next(sample.value for sample in metric.samples if sample.name.endswith("_total")))


# The request and the answer


def test_both_shapes_of_the_request_are_read(found: Founder) -> None:
    """The numbers may stand beside `calldata` or in it, and `calldata` may be an object or its text."""
    enterprise = found()
    call_data = {"callerNum": NUMBER, "answer": RIGHT, "queue": "7"}
    numbers = {"verifyServiceNo": "88880011", "verifyWorkNo": WORK_NO}
    bodies = (
        {"calldata": call_data, **numbers},
        {"calldata": {**call_data, **numbers}},
        {"calldata": {**call_data, **numbers}, **numbers},
        {"calldata": orjson.dumps(call_data).decode(), "verifyWorkNo": int(WORK_NO)},
    )

    answers = [send(enterprise, body) for body in bodies]

    assert [result(answer) for answer in answers] == [PASSED] * 4
    assert {answer.get_json()["calldata"]["queue"] for answer in answers} == {"7"}


@pytest.mark.parametrize(("where", "places"), [("beside", {"data", "calldata"}), ("inside", {"calldata"})])
def test_place_of_the_result_is_a_setting(found: Founder, where: str, places: set[str]) -> None:
    """With `answer` the result stands at one place only, and `calldata` is as it was sent."""
    enterprise = found({"verification.answer": where})

    answer = ask(enterprise).get_json()

    assert answer.keys() == places
    call_data = {"callerNum": NUMBER, "callid": CALL}
    assert answer["calldata"] == call_data | (
        {"data": answer["calldata"]["data"]} if where == "inside" else {}
    )
    text = {"calldata": orjson.dumps({"answer": RIGHT, "callerNum": NUMBER}).decode()}
    assert isinstance(send(enterprise, text).get_json()["calldata"], str) is (where == "beside")


def test_answer_has_the_method_the_masked_name_and_the_request(found: Founder) -> None:
    """The three texts are the method, the first character of the name of who passed, and the request's id."""
    enterprise = found({"verification.name_field": "name"})

    passed, failed = ask(enterprise), ask(enterprise, WRONG)

    assert [passed.get_json()["data"][f"verifyReturn{at}"] for at in (1, 2)] == ["fields", "欧**"]
    assert [failed.get_json()["data"][f"verifyReturn{at}"] for at in (1, 2)] == ["fields", ""]
    assert passed.get_json()["data"]["verifyReturn3"] == passed.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        ({}, 400),
        ({"calldata": 7}, 400),
        ({"calldata": "plain text"}, 400),
        ({"calldata": {"callerNum": NUMBER}}, 400),
        ({"calldata": {"callerNum": NUMBER, "answer": ""}}, 400),
        ({"calldata": {"callerNum": NUMBER, "answer": 1234}}, 400),
        ({"calldata": {"answer": RIGHT, "verifyWorkNo": "1"}, "verifyWorkNo": "2"}, 400),
        ({"calldata": {"answer": RIGHT, "more": "x" * 4096}}, 400),
        (b"x" * 20000, 413),
    ],
)
def test_malformed_requests_are_an_exception(found: Founder, body: object, status: int) -> None:
    """What is malformed gets its status and the result 3, and counts as no attempt."""
    enterprise = found()
    basic = flow(enterprise)

    answers = [send(enterprise, body, basic=basic) for _ in range(4)]

    assert {(answer.status_code, result(answer)) for answer in answers} == {(status, EXCEPTION)}
    assert result(ask(enterprise, basic=basic)) == PASSED


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_only_post_is_answered(found: Founder, method: str) -> None:
    """Other methods, and codes that do not exist, get their status and the result 3."""
    enterprise = found()

    refused = enterprise.visitor().open(f"/rest/v1/verification/{CARD}", method=method)

    assert (refused.status_code, result(refused), refused.headers["Allow"]) == (405, EXCEPTION, "POST")
    assert send(enterprise, {}, "OTHER").status_code == 404


# The methods


@pytest.mark.parametrize(
    ("code", "answer", "expected"),
    [
        (CARD, "1234", PASSED),
        (CARD, "12 34", PASSED),
        (CARD, "234", FAILED),
        (CARD, "62220202 1234", FAILED),
        (CARD, "*", FAILED),
        (SINCE, "20240301", PASSED),
        (SINCE, "2024-03-01", PASSED),
        (SINCE, "2024031", FAILED),
        (PIN, SECRET_PIN, PASSED),
        (PIN, SECRET_PIN[:-1], FAILED),
        (PIN, RIGHT, FAILED),
    ],
)
def test_methods_decide(found: Founder, code: str, answer: str, expected: int) -> None:
    """A field is compared in its canonical form, whole or its last characters; a PIN as it was set."""
    assert results(found(), answer, code=code) == [expected]


@pytest.mark.parametrize("code", [CARD, PIN])
@pytest.mark.parametrize("number", [NOBODYS, HOTLINE, "anonymous", "152****4580", ""])
def test_nobody_and_several_do_not_pass(found: Founder, code: str, number: str) -> None:
    """Without a customer, and with several, no answer is right, an empty value's neither."""
    enterprise = found()

    assert results(enterprise, RIGHT, SECRET_PIN, " ", code=code, number=number) == [FAILED] * 3


def test_customer_by_id(found: Founder) -> None:
    """With `customer_field` the id decides, from any number; without it in the request it is malformed."""
    enterprise = found({"verification.customer_field": "account"})

    assert results(enterprise, RIGHT, number=STRANGER, account="C-1") == [PASSED]
    assert results(enterprise, SECRET_PIN, code=PIN, number=STRANGER, account="C-1") == [PASSED]
    assert results(enterprise, RIGHT, number=NUMBER, account="C-2") == [FAILED]
    assert results(enterprise, RIGHT, number=NUMBER, account="C-77") == [FAILED]
    assert results(enterprise, RIGHT, number=NUMBER) == [EXCEPTION]


@contextmanager
def taken_slots(enterprise: Enterprise) -> Iterator[None]:
    """Hold both hashing slots."""
    bulkhead = enterprise.services.login._bulkhead
    with bulkhead.slot(), bulkhead.slot("another"):
        yield


def test_pins_are_hashed_within_the_slots_of_logins(found: Founder) -> None:
    """While every slot is taken the result is 3, soon, and the only attempt is not used up."""
    enterprise = found({"verification.caller_attempts": "1"})

    with taken_slots(enterprise):
        busy = results(enterprise, SECRET_PIN, code=PIN)

    assert busy == [EXCEPTION]
    assert {entry["reason"] for entry in entries(enterprise)} == {Reason.HASHING_BUSY}
    assert results(enterprise, SECRET_PIN, code=PIN) == [PASSED]


# The attempts


def test_three_wrong_answers_block_the_number(found: Founder) -> None:
    """After three wrong answers a day the right one fails too, for a day; another number has its own."""
    enterprise = found({"verification.customer_field": "account"})
    from_own, from_other = {"number": NUMBER, "account": "C-1"}, {"number": STRANGER, "account": "C-1"}

    assert results(enterprise, WRONG, WRONG, WRONG, RIGHT, **from_own) == [FAILED] * 4
    assert [entry["reason"] for entry in entries(enterprise)] == [Reason.ANSWER_WRONG] * 3 + [
        Reason.ATTEMPTS_USED_UP
    ]
    assert results(enterprise, RIGHT, **from_other) == [PASSED]
    enterprise.clock.advance(hours=23)
    assert results(enterprise, RIGHT, **from_own) == [FAILED]
    enterprise.clock.advance(hours=1, seconds=1)
    assert results(enterprise, RIGHT, **from_own) == [PASSED]


def test_more_attempts_would_pass(found: Founder) -> None:
    """The control: with many attempts allowed, the same guesses end with the right answer."""
    enterprise = found({"verification.caller_attempts": "100", "verification.customer_attempts": "1000"})

    assert results(enterprise, *[WRONG] * 30, RIGHT) == [FAILED] * 30 + [PASSED]


def test_many_numbers_have_few_attempts_together(found: Founder) -> None:
    """However many numbers guess, a customer has 20 wrong answers a day; another customer is free."""
    enterprise = found({"verification.customer_field": "account"})
    basic = flow(enterprise)

    for caller in range(30):
        ask(enterprise, WRONG, number=f"137{caller:08}", basic=basic, account="C-1")

    reasons = [entry["reason"] for entry in entries(enterprise)]
    assert reasons == [Reason.ANSWER_WRONG] * 20 + [Reason.ATTEMPTS_USED_UP] * 10
    assert results(enterprise, RIGHT, account="C-1") == [FAILED]
    assert results(enterprise, RIGHT, account="c 1") == [FAILED], "another spelling has no further attempts"
    assert results(enterprise, SECRET_PIN, code=PIN, account="C-2") == [FAILED]
    assert entries(enterprise)[-1]["reason"] == Reason.ANSWER_WRONG


@pytest.mark.parametrize("code", [CARD, PIN])
def test_customers_that_do_not_exist_count_the_same(found: Founder, code: str) -> None:
    """Trying out ids shows no difference: the same results, bytes and reasons in the same order."""
    enterprise = found({"verification.customer_field": "account"})
    basic = flow(enterprise)

    def seen(customer: str) -> list[tuple[int, bytes]]:
        answers = [ask(enterprise, WRONG, code, basic=basic, account=customer) for _ in range(5)]
        return [
            (
                answer.status_code,
                answer.data.replace(customer.encode(), b"").replace(
                    answer.headers["X-Request-ID"].encode(), b""
                ),
            )
            for answer in answers
        ]

    assert seen("C-1") == seen("C-77")
    reasons = [entry["reason"] for entry in entries(enterprise)]
    assert reasons[:5] == reasons[5:]


def test_parallel_guesses_pass_no_limit(found: Founder) -> None:
    """Of many guesses at once, three are verified and no more (TOCTOU)."""
    enterprise, before = found(), counted("fields", "wrong")
    basic = flow(enterprise)

    with ThreadPoolExecutor(8) as many:
        answers = [many.submit(ask, enterprise, WRONG, CARD, NUMBER, basic) for _ in range(24)]
        found_results = [result(each.result()) for each in answers]

    assert set(found_results) <= {FAILED, EXCEPTION}
    assert counted("fields", "wrong") - before <= 3


def test_right_answers_use_nothing_up(found: Founder) -> None:
    """A customer who passes has as many attempts as before."""
    assert results(found(), *[RIGHT] * 10, WRONG, WRONG, RIGHT) == [PASSED] * 10 + [FAILED] * 2 + [PASSED]


# Our own failure


@pytest.mark.parametrize(
    "part", ["customers.find", "pins.hash_of", "attempts.reserve", "results.add", "give_back"]
)
def test_own_failure_is_never_passed(found: Founder, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """Whatever breaks, the HTTP status is 200 and the result 3, with the flow's own data."""
    enterprise = found()
    services = enterprise.services
    owner, name = {
        "customers.find": (services.customers, "find"),
        "pins.hash_of": (services.pins, "hash_of"),
        "attempts.reserve": (services.verification._attempts, "reserve"),
        "results.add": (services.verification._results, "add"),
        "give_back": (services.verification._attempts, "give_back"),
    }[part]

    def fails(*_: object) -> None:
        raise Fault(Reason.STORE_UNAVAILABLE)

    monkeypatch.setattr(owner, name, fails)
    answer = ask(enterprise, SECRET_PIN, PIN, queue="7")

    assert (answer.status_code, result(answer)) == (200, EXCEPTION)
    assert answer.get_json()["calldata"]["queue"] == "7"
    assert entries(enterprise)[-1]["reason"] == Reason.STORE_UNAVAILABLE


def test_without_a_trail_nothing_passes(found: Founder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that cannot be recorded is 3, and no agent sees another one."""
    enterprise = found()
    basic = flow(enterprise)

    def fails(*_: object) -> None:
        raise Fault(Reason.TRAIL_UNAVAILABLE)

    with monkeypatch.context() as broken:
        broken.setattr(enterprise.services.trail, "append", fails)
        answer = ask(enterprise, basic=basic)

    assert (answer.status_code, result(answer)) == (200, EXCEPTION)
    assert latest(enterprise.person()).get_json() == {"verification": None}


# Who may ask


def test_only_clients_for_verifications_may_ask(found: Founder) -> None:
    """Without a client, with another audience, or with several tenant spaces the result is 3."""
    enterprise = found()
    refused = {
        ("", ""): 401,
        ("client-1", "wrong"): 401,
        flow(enterprise, *Audience): 403,
        flow(enterprise, Service.IVR): 403,
        flow(enterprise, tenants=(TENANT, OTHER_TENANT)): 403,
    }

    for basic, status in refused.items():
        answer = send(enterprise, {"calldata": {"answer": RIGHT, "callerNum": NUMBER}}, basic=basic)
        assert (answer.status_code, result(answer)) == (status, EXCEPTION)
    plain = enterprise.visitor().post(f"/rest/v1/verification/{CARD}", json={})
    assert (plain.status_code, plain.headers["WWW-Authenticate"].split()[0]) == (401, "Basic")
    assert result(ask(enterprise)) == PASSED


def test_refusals_beyond_the_limit_leave_no_entries(found: Founder) -> None:
    """A client without the audience, or one that was withdrawn, fills the trail up to its limit only."""
    enterprise = found({"limits.verification_foreign": "3/1m"})
    basic = flow(enterprise, *Audience)

    statuses = [ask(enterprise, basic=basic).status_code for _ in range(6)]

    entries = [one for one in enterprise.trail() if one["event"] == "client" and one["outcome"] == "refused"]
    assert statuses == [403] * 3 + [429] * 3
    assert len(entries) == 3


def test_client_of_flows_reaches_no_token(found: Founder) -> None:
    """The secret of a flow, which is stored in the cloud, issues, reads and revokes no token."""
    enterprise = found()
    backend, browser = enterprise.basic, enterprise.visitor()
    wanted = {"tenantSpaceId": TENANT, "userAccount": AGENT.id}
    token = browser.post("/api/v1/tokens/agent", json=wanted, auth=backend).get_json()["access_token"]
    basic = flow(enterprise, Service.VERIFICATION, Service.IVR)

    assert browser.post("/api/v1/tokens/agent", json=wanted, auth=basic).status_code == 403
    read = browser.post("/api/v1/tokens/introspect", json={"token": token}, auth=basic)
    assert read.get_json() == {"active": False}
    browser.post("/api/v1/tokens/revoke", json={"token": token}, auth=basic)
    browser.post("/api/v1/tokens/revoke", json={"tenantSpaceId": TENANT, "userAccount": AGENT.id}, auth=basic)
    assert browser.post("/api/v1/tokens/introspect", json={"token": token}, auth=backend).get_json()["active"]


def test_tenants_do_not_reach_each_other(found: Founder) -> None:
    """A client of another tenant space verifies none of this one's customers, a disabled space none."""
    enterprise = found()

    assert result(ask(enterprise, basic=flow(enterprise, tenants=(OTHER_TENANT,)))) == FAILED
    enterprise.services.tenants.set_status(TENANT, RecordStatus.DISABLED)
    assert (ask(enterprise).status_code, result(ask(enterprise))) == (403, EXCEPTION)


def test_networks_are_required_in_addition(found: Founder) -> None:
    """From another network the client is not enough; from the right one it is still needed."""
    enterprise = found({"verification.networks": '["203.0.113.0/24"]'})

    assert ask(enterprise, source="198.51.100.7").status_code == 403
    assert ask(enterprise, basic=("client-1", "wrong")).status_code == 401
    assert result(ask(enterprise)) == PASSED


def test_strangers_take_nothing_from_the_cloud(found: Founder) -> None:
    """Requests without a client are limited by themselves; a tenant space has its limit."""
    enterprise = found({"limits.verification_foreign": "3/1m", "limits.verification_tenant": "2/1m"})
    basic = flow(enterprise)

    refused = [ask(enterprise, basic=("client-1", "wrong")) for _ in range(5)]
    answers = [ask(enterprise, basic=basic) for _ in range(3)]

    assert [answer.status_code for answer in refused] == [401, 401, 401, 429, 429]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [result(answer) for answer in answers] == [PASSED, PASSED, EXCEPTION]


@pytest.mark.parametrize("role", ["callbacks", "people"])
def test_other_roles_have_no_route(found: Founder, role: str) -> None:
    """Only the role `integrations`, or `all`, serves the routes."""
    assert ask(found({"server.role": role})).status_code == 404
    assert result(ask(found({"server.role": "integrations"}))) == PASSED


# The agent


def latest(browser: Any, call: str = CALL, **more: object) -> TestResponse:
    """Ask for the latest verification as an agent's page does."""
    answer: TestResponse = browser.post("/api/v1/verifications/latest", json={"callid": call, **more})
    return answer


def test_agent_sees_the_result_and_its_cause(found: Founder) -> None:
    """The newest result of the call, of one code if asked so, with the cause; nothing of another call."""
    enterprise = found()
    agent = enterprise.person()
    causes = []
    for answer in (WRONG, WRONG, RIGHT, WRONG, WRONG, RIGHT):
        ask(enterprise, answer)
        causes.append(latest(agent).get_json()["verification"]["cause"])
        enterprise.clock.advance(seconds=1)
    ask(enterprise, SECRET_PIN, PIN, number=NUMBER)

    assert causes == ["wrong", "wrong", "passed", "wrong", "blocked", "blocked"]
    newest, of_card = (
        latest(agent).get_json()["verification"],
        latest(agent, code=CARD).get_json()["verification"],
    )
    assert (newest["code"], newest["basis"], newest["method"]) == (PIN, "call", "pin")
    assert (of_card["code"], of_card["result"]) == (CARD, FAILED)
    assert latest(agent, "1653963570-253").get_json() == {"verification": None}


def test_call_without_an_id_is_found_by_the_agent(found: Founder) -> None:
    """Where the flow sends no call, the agent's last result of two minutes counts, marked as weaker."""
    enterprise = found({"verification.call_field": ""})
    agent = enterprise.person()
    ask(enterprise)

    assert latest(agent).get_json()["verification"]["basis"] == "agent"
    enterprise.clock.advance(minutes=2, seconds=1)
    assert latest(agent).get_json() == {"verification": None}


def test_last_verification_is_found_without_a_call(found: Founder) -> None:
    """A page that does not know the call gets the agent's last result of two minutes, marked as weaker."""
    enterprise = found()
    agent = enterprise.person()
    ask(enterprise)

    answer = agent.post("/api/v1/verifications/latest", json={})

    assert (answer.get_json()["verification"]["cause"], answer.get_json()["verification"]["basis"]) == (
        "passed",
        "agent",
    )
    enterprise.clock.advance(minutes=2, seconds=1)
    assert agent.post("/api/v1/verifications/latest", json={}).get_json() == {"verification": None}


def test_other_agents_see_and_reset_nothing(found: Founder) -> None:
    """A result of another agent's work number is not this agent's, and neither is its reset."""
    enterprise = found()
    agent = enterprise.person()
    body = {"calldata": {"callerNum": NUMBER, "answer": WRONG, "callid": CALL}, "verifyWorkNo": "372"}
    send(enterprise, body)

    assert latest(agent).get_json() == {"verification": None}
    assert agent.post("/api/v1/verifications/reset", json={"callid": CALL}).status_code == 404
    assert latest(enterprise.visitor()).status_code == 401


def test_agent_resets_the_attempts(found: Founder) -> None:
    """One request of the agent lets the customer try again; it is recorded with the agent's name."""
    enterprise = found()
    agent = enterprise.person()
    assert results(enterprise, WRONG, WRONG, WRONG, RIGHT) == [FAILED] * 4

    done = agent.post("/api/v1/verifications/reset", json={"callid": CALL})

    assert done.status_code == 204
    assert results(enterprise, RIGHT) == [PASSED]
    entry = next(entry for entry in enterprise.trail() if entry["event"] == "customers")
    assert (entry["by"], entry["detail"]) == ("account:li.wei", f"3 attempts at {CARD} reset")


def test_word_of_a_page_changes_nothing(found: Founder) -> None:
    """What the frame says, `getVerifyResult` or a forged request, is not read: the record alone counts."""
    enterprise = found()
    agent = enterprise.person()
    forged = {
        "verifyResult": "1",
        "result": PASSED,
        "cause": "passed",
        "workNo": "1",
        "verifyWorkNo": WORK_NO,
    }

    assert latest(agent, CALL, **forged).get_json() == {"verification": None}
    ask(enterprise, WRONG)
    seen = latest(agent, CALL, **forged).get_json()["verification"]
    assert (seen["result"], seen["cause"]) == (FAILED, "wrong")
    ask(enterprise, RIGHT)
    assert latest(agent).get_json()["verification"]["cause"] == "passed", "the control: a record does"


def test_resets_are_limited(found: Founder) -> None:
    """An agent and a caller together get few guesses; the control: without the limit, all they want."""
    for limit, statuses in (("2/1d", [204, 204, 429, 429]), ("off", [204] * 4)):
        enterprise = found({"limits.verification_resets": limit})
        agent, found_statuses = enterprise.person(), []
        for _ in range(4):
            results(enterprise, WRONG, WRONG, WRONG)
            found_statuses.append(
                agent.post("/api/v1/verifications/reset", json={"callid": CALL}).status_code
            )
        assert found_statuses == statuses


def test_page_of_another_site_is_refused(found: Founder) -> None:
    """Another site's page cannot make the agent's browser reset anything (CSRF)."""
    agent = found().person()

    answer = agent.post(
        "/api/v1/verifications/reset", json={"callid": CALL}, headers={"Origin": "https://evil.example"}
    )

    assert answer.status_code == 403


# What is recorded


def test_entry_has_no_number_and_no_answer(found: Founder) -> None:
    """Each verification has an entry with its code, method and end, the client, and the month's name."""
    enterprise = found()
    ask(enterprise)

    (entry,) = entries(enterprise)

    assert entry["detail"].rpartition(",")[0] == f"{CARD}, fields, passed"
    assert entry["by"].startswith("client:client-")
    assert entry["subject"] == enterprise.services.trail_numbers.digest(TENANT, f"+86{NUMBER}")


def test_answers_are_written_nowhere(found: Founder, capfd: pytest.CaptureFixture[str]) -> None:
    """No file of the home and no line of the log has an answer, a number, an id or a name in the clear."""
    enterprise = found({"verification.customer_field": "account"})
    canaries = ("97531864", SECRET_PIN, NUMBER, "C-canary", "欧阳静")
    for code in (CARD, PIN):
        for answer in ("97531864", SECRET_PIN):
            for customer in ("C-1", "C-canary"):
                given = ask(enterprise, answer, code, account=customer)
                assert answer not in given.text
    said = "".join(capfd.readouterr())
    enterprise.services.trail.close()
    home = enterprise.services.settings.home
    stored = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}

    for canary in canaries:
        assert canary not in said
        assert [path for path, content in stored.items() if canary.encode() in content] == []
    assert CARD in said
    assert any(CARD.encode() in content for content in stored.values())


# The settings and the description


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"customers.source": ""}, "needs customers.source"),
        ({"server.threads": "1"}, "server.threads"),
        (
            {
                "server.threads": "2",
                "verification.routes": '["A=http"]',
                "verification.url": "https://bank.example.com/v",
            },
            "server.threads",
        ),
        ({"verification.routes": '["A=fields:nothing"]'}, "nothing is not a field"),
        ({"verification.routes": '["A=pin", "A=http"]'}, "each code of the cloud once"),
        ({"verification.routes": '["A=guess"]'}, "is not allowed"),
        ({"verification.routes": '["A=http"]'}, "verification.url: is missing"),
        ({"verification.routes": '["A=http"]', "verification.url": "http://bank.example.com/v"}, "https"),
        ({"verification.answer_field": "callid"}, "is another field, too"),
        ({"callbacks.agent_path": "/rest/v1/verification/A"}, "is where IVR flows ask"),
        ({"verification.name_field": "nothing"}, "nothing is not a field"),
    ],
)
def test_settings_that_contradict_are_refused(
    tmp_path: Path, settings: dict[str, str], complaint: str
) -> None:
    """A code that cannot be verified, and names that exclude each other, are refused at the start."""
    make_private_folder(tmp_path / "home")
    chosen = {"verification.routes": ROUTES, "customers.source": "store"}
    environment = {environment_variable(key): text for key, text in chosen.items()}
    load(tmp_path, environment=environment)
    environment |= {environment_variable(key): text for key, text in settings.items()}

    with pytest.raises(ConfigurationError, match=complaint):
        load(tmp_path, environment=environment)


def test_description_has_the_routes(found: Founder) -> None:
    """OpenAPI describes the codes' routes and the agent's, with the schemas that are served."""
    settings = found().services.settings
    described = document(settings.callbacks, settings.server.integrations, settings.server.role)

    assert {path for path in described["paths"] if "verification" in path} == {
        *(f"/rest/v1/verification/{code}" for code in (CARD, PIN, SINCE)),
        *(f"/api/v1/verifications/{name}" for name in ("latest", "reset")),
    }
