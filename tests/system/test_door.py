"""The door: a real nginx, as it is rendered, in front of a real server."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme

from tests.conftest import require_package
from tests.support import nginx_process
from tests.support.command_line import CHANNEL, LOGIN, ORIGIN, PASSWORD, TENANT, CommandLine
from tests.support.fakes import AGENT_PATH, CHAT_PATH
from tests.support.nginx_and_server import (
    CALLBACKS_NAME,
    NAME,
    Entrance,
    FrontDoor,
    Listener,
    check_headers,
    closed,
    front_door,
    furnish,
    guarded,
    listening,
    verdicts,
)
from tests.support.nginx_process import Answer, folder_for_nginx, read_answer
from tests.support.raw_http import Headers
from validator.operations.proxy.headers import PROXIES_HEADERS
from validator.web.openapi import Problem

ACCEPTED = {"retCode": 0, "message": "validate success"}
NONSENSE = {"access_token": "x", "tenantSpaceId": TENANT, "userAccount": "agent-7"}
BALANCER, ELSEWHERE = "127.0.0.9", "127.0.0.2"
PAGE, CHALLENGE = b"<!doctype html><title>the portal</title>", b"token.thumbprint"
TOGETHER = {
    "proxy.document_root": "{folder}/pages",
    "proxy.acme_root": "{folder}/acme",
    "proxy.load_balancers": f'["{BALANCER}"]',
}
PAGES = {
    "pages/index.html": PAGE,
    "pages/a.css": b"a{}",
    "acme/.well-known/acme-challenge/abc": CHALLENGE,
    "acme/secret": b"secret",
}
APART = {"proxy.callbacks_origin": f"https://{CALLBACKS_NAME}:{{port}}"}
CERTIFIED = {
    **APART,
    "proxy.client_ca": "{folder}/clients.pem",
    "callbacks.networks": '["127.0.0.1", "127.0.0.3"]',
}
ALWAYS_200 = {**APART, "callbacks.always_200": "true"}
FORMS: Mapping[str, Mapping[str, str]] = {"together": {}, "apart": APART, "always 200": ALWAYS_200}


@pytest.fixture(scope="module", autouse=True)
def _nginx() -> None:
    """Skip the tests where nginx is not installed."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a tenant, an account and a channel; copy it, don't use it."""
    return furnish(tmp_path_factory.mktemp("template") / "home").home


@pytest.fixture(scope="module")
def home(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of the server behind the door."""
    return Path(shutil.copytree(template, tmp_path_factory.mktemp("door") / "home"))


@pytest.fixture(scope="module")
def door(home: Path) -> Iterator[FrontDoor]:
    """Yield a door with everything on one server, in front of a server that answers."""
    with guarded(home, TOGETHER, files=PAGES) as (running, _):
        yield running


@dataclass(frozen=True, slots=True)
class Certified:
    """A door that demands client certificates, the home behind it, and two CAs, one of them its own."""

    door: FrontDoor
    home: Path
    bind: str
    authority: trustme.CA
    stranger: trustme.CA

    def shown(self, authority: trustme.CA | None, host: str = CALLBACKS_NAME, sni: str = "") -> Entrance:
        """Return a way in with a certificate that *authority* signed, or with none."""
        identity = authority.issue_cert("cloud.example.net") if authority else None
        return self.door.entrance(host, sni, identity)


@pytest.fixture(scope="module")
def certified(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certified]:
    """Yield a proxy with the callbacks on a separate server, for two networks and one CA's clients."""
    home = Path(shutil.copytree(template, tmp_path_factory.mktemp("certified") / "home"))
    authority, stranger = trustme.CA(), trustme.CA()
    files = {"clients.pem": authority.cert_pem.bytes()}
    with guarded(home, {**CERTIFIED, "server.workers": "1"}, files=files) as (running, server):
        yield Certified(running, home, server.bind, authority, stranger)


@pytest.fixture(scope="module", params=FORMS)
def shut(request: pytest.FixtureRequest) -> Iterator[FrontDoor]:
    """Yield a door of each form with nobody behind it."""
    with closed(FORMS[request.param]) as running:
        yield running


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[FrontDoor, Listener]]:
    """Yield a proxy, and a server behind it that records what comes through."""
    with (
        folder_for_nginx() as folder,
        listening(folder / "listener.sock") as behind,
        front_door(folder, {"server.bind": f"unix:{folder}/listener.sock"}) as running,
    ):
        yield running, behind


def begin_session(
    entrance: Entrance, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLSession | None, bool]:
    """Return the session of a connection that is used once, and whether it went on with *session*."""
    with entrance.connect(session) as connection:
        assert isinstance(connection, ssl.SSLSocket)
        connection.sendall(entrance.request("/healthz"))
        assert read_answer(connection).status == 200
        return connection.session, bool(connection.session_reused)


