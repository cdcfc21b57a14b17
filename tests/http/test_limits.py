"""Every limit over HTTP: how many requests pass, the response to one too many, what is counted together."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import problem, ret_code
from tests.support.callback_requests import AGENT_SIDE, issued
from tests.support.fakes import (
    AGENT,
    AGENT_PATH,
    CHANNEL,
    CHAT_PATH,
    LOGIN,
    ORIGIN,
    PASSWORD,
    SECRET_KEY,
    TENANT,
    UNLIMITED,
    WHOLE,
    Enterprise,
    is_of_integrations,
)
from tests.support.routes import OPERATIONS, paths
from validator.app import create_app
from validator.endpoints import LOGIN as LOGIN_BLUEPRINT
from validator.limits.policy import OTHER, PURPOSES, SOURCE
from validator.limits.shares import RATED
from validator.services import open_services
from validator.tokens.claims import Audience
from validator.web.incoming import GUEST_COOKIE

Found = Callable[..., Enterprise]
Ask = Callable[[Enterprise, FlaskClient], TestResponse]
AMOUNT = 5
RATE = f"{AMOUNT}/1m"
TOO_MANY = 429
LOGIN_PATH, PASSWORD_PATH = "/api/v1/login", "/api/v1/password"
CHANNEL_2 = "817854979183314946"
NUMBERS = count()
# At the beginning of a minute, of an hour and of a day: where a fixed window would begin.
MIDNIGHT = datetime(2026, 11, 5, tzinfo=UTC)


def ask_nonsense(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    return AGENT_SIDE.ask(browser, AGENT_SIDE.question("nonsense"))


def ask_rightly(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    return AGENT_SIDE.ask(browser, AGENT_SIDE.question(issued(enterprise, AGENT)[0]))


def kept_token(enterprise: Enterprise) -> str:
    """Return one and the same token, whichever worker is asked."""
    file = enterprise.services.settings.home / "token-of-the-test"
    if not file.exists():
        file.write_text(issued(enterprise, AGENT)[0])
    return file.read_text()


def ask_with_one_token(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    return AGENT_SIDE.ask(browser, AGENT_SIDE.question(kept_token(enterprise)))


def ask_wrongly(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    wrong = {**AGENT_SIDE.question(kept_token(enterprise)), "userAccount": "somebody"}
    return AGENT_SIDE.ask(browser, wrong)


def ask_about_another(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    side = replace(AGENT_SIDE, subject=replace(AGENT, id=f"agent-{next(NUMBERS)}"))
    return side.ask(browser, side.question(issued(enterprise, side.subject)[0]))


def log_in(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    return browser.post(LOGIN_PATH, json={"account": LOGIN, "password": "not the password"})


def introspect(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    return browser.post("/api/v1/tokens/introspect", json={"token": "x"}, auth=enterprise.basic)


def have_issued(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    requested = {"tenantSpaceId": TENANT, "userAccount": AGENT.id}
    return browser.post("/api/v1/tokens/agent", json=requested, auth=enterprise.basic)


def have_issued_to_person(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    if browser.get("/api/v1/session").status_code != 200:
        browser.post(LOGIN_PATH, json={"account": LOGIN, "password": PASSWORD})
    return browser.post("/api/v1/tokens/agent", json={})


def greet(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    return browser.post("/webchat/guest", headers={"Origin": ORIGIN})


def sign(enterprise: Enterprise, browser: FlaskClient, channel: str = CHANNEL) -> TestResponse:
    """Return the answer to a guest who asks for a signature, greeted before."""
    greet(enterprise, browser)
    ask = {"thirdUserName": "Guest", "tenantSpaceId": TENANT, "channelConfigId": channel}
    return browser.post("/webchat/authorizationService", json=ask, headers={"Origin": ORIGIN})


def sign_as_stranger(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    return sign(enterprise, enterprise.visitor())


def sign_on_other_channel(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    channels = enterprise.services.channels
    if channels.find(CHANNEL_2) is None:
        channels.add(CHANNEL_2, TENANT, SECRET_KEY, [ORIGIN])
    return sign(enterprise, enterprise.visitor(), CHANNEL_2)


def look(enterprise: Enterprise, browser: FlaskClient) -> TestResponse:
    return browser.get("/openapi.json")


# By limit: a request that it counts, and how that is answered while there are not too many.
REQUESTS: dict[str, tuple[Ask, int]] = {
    "callbacks_foreign": (ask_nonsense, 200),
    "callbacks_refused": (ask_wrongly, 200),
    "callbacks_token": (ask_with_one_token, 200),
    "callbacks_subject": (ask_rightly, 200),
    "callbacks_tenant": (ask_about_another, 200),
    "login_address": (log_in, 401),
    "tokens_address": (introspect, 200),
    "tokens_caller": (have_issued, 200),
    "guest_address": (greet, 200),
    "signing_guest": (sign, 200),
    "signing_channel": (sign_as_stranger, 200),
    "signing_all": (sign_on_other_channel, 200),
    OTHER: (look, 200),
}
every_limit = pytest.mark.parametrize("name", REQUESTS)
# Those of the role `integrations` are tested with their secrets: test_query_customer.py and beside it.
COUNTED_HERE = {
    name: PURPOSES[name]
    for name in RATED
    if not PURPOSES[name].at_proxy and not is_of_integrations(PURPOSES[name])
}
OF_ADDRESSES = [name for name, purpose in COUNTED_HERE.items() if purpose.key == SOURCE]
every_address_limit = pytest.mark.parametrize("name", OF_ADDRESSES)


def limited(found: Found, name: str, rate: str = RATE, **settings: str) -> Enterprise:
    """Return an enterprise with one limit in force, and nothing else that refuses."""
    return found(UNLIMITED | WHOLE | {f"limits.{name}": rate, "tokens.agent_lifetime": "24h"} | settings)


def browser_from(enterprise: Enterprise, address: str) -> FlaskClient:
    """Return a browser that connects from *address*."""
    browser = enterprise.visitor()
    browser.environ_base["REMOTE_ADDR"] = address
    return browser


def passed(answers: Iterable[TestResponse]) -> int:
    return sum(answer.status_code != TOO_MANY for answer in answers)


def burst(enterprise: Enterprise, name: str, times: int, browser: FlaskClient | None = None) -> int:
    """Return how many of *times* requests that the limit *name* counts passed."""
    ask, browser = REQUESTS[name][0], browser or enterprise.visitor()
    return passed(ask(enterprise, browser) for _ in range(times))


def check_too_many(answer: TestResponse) -> int:
    """Return Retry-After in seconds; fails unless *answer* is "too many" in the shape of its route."""
    if answer.request.path in (AGENT_PATH, CHAT_PATH):
        assert (answer.status_code, ret_code(answer)) == (TOO_MANY, 3)
        assert answer.data == b'{"retCode":3,"message":"too many requests"}'
    else:
        members = problem(answer, TOO_MANY)
        assert members["title"] == "too many requests"
        assert members.keys().isdisjoint({"detail"})
    retry_after = answer.headers["Retry-After"]
    assert re.fullmatch(r"[1-9][0-9]*", retry_after)
    return int(retry_after)


# At the edge


def test_every_limit_is_tested() -> None:
    """Each limit that can be configured is here, but those that only the proxy counts."""
    assert REQUESTS.keys() == COUNTED_HERE.keys()


@every_limit
def test_one_too_many_is_refused_until_it_may_return(found_enterprise: Found, name: str) -> None:
    """So many pass as are configured, the next is 429 in the route's shape, and Retry-After is right."""
    enterprise = limited(found_enterprise, name)
    browser, (ask, status) = enterprise.visitor(), REQUESTS[name]

    answers = [ask(enterprise, browser) for _ in range(AMOUNT)]
    retry_after = check_too_many(ask(enterprise, browser))

    assert [answer.status_code for answer in answers] == [status] * AMOUNT
    enterprise.clock.advance(seconds=retry_after - 2)
    assert ask(enterprise, browser).status_code == TOO_MANY
    enterprise.clock.advance(seconds=2)
    assert ask(enterprise, browser).status_code == status


