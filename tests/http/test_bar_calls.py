"""Reported calls of the cloud's own bar: whose they are, what they can change, and how often."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from tests.support.fakes import AGENT, LOGIN, ORIGIN, PASSWORD, TENANT, Enterprise
from validator.accounts.identity import Identity
from validator.callcentre.barwire import AHEAD, OLDEST
from validator.callcentre.policy import MAX_BODY
from validator.callcentre.record import CallRecord, shown
from validator.callcentre.records import MAX_REVISIONS, Wanted
from validator.clock import iso_milliseconds, to_milliseconds
from validator.web.openapi import document

OWN = "/api/v1/calls/own"
NUMBER, OTHER, OTHER_AGENT = "13606254580", "wang.fang", "agent-8"
Founder = Callable[..., Enterprise]


@pytest.fixture
def found(found_enterprise: Founder) -> Founder:
    """Return a function that founds an enterprise whose agents may report calls."""
    return lambda **settings: found_enterprise(
        {"callrecords.bar": "true"} | {name.replace("__", "."): value for name, value in settings.items()}
    )


def report(enterprise: Enterprise, **changed: Any) -> dict[str, Any]:
    """Return the report of an incoming call that ended now, as the page makes it, *changed*."""
    now = to_milliseconds(enterprise.clock.now())
    return {
        "userAccount": AGENT.id,
        "callId": None,
        "direction": "INBOUND",
        "number": NUMBER,
        "workNo": "1001",
        "rangAt": now - 9000,
        "answeredAt": now - 5000,
        "endedAt": now,
        "ending": "customer",
        **changed,
    }


def colleague(enterprise: Enterprise, login: str = OTHER, agent: str | None = OTHER_AGENT) -> FlaskClient:
    """Return the browser of another person of the same tenant space, who is *agent* at the cloud."""
    services = enterprise.services
    services.accounts.add(login, TENANT, services.passwords.hash(PASSWORD), Identity(agent))
    browser = enterprise.visitor()
    assert browser.post("/api/v1/login", json={"account": login, "password": PASSWORD}).status_code == 200
    return browser


def stored(enterprise: Enterprise, **wanted: Any) -> list[dict[str, Any]]:
    """Return what is shown of each revision that is *wanted*, the newest first."""
    records = enterprise.services.call_centre.records
    return [shown(kept) for kept in records.find(Wanted(TENANT, **wanted), 100, every_revision=True)]


def status(browser: FlaskClient, content: dict[str, Any]) -> int:
    """Return the status of the response to the report *content*."""
    return browser.post(OWN, json=content).status_code


def test_reported_call_is_the_agents_word(found: Founder) -> None:
    """The record says whose word it is; what the events did not have is missing; a repeat stores nothing."""
    enterprise = found()
    browser, content = enterprise.person(), report(enterprise)

    answers = [browser.post(OWN, json=content) for _ in range(2)]

    assert [(answer.status_code, answer.text) for answer in answers] == [(204, "")] * 2
    account = enterprise.services.accounts.require(LOGIN)
    ended = iso_milliseconds(enterprise.clock.now())
    (kept,) = stored(enterprise)
    assert kept.pop("ringTime") < kept.pop("answerTime") < ended
    assert kept == {
        "source": "bar",
        "callId": f"{account.id}@{ended}",
        "revision": 1,
        "direction": "INBOUND",
        "caller": NUMBER,
        "workNo": "1001",
        "endTime": ended,
        "ending": "customer",
        "basis": "agent",
        "reportedBy": LOGIN,
        "userAccount": AGENT.id,
        "other": {},
    }


@pytest.mark.parametrize(
    ("direction", "party"), [("INBOUND", "caller"), ("OUTBOUND", "callee"), (None, "party")]
)
def test_number_is_found_and_erased(found: Founder, direction: str | None, party: str) -> None:
    """Whichever way the call went its number finds it, in any spelling, and erases it."""
    enterprise = found()
    assert status(enterprise.person(), report(enterprise, direction=direction)) == 204

    (kept,) = stored(enterprise, number="+86 136 0625 4580")
    assert kept[party] == NUMBER
    assert enterprise.services.call_centre.records.erase(TENANT, NUMBER) == 1
    assert stored(enterprise) == []


def test_call_without_anything_is_stored_as_such(found: Founder) -> None:
    """Nulls and missing members are the same, and nothing is made up for them."""
    enterprise = found()
    ended = to_milliseconds(enterprise.clock.now())
    assert status(enterprise.person(), {"userAccount": AGENT.id, "endedAt": ended}) == 204

    (kept,) = stored(enterprise)
    assert set(kept) == {
        *("source", "callId", "revision", "other"),
        *("endTime", "basis", "reportedBy", "userAccount"),
    }


def test_report_changes_no_record_of_others(found: Founder) -> None:
    """The same id of a call is another record for each agent and source; a revision is of the own one."""
    enterprise = found()
    records, call = enterprise.services.call_centre.records, "1653963570-252"
    records.put(TENANT, "ctibar", CallRecord(call, {"caller": NUMBER}))
    person, other = enterprise.person(), colleague(enterprise)

    forged = report(enterprise, callId=call, number="1")
    assert [status(person, forged), status(other, {**forged, "userAccount": OTHER_AGENT})] == [204, 204]
    assert status(person, {**forged, "number": "2"}) == 204

    found_calls = [
        (one["source"], one.get("reportedBy"), one["revision"], one["caller"]) for one in stored(enterprise)
    ]
    assert sorted(found_calls, key=str) == [
        ("bar", LOGIN, 1, "1"),
        ("bar", LOGIN, 2, "2"),
        ("bar", OTHER, 1, "1"),
        ("ctibar", None, 1, NUMBER),
    ]
    assert {one.get("cloudCallId") for one in stored(enterprise, source="bar")} == {call}
    answers = [status(person, {**forged, "number": str(turn)}) for turn in range(3, MAX_REVISIONS + 2)]
    assert answers == [204] * (MAX_REVISIONS - 2) + [400]


def test_only_the_agents_own_calls_are_taken(found: Founder) -> None:
    """Another agent's name, no session, a client, another site: nothing is stored; refusals are recorded."""
    enterprise = found()
    person, content = enterprise.person(), report(enterprise)
    foreign = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}

    assert status(person, {**content, "userAccount": OTHER_AGENT}) == 403
    assert status(colleague(enterprise), content) == 403
    assert status(colleague(enterprise, "customer", agent=None), content) == 403
    assert enterprise.visitor().post(OWN, json=content).status_code == 401
    assert enterprise.visitor().post(OWN, json=content, auth=enterprise.basic).status_code == 401
    assert person.post(OWN, json=content, headers=foreign).status_code == 403
    assert person.post(OWN, data=content).status_code == 415

    assert stored(enterprise) == []
    entries = [entry for entry in enterprise.trail() if entry["event"] == "call_record"]
    assert [(entry["reason"], entry["by"]) for entry in entries] == [
        ("subject_not_own", f"account:{LOGIN}"),
        ("subject_not_own", f"account:{OTHER}"),
        ("identity_missing", "account:customer"),
    ]
    assert status(person, content) == 204