def token(home: Path) -> dict[str, str]:
    """Return what the cloud would ask of a new agent token."""
    question: dict[str, str] = CommandLine(home)(
        "tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7"
    ).json()
    return question


def cookies_of(answer: Answer) -> tuple[str, str]:
    """Return the header that a browser sends back after *answer*."""
    jar: SimpleCookie = SimpleCookie()
    for line in answer.values("Set-Cookie"):
        jar.load(line)
    return "Cookie", "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())


def json_of(answer: Answer) -> Any:
    """Return the body of an answer that has to be a good one."""
    assert answer.status == 200, answer
    return orjson.loads(answer.body)


def check_problem(answer: Answer, status: int, *, is_unread: bool = False) -> dict[str, Any]:
    """Return a problem of nginx's own, with the members that the application's have.

    One that *is_unread* may have been the answer to a callback: it has both shapes.
    """
    assert answer.status == status, answer
    check_headers(answer)
    assert answer.value("Content-Type") == "application/problem+json"
    members: dict[str, Any] = orjson.loads(answer.body)
    assert members["status"] == status
    assert members["instance"] == f"urn:validator:request:{answer.value('X-Request-ID')}"
    assert members["type"].startswith("urn:validator:problem:")
    if is_unread:
        check_fields(members)
    else:
        assert members.keys() <= set(Problem().fields)
    return members


def check_fields(members: Mapping[str, Any]) -> None:
    """Assert that the cloud reads *members* as a refusal: an int that is not 0, and a message."""
    assert type(members["retCode"]) is int
    assert members["retCode"] in (1, 2, 3, 4)
    assert isinstance(members["message"], str)
    assert members["message"]


def check_callback(answer: Answer, status: int, code: int) -> None:
    """Assert that *answer* is the cloud's shape, and just that."""
    assert (answer.status, answer.value("Content-Type")) == (status, "application/json"), answer
    check_headers(answer)
    members = orjson.loads(answer.body)
    assert members.keys() == {"retCode", "message"}
    check_fields(members)
    assert members["retCode"] == code


# The main job


def test_agent_from_login_to_success(door: FrontDoor) -> None:
    """Through TLS: a person logs in, gets a token, and the cloud's question about it is accepted."""
    login = door.portal.post(
        "/api/v1/login", {"account": LOGIN, "password": PASSWORD}, [("Origin", door.origin)]
    )
    issued = door.portal.post("/api/v1/tokens/agent", {}, [cookies_of(login), ("Origin", door.origin)])

    answer = door.callbacks.post(AGENT_PATH, json_of(issued))

    assert json_of(answer) == ACCEPTED
    for one in (login, issued, answer):
        check_headers(one)


def test_customer_from_login_to_success(door: FrontDoor) -> None:
    """The same for a customer, and the other callback."""
    login = door.portal.post("/api/v1/login", {"account": LOGIN, "password": PASSWORD})
    issued = json_of(door.portal.post("/api/v1/tokens/chat", {}, [cookies_of(login)]))
    who = {"userId": "customer-7", "userName": "Ann", "tenantSpaceId": TENANT}

    answer = door.callbacks.post(CHAT_PATH, {"Token": issued["thirdUserToken"], **who})

    assert json_of(answer) == ACCEPTED


def test_connection_is_used_again(door: FrontDoor, home: Path) -> None:
    """The cloud may ask again over the same connection, and wait for a word before it sends a body."""
    body = orjson.dumps(token(home))
    waiting = [("Content-Length", str(len(body))), ("Expect", "100-continue")]

    with door.callbacks.connect() as connection:
        for _ in range(3):
            connection.sendall(door.callbacks.request(AGENT_PATH, "POST", body=body))
            assert json_of(read_answer(connection, "POST")) == ACCEPTED
        connection.sendall(door.callbacks.request(AGENT_PATH, "POST", waiting))
        interim = connection.recv(4096)
        connection.sendall(body)
        answer = read_answer(connection, "POST")

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert json_of(answer) == ACCEPTED


def test_guest_gets_a_signature(door: FrontDoor) -> None:
    """A guest's page of another site is greeted, then signed for, and may read both."""
    origin = ("Origin", ORIGIN)
    greeted = door.portal.post("/webchat/guest", {}, [origin])
    asked = {
        "thirdUserName": "Guest",
        **json_of(greeted),
        "tenantSpaceId": TENANT,
        "channelConfigId": CHANNEL,
    }

    signed = door.portal.post("/webchat/authorizationService", asked, [origin, cookies_of(greeted)])

    assert signed.status == 200
    assert signed.body.startswith(f"auth-v2/{CHANNEL}/".encode())
    assert signed.values("Access-Control-Allow-Origin") == [ORIGIN]
    check_headers(signed)