@pytest.mark.slow
@every_limit
def test_without_its_limit_more_pass(found_enterprise: Found, name: str) -> None:
    """Switched off, a limit lets pass what it would have refused."""
    enterprise = limited(found_enterprise, name, "off")
    browser, (ask, status) = enterprise.visitor(), REQUESTS[name]

    answers = [ask(enterprise, browser) for _ in range(3 * AMOUNT)]

    assert {answer.status_code for answer in answers} == {status}
    assert not [field for answer in answers for field in answer.headers if "ratelimit" in field[0].lower()]


@every_limit
def test_shadow_counts_and_logs_and_lets_pass(
    found_enterprise: Found, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """In shadow mode every request passes, and from the first one too many on the log names the limit."""
    enterprise = limited(found_enterprise, name, **{"limits.shadow": f'["{name}"]'})
    browser = enterprise.visitor()

    assert burst(enterprise, name, AMOUNT, browser) == AMOUNT
    assert "limit reached" not in "".join(capfd.readouterr())
    assert burst(enterprise, name, AMOUNT, browser) == AMOUNT

    lines = [line for line in "".join(capfd.readouterr()).splitlines() if "limit reached" in line]
    assert len(lines) == AMOUNT
    for line in lines:
        assert f"limit={name}" in line
        assert "mode=shadow" in line


@every_limit
def test_reached_limit_is_logged(
    found_enterprise: Found, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The operator learns from the log which limit refuses."""
    enterprise = limited(found_enterprise, name)

    burst(enterprise, name, AMOUNT + 1)

    lines = [line for line in "".join(capfd.readouterr()).splitlines() if "limit reached" in line]
    assert len(lines) == 1
    assert f"limit={name}" in lines[0]
    assert "mode=enforce" in lines[0]


@pytest.mark.slow
@every_limit
def test_both_rates_of_a_limit_hold(found_enterprise: Found, name: str) -> None:
    """A limit with two rates lets pass what both allow, each request counted once by either."""
    enterprise = limited(found_enterprise, name, f"{RATE} {AMOUNT + 3}/1h")
    enterprise.clock.instant = MIDNIGHT
    browser = enterprise.visitor()

    assert burst(enterprise, name, 2 * AMOUNT, browser) == AMOUNT
    for came_through in (3, 0, 0):
        enterprise.clock.advance(minutes=2)
        assert burst(enterprise, name, 2 * AMOUNT, browser) == came_through
    enterprise.clock.advance(hours=2)
    assert burst(enterprise, name, 2 * AMOUNT, browser) == AMOUNT


@every_limit
def test_retry_after_is_enough_for_both_rates(found_enterprise: Found, name: str) -> None:
    """After a refusal by both rates of a limit, Retry-After is enough for both."""
    enterprise = limited(found_enterprise, name, f"{RATE} {AMOUNT + 3}/1h")
    enterprise.clock.instant = MIDNIGHT
    browser, ask = enterprise.visitor(), REQUESTS[name][0]
    burst(enterprise, name, 2 * AMOUNT, browser)
    enterprise.clock.advance(minutes=2)
    burst(enterprise, name, 2 * AMOUNT, browser)

    enterprise.clock.advance(seconds=check_too_many(ask(enterprise, browser)))

    assert ask(enterprise, browser).status_code != TOO_MANY


@every_limit
def test_refused_are_not_counted(found_enterprise: Found, name: str) -> None:
    """Refused requests do not prolong the wait."""
    enterprise = limited(found_enterprise, name)
    browser, ask = enterprise.visitor(), REQUESTS[name][0]
    burst(enterprise, name, AMOUNT, browser)
    retry_after = check_too_many(ask(enterprise, browser))

    assert burst(enterprise, name, 4 * AMOUNT, browser) == 0

    enterprise.clock.advance(seconds=retry_after)
    assert ask(enterprise, browser).status_code != TOO_MANY


# What precedes the request that is counted, and is recorded separately.
PREPARATIONS = {
    "callbacks_subject": "token_issued",
    "callbacks_tenant": "token_issued",
    "signing_guest": "guest",
    "signing_channel": "guest",
    "signing_all": "guest",
}


@every_limit
def test_throttled_leave_nothing_in_the_trail(found_enterprise: Found, name: str) -> None:
    """Requests beyond a limit cannot fill the audit trail."""
    enterprise = limited(found_enterprise, name)
    browser = enterprise.visitor()
    burst(enterprise, name, AMOUNT, browser)

    def noted() -> list[object]:
        return [entry for entry in enterprise.trail() if entry["event"] != PREPARATIONS.get(name)]

    before = noted()
    assert burst(enterprise, name, 3, browser) == 0

    assert noted() == before


@every_limit
def test_workers_share_a_limit(found_enterprise: Found, name: str) -> None:
    """What one worker counted, another of the same home knows; a new one too."""
    enterprise = limited(found_enterprise, name)
    browser, ask = enterprise.visitor(), REQUESTS[name][0]
    services = open_services(enterprise.services.settings, enterprise.clock)
    other = Enterprise(services, enterprise.clock, enterprise.basic)
    came_through = passed([ask(enterprise, browser)])
    same_browser, kept = other.visitor(), browser.get_cookie(GUEST_COOKIE)
    if kept is not None:
        same_browser.set_cookie(GUEST_COOKIE, kept.value)

    for _ in range(AMOUNT):
        came_through += passed([ask(other, same_browser), ask(enterprise, browser)])

    services.close()
    assert came_through == AMOUNT


# When it passes again


@pytest.mark.parametrize("milliseconds", [0, 1, 263, 500, 999])
@pytest.mark.parametrize("gone", [1, 15, 30, 45, 59])
def test_retry_after_is_enough(found_enterprise: Found, gone: int, milliseconds: int) -> None:
    """Wherever in its window a request is refused, the next one after Retry-After passes."""
    enterprise = limited(found_enterprise, OTHER)
    enterprise.clock.instant = MIDNIGHT + timedelta(milliseconds=milliseconds)
    browser = enterprise.visitor()
    burst(enterprise, OTHER, AMOUNT, browser)
    for _ in range(3):
        enterprise.clock.advance(seconds=gone)
        burst(enterprise, OTHER, AMOUNT, browser)

        enterprise.clock.advance(seconds=check_too_many(look(enterprise, browser)))

        assert look(enterprise, browser).status_code == 200
        burst(enterprise, OTHER, AMOUNT, browser)


@pytest.mark.slow
@pytest.mark.parametrize("name", [OTHER, "callbacks_foreign", "signing_all"])
def test_edge_of_a_fixed_window_is_none(found_enterprise: Found, name: str) -> None:
    """A burst before the full minute and one after it are counted together; the count fades, not jumps."""
    enterprise = limited(found_enterprise, name, "10/1m")
    browser = enterprise.visitor()
    enterprise.clock.instant = MIDNIGHT - timedelta(milliseconds=1)
    assert burst(enterprise, name, 20, browser) == 10

    enterprise.clock.instant = MIDNIGHT
    assert burst(enterprise, name, 20, browser) == 0
    enterprise.clock.advance(milliseconds=1)
    assert burst(enterprise, name, 20, browser) <= 1
    enterprise.clock.instant = MIDNIGHT + timedelta(seconds=30)
    assert burst(enterprise, name, 20, browser) <= 5

    enterprise.clock.instant = MIDNIGHT + timedelta(minutes=3)
    assert burst(enterprise, name, 20, browser) == 10


# What the headers tell

POLICY = re.compile(r'"([a-z_]+)";q=([0-9]+);w=([0-9]+)', re.ASCII)
STATE = re.compile(r'"([a-z_]+)";r=([0-9]+);t=([0-9]+)', re.ASCII)


def told(answer: TestResponse, field: str, form: re.Pattern[str]) -> list[tuple[str, int, int]]:
    """Return the items of a header field, of which there is one; fails when one is not of *form*."""
    (line,) = answer.headers.getlist(field)
    matches = [form.fullmatch(item) for item in line.split(", ")]
    assert None not in matches, line
    return [(match[1], int(match[2]), int(match[3])) for match in matches if match]


@pytest.mark.parametrize("name", [name for name in REQUESTS if not name.startswith(("callbacks_", "login_"))])
def test_fields_of_the_draft_tell_how_a_limit_stands(found_enterprise: Found, name: str) -> None:
    """RateLimit-Policy has the quota, RateLimit the remainder and when one more would pass."""
    enterprise = limited(found_enterprise, name)
    browser, ask = enterprise.visitor(), REQUESTS[name][0]

    answers = [ask(enterprise, browser) for _ in range(AMOUNT + 1)]

    for answer, left in zip(answers, (4, 3, 2, 1, 0, 0), strict=True):
        assert told(answer, "RateLimit-Policy", POLICY) == [(name, AMOUNT, 60)]
        ((limit, remaining, wait),) = told(answer, "RateLimit", STATE)
        assert (limit, remaining) == (name, left)
        assert (wait == 0) is (left > 0)
    assert told(answers[-1], "RateLimit", STATE) == [(name, 0, int(answers[-1].headers["Retry-After"]))]


def test_fields_tell_every_rate(found_enterprise: Found) -> None:
    """The headers show both rates of a limit, and both limits of a route."""
    rates = {"limits.tokens_address": "5/1m 100/1h", "limits.tokens_caller": "7/1d"}
    enterprise = found_enterprise(UNLIMITED | rates)

    answer = have_issued(enterprise, enterprise.visitor())

    assert sorted(told(answer, "RateLimit-Policy", POLICY)) == [
        ("tokens_address", 5, 60),
        ("tokens_address", 100, 3600),
        ("tokens_caller", 7, 86400),
    ]
    assert sorted(told(answer, "RateLimit", STATE)) == [
        ("tokens_address", 4, 0),
        ("tokens_address", 99, 0),
        ("tokens_caller", 6, 0),
    ]


def test_login_and_password_tell_nothing(found_enterprise: Found) -> None:
    """No response to a guessed password shows how many guesses are left, or which limit refuses."""
    enterprise = found_enterprise(UNLIMITED | {"limits.login_address": RATE, f"limits.{OTHER}": RATE})
    browser = enterprise.visitor()

    for path in (LOGIN_PATH, PASSWORD_PATH):
        answers = [browser.post(path, json={}) for _ in range(AMOUNT + 1)]

        check_too_many(answers[-1])
        for answer in answers:
            assert not [field for field, _ in answer.headers if "ratelimit" in field.lower()]


def test_old_fields_are_never_sent(found_enterprise: Found) -> None:
    """No route shows its limits in the fields from before the draft."""
    enterprise = found_enterprise({f"limits.{name}": "1/1m" for name in RATED})
    browser = enterprise.visitor()

    for _ in range(2):
        for path, method in (*OPERATIONS, ("/nowhere", "GET"), (LOGIN_PATH, "GET")):
            headers = browser.open(path, method=method).headers
            assert not [field for field, _ in headers if field.lower().startswith(("x-ratelimit", "x-rate"))]


# Everything is limited


PROBES = (("/healthz", "GET"), ("/readyz", "GET"))


@pytest.mark.parametrize(("path", "method"), PROBES)
def test_probes_are_never_limited(found_enterprise: Found, path: str, method: str) -> None:
    """Nobody takes a node out of rotation by using up a limit that its load balancer shares."""
    browser = found_enterprise({f"limits.{name}": "1/1m" for name in RATED}).visitor()

    assert {browser.open(path, method=method).status_code for _ in range(5)} == {200}


@pytest.mark.parametrize(("path", "method"), [each for each in OPERATIONS if each not in PROBES])
def test_every_route_is_limited(found_enterprise: Found, path: str, method: str) -> None:
    """With one request a minute allowed, whatever is served refuses the second from the same address."""
    enterprise = found_enterprise({f"limits.{name}": "1/1m" for name in RATED})
    browser = enterprise.visitor()

    assert browser.open(path, method=method).status_code != TOO_MANY

    check_too_many(browser.open(path, method=method))
    stranger = browser_from(enterprise, "192.0.2.8")
    assert stranger.open(path, method=method).status_code != TOO_MANY


@pytest.mark.parametrize("path", paths("POST", "/api/v1/"))
def test_pages_of_other_sites_are_limited(found_enterprise: Found, path: str) -> None:
    """A request that is refused for the page it comes from is counted as any other."""
    enterprise = found_enterprise({f"limits.{name}": "1/1m" for name in RATED})
    browser = enterprise.visitor()
    foreign = {"Origin": "https://evil.example.net", "Sec-Fetch-Site": "cross-site"}

    problem(browser.post(path, headers=foreign), 403)

    check_too_many(browser.post(path, headers=foreign))


def post_from_other_page(app: Flask, path: str) -> int:
    """Return the status of a request that another site's page sends."""
    page = {"Origin": "https://evil.example.com", "Sec-Fetch-Site": "cross-site"}
    return app.test_client().post(path, json={}, headers=page).status_code


def test_limit_is_checked_before_the_page(found_enterprise: Found) -> None:
    """A page check that ran first would let another site's page send requests that are not counted."""
    enterprise = limited(found_enterprise, "login_address", "2/1m")
    app, swapped = create_app(enterprise.services), create_app(enterprise.services)
    page_check, *_ = swapped.before_request_funcs.pop(LOGIN_BLUEPRINT)
    before = swapped.before_request_funcs[None]
    before.insert(1, page_check)  # after the middleware

    assert [post_from_other_page(app, LOGIN_PATH) for _ in range(3)] == [403, 403, 429]
    assert [post_from_other_page(swapped, LOGIN_PATH) for _ in range(3)] == [403, 403, 403]


NO_ROUTES = [
    ("/nowhere", "GET", 404),
    ("/", "POST", 404),
    (f"{AGENT_PATH}/x", "POST", 404),
    (LOGIN_PATH, "GET", 405),
    (AGENT_PATH, "GET", 405),
    ("/healthz", "DELETE", 405),
    ("/webchat/guest", "PROPFIND", 405),
]


@pytest.mark.parametrize(("path", "method", "status"), NO_ROUTES)
def test_requests_for_no_route_are_counted(
    found_enterprise: Found, path: str, method: str, status: int
) -> None:
    """404 and 405 are limited by address, in the shape of their path."""
    enterprise = limited(found_enterprise, OTHER)
    browser = enterprise.visitor()

    answers = [browser.open(path, method=method) for _ in range(AMOUNT + 1)]

    assert [answer.status_code for answer in answers] == [status] * AMOUNT + [TOO_MANY]
    if path.startswith(AGENT_PATH):
        assert ret_code(answers[-1]) == 3
    else:
        check_too_many(answers[-1])
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_scanner_cannot_spread_over_paths(found_enterprise: Found) -> None:
    """Requests for no route, and those to routes without a separate limit, are counted together."""
    enterprise = limited(found_enterprise, OTHER, f"{len(NO_ROUTES)}/1m")
    browser = enterprise.visitor()

    assert passed(browser.open(path, method=method) for path, method, _ in NO_ROUTES) == len(NO_ROUTES)

    assert passed(browser.open(path, method=method) for path, method, _ in NO_ROUTES) == 0
    assert look(enterprise, browser).status_code == TOO_MANY


# Who is counted together


@pytest.mark.slow
@every_address_limit
@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("::ffff:192.0.2.7", "::ffff:c000:207"),
        ("2001:db8::1", "2001:DB8:0:0:ffff:ffff:ffff:ffff"),
        ("2001:db8:1:2::", "2001:0db8:0001:0002::9"),
        ("", ""),
        ("", "unix:"),
        ("not an address", ""),
        ("192.0.2.7:1234", "1.2.3.4.5"),
    ],
)
def test_one_bucket(found_enterprise: Found, name: str, one: str, same: str) -> None:
    """An IPv6 /64, an IPv4 address however it is written, and everything without an address count as one."""
    enterprise = limited(found_enterprise, name)

    assert burst(enterprise, name, AMOUNT, browser_from(enterprise, one)) == AMOUNT

    assert burst(enterprise, name, 1, browser_from(enterprise, same)) == 0


