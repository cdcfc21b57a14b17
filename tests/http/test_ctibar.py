"""Tokens of the other call centre for agents' bars: one login of each, its renewal, its end, its faults."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.fakes import LOGIN, ORIGIN, OTHER_TENANT, PASSWORD, Enterprise
from tests.support.faulty_centre import (
    AUTH,
    CALL,
    CALL_ID,
    DIGEST,
    EXTENSION,
    USERNAME,
    FakeCentre,
    running_centre,
)
from validator.accounts.identity import Identity
from validator.ctibar.centrewire import CentreLogin
from validator.tenants import RecordStatus

SESSION, CALLS = "/api/v1/ctibar/session", "/api/v1/calls"
NUMBER = "13606254580"
OTHER = "wang.fang"

Founder = Callable[..., Enterprise]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeCentre]:
    """Yield a call centre that the module shares."""
    with running_centre(tmp_path_factory.mktemp("centre")) as centre:
        yield centre


@pytest.fixture
def centre(running: FakeCentre) -> Iterator[FakeCentre]:
    """Yield the call centre as it is at first, with its one user."""
    fresh = FakeCentre()
    for name in ("users", "tokens", "replies", "call_headers", "stalled", "requests", "known", "lifetime"):
        setattr(running, name, getattr(fresh, name))
    running.released.clear()
    yield running
    running.released.set()


@pytest.fixture
def found(found_enterprise: Founder, centre: FakeCentre) -> Founder:
    """Return a function that founds an enterprise whose person is linked to the centre's user."""

    def make(settings: Mapping[str, str] | None = None) -> Enterprise:
        on = {"ctibar.url": centre.origin, "ctibar.ca_file": str(centre.ca_file), "ctibar.timeout": "20s"}
        enterprise = found_enterprise({**on, **(settings or {})})
        centre.now = enterprise.clock.now
        link(enterprise)
        return enterprise

    return make


def link(enterprise: Enterprise, digest: str = DIGEST, username: str = USERNAME) -> None:
    """Link the person to a user of the centre."""
    services = enterprise.services
    services.ctibar.links.put(services.accounts.require(LOGIN), username, digest)


def colleague(enterprise: Enterprise, tenant: str = OTHER_TENANT) -> FlaskClient:
    """Return the browser of another person, who is logged in and not linked."""
    services = enterprise.services
    services.accounts.add(OTHER, tenant, services.passwords.hash(PASSWORD), Identity("agent-8"))
    browser = enterprise.visitor()
    assert browser.post("/api/v1/login", json={"account": OTHER, "password": PASSWORD}).status_code == 200
    return browser


def token(browser: FlaskClient) -> str:
    """Return the token that *browser* gets."""
    answer = browser.post(SESSION, json={})
    assert answer.status_code == 200, answer.text
    found: str = answer.get_json()["token"]
    return found


def entries(enterprise: Enterprise, event: str = "ctibar_session") -> list[dict[str, Any]]:
    """Return the entries of the trail about *event*."""
    return [entry for entry in enterprise.trail() if entry["event"] == event]


# A token


def test_bar_gets_url_token_extension_and_end(found: Founder, centre: FakeCentre) -> None:
    """The server logs in with the digest; the browser gets what the bar needs, which nothing may store."""
    enterprise = found()

    answer = enterprise.person().post(SESSION, json={})

    assert answer.get_json() == {
        "url": f"{centre.origin.replace('https', 'wss')}/ws",
        "token": centre.tokens[0],
        "extNo": EXTENSION,
        "expiresAt": centre.seconds(centre.lifetime),
    }
    assert answer.headers["Cache-Control"] == "no-store"
    (request,) = centre.requests
    assert (request.path, request.body) == (AUTH, {"username": USERNAME, "password": DIGEST})
    (entry,) = entries(enterprise)
    assert (entry["outcome"], entry["by"]) == ("accepted", f"account:{LOGIN}")


def test_url_of_the_bar_is_a_setting(found: Founder) -> None:
    """`ctibar.ws_url` replaces /ws at the centre's origin."""
    enterprise = found({"ctibar.ws_url": "wss://bar.example.com/socket"})

    answer = enterprise.person().post(SESSION, json={})

    assert answer.get_json()["url"] == "wss://bar.example.com/socket"


