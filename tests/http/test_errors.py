"""Every answer: its shape when something is wrong, its id, its headers, and where it says it came from."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from tests.support import breakage
from tests.support.answers import comparable, problem, ret_code
from tests.support.callback_requests import AGENT_SIDE, issued
from tests.support.fakes import AGENT, AGENT_PATH, CHAT_PATH, ORIGIN, Enterprise
from tests.support.routes import OPERATIONS, paths
from tests.support.server_process import wait_until
from validator.services import Services

SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")
CALLBACKS = (AGENT_PATH, CHAT_PATH)
EVERY_PATH = sorted({path for path, _ in OPERATIONS})


def served(path: str) -> set[str]:
    methods = {method for known, method in OPERATIONS if known == path}
    return methods | ({"HEAD"} if "GET" in methods else set())


# Shapes


def test_problem_has_the_members_of_rfc_9457(lasting_enterprise: Enterprise) -> None:
    """A problem tells type, title, status, instance, perhaps a detail and OAuth's word; no more."""
    browser = lasting_enterprise.visitor()

    unknown = browser.get("/nowhere")
    malformed = browser.post("/api/v1/tokens/introspect", json={}, auth=lasting_enterprise.basic)

    assert problem(unknown, 404) == {
        "type": "urn:validator:problem:not-found",
        "title": "no such resource",
        "status": 404,
        "instance": f"urn:validator:request:{unknown.headers['X-Request-ID']}",
    }
    assert problem(malformed, 400) == {
        "type": "urn:validator:problem:malformed",
        "title": "malformed request",
        "status": 400,
        "detail": "token: missing",
        "instance": f"urn:validator:request:{malformed.headers['X-Request-ID']}",
        "error": "invalid_request",
    }