@pytest.mark.slow
@every_address_limit
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.7", "192.0.2.8"),
        ("2001:db8::1", "2001:db8:0:1::1"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.8"),
        ("::ffff:192.0.2.7", "::1"),
        ("", "192.0.2.7"),
        ("192.0.2.7", "2002:c000:207::"),
    ],
)
def test_two_buckets(found_enterprise: Found, name: str, one: str, other: str) -> None:
    """One address's limit does not touch another's."""
    enterprise = limited(found_enterprise, name)

    assert burst(enterprise, name, AMOUNT + 1, browser_from(enterprise, one)) == AMOUNT

    assert burst(enterprise, name, AMOUNT, browser_from(enterprise, other)) == AMOUNT


LIES: dict[str, list[tuple[str, str]]] = {
    "one": [("X-Forwarded-For", "203.0.113.1")],
    "another": [("X-Forwarded-For", "203.0.113.2")],
    "list": [("X-Forwarded-For", "203.0.113.3, 198.51.100.1, 10.0.0.1")],
    "empty": [("X-Forwarded-For", "")],
    "commas": [("X-Forwarded-For", ",,,")],
    "garbage": [("X-Forwarded-For", "x' OR 1=1 --")],
    "not ascii": [("X-Forwarded-For", "é")],
    "port": [("X-Forwarded-For", "203.0.113.4:1234")],
    "IPv6": [("X-Forwarded-For", "2001:db8::1")],
    "IPv6 port": [("X-Forwarded-For", "[2001:db8::2]:1234")],
    "quoted": [("X-Forwarded-For", '"203.0.113.5"')],
    "long": [("X-Forwarded-For", "203.0.113.6, " * 200)],
    "underscores": [("X_Forwarded_For", "203.0.113.7")],
    "several": [("X-Forwarded-For", "203.0.113.8"), ("X-Forwarded-For", "203.0.113.9")],
    "both spellings": [("X-Forwarded-For", "203.0.113.10"), ("X_Forwarded_For", "203.0.113.11")],
    "standard": [("Forwarded", "for=203.0.113.12")],
    "others": [
        ("X-Real-IP", "203.0.113.13"),
        ("Client-IP", "203.0.113.14"),
        ("CF-Connecting-IP", "203.0.113.15"),
    ],
    "host": [("X-Forwarded-Host", "a.example"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "1")],
}