def test_only_linked_people_with_a_session_get_one(found: Founder, centre: FakeCentre) -> None:
    """Without a session or a link, with a client's secret, from another site: the centre is not asked."""
    enterprise = found()
    person, other = enterprise.person(), colleague(enterprise)

    nobody = enterprise.visitor().post(SESSION, json={})
    client = enterprise.visitor().post(SESSION, json={}, auth=enterprise.basic)
    unlinked = other.post(SESSION, json={})
    foreign = person.post(SESSION, json={}, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"})
    as_form = person.post(SESSION, data={})

    assert [each.status_code for each in (nobody, client, unlinked, foreign, as_form)] == [
        401,
        401,
        404,
        403,
        415,
    ]
    assert unlinked.get_json()["detail"] == "this account is not linked to a user of the call centre"
    assert not centre.requests
    assert token(person)


def test_routes_are_off_by_default(enterprise: Enterprise) -> None:
    """Without `ctibar.url` neither route is there."""
    person = enterprise.person()

    assert [person.post(path, json={}).status_code for path in (SESSION, CALLS)] == [404, 404]


# One login


def test_bar_and_calls_share_one_login(found: Founder, centre: FakeCentre) -> None:
    """A second login may end the first: every request of the agent uses the stored token."""
    enterprise = found()
    person, again = enterprise.person(), enterprise.person()

    tokens = {token(person), token(again)}
    assert person.post(CALLS, json={"callee": NUMBER}).get_json() == {"callId": CALL_ID}

    assert tokens == {centre.tokens[0]}
    assert centre.logins == 1
    assert centre.on(CALL)[0].headers["x-token"] == centre.tokens[0]


def test_simultaneous_requests_make_one_login(found: Founder, centre: FakeCentre) -> None:
    """While one request logs in, another one of the agent waits, in a process with the same database too."""
    enterprise = found({"server.threads": "16", "limits.ctibar_agent": "off"})
    people = [enterprise.person() for _ in range(3)]
    centre.stalled = AUTH

    with ThreadPoolExecutor(3) as crowd:
        answers = [crowd.submit(token, person) for person in people]
        centre.received.acquire()
        centre.released.set()
        tokens = {answer.result() for answer in answers}

    assert tokens == {centre.tokens[0]}
    assert centre.logins == 1


def test_login_of_another_worker_is_waited_for(found: Founder, centre: FakeCentre) -> None:
    """Beside a login in flight there is no second one: the request waits, and gets what is stored by then."""
    enterprise = found({"ctibar.timeout": "500ms"})
    links, person = enterprise.services.ctibar.links, enterprise.person()
    account, now = enterprise.services.accounts.require(LOGIN), enterprise.clock.now()
    read = links.find(account)
    assert read is not None
    flight = links.take_off(read, now, timedelta(minutes=1))
    assert flight is not None

    assert person.post(SESSION, json={}).status_code == 503
    assert links.land(read, flight, CentreLogin("of-the-other", "1002", now + timedelta(hours=1)), now)

    assert token(person) == "of-the-other"
    assert centre.logins == 0
    assert links.take_off(read, now, timedelta(minutes=1)) is None  # it was read before that login


def test_flight_of_a_worker_that_died_ends(found: Founder, centre: FakeCentre) -> None:
    """A login in flight ends by itself, also one of a clock that was ahead."""
    enterprise = found()
    links, person = enterprise.services.ctibar.links, enterprise.person()
    for days in (0, 400):
        read = links.find(enterprise.services.accounts.require(LOGIN))
        assert read is not None
        links.forget(read)
        enterprise.clock.advance(days=days)
        read = links.find(enterprise.services.accounts.require(LOGIN))
        assert read is not None
        assert links.take_off(read, enterprise.clock.now(), timedelta(seconds=40))
        enterprise.clock.advance(days=-days, seconds=0 if days else 41)
        assert token(person)

    assert centre.logins == 2


def test_login_is_renewed_ten_minutes_before_its_end(found: Founder, centre: FakeCentre) -> None:
    """Until then the stored one serves; from then on a new one."""
    enterprise = found({"sessions.lifetime": "24h"})
    person = enterprise.person()
    first = token(person)

    enterprise.clock.advance(seconds=centre.lifetime - 602)
    before = token(person)
    enterprise.clock.advance(seconds=2)
    after = token(person)

    assert (before, after) == (first, centre.tokens[1])
    assert centre.logins == 2


def test_old_login_serves_until_its_end_without_the_centre(found: Founder, centre: FakeCentre) -> None:
    """A centre that is unavailable in the last ten minutes costs nothing; after the end it is a fault."""
    enterprise = found({"sessions.lifetime": "24h"})
    person = enterprise.person()
    first = token(person)
    enterprise.clock.advance(seconds=centre.lifetime - 300)
    centre.replies[AUTH] = [(500, {}, {}), (500, {}, {})]

    assert token(person) == first
    enterprise.clock.advance(seconds=300)
    assert person.post(SESSION, json={}).status_code == 503


def test_renewed_token_of_a_response_is_taken_over(found: Founder, centre: FakeCentre) -> None:
    """`new-token` and `new-expires-at` replace the stored login; one of them, or an invalid one, does not."""
    enterprise = found({"sessions.lifetime": "24h"})
    person = enterprise.person()
    first = token(person)
    for headers in (
        {"new-token": "x" * 4097, "new-expires-at": str(centre.seconds(90_000))},
        {"new-token": "eyJ.renewed"},
        {"new-token": "eyJ.renewed", "new-expires-at": str(centre.seconds(-1))},
        {"new-token": "eyJ.renewed", "new-expires-at": "soon"},
    ):
        centre.call_headers = headers
        assert person.post(CALLS, json={"callee": NUMBER}).status_code == 200
    assert token(person) == first

    centre.call_headers = {"new-token": "eyJ.renewed", "new-expires-at": str(centre.seconds(80_000))}
    assert person.post(CALLS, json={"callee": NUMBER}).status_code == 200

    answer = person.post(SESSION, json={}).get_json()
    assert (answer["token"], answer["expiresAt"]) == ("eyJ.renewed", centre.seconds(80_000))
    assert centre.logins == 1


def test_ended_token_is_replaced_once(found: Founder, centre: FakeCentre) -> None:
    """Code 7 with `reload` leads to one new login; a second one is a refusal in words, and no third login."""
    enterprise = found()
    person = enterprise.person()
    token(person)

    centre.end_tokens()
    good = person.post(CALLS, json={"callee": NUMBER})
    centre.replies[CALL] = [(401, {}, {"code": 7, "data": {"reload": True}, "msg": ""})] * 2
    bad = person.post(CALLS, json={"callee": NUMBER})

    assert (good.status_code, bad.status_code) == (200, 403)
    assert "somebody else" in bad.get_json()["detail"]
    assert centre.logins == 3
    assert len(centre.dialled) == 4


# The end of a link, an account, a login


def test_unlinking_ends_the_stored_login(found: Founder, centre: FakeCentre) -> None:
    """Without the link there is nothing, and a new link logs in anew."""
    enterprise = found()
    services, person = enterprise.services, enterprise.person()
    first = token(person)

    services.ctibar.links.remove(services.accounts.require(LOGIN))
    assert person.post(SESSION, json={}).status_code == 404
    link(enterprise)

    assert token(person) != first


@pytest.mark.parametrize("end", ["disabled", "password", "restored"])
def test_end_of_all_sessions_ends_the_stored_login(found: Founder, centre: FakeCentre, end: str) -> None:
    """A disabled account, a new password and an accepted restore leave no stored token usable."""
    enterprise = found()
    services = enterprise.services
    first = token(enterprise.person())
    account = services.accounts.require(LOGIN)

    if end == "disabled":
        services.accounts.set_status(LOGIN, RecordStatus.DISABLED)
        services.accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    elif end == "password":
        services.accounts.set_password(account, account.password_hash)
    else:
        services.database.accept_restore(enterprise.clock.now())

    assert token(enterprise.person()) != first


def test_login_of_a_clock_that_was_ahead_is_replaced(found: Founder, centre: FakeCentre) -> None:
    """Whatever a wrong clock stored, a login serves at most a day from now."""
    enterprise = found()
    enterprise.clock.advance(days=400)
    first = token(enterprise.person())
    enterprise.clock.advance(days=-400)

    assert token(enterprise.person()) != first


def test_unlinking_during_a_login_keeps_it_out(found: Founder, centre: FakeCentre) -> None:
    """A login that ends after its link is removed is stored nowhere and given to nobody."""
    enterprise = found()
    services, person = enterprise.services, enterprise.person()
    centre.stalled = AUTH

    with ThreadPoolExecutor(1) as other:
        answer = other.submit(person.post, SESSION, json={})
        centre.received.acquire()
        services.ctibar.links.remove(services.accounts.require(LOGIN))
        centre.released.set()

    assert answer.result().status_code == 404
    assert not services.ctibar.links.list()


# Refusals and faults of the centre


def test_wrong_password_is_refused_in_words_and_not_repeated(found: Founder, centre: FakeCentre) -> None:
    """The centre may lock an account: after a refusal nothing is sent for a minute, or until a new link."""
    enterprise = found()
    person = enterprise.person()
    link(enterprise, "0" * 32)

    answers = [person.post(SESSION, json={}) for _ in range(3)]
    assert [each.status_code for each in answers] == [403] * 3
    assert "linked again" in answers[0].get_json()["detail"]
    assert "0" * 32 not in answers[0].text
    assert centre.logins == 1

    enterprise.clock.advance(seconds=61)
    assert person.post(SESSION, json={}).status_code == 403
    assert centre.logins == 2
    link(enterprise)
    assert token(person)
    assert entries(enterprise)[0]["reason"] == "centre_refused"


@pytest.mark.parametrize(
    "reply",
    [
        (302, {"Location": "https://127.0.0.1:1/"}, {}),
        (500, {}, {"code": 0}),
        (200, {}, b"<html>"),
        (200, {}, []),
        (200, {}, {"code": "0"}),
        (200, {}, {"code": True}),
        (200, {}, {"code": 0, "data": None}),
        (200, {"Content-Encoding": "gzip"}, {}),
        (200, {}, b" " * 16_385),
    ],
)
def test_unusable_responses_are_faults(
    found: Founder, centre: FakeCentre, reply: tuple[int, dict[str, str], object]
) -> None:
    """Another status, a redirect, another type, a compressed or large body: 503, and the next one logs in."""
    enterprise = found()
    person = enterprise.person()
    centre.replies[AUTH] = [reply]

    assert person.post(SESSION, json={}).status_code == 503
    assert token(person) == centre.tokens[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", ""),
        ("token", "x" * 4097),
        ("token", "a b"),
        ("token", "tö"),
        ("token", None),
        ("extNo", ""),
        ("extNo", "10a"),
        ("extNo", "1" * 17),
        ("extNo", 1001),
        ("expiresAt", "1793763952"),
        ("expiresAt", True),
        ("expiresAt", 1.5),
        ("expiresAt", 0),
        ("expiresAt", -(10**30)),
    ],
)
def test_fields_of_a_login_have_bounds(found: Founder, centre: FakeCentre, name: str, value: object) -> None:
    """A token of at most 4 KiB without blanks, an extension of digits, an end in the future; else 503."""
    enterprise = found()
    data = {"token": "x" * 4096, "extNo": "1001", "expiresAt": centre.seconds(60)}
    centre.replies[AUTH] = [(200, {}, {"code": 0, "data": {**data, name: value}})]
    person = enterprise.person()

    assert person.post(SESSION, json={}).status_code == 503
    centre.replies[AUTH] = [(200, {}, {"code": 0, "data": data})]
    assert token(person) == data["token"]