def test_servers_clock_bounds_the_times(found: Founder) -> None:
    """Neither the future nor what is older than a day is stored, nor times that are out of order."""
    enterprise = found()
    person, now = enterprise.person(), to_milliseconds(enterprise.clock.now())
    ahead, oldest = (int(span.total_seconds() * 1000) for span in (AHEAD, OLDEST))
    none = {"rangAt": None, "answeredAt": None}
    refused = (
        {"endedAt": now + ahead + 1},
        {**none, "endedAt": now - oldest - 1},
        {"rangAt": now - oldest - 1},
        {"answeredAt": now - 9001},
        {"endedAt": now - 5001},
        {"endedAt": str(now)},
        {"endedAt": None},
        {"endedAt": 10**17},
        {"ending": "unknown"},
        {"direction": "INTERNAL"},
        {"callId": "a/b"},
        {"number": "1" * 256},
        {"number": 7},
    )

    answers = [person.post(OWN, json=report(enterprise, **change)) for change in refused]

    assert [answer.status_code for answer in answers] == [400] * len(refused)
    assert NUMBER not in "".join(answer.text for answer in answers)
    assert stored(enterprise) == []
    for change in ({"endedAt": now + ahead}, {**none, "endedAt": now - oldest}):
        assert status(person, report(enterprise, **change)) == 204


def test_bodies_beyond_the_maximum_are_refused(found: Founder) -> None:
    """More than 16 KiB is refused, unread; a little less is read."""
    enterprise = found()
    person = enterprise.person()
    padding = MAX_BODY - len(orjson.dumps(report(enterprise, padding="")))

    answers = [
        person.post(
            OWN, data=orjson.dumps(report(enterprise, padding="x" * size)), content_type="application/json"
        )
        for size in (padding, padding + 1)
    ]

    assert [answer.status_code for answer in answers] == [204, 413]


def test_agents_share_no_limit_but_the_tenants(found: Founder) -> None:
    """An agent's limit is their own, and refused reports use it up, but not the limit of the tenant space."""
    enterprise = found(limits__barcalls_agent="2/1d", limits__barcalls_tenant="3/1d")
    person, other = enterprise.person(), colleague(enterprise)
    of_other = report(enterprise, userAccount=OTHER_AGENT)

    assert [
        status(person, report(enterprise, userAccount=name)) for name in (OTHER_AGENT, *[AGENT.id] * 2)
    ] == [*(403, 204, 429)]
    assert [status(other, of_other) for _ in range(2)] == [204] * 2

    third = colleague(enterprise, "third", "agent-9")
    assert status(third, report(enterprise, userAccount="agent-9")) == 429
    assert len(stored(enterprise)) == 2


def test_limits_are_what_refuses(found: Founder) -> None:
    """The control: with wider limits the same reports are taken; the address has another limit."""
    enterprise = found(limits__barcalls_agent="9/1d", limits__barcalls_address="3/1d")
    person = enterprise.person()

    assert [status(person, report(enterprise)) for _ in range(4)] == [204, 204, 204, 429]


def test_reports_are_off_by_default(found_enterprise: Founder) -> None:
    """Without the setting, and in another role than `integrations`, there is no route, nor a description."""
    off = found_enterprise()
    assert status(off.person(), report(off)) == 404
    elsewhere = found_enterprise({"callrecords.bar": "true", "server.role": "people"})
    assert status(elsewhere.person(), report(elsewhere)) == 404

    described = [
        OWN
        in document(each.services.settings.callbacks, each.services.settings.server.integrations, "all")[
            "paths"
        ]
        for each in (off, found_enterprise({"callrecords.bar": "true"}))
    ]
    assert described == [False, True]