@pytest.mark.slow
@every_address_limit
def test_lies_about_the_address_change_nothing(found_enterprise: Found, name: str) -> None:
    """Without a trusted proxy a caller is counted by its connection, whatever address its headers claim."""
    enterprise = limited(found_enterprise, name, f"{len(LIES)}/1m")
    liar, ask = browser_from(enterprise, "192.0.2.7"), REQUESTS[name][0]

    for lie in LIES.values():
        assert ask(enterprise, Headed(liar, lie)).status_code != TOO_MANY

    for lie in LIES.values():
        assert ask(enterprise, Headed(liar, lie)).status_code == TOO_MANY
    # Nobody who was named was counted instead.
    assert burst(enterprise, name, len(LIES), browser_from(enterprise, "203.0.113.1")) == len(LIES)


@pytest.mark.slow
@every_address_limit
@pytest.mark.parametrize("lie", LIES)
def test_one_lie_is_counted_as_the_liar(found_enterprise: Found, name: str, lie: str) -> None:
    """Each lie alone leaves a caller in the bucket of its connection."""
    enterprise = limited(found_enterprise, name)
    honest, ask = browser_from(enterprise, "192.0.2.7"), REQUESTS[name][0]
    burst(enterprise, name, AMOUNT, honest)

    assert ask(enterprise, Headed(honest, LIES[lie])).status_code == TOO_MANY


