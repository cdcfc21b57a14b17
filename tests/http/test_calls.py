"""Calls through the other call centre: what is dialled, who may, how often, and what is recorded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.http.test_ctibar import (
    CALLS,
    NUMBER,
    SESSION,
    Founder,
    centre,
    colleague,
    entries,
    found,
    link,
    running,
)
from tests.support.call_records import settings_with
from tests.support.fakes import LOGIN, ORIGIN, TENANT, Enterprise
from tests.support.faulty_centre import AUTH, CALL, CALL_ID, USERNAME, FakeCentre
from validator.callcentre.record import CallRecord
from validator.errors import Fault, Reason

__all__ = ["centre", "found", "running"]  # fixtures
PREMIUM, ABROAD = "0019005550143", "+85223456789"
Ask = Callable[[str], int]


def asking(enterprise: Enterprise) -> Ask:
    """Return a function that asks for a call as the person, and returns the status."""
    person = enterprise.person()
    return lambda callee: person.post(CALLS, json={"callee": callee}).status_code


def test_normalised_number_is_dialled(found: Founder, centre: FakeCentre) -> None:
    """The centre gets the number that was decided about, whatever its spelling, with the agent's token."""
    ask = asking(found())

    assert [
        ask(text) for text in (NUMBER, "00 86 136 0625 4580", "１３６０６２５４５８０", "1795113606254580")
    ] == [200] * 4

    assert centre.dialled == [NUMBER] * 4


def test_refused_numbers_do_not_reach_the_centre(found: Founder, centre: FakeCentre) -> None:
    """Premium rate, abroad, hotlines and extensions are 403 in words, codes 400; settings open them."""
    refused = [PREMIUM, ABROAD, "95588", "1001"]
    person = found().person()

    answers = [person.post(CALLS, json={"callee": text}) for text in refused]
    codes = [person.post(CALLS, json={"callee": text}).status_code for text in ("*21*13606254580#", "", 7)]

    assert ([each.status_code for each in answers], codes) == ([403] * 4, [400] * 3)
    assert answers[0].get_json()["detail"] == "callee: premium-rate numbers are not called from here"
    assert answers[1].get_json()["detail"] == "callee: international numbers are not called from here"
    assert not centre.requests
    opened = {"calls.allowed_prefixes": '["+1900", "+852", "955"]', "calls.extensions": '["1000-1099"]'}
    ask = asking(found(opened))
    assert [ask(text) for text in refused] == [200] * 4
    assert centre.dialled == ["0019005550143", "0085223456789", "95588", "1001"]