def test_end_in_the_far_future_is_a_day(found: Founder, centre: FakeCentre) -> None:
    """No token is used for longer than a day, whatever end the centre names."""
    enterprise = found()
    centre.lifetime = 10**9

    answer = enterprise.person().post(SESSION, json={})

    assert answer.get_json()["expiresAt"] == centre.seconds(86_400)


def test_centre_of_another_authority_gets_nothing(found: Founder, centre: FakeCentre, tmp_path: Path) -> None:
    """Its certificate is verified against `ctibar.ca_file`, and an unreadable file trusts nobody."""
    (tmp_path / "no.pem").write_text("nothing")
    answers = [
        found({"ctibar.ca_file": file}).person().post(SESSION, json={})
        for file in ("", str(tmp_path / "no.pem"))
    ]

    assert [each.status_code for each in answers] == [503, 503]
    assert not centre.requests


def test_stalled_centre_is_given_up(found: Founder, centre: FakeCentre) -> None:
    """After `ctibar.timeout` it is 503, and during the cool-down at once; the login is not sent again."""
    enterprise = found({"ctibar.timeout": "500ms"})
    person = enterprise.person()
    centre.stalled = AUTH

    assert [person.post(SESSION, json={}).status_code for _ in range(3)] == [503] * 3
    assert centre.logins == 1


def test_each_agent_has_a_limit(found: Founder, centre: FakeCentre) -> None:
    """Beyond it is 429, for this agent only; with the limit off nothing is refused."""
    enterprise = found({"limits.ctibar_agent": "2/1h"})
    person, other = enterprise.person(), colleague(enterprise)

    statuses = [person.post(SESSION, json={}).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert other.post(SESSION, json={}).status_code == 404
    unlimited = found({"limits.ctibar_agent": "off"}).person()
    assert [unlimited.post(SESSION, json={}).status_code for _ in range(3)] == [200] * 3


def test_refused_token_is_replaced(found: Founder) -> None:
    """The bar names the end of the token that the centre does not accept any more; only that is replaced."""
    browser = found().person()
    first = browser.post(SESSION, json={}).get_json()
    same = browser.post(SESSION, json={"refused": first["expiresAt"] - 1}).get_json()

    other = browser.post(SESSION, json={"refused": first["expiresAt"]}).get_json()

    assert same == first
    assert other["token"] != first["token"]
    assert browser.post(SESSION, json={}).get_json() == other
    assert browser.post(SESSION, json={"refused": "1"}).status_code == 400