def test_page_of_another_site_cannot_act(door: FrontDoor) -> None:
    """Behind the door the application knows its own origin: another one is refused, whatever its cookie."""
    login = door.portal.post("/api/v1/login", {"account": LOGIN, "password": PASSWORD})

    answer = door.portal.post(
        "/api/v1/tokens/agent", {}, [cookies_of(login), ("Origin", "https://evil.example")]
    )

    assert answer.status == 403
    check_headers(answer)


def over_http2(running: FrontDoor, folder: Path, path: str, *words: str, body: bytes = b"{}") -> Answer:
    """Return the answer to a question that is posted to *path* over HTTP/2."""
    require_package("curl", found=shutil.which("curl") is not None)
    (folder / "ca.pem").write_bytes(running.authority.cert_pem.bytes())
    host = running.callbacks.host.partition(":")[0]
    trusting = ["--resolve", f"{host}:{running.port}:127.0.0.1", "--cacert", str(folder / "ca.pem")]
    command = ["curl", "--silent", "--http2", "--include", "--data-binary", "@-", *trusting, *words]

    done = subprocess.run(
        [*command, f"https://{running.callbacks.host}{path}"], input=body, capture_output=True, check=True
    )

    head, _, content = done.stdout.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first.startswith("HTTP/2 "), first
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    return Answer(int(first.split()[1]), headers, content)


def test_http2_is_spoken(door: FrontDoor, home: Path, tmp_path: Path) -> None:
    """The same question over HTTP/2 has the same answer."""
    answer = over_http2(door, tmp_path, AGENT_PATH, body=orjson.dumps(token(home)))

    assert json_of(answer) == ACCEPTED
    check_headers(answer)


def test_static_pages_are_served(door: FrontDoor) -> None:
    """The portal's own pages lie beside the routes, with the same headers."""
    for path, body in (("/", PAGE), ("/index.html", PAGE), ("/a.css", b"a{}")):
        answer = door.portal.ask(path)
        assert (answer.status, answer.body) == (200, body)
        check_headers(answer)
    assert door.portal.ask("/a.css").value("Content-Type") == "text/css"


# Who asks