def test_only_linked_people_with_a_session_call(found: Founder, centre: FakeCentre) -> None:
    """Without a session or a link, with a client's secret, from another site: nothing is called."""
    enterprise = found()
    person, other, callee = enterprise.person(), colleague(enterprise), {"callee": NUMBER}

    nobody = enterprise.visitor().post(CALLS, json=callee)
    client = enterprise.visitor().post(CALLS, json=callee, auth=enterprise.basic)
    unlinked = other.post(CALLS, json=callee)
    foreign = person.post(CALLS, json=callee, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"})

    assert [each.status_code for each in (nobody, client, unlinked, foreign)] == [401, 401, 404, 403]
    assert not centre.requests
    assert person.post(CALLS, json=callee).get_json() == {"callId": CALL_ID}


def test_trail_has_the_name_of_the_number(found: Founder, centre: FakeCentre) -> None:
    """Each call and each refusal is recorded with who, when, which number by its name, never the number."""
    enterprise = found()
    ask = asking(enterprise)

    ask(NUMBER)
    ask("+86 136 0625 4580")
    ask(PREMIUM)
    ask("*21*13606254580#")

    called, again, premium, code = entries(enterprise, "call_out")
    assert called["subject"] == again["subject"] != premium["subject"]
    assert called["subject"] == enterprise.services.name_number(TENANT, NUMBER)
    assert (called["by"], called["detail"]) == (f"account:{LOGIN}", f"call {CALL_ID}")
    assert [entry.get("reason") for entry in (called, premium, code)] == [
        None,
        "callee_not_allowed",
        "field_invalid",
    ]
    assert "subject" not in code
    for file in enterprise.services.settings.audit.directory.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert b"3606254580" not in content
        assert b"9005550143" not in content


def test_nothing_is_called_without_a_trail(
    found: Founder, centre: FakeCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the call could not be recorded, the centre is not asked."""
    enterprise = found()
    ask = asking(enterprise)

    def fails() -> None:
        raise Fault(Reason.TRAIL_UNAVAILABLE)

    with monkeypatch.context() as broken:
        broken.setattr(enterprise.services.trail, "check", fails)
        assert ask(NUMBER) == 503

    assert not centre.requests
    assert ask(NUMBER) == 200


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ((200, {}, {"code": 7, "data": {}, "msg": f"no {NUMBER}"}), 403),
        ((200, {}, {"code": 0, "data": {}}), 503),
        ((200, {}, {"code": 0, "data": {"callId": "x" * 65}}), 503),
        ((200, {}, {"code": 0, "data": {"callId": "a b"}}), 503),
        ((200, {}, {"code": 0, "data": {"callId": 7}}), 503),
        ((502, {}, {}), 503),
    ],
)
def test_refusals_and_faults_of_a_call(
    found: Founder, centre: FakeCentre, reply: tuple[int, dict[str, str], object], status: int
) -> None:
    """A refusal is given in this server's words, never the centre's; nothing is dialled twice."""
    enterprise = found()
    person = enterprise.person()
    centre.replies[CALL] = [reply]

    answer = person.post(CALLS, json={"callee": NUMBER})

    assert answer.status_code == status
    assert NUMBER not in answer.text
    assert centre.dialled == [NUMBER]
    assert entries(enterprise, "call_out")[0]["outcome"] == "refused"


def test_id_that_may_be_a_number_is_not_recorded(found: Founder, centre: FakeCentre) -> None:
    """A `callId` of another form than a UUID is returned, and kept out of the trail."""
    enterprise = found()
    centre.replies[CALL] = [(200, {}, {"code": 0, "data": {"callId": f"1-{NUMBER}"}})]

    answer = enterprise.person().post(CALLS, json={"callee": NUMBER})

    assert answer.get_json() == {"callId": f"1-{NUMBER}"}
    assert "detail" not in entries(enterprise, "call_out")[0]


# Limits


def test_agents_have_limits_of_their_own(found: Founder, centre: FakeCentre) -> None:
    """Refused numbers count too, and no agent uses up another's limit; the control has none."""
    enterprise = found({"limits.calls_agent": "3/1d"})
    ask, other = asking(enterprise), colleague(enterprise, TENANT)
    enterprise.services.ctibar.links.put(
        enterprise.services.accounts.require("wang.fang"), "wang.at-centre", centre.users[USERNAME]
    )
    centre.users["wang.at-centre"] = centre.users[USERNAME]

    assert [ask(text) for text in (NUMBER, PREMIUM, NUMBER, NUMBER, PREMIUM)] == [200, 403, 200, 429, 429]
    assert other.post(CALLS, json={"callee": NUMBER}).status_code == 200

    unlimited = asking(found({"limits.calls_agent": "off"}))
    assert [unlimited(NUMBER) for _ in range(12)] == [200] * 12


def test_limit_of_a_tenant_counts_allowed_calls_only(found: Founder, centre: FakeCentre) -> None:
    """Refused numbers and agents without a link leave it alone; it holds for all agents of the tenant."""
    enterprise = found({"limits.calls_tenant": "2/1d"})
    ask, other = asking(enterprise), colleague(enterprise, TENANT)
    for _ in range(3):
        assert ask(PREMIUM) == 403
        assert other.post(CALLS, json={"callee": NUMBER}).status_code == 404

    assert [ask(NUMBER) for _ in range(3)] == [200, 200, 429]


def test_addresses_have_a_limit(found: Founder) -> None:
    """Both routes count against the source; the control has no limit."""
    for rate, statuses in (("2/1m", [401, 401, 429]), ("off", [401] * 3)):
        visitor = found({"limits.ctibar_address": rate}).visitor()
        answers = [visitor.post(path, json={"callee": NUMBER}) for path in (SESSION, CALLS, SESSION)]
        assert [each.status_code for each in answers] == statuses


def test_failed_login_is_recorded_with_the_call(found: Founder, centre: FakeCentre) -> None:
    """Without a login there is no call, and the entry has the reason."""
    enterprise = found()
    link(enterprise, "0" * 32)

    assert asking(enterprise)(NUMBER) == 403
    (entry,) = entries(enterprise, "call_out")
    assert entry["reason"] == "centre_refused"
    assert [request.path for request in centre.requests] == [AUTH]


# Records that should come

SEEN = "/api/v1/calls/seen"


def test_records_of_made_and_seen_calls_are_expected(
    found: Founder, centre: FakeCentre, tmp_path: Path
) -> None:
    """A call through this server, and one that rings at a linked agent's bar, is missing without one."""
    enterprise = found(settings_with(tmp_path))
    browser, records = enterprise.person(), enterprise.services.call_centre
    assert asking(enterprise)(NUMBER) == 200

    answers = [browser.post(SEEN, json={"callId": call}).status_code for call in ("rang", "rang", "came")]
    assert answers == [204] * 3
    records.records.put(TENANT, "ctibar", CallRecord("came"))
    enterprise.clock.advance(hours=1)
    assert {each.call for each in records.expected.missing(TENANT, 10)} == {CALL_ID, "rang"}


def test_only_linked_agents_see_calls(found: Founder, tmp_path: Path) -> None:
    """Without a session, a link, an id, or from another site's page: nothing; and there is a limit."""
    enterprise = found(settings_with(tmp_path, {"limits.calls_seen": "2/1d"}))
    browser = enterprise.person()

    assert enterprise.visitor().post(SEEN, json={"callId": "a"}).status_code == 401
    assert colleague(enterprise, TENANT).post(SEEN, json={"callId": "a"}).status_code == 404
    assert browser.post(SEEN, json={}).status_code == 400
    foreign = {"Origin": "https://evil.example.net", "Sec-Fetch-Site": "cross-site"}
    assert browser.post(SEEN, json={"callId": "a"}, headers=foreign).status_code == 403
    enterprise.clock.advance(hours=2)
    assert enterprise.services.call_centre.expected.count_missing() == 0
    assert [browser.post(SEEN, json={"callId": "a"}).status_code for _ in range(3)] == [204, 204, 429]