class Headed(FlaskClient):
    """A browser like another one, which sends headers besides."""

    def __init__(self, browser: FlaskClient, headers: list[tuple[str, str]]) -> None:
        super().__init__(browser.application, response_wrapper=browser.response_wrapper)
        self.environ_base, self._headers = browser.environ_base, headers

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request with the headers before its own."""
        own = kwargs.pop("headers", None) or {}
        assert isinstance(own, dict)
        return super().open(*args, headers=[*self._headers, *own.items()], **kwargs)


PROXY = {"server.trusted_proxies": "1", "server.bind": "unix:/run/validator.sock"}
# What a proxy hands on of a caller that it saw at 192.0.2.7: what came from the caller, then what it saw.
HANDED_ON = [
    [("X-Forwarded-For", "192.0.2.7")],
    [("X-Forwarded-For", "203.0.113.1, 192.0.2.7")],
    [("X-Forwarded-For", "203.0.113.1,203.0.113.2,   192.0.2.7 ")],
    [("X-Forwarded-For", ", 192.0.2.7")],
    [("X-Forwarded-For", "x' OR 1=1 --, 192.0.2.7")],
    [("X-Forwarded-For", "203.0.113.4:1234, 192.0.2.7")],
    [("X-Forwarded-For", "é, 192.0.2.7")],
    [("X-Forwarded-For", "203.0.113.8"), ("X-Forwarded-For", "192.0.2.7")],
    [("X-Forwarded-For", "203.0.113.8, 203.0.113.9"), ("X-Forwarded-For", "::ffff:192.0.2.7")],
    [("Forwarded", "for=203.0.113.12"), ("X-Real-IP", "203.0.113.13"), ("X-Forwarded-For", "192.0.2.7")],
]


@pytest.mark.slow
@every_address_limit
def test_behind_a_proxy_its_word_counts(found_enterprise: Found, name: str) -> None:
    """Behind a trusted proxy only the last address counts, whatever precedes it."""
    enterprise = limited(found_enterprise, name, f"{len(HANDED_ON)}/1m", **PROXY)
    ask = REQUESTS[name][0]

    def answers(headers: Iterable[list[tuple[str, str]]]) -> list[TestResponse]:
        # The proxy itself may well have several addresses.
        connections = (browser_from(enterprise, f"10.0.0.{n}") for n in count(1))
        return [ask(enterprise, Headed(next(connections), each)) for each in headers]

    assert passed(answers(HANDED_ON)) == len(HANDED_ON)
    assert passed(answers(HANDED_ON)) == 0
    for other in ("203.0.113.1", "192.0.2.7, 203.0.113.8", "192.0.2.7, 2001:db8::1"):
        assert passed(answers([[("X-Forwarded-For", other)]])) == 1


@every_address_limit
def test_behind_a_proxy_nobody_is_somebody(found_enterprise: Found, name: str) -> None:
    """What a trusted proxy says nothing readable about shares one bucket, and is limited."""
    unreadable = ("", ",", "192.0.2.7,", "x", "192.0.2.7:", "[2001:db8::1", "192.0.2.7 203.0.113.1", "é")
    enterprise = limited(found_enterprise, name, f"{len(unreadable)}/1m", **PROXY)
    browser, ask = browser_from(enterprise, "10.0.0.1"), REQUESTS[name][0]
    silent = Headed(browser, [])

    for text in unreadable:
        assert ask(enterprise, Headed(browser, [("X-Forwarded-For", text)])).status_code != TOO_MANY

    assert ask(enterprise, silent).status_code == TOO_MANY
    assert ask(enterprise, Headed(browser, [("X-Forwarded-For", "x")])).status_code == TOO_MANY
    assert ask(enterprise, Headed(browser, [("X-Forwarded-For", "192.0.2.7")])).status_code != TOO_MANY


OTHERS: list[tuple[str, Ask]] = [
    ("tokens_caller", have_issued_to_person),
    ("signing_guest", sign_as_stranger),
    ("signing_channel", sign_on_other_channel),
]


@pytest.mark.parametrize(("name", "ask_as_other"), OTHERS, ids=[name for name, _ in OTHERS])
def test_one_limit_does_not_touch_anothers(found_enterprise: Found, name: str, ask_as_other: Ask) -> None:
    """Another caller, guest or channel has a separate count."""
    enterprise = limited(found_enterprise, name)
    other = enterprise.visitor()
    assert burst(enterprise, name, AMOUNT + 1) == AMOUNT

    assert [ask_as_other(enterprise, other).status_code for _ in range(AMOUNT)] == [200] * AMOUNT

    assert ask_as_other is sign_as_stranger or ask_as_other(enterprise, other).status_code == TOO_MANY


def test_callers_bucket_is_the_callers(found_enterprise: Found) -> None:
    """A client has one count for both kinds of token and from everywhere; another client has its own."""
    enterprise = limited(found_enterprise, "tokens_caller")
    added, secret = enterprise.services.clients.add("one more", [TENANT], list(Audience))
    requested = {"tenantSpaceId": TENANT, "userId": "c1", "userName": "Ann"}

    def ask(n: int, credentials: tuple[str, str]) -> TestResponse:
        browser = browser_from(enterprise, f"192.0.2.{n}")
        return browser.post(
            f"/api/v1/tokens/{('chat', 'agent')[n % 2]}",
            json=requested | {"userAccount": "a1"},
            auth=credentials,
        )

    assert passed(ask(n, enterprise.basic) for n in range(2 * AMOUNT)) == AMOUNT
    assert passed(ask(n, (added.id, secret)) for n in range(2 * AMOUNT)) == AMOUNT


# The login


def test_right_logins_count_too(found_enterprise: Found) -> None:
    """The limit on login requests counts every one, and a refused one lets nobody in."""
    enterprise = limited(found_enterprise, "login_address")
    answers = [
        enterprise.visitor().post(LOGIN_PATH, json={"account": LOGIN, "password": PASSWORD})
        for _ in range(AMOUNT + 1)
    ]

    assert [answer.status_code for answer in answers] == [200] * AMOUNT + [TOO_MANY]
    check_too_many(answers[-1])
    assert "Set-Cookie" not in answers[-1].headers


# The counters are unavailable


def test_without_counters_nothing_is_let_through(found_enterprise: Found) -> None:
    """When the counters cannot be read, a limited route is 503 in its shape, and mends by itself."""
    enterprise = found_enterprise()
    browser, file = enterprise.visitor(), enterprise.services.settings.limits.directory
    file.write_bytes(b"not what should be here\n" * 400)

    for path, method in OPERATIONS:
        if path in ("/healthz", "/readyz"):
            continue
        answer = browser.open(path, method=method)
        assert int(answer.headers["Retry-After"]) >= 1
        if path in (AGENT_PATH, CHAT_PATH):
            assert (answer.status_code, ret_code(answer)) == (503, 4)
        else:
            problem(answer, 503)

    file.unlink()
    assert ret_code(ask_rightly(enterprise, browser)) == 0


def test_doubled_slashes_share_the_limit(found_enterprise: Found) -> None:
    """A callback is counted as one, however many slashes its path has."""
    enterprise = limited(found_enterprise, "callbacks_foreign", "2/1m")
    cloud = enterprise.visitor()
    question = {"access_token": "x", "tenantSpaceId": TENANT, "userAccount": "a"}
    paths = (AGENT_PATH, AGENT_PATH.replace("/v1/", "//v1//"), AGENT_PATH.replace("/rest/", "/rest//"))

    codes = [cloud.post(path, json=question).get_json()["retCode"] for path in paths]

    assert codes == [2, 2, 3]