@pytest.mark.parametrize(
    "path",
    [
        *("/", "//", "/nowhere", "/api", "/api/v1", "/api/v1/", "/api/v1/login/", "/healthz/", "/static/x"),
        *("/api//v1/login", "/../etc/passwd", "/%2e%2e/", "/%00", "/%ff%fe", "/é", "/favicon.ico"),
        *("/API/V1/LOGIN", "/robots.txt", "/" + "a" * 5000, "/webchat", "/rest", "/a;b=c", "/a\\b"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_unknown_path_is_404(lasting_enterprise: Enterprise, path: str, method: str) -> None:
    """Every other path is 404, without a redirect, in the same words and with nothing of the path in it."""
    browser = lasting_enterprise.visitor()

    answer = browser.open(path, method=method)

    problem(answer, 404)
    assert "Location" not in answer.headers
    assert comparable(answer) == comparable(browser.open("/nowhere", method=method))


@pytest.mark.parametrize("path", [path for path in EVERY_PATH if path not in CALLBACKS])
@pytest.mark.parametrize("method", METHODS)
def test_other_method_is_405_and_names_the_right_ones(
    lasting_enterprise: Enterprise, path: str, method: str
) -> None:
    """A method that a route does not serve is 405, and `Allow` names exactly those it does."""
    answer = lasting_enterprise.visitor().open(path, method=method)

    assert (answer.status_code == 405) is (method not in served(path))
    if answer.status_code == 405:
        assert set(answer.headers["Allow"].split(", ")) == served(path)
        assert answer.content_type == "application/problem+json"


def test_head_is_a_get_without_a_body(lasting_enterprise: Enterprise) -> None:
    """A HEAD has the status and headers of the GET, and no body."""
    browser = lasting_enterprise.visitor()

    for path in paths("GET"):
        get, head = browser.get(path), browser.head(path)
        assert (head.status_code, head.data) == (get.status_code, b"")
        assert comparable(head)[2] == comparable(get)[2]


@pytest.mark.parametrize("path", [path for path in paths("POST") if path not in CALLBACKS])
def test_body_over_the_cap_is_413(lasting_enterprise: Enterprise, path: str) -> None:
    """A body that is too large is 413 on every route that reads one, and read by none."""
    body = orjson.dumps({"x": "x" * 20_000})

    answer = lasting_enterprise.visitor().post(
        path,
        data=body,
        content_type="application/json",
        auth=lasting_enterprise.basic,
        headers={"Origin": ORIGIN if path.startswith("/webchat/") else "http://localhost"},
    )

    # These do not read a body, and a session is asked for before one is read.
    expected = {"/api/v1/logout": 204, "/webchat/guest": 200, "/api/v1/password": 401}.get(path, 413)
    assert answer.status_code == expected


# The request's id


def every_kind(enterprise: Enterprise, browser: FlaskClient, headers: dict[str, str]) -> list[Any]:
    """Return an answer of every kind there is, asked for with *headers*."""
    good = AGENT_SIDE.question(issued(enterprise, AGENT)[0])
    answers = [
        browser.get("/healthz", headers=headers),
        browser.get("/readyz", headers=headers),
        browser.get("/openapi.json", headers=headers),
        browser.post(AGENT_PATH, json=good, headers=headers),
        browser.post(AGENT_PATH, data=b"{", headers=headers),
        browser.get(AGENT_PATH, headers=headers),
        browser.head(AGENT_PATH, headers=headers),
        browser.post(f"{AGENT_PATH}/x", headers=headers),
        browser.post(AGENT_PATH, data=b" " * 20_000, headers=headers),
        browser.get("/nowhere", headers=headers),
        browser.post("/api/v1/login", headers=headers),
        browser.post("/api/v1/login", json={"account": "x", "password": "x"}, headers=headers),
        browser.post("/api/v1/logout", headers=headers),
        browser.get("/api/v1/session", headers=headers),
        browser.post("/webchat/guest", headers=headers),
        browser.post("/webchat/guest", headers={**headers, "Origin": ORIGIN}),
        browser.options("/webchat/guest", headers={**headers, "Origin": ORIGIN}),
        browser.delete("/api/v1/session", headers=headers),
    ]
    with breakage.EVERY["trail a folder"](enterprise):
        answers += [
            browser.post(AGENT_PATH, json=good, headers=headers),
            browser.post("/webchat/guest", headers={**headers, "Origin": ORIGIN}),
        ]
    assert {answer.status_code for answer in answers} == {200, 204, 400, 401, 403, 404, 405, 413, 415, 503}
    return answers


def test_every_answer_has_an_id_and_safe_headers(enterprise: Enterprise) -> None:
    """Every response has a unique request id, and headers that keep browsers from misusing it."""
    answers = every_kind(enterprise, enterprise.visitor(), {})

    assert len({answer.headers["X-Request-ID"] for answer in answers}) == len(answers)
    for answer in answers:
        assert {name: answer.headers[name] for name in SAFE_HEADERS} == SAFE_HEADERS
        assert len(answer.headers.getlist("X-Request-ID")) == 1
        assert "Server" not in answer.headers


PRESENTED = "abcDEF-0123456789"


def test_presented_id_is_not_taken_from_anybody(enterprise: Enterprise) -> None:
    """Without a trusted proxy the id that a caller sends is not used, in the answer or in the trail."""
    answers = every_kind(enterprise, enterprise.visitor(), {"X-Request-ID": PRESENTED})

    assert PRESENTED not in {answer.headers["X-Request-ID"] for answer in answers}
    assert PRESENTED not in str(enterprise.trail())


@pytest.fixture
def proxied(found_enterprise: Callable[..., Enterprise]) -> Enterprise:
    """Return an enterprise with one trusted proxy in front."""
    return found_enterprise({"server.trusted_proxies": "1", "server.bind": "unix:/run/validator.sock"})


def test_presented_id_is_taken_from_the_proxy(proxied: Enterprise) -> None:
    """Behind a trusted proxy its id goes through every answer, every problem and the trail."""
    answers = every_kind(proxied, proxied.visitor(), {"X-Request-ID": PRESENTED})

    assert {answer.headers["X-Request-ID"] for answer in answers} == {PRESENTED}
    problems = [answer for answer in answers if answer.content_type == "application/problem+json"]
    for answer in problems:
        if answer.data:
            problem(answer, answer.status_code)
    verdicts = [entry for entry in proxied.trail() if entry["event"] == "verdict"]
    assert {entry["request_id"] for entry in verdicts} == {PRESENTED}


@pytest.mark.parametrize(
    "presented",
    [
        "",
        "short",
        "x" * 65,
        "with blanks in it",
        "quote'quote'quote",
        "a/b/c/d/e",
        "éééééééé",
        "a,b,c,d,e",
        "x;y=zzzz",
    ],
)
def test_strange_id_is_replaced(proxied: Enterprise, presented: str) -> None:
    """An id that is no short plain word is replaced even if the proxy sends it."""
    answer = proxied.visitor().get("/nowhere", headers={"X-Request-ID": presented})

    assert answer.headers["X-Request-ID"] != presented
    problem(answer, 404)


# Where a request came from


def source_of(enterprise: Enterprise, forwarded: str | None, remote: str = "192.0.2.7") -> str:
    """Return the source in the trail's entry about a callback that came with these."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    enterprise.visitor().post(
        AGENT_PATH, data=b"{", headers=headers, environ_overrides={"REMOTE_ADDR": remote}
    )
    return str(enterprise.trail()[-1]["source"])


@pytest.mark.parametrize("forwarded", [None, "203.0.113.9", "203.0.113.9, 198.51.100.1", "nonsense"])
def test_forwarded_address_is_not_taken_from_anybody(
    lasting_enterprise: Enterprise, forwarded: str | None
) -> None:
    """Without a trusted proxy the source is who connected, whatever the headers say."""
    assert source_of(lasting_enterprise, forwarded) == "192.0.2.7"


@pytest.mark.parametrize(
    ("forwarded", "source"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1,10.0.0.1 ,203.0.113.9 ", "203.0.113.9"),
        ("2001:DB8:0::1", "2001:db8::1"),
        (None, "unknown"),
        ("", "unknown"),
        ("203.0.113.9,", "unknown"),
        ("203.0.113.9, nonsense", "unknown"),
        ("203.0.113.9:1234", "203.0.113.9"),
        ('203.0.113.9"}', "unknown"),
        ("é", "unknown"),
    ],
)
def test_forwarded_address_is_the_proxys_last_word(
    proxied: Enterprise, forwarded: str | None, source: str
) -> None:
    """Behind a trusted proxy the source is the last address of the list, which is the one it saw."""
    assert source_of(proxied, forwarded) == source


@pytest.mark.parametrize("remote", ["", "unix:", "not an address"])
def test_source_without_an_address_is_unknown(lasting_enterprise: Enterprise, remote: str) -> None:
    """Over a Unix socket there is no address, and none is made up."""
    assert source_of(lasting_enterprise, None, remote) == "unknown"


# Requests that no browser sends


@pytest.mark.parametrize(
    "header",
    [
        *(("Host", value) for value in ("", "a b", "a/b", "évil", "[::1", "x" * 5000, "localhost:port")),
        *(
            ("Cookie", value)
            for value in ("=", ";;;", "a=b; a=c", "é=é", "__Host-validator-session", "x" * 9000)
        ),
        *(("Content-Type", value) for value in ("", ";", "é", "application/json; charset=\xff", "a/b;" * 99)),
        *(("Content-Encoding", value) for value in ("gzip", "é")),
        *(("Authorization", value) for value in ("", "Basic", "Basic é", "é é", "Basic " + "A" * 9000)),
        *(("Transfer-Encoding", value) for value in ("gzip", "é", "identity, chunked")),
        *(("Accept", value) for value in ("image/png", "é", "*/*;q=é")),
        *(("Origin", value) for value in ("é", "x" * 9000, "null")),
        *(("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Expect", "100-continue"), ("Range", "é")),
        *(
            ("X-HTTP-Method-Override", "DELETE"),
            ("If-None-Match", "é"),
            ("Content-MD5", "é"),
            ("Forwarded", "é"),
        ),
    ],
    ids=lambda header: f"{header[0]} {header[1][:20]!a}",
)
def test_strange_header_is_no_reason_to_fail(lasting_enterprise: Enterprise, header: tuple[str, str]) -> None:
    """No header, however broken, makes any route fail; errors have the shape of their path."""
    browser = lasting_enterprise.visitor()

    for path, method in OPERATIONS:
        answer = browser.open(path, method=method, headers=[header])

        assert answer.status_code < 500, (path, method, answer.text)
        if path in CALLBACKS:
            assert ret_code(answer) in (1, 2)
        elif answer.status_code >= 400:
            problem(answer, answer.status_code)


def test_query_does_not_matter(lasting_enterprise: Enterprise) -> None:
    """A query, broken or not, changes no answer; nothing is ever read from it."""
    browser = lasting_enterprise.visitor()
    # On a busy machine the first look at a part may take longer than its response waits.
    wait_until(lambda: browser.get("/readyz").status_code == 200, "every part was looked at")

    for path, method in OPERATIONS:
        plain = comparable(browser.open(path, method=method))
        for query in (b"?access_token=x", b"?%ff=%00&&=", b"?" + b"a=b&" * 2000):
            assert comparable(browser.open(path + query.decode("latin-1"), method=method)) == plain, path


# Roles


@pytest.mark.parametrize("role", ["callbacks", "people", "integrations"])
def test_each_role_serves_its_own_routes(found_enterprise: Callable[..., Enterprise], role: str) -> None:
    """A server for the cloud has no route for people, and the other way round; both tell their health."""
    browser = found_enterprise({"server.role": role}).visitor()

    found = {path for path, method in OPERATIONS if browser.open(path, method=method).status_code != 404}

    health = {"/healthz", "/readyz", "/openapi.json"}
    everybody = set(EVERY_PATH) - set(CALLBACKS)
    assert found == {"callbacks": health | set(CALLBACKS), "people": everybody, "integrations": health}[role]


def test_services_of_two_apps_do_not_mix(found_enterprise: Callable[..., Enterprise]) -> None:
    """Two applications in one process know only their own enterprise."""
    one, other = found_enterprise(), found_enterprise()
    services: Services = one.services
    services.keyring.rotate()
    services.keyring.revoke(services.keyring.list()[0].id)
    question = AGENT_SIDE.question(issued(one, AGENT)[0])

    assert ret_code(AGENT_SIDE.ask(one.visitor(), question)) == 0
    assert ret_code(AGENT_SIDE.ask(other.visitor(), question)) == 2