LIES: Headers = [
    ("X-Forwarded-For", "198.51.100.66"),
    ("X-Real-IP", "198.51.100.67"),
    ("Forwarded", "for=198.51.100.68;proto=http;host=evil.example"),
    ("X-Request-ID", "chosen-by-the-caller"),
    ("X-Client-Verify", "SUCCESS"),
    ("X-Forwarded-Proto", "http"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Port", "1"),
    ("Proxy", "http://evil.example"),
]


def test_caller_cannot_say_who_it_is(door: FrontDoor, home: Path) -> None:
    """The trail has the address that nginx saw and the id that nginx gave, whatever the caller says."""
    answer = door.portal.coming_from(ELSEWHERE).post(AGENT_PATH, NONSENSE, LIES)

    entry = verdicts(home)[-1]
    assert (entry["source"], entry["request_id"]) == (ELSEWHERE, answer.value("X-Request-ID"))
    assert "198.51.100" not in orjson.dumps(entry).decode()


def test_one_id_names_a_request_everywhere(door: FrontDoor, home: Path) -> None:
    """The response, nginx's log and the trail have the same id for one request."""
    answer = door.portal.post(AGENT_PATH, NONSENSE)

    request_id = answer.value("X-Request-ID")
    (line,) = door.logged(1, request_id=request_id)
    assert (line["source"], line["path"], line["status"]) == ("127.0.0.1", AGENT_PATH, 200)
    assert verdicts(home)[-1]["request_id"] == request_id


def test_application_hears_nginx_only(listener: tuple[FrontDoor, Listener]) -> None:
    """Each header that the application believes arrives once, as nginx wrote it; the caller's are gone."""
    running, behind = listener
    more = [("x-forwarded-for", "198.51.100.69"), ("X_Forwarded_For", "198.51.100.70"), ("Upgrade", "h2c")]
    more += [(name, "198.51.100.71") for name in PROXIES_HEADERS]

    answer = running.portal.post(AGENT_PATH, NONSENSE, [*LIES, *more])

    heard = behind.seen[-1]
    assert heard.values("X-Forwarded-For") == ["127.0.0.1"]
    assert heard.values("X-Request-ID") == [answer.value("X-Request-ID")]
    assert heard.values("X-Client-Verify") == ["NONE"]
    assert heard.values("X-Forwarded-Proto") == ["https"]
    assert heard.values("Host") == [f"{NAME}:{running.port}"]
    for name in ("Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Port", "Proxy", "Upgrade"):
        assert heard.values(name) == [], name
    assert "198.51.100" not in str(heard.headers)
    assert "evil" not in str(heard.headers)


def test_without_overwriting_the_callers_word_arrives() -> None:
    """The lines that overwrite are what holds: without them the application hears the caller's own words."""
    names = ("X-Forwarded-For", "X-Request-ID", "X-Client-Verify")
    edits = {f"    proxy_set_header {name} ": f"    # proxy_set_header {name} " for name in names}
    edits |= {"    proxy_pass_request_headers off;": ""}
    with (
        folder_for_nginx() as folder,
        listening(folder / "listener.sock") as behind,
        front_door(folder, {"server.bind": f"unix:{folder}/listener.sock"}, edits) as running,
    ):
        running.portal.post(AGENT_PATH, NONSENSE, LIES)

    assert [behind.seen[-1].value(name) for name in names] == [dict(LIES)[name] for name in names]


def test_id_is_told_once(listener: tuple[FrontDoor, Listener]) -> None:
    """An id that the application would tell besides is left out: there is one, and it is nginx's."""
    running, _ = listener

    answer = running.portal.post(AGENT_PATH, NONSENSE)

    assert answer.values("X-Request-ID") != ["of-the-listener"]
    check_headers(answer)


@pytest.mark.parametrize(
    ("source", "forwarded", "told"),
    [
        (BALANCER, "203.0.113.5", "203.0.113.5"),
        (BALANCER, "198.51.100.66, 203.0.113.5", "203.0.113.5"),
        (BALANCER, f"198.51.100.66, 203.0.113.5, {BALANCER}", "203.0.113.5"),
        (BALANCER, "2001:db8::5", "2001:db8::5"),
        (BALANCER, "nonsense", BALANCER),
        ("127.0.0.1", "203.0.113.5", "127.0.0.1"),
        (ELSEWHERE, f"203.0.113.5, {BALANCER}", ELSEWHERE),
    ],
)
def test_only_the_load_balancer_is_believed(
    door: FrontDoor, home: Path, source: str, forwarded: str, told: str
) -> None:
    """X-Forwarded-For counts when a named load balancer wrote it, and then what it saw itself."""
    door.portal.coming_from(source).post(AGENT_PATH, NONSENSE, [("X-Forwarded-For", forwarded)])

    assert verdicts(home)[-1]["source"] == told


@pytest.mark.parametrize(
    ("source", "forwarded", "status"),
    [
        (BALANCER, None, 200),
        (BALANCER, "203.0.113.5", 404),
        (ELSEWHERE, None, 404),
        (ELSEWHERE, BALANCER, 404),
        (BALANCER, f"{BALANCER}, 203.0.113.5", 404),
    ],
)
def test_readiness_is_for_the_load_balancers_own_check(
    door: FrontDoor, source: str, forwarded: str | None, status: int
) -> None:
    """A load balancer asks whether the node can do its work; nobody does through it, or beside it."""
    headers = [("X-Forwarded-For", forwarded)] if forwarded else []

    answers = [door.portal.coming_from(source).ask("/readyz", headers=headers) for _ in range(3)]

    assert {answer.status for answer in answers} == {status}
    assert (b"ready" in answers[0].body) is (status == 200)


# Names


@pytest.mark.parametrize("sni", ["other.example.com", "x.portal.example.com", "localhost", None])
def test_unknown_name_gets_no_certificate(door: FrontDoor, sni: str | None) -> None:
    """A handshake for another name, or for none, is rejected before any certificate is shown."""
    with pytest.raises(ssl.SSLError, match=r"UNRECOGNIZED_NAME|unrecognized name"):
        door.entrance(NAME, sni).connect()

    door.entrance(NAME).connect().close()


@pytest.mark.parametrize(
    "host", ["other.example.com", "127.0.0.1", "localhost", "portal.example.com.evil.example"]
)
def test_another_host_than_the_handshakes_is_refused(door: FrontDoor, host: str) -> None:
    """A request for a host that is not here is misdirected: neither a page nor the application answers."""
    for path in ("/", "/healthz", AGENT_PATH):
        answer = door.entrance(host, NAME).ask(path)
        assert answer.status in (400, 404, 421)
        assert b"nginx" not in answer.body
        assert "html" not in answer.value("Content-Type")


def test_request_without_a_host_is_unreadable(door: FrontDoor) -> None:
    """HTTP/1.1 without Host, or with two, is answered in the shape of its path."""
    for hosts in (b"", b"Host: portal.example.com\r\nHost: evil.example\r\n"):
        check_problem(door.portal.send(b"GET / HTTP/1.1\r\n" + hosts + b"\r\n"), 400)


@pytest.mark.parametrize(
    "path", ["/readyz", "/openapi.json", "/metrics", "/static/x", "/api/v1/", "/readyz/"]
)
def test_what_is_inside_stays_inside(door: FrontDoor, path: str) -> None:
    """Readiness, the description and the metrics are not there from outside, by any spelling or method."""
    for spelling in (
        path,
        f"/{path}",
        f"/.{path}",
        path.replace("e", "%65"),
        f"{path}?a",
        f"/healthz/..{path}",
    ):
        check_problem(door.portal.ask(spelling), 404)
    assert door.portal.ask(path, "HEAD").status == 404
    assert door.portal.post(path, {}).status in (404, 405)


# Plain HTTP


def test_page_over_plain_http_is_sent_to_https(door: FrontDoor) -> None:
    """A browser is sent to the portal's origin with path and query, whatever host it said."""
    for host in (NAME, "evil.example"):
        answer = door.plain.ask("/a/b?c=d", headers=[("Host", host)])
        assert (answer.status, answer.value("Location")) == (308, f"{door.origin}/a/b?c=d")
        assert answer.values("Server") == ["nginx"]


@pytest.mark.parametrize("path", ["/api/v1/login", AGENT_PATH, "/"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_is_posted_over_plain_http(door: FrontDoor, path: str, method: str) -> None:
    """What was sent in the clear is refused, in the path's shape, and not sent on to be sent again."""
    answer = door.plain.ask(path, method, body=b"{}")

    assert answer.status == 403
    members = orjson.loads(answer.body)
    assert members.get("status", 403) == 403
    assert ("retCode" in members) is (path == AGENT_PATH)
    assert answer.values("Location") == []


def test_certificate_authority_finds_its_challenge(door: FrontDoor) -> None:
    """Over plain HTTP the challenge is there as text, and nothing else of its folder."""
    found = door.plain.ask("/.well-known/acme-challenge/abc")

    assert (found.status, found.body, found.value("Content-Type")) == (200, CHALLENGE, "text/plain")
    for path in ("/secret", "/.well-known/acme-challenge/../../secret", "/.well-known/acme-challenge/"):
        assert b"secret" not in door.plain.ask(path).body
        assert door.plain.ask(path).status != 200


@pytest.mark.parametrize(
    ("path", "word"), [("/", "detail"), ("/api/v1/login", "detail"), (AGENT_PATH, "message")]
)
def test_plain_http_on_the_port_for_tls_is_refused(door: FrontDoor, path: str, word: str) -> None:
    """A client that forgets TLS gets an error in the form of its path, not in HTML."""
    answer = Entrance(door.port, None, NAME, None).ask(path)

    members = orjson.loads(answer.body)
    assert answer.status == 400
    assert "https://" in members[word]
    assert ("retCode" in members) is (path == AGENT_PATH)


# What nginx answers itself


LONG = "x" * 17000
UNREADABLE: Mapping[str, tuple[bytes, int]] = {
    "header without a name": (b"POST %s HTTP/1.1\r\nHost: %s\r\n: x\r\n\r\n", 400),
    "nul in a header": (b"POST %s HTTP/1.1\r\nHost: %s\r\nA: b\0c\r\n\r\n", 400),
    "length that is no number": (b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: x\r\n\r\n", 400),
    "two lengths": (b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "length and chunks": (
        b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "unknown encoding": (b"POST %s HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    "unknown version": (b"POST %s HTTP/7.1\r\nHost: %s\r\n\r\n", 501),
    "no http": (b"nonsense %s %s\r\n\r\n", 400),
    "header too large": (b"POST %s HTTP/1.1\r\nHost: %s\r\nA: " + LONG.encode() + b"\r\n\r\n", 431),
    "address too long": (b"POST %s?" + LONG.encode() + b" HTTP/1.1\r\nHost: %s\r\n\r\n", 414),
    "invalid escape": (b"POST %s%%zz HTTP/1.1\r\nHost: %s\r\n\r\n", 400),
    "way out of the root": (b"POST /../..%s HTTP/1.1\r\nHost: %s\r\n\r\n", 400),
}


UNKNOWN_PATH = {
    "unknown version",
    "no http",
    "address too long",
    "invalid escape",
    "way out of the root",
}


def check_refused_by_nginx(
    running: FrontDoor, answer: Answer, status: int, *, is_located: bool = False, is_unread: bool = False
) -> None:
    """Assert that the cloud can read *answer*, whichever form the door has.

    On the portal's server a request is known for a callback when it *is_located*, or its path could be read.
    """
    if is_unread and not running.settings.proxy.callbacks_origin:
        check_problem(answer, status, is_unread=True)
        return
    is_200 = running.settings.callbacks.always_200 and (
        is_located or bool(running.settings.proxy.callbacks_origin)
    )
    code = 4 if status >= 500 and status != 501 else 1
    check_callback(answer, 200 if is_200 else status, code)


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_question_is_answered_readably(shut: FrontDoor, name: str) -> None:
    """What nginx cannot read it refuses with `retCode` and `message`, with an unknown path in both shapes."""
    request, status = UNREADABLE[name]

    answer = shut.callbacks.send(request % (AGENT_PATH.encode(), shut.callbacks.host.encode()), "POST")

    check_refused_by_nginx(shut, answer, status, is_unread=name in UNKNOWN_PATH)


def test_refusals_over_http2(shut: FrontDoor, tmp_path: Path) -> None:
    """Over HTTP/2 what nginx refuses has the same shapes; a stream that it cannot read at all is reset."""
    always_200 = shut.settings.callbacks.always_200

    check_refused_by_nginx(shut, over_http2(shut, tmp_path, f"{AGENT_PATH}/x"), 404, is_located=True)
    check_refused_by_nginx(shut, over_http2(shut, tmp_path, AGENT_PATH, "--request", "TRACE"), 405)
    too_large = over_http2(shut, tmp_path, AGENT_PATH, body=b"x" * 16385)
    check_callback(too_large, 200 if always_200 else 413, 1)
    check_callback(over_http2(shut, tmp_path, AGENT_PATH), 200 if always_200 else 503, 4)


def test_question_is_too_large(shut: FrontDoor) -> None:
    """More than the application would read is refused by nginx, in the cloud's shape."""
    status = 200 if shut.settings.callbacks.always_200 else 413

    answer = shut.callbacks.ask(AGENT_PATH, "POST", [("Content-Length", "16385")], b"x" * 16385)

    check_callback(answer, status, 1)


def test_nobody_answers(shut: FrontDoor) -> None:
    """While the application is unavailable, the cloud's response says so, and when to retry."""
    status = 200 if shut.settings.callbacks.always_200 else 503

    for path in (AGENT_PATH, CHAT_PATH):
        answer = shut.callbacks.post(path, NONSENSE)
        check_callback(answer, status, 4)
        assert answer.values("Retry-After") == ["1"]


def test_people_are_told_that_nobody_answers(shut: FrontDoor) -> None:
    """People's routes say the same as a problem."""
    answer = shut.portal.post("/api/v1/login", {})

    assert check_problem(answer, 503)["title"] == "temporarily unavailable"
    assert answer.values("Retry-After") == ["1"]


def test_below_a_callback_is_nothing(shut: FrontDoor) -> None:
    """Below a callback's path nothing is found, in a shape that the cloud can read; beside it in another."""
    for path in (f"{AGENT_PATH}/", f"{AGENT_PATH}/x", f"{AGENT_PATH}x", AGENT_PATH.rpartition("/")[0], "/"):
        answer = shut.callbacks.post(path, NONSENSE)
        if path.startswith(f"{AGENT_PATH}/") or shut.settings.proxy.callbacks_origin:
            check_refused_by_nginx(shut, answer, 404, is_located=True)
        else:
            check_problem(answer, 404)


def test_trace_is_refused(shut: FrontDoor) -> None:
    """Nothing is echoed."""
    for method in ("TRACE", "CONNECT"):
        answer = shut.callbacks.ask(AGENT_PATH, method, [("X-Secret", "s3cret")])
        check_refused_by_nginx(shut, answer, 405 if answer.status != 400 else 400)
        assert b"s3cret" not in answer.body


def test_pages_of_errors_are_nobodys_to_ask(shut: FrontDoor) -> None:
    """The places that nginx answers errors from are not found from outside."""
    for path in ("/door-error/400", "/door-error/callback/400", "/door-error/", "/door-error/x"):
        if shut.settings.proxy.callbacks_origin:
            check_refused_by_nginx(shut, shut.callbacks.ask(path), 404)
        check_problem(shut.portal.ask(path), 404)


@pytest.fixture(scope="module")
def silent() -> Iterator[tuple[FrontDoor, Listener]]:
    """Yield a door, and somebody behind it who never answers."""
    with (
        folder_for_nginx() as folder,
        listening(folder / "silent.sock", is_silent=True) as behind,
        front_door(folder, {"server.bind": f"unix:{folder}/silent.sock"}) as running,
    ):
        yield running, behind


def test_answer_that_breaks_off_is_no_answer(silent: tuple[FrontDoor, Listener]) -> None:
    """An application that ends the connection is asked twice; then the cloud reads that nothing is known."""
    running, behind = silent
    before = len(behind.seen)

    check_callback(running.callbacks.post(AGENT_PATH, NONSENSE), 503, 4)

    assert len(behind.seen) == before + 2


def test_people_are_never_asked_twice(silent: tuple[FrontDoor, Listener]) -> None:
    """A login that broke off is not sent again by the door: only the person knows whether to."""
    running, behind = silent
    before = len(behind.seen)

    check_problem(running.portal.post("/api/v1/login", {}), 503)

    assert len(behind.seen) == before + 1


def test_answer_that_never_comes_is_no_answer() -> None:
    """An application that does not answer in time is asked twice; then the cloud reads of it."""
    edits = {"proxy_read_timeout 10s;": "proxy_read_timeout 200ms;"}
    with (
        folder_for_nginx() as folder,
        listening(folder / "slow.sock") as behind,
        front_door(folder, {"server.bind": f"unix:{folder}/slow.sock"}, edits) as running,
    ):
        behind.may_answer.clear()
        question, login = (
            running.callbacks.post(AGENT_PATH, NONSENSE),
            running.portal.post("/api/v1/login", {}),
        )
        behind.may_answer.set()

    check_callback(question, 503, 4)
    check_problem(login, 503)
    assert [one.path for one in behind.seen] == [AGENT_PATH, AGENT_PATH, "/api/v1/login"]


APPLICATIONS: Mapping[str, tuple[str, Headers, bytes | None]] = {
    "GET": ("GET", (), None),
    "DELETE": ("DELETE", (), None),
    "no JSON": ("POST", (), b"{"),
    "nothing": ("POST", (), b""),
    "long address": ("POST", (), b"?" + b"x" * 3000),
    "long header": ("POST", [("A", "x" * 9000)], b"{}"),
    "many headers": ("POST", [(f"A-{number}", "x") for number in range(90)], b"{}"),
    "chunks": ("POST", [("Transfer-Encoding", "chunked"), ("Content-Length", "")], b"2\r\n{}\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_application_answers_the_rest(door: FrontDoor, name: str) -> None:
    """What nginx lets through and the application cannot use has the cloud's shape too, never HTML."""
    method, headers, body = APPLICATIONS[name]
    query = (body or b"").decode() if (body or b"").startswith(b"?") else ""
    kept = [(one, text) for one, text in headers if text]
    request = door.callbacks.request(AGENT_PATH + query, method, headers, None if query else body)
    request = request.replace(b"Content-Length: \r\n", b"")

    answer = door.callbacks.send(request, method)

    assert answer.status in (200, 400, 405, 414, 431), (answer, kept)
    assert answer.value("Content-Type") in ("application/json", "application/problem+json")
    check_headers(answer)
    check_fields(orjson.loads(answer.body))


# Certificates and networks


def test_cloud_with_its_certificate_is_answered(certified: Certified) -> None:
    """With a certificate of the named CA, from a named network, the right question is accepted."""
    answer = certified.shown(certified.authority).post(AGENT_PATH, token(certified.home))

    assert json_of(answer) == ACCEPTED
    check_headers(answer)


@pytest.mark.parametrize("whose", ["nobody's", "a stranger's", "one's own"])
def test_without_the_certificate_nobody_asks(certified: Certified, whose: str) -> None:
    """No certificate, or one of another CA, is refused in the cloud's shape; the application is not asked."""
    authority = {"nobody's": None, "a stranger's": certified.stranger, "one's own": trustme.CA()}[whose]
    before = len(verdicts(certified.home))

    answer = certified.shown(authority).post(AGENT_PATH, token(certified.home), LIES)

    check_callback(answer, 403, 2)
    assert len(verdicts(certified.home)) == before


def test_portals_connection_leads_to_no_callback(certified: Certified) -> None:
    """Over a connection for the portal, which asks for no certificate, the callbacks' host is not reached."""
    before = len(verdicts(certified.home))
    question = token(certified.home)

    for authority in (None, certified.authority):
        answer = certified.shown(authority, CALLBACKS_NAME, NAME).post(AGENT_PATH, question)
        assert answer.status in (400, 403, 421)
        assert certified.shown(authority, NAME).post(AGENT_PATH, question).status == 404
    assert len(verdicts(certified.home)) == before


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_session_of_the_portal_proves_nothing(certified: Certified, version: ssl.TLSVersion) -> None:
    """A TLS session that began at the portal without a certificate has none at the callbacks either."""
    portal = certified.shown(None, NAME)
    assert portal.context is not None
    portal.context.maximum_version = version
    callbacks = Entrance(portal.port, portal.context, f"{CALLBACKS_NAME}:{portal.port}", CALLBACKS_NAME)
    question, before = orjson.dumps(token(certified.home)), len(verdicts(certified.home))

    session, _ = begin_session(portal)
    is_resumed = begin_session(portal, session)[1]
    # TLS 1.3 lets nginx refuse the handshake, TLS 1.2 only the request.
    with suppress(ssl.SSLError), callbacks.connect(session) as connection:
        connection.sendall(callbacks.request(AGENT_PATH, "POST", body=question))
        answer = read_answer(connection, "POST")
        assert answer.status in (403, 421)
        check_fields(orjson.loads(answer.body))

    assert is_resumed
    assert len(verdicts(certified.home)) == before


@pytest.mark.parametrize(
    ("source", "is_allowed"), [("127.0.0.1", True), ("127.0.0.3", True), (ELSEWHERE, False)]
)
def test_only_the_clouds_networks_reach_the_callbacks(
    certified: Certified, source: str, is_allowed: bool
) -> None:
    """From another network nginx refuses in the cloud's shape; the application is not asked."""
    before = len(verdicts(certified.home))
    cloud = certified.shown(certified.authority).coming_from(source)

    answer = cloud.post(AGENT_PATH, token(certified.home), [("X-Forwarded-For", "127.0.0.1")])

    if is_allowed:
        assert json_of(answer) == ACCEPTED
    else:
        check_callback(answer, 403, 2)
    assert len(verdicts(certified.home)) == before + is_allowed


HALF_OPEN: Mapping[str, tuple[Mapping[str, str], bool, str, str]] = {
    "certificate": (
        {"ssl_verify_client on;": "ssl_verify_client optional_no_ca;"},
        False,
        "127.0.0.1",
        "certificate_missing",
    ),
    "networks": ({"        deny all;\n": ""}, True, ELSEWHERE, "source_denied"),
}


@pytest.mark.parametrize("name", HALF_OPEN)
def test_application_asks_again(certified: Certified, name: str) -> None:
    """Where nginx was opened by hand, the application refuses the same request, and records it."""
    edits, is_certified, source, reason = HALF_OPEN[name]
    upstream = {**CERTIFIED, "server.bind": certified.bind, "server.trusted_proxies": "1"}
    files = {"clients.pem": certified.authority.cert_pem.bytes()}
    identity = (certified.authority if is_certified else certified.stranger).issue_cert("cloud.example.net")

    with folder_for_nginx() as folder, front_door(folder, upstream, edits, files) as opened:
        cloud = opened.entrance(CALLBACKS_NAME, identity=identity).coming_from(source)
        answer = cloud.post(AGENT_PATH, token(certified.home), LIES)

    check_callback(answer, 403, 2)
    assert verdicts(certified.home)[-1]["reason"] == reason


def test_people_come_from_everywhere(certified: Certified) -> None:
    """The networks and the certificate are for the callbacks only."""
    answer = certified.door.portal.coming_from(ELSEWHERE).ask("/healthz")

    assert answer.status == 200


# What is logged


def test_log_is_json_without_a_query(door: FrontDoor) -> None:
    """Each line of nginx's log is a JSON object; a secret in a query, a cookie or a header is not in it."""
    secret = "s3cret-of-somebody"
    hostile = [("User-Agent", f'"{secret}\\'), ("Referer", f"https://a/?{secret}"), ("Cookie", f"a={secret}")]
    for path in (f"/api/v1/session?token={secret}", f'/a"b?{secret}', f"/nothing?{secret}", "/%22%0a"):
        door.portal.ask(path, headers=hostile)
    door.plain.ask(f"/x?{secret}")

    for path in ("/api/v1/session", '/a"b', "/nothing", "/%22%0a", "/x"):
        door.logged(1, path=path)
    lines = door.log()
    assert secret not in (door.folder / "logs" / "validator.access.log").read_text()
    assert all({"time", "request_id", "source", "status", "seconds"} <= line.keys() for line in lines)


def test_without_the_cut_the_query_is_in_the_log() -> None:
    """Cutting the path at the query is what keeps it out: with the whole target logged, it is found."""
    edits = {'"path":"$validator_path"': '"path":"$request_uri"'}
    with folder_for_nginx() as folder, front_door(folder, {}, edits) as running:
        running.portal.ask("/nothing?s3cret")

        assert running.logged(1)[0]["path"] == "/nothing?s3cret"
