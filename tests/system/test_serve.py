"""`validator serve`: real gunicorn with the settings of this program, from its start to its stop."""

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests.support.command_line import LOGIN, PASSWORD, TENANT, CommandLine, check_misused, clean_environment
from tests.support.fakes import AGENT_PATH, CHAT_PATH
from tests.support.postgres_processes import family
from tests.support.server_process import (
    TIMEOUT,
    Server,
    free_bind,
    listening_unix_sockets,
    serving,
    stop,
    wait_until,
)

ACCEPTED = {"retCode": 0, "message": "validate success"}
PEOPLES = ["/api/v1/login", "/api/v1/session", "/api/v1/tokens/agent", "/webchat/guest"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a tenant and an account; copy it, don't use it."""
    validator = CommandLine(tmp_path_factory.mktemp("template") / "home")
    validator.did("init")
    validator.did("tenants", "add", TENANT)
    identity = ("--user-account", "agent-7", "--user-id", "customer-7", "--user-name", "Ann")
    validator.did("accounts", "add", LOGIN, "--tenant", TENANT, *identity, stdin=PASSWORD)
    return validator.home


@pytest.fixture
def validator(template: Path, tmp_path: Path) -> CommandLine:
    """Return the command line with a home of the test's own."""
    shutil.copytree(template, tmp_path / "home")
    return CommandLine(tmp_path / "home")


@pytest.fixture(scope="module")
def server(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server that tests share, each leaving it as it was."""
    home = tmp_path_factory.mktemp("shared") / "home"
    shutil.copytree(template, home)
    with serving(home, "--workers", "1") as running:
        yield running


def agent_question(validator: CommandLine) -> dict[str, str]:
    """Return what the cloud would ask of a new agent token."""
    issued: dict[str, str] = validator(
        "tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7"
    ).json()
    return issued


def chat_question(validator: CommandLine) -> dict[str, str]:
    """Return what the cloud would ask of a new customer token."""
    subject = ("--user-id", "customer-7", "--user-name", "Ann")
    issued = validator("tokens", "issue", "--tenant", TENANT, *subject).json()
    return {
        "Token": issued["thirdUserToken"],
        "userId": "customer-7",
        "userName": "Ann",
        "tenantSpaceId": TENANT,
    }


def code_of(server: Server, question: dict[str, str]) -> int:
    """Return the `retCode` of the agent side's answer."""
    return int(server.ask("POST", AGENT_PATH, json=question).json()["retCode"])


@pytest.mark.parametrize("kind", ["address", "unix"])
def test_both_callbacks_are_served(validator: CommandLine, tmp_path: Path, kind: str) -> None:
    """On a loopback address and on a Unix socket the server is healthy and answers both callbacks."""
    bind = free_bind() if kind == "address" else f"unix:{tmp_path}/socket"
    agent, chat = agent_question(validator), chat_question(validator)

    with serving(validator.home, bind=bind) as server:
        health = server.ask("GET", "/healthz")
        ready = server.ask("GET", "/readyz")
        answers = [
            server.ask("POST", path, json=asked) for path, asked in ((AGENT_PATH, agent), (CHAT_PATH, chat))
        ]

    assert health.json() == {"status": "ok"}
    assert ready.json()["status"] == "ready"
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, ACCEPTED), (200, ACCEPTED)]


@pytest.mark.parametrize(
    ("role", "served", "closed"),
    [("callbacks", [AGENT_PATH, CHAT_PATH], PEOPLES), ("people", PEOPLES, [AGENT_PATH, CHAT_PATH])],
    ids=["callbacks", "people"],
)
def test_role_serves_its_routes_only(
    validator: CommandLine, role: str, served: list[str], closed: list[str]
) -> None:
    """A role serves its routes; the others are not found, in the shape that their callers read."""
    with serving(validator.home, "--role", role) as server:
        there = {path: server.ask("POST", path, content=b"{").status_code for path in served}
        gone = {path: server.ask("POST", path, content=b"{") for path in closed}

    assert [path for path, status in there.items() if status == 404] == []
    assert {answer.status_code for answer in gone.values()} == {404}
    for path, answer in gone.items():
        if path in (AGENT_PATH, CHAT_PATH):
            assert set(answer.json()) == {"retCode", "message"}
            assert (answer.json()["retCode"], bool(answer.json()["message"])) == (1, True)
        else:
            assert answer.headers["Content-Type"] == "application/problem+json"


def test_reload_takes_new_settings_and_loses_no_request(validator: CommandLine, tmp_path: Path) -> None:
    """SIGHUP brings changed settings into force while every request, before and after, is answered."""
    file = tmp_path / "own.toml"
    file.write_text('[callbacks]\nchat_path = "/before"\n')
    question = agent_question(validator)

    with serving(validator.home, "--config", str(file)) as server, ThreadPoolExecutor(4) as pool:
        before = chat_routes(server)
        file.write_text('[callbacks]\nchat_path = "/after"\n')
        server.send(signal.SIGHUP)
        codes: list[int] = []

        def is_reloaded() -> bool:
            codes.extend(pool.map(lambda _: code_of(server, question), range(8)))
            return [chat_routes(server) for _ in range(4)] == [{"/after"}] * 4

        wait_until(is_reloaded, "the new settings are in force")

    assert before == {"/before"}
    assert set(codes) == {0}


def chat_routes(server: Server) -> set[str]:
    """Return which of the two settings of the test the server works with."""
    return set(server.ask("GET", "/openapi.json").json()["paths"]) & {"/before", "/after"}


def test_reload_of_broken_settings_leaves_the_server_as_it_is(validator: CommandLine, tmp_path: Path) -> None:
    """SIGHUP with invalid settings is logged; the server continues with the old ones.

    Mended, they come into force with the next SIGHUP.
    """
    file = tmp_path / "own.toml"
    file.write_text('[callbacks]\nchat_path = "/before"\n')

    with serving(validator.home, "--config", str(file)) as server:
        logged = len(server.lines())
        file.write_text('[callbacks]\nchat_path = "no path"\n')
        server.send(signal.SIGHUP)
        wait_until(lambda: len(server.lines()) > logged, "the reload is logged")
        wait_until(lambda: b"chat_path" in server.log.read_bytes(), "the broken setting is named")

        assert server.is_answering()
        assert chat_routes(server) == {"/before"}

        file.write_text('[callbacks]\nchat_path = "/after"\n')
        server.send(signal.SIGHUP)
        wait_until(lambda: chat_routes(server) == {"/after"}, "the mended settings are in force")


def test_worker_is_replaced_although_the_settings_are_broken(validator: CommandLine, tmp_path: Path) -> None:
    """A worker that replaces a killed one has the settings of the others, whatever the file has become."""
    file = tmp_path / "own.toml"
    file.write_text('[callbacks]\nchat_path = "/before"\n')

    with serving(validator.home, "--config", str(file)) as server:
        killed = family(server.process.pid)[1:]
        file.write_text('[callbacks]\nchat_path = "no path"\n')
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not set(killed) & set(family(server.process.pid)), "the workers ended")

        assert chat_routes(server) == {"/before"}
        assert not set(killed) & set(family(server.process.pid)[1:])


def test_stop_lets_a_request_finish(validator: CommandLine) -> None:
    """SIGTERM lets the request that is being read be answered, and then ends the server with 0."""
    body = httpx2.Request("POST", "http://x", json=agent_question(validator)).content
    head = f"POST {AGENT_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    with serving(validator.home, "--workers", "1") as server, server.connect() as connection:
        connection.sendall(head + body[:10])
        assert server.is_answering()  # by the same worker, which therefore has the unfinished request too
        server.send(signal.SIGTERM)
        wait_until(lambda: b"signal: term" in server.log.read_bytes(), "the server knows")
        connection.sendall(body[10:])

        answer = read_all(connection)
        code = server.process.wait(20)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"retCode":0' in answer
    assert code == 0


def test_idle_server_stops_at_once(validator: CommandLine) -> None:
    """Without a request in flight SIGTERM ends the server well within its graceful timeout."""
    with serving(validator.home) as server:
        server.send(signal.SIGTERM)

        assert server.process.wait(10) == 0


def test_interrupt_of_a_terminal_is_for_the_master(server: Server) -> None:
    """Ctrl-C reaches every process of a terminal; workers leave it to the master, which stops them once.

    A worker that gets the interrupt and the master's order at once can wait for itself until it is killed.
    """
    workers = children_of(server.process.pid)

    assert workers
    assert [pid for pid in workers if not is_ignored(pid, signal.SIGINT)] == []


def children_of(pid: int) -> list[int]:
    """Return the processes that *pid* has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_ignored(pid: int, number: signal.Signals) -> bool:
    """Return whether the process *pid* ignores a signal (proc(5), SigIgn)."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(status["SigIgn"], 16) >> (number - 1) & 1)


def test_log_is_json_without_what_was_said(validator: CommandLine) -> None:
    """Each line of the log is a JSON object, with no body, token, password, cookie or query string in it."""
    question = agent_question(validator)
    with serving(validator.home) as server:
        with server.client() as person:
            person.post("/api/v1/login", json={"account": LOGIN, "password": PASSWORD})
            person.post("/api/v1/login", json={"account": "an account mistyped", "password": "a wrong guess"})
            person.post("/api/v1/tokens/agent?asked=a-query-string", json={})
            person.post(AGENT_PATH, json=question)
            person.post(AGENT_PATH, content=b'{"access_token": "half a body')
            person.get("/nowhere?asked=a-query-string", headers={"Authorization": "Basic of-somebody"})
            cookies = list(person.cookies.values())
        entries = server.entries()
        text = server.log.read_text()

    secrets = [
        PASSWORD,
        "a wrong guess",
        "an account mistyped",
        "a-query-string",
        "half a body",
        "of-somebody",
    ]
    assert cookies
    assert [secret for secret in [*secrets, question["access_token"], *cookies] if secret in text] == []
    assert all(entry["level"] and entry["time"].endswith("Z") for entry in entries)
    requests = [entry for entry in entries if entry["event"] == "request"]
    assert {entry["path"] for entry in requests} >= {AGENT_PATH, "/api/v1/login", "/nowhere"}


def test_log_is_json_from_the_first_to_the_last_line(validator: CommandLine) -> None:
    """Also gunicorn's own lines, at the start, at a reload and at the stop, are JSON."""
    with serving(validator.home) as server:
        server.send(signal.SIGHUP)
        wait_until(lambda: b"Hang up" in server.log.read_bytes(), "the reload is logged")
        server.send(signal.SIGTERM)
        server.process.wait(20)

        assert all(entry["level"] for entry in server.entries())
        assert any("Listening at" in entry["event"] for entry in server.entries())


def test_log_is_for_people_when_asked(validator: CommandLine) -> None:
    """`--log-format console` has lines that begin with their time, whatever the setting says, and no secret.

    What a caller sent is quoted in them: it cannot begin a line, or move a terminal's cursor.
    """
    variables = {"VALIDATOR_LOG_FORMAT": "json"}
    with serving(validator.home, "--log-format", "console", variables=variables) as server:
        server.ask("GET", "/%1b%5B31mred%0A2026-11-04%20forged?secret=canary-query")
        server.ask("POST", "/api/v1/login", json={"account": LOGIN, "password": "canary-password"})
        server.ask("GET", "/api/v1/session", headers={"Authorization": "Bearer canary-token"})

    text = server.log.read_text()
    assert [line for line in server.lines() if not re.match(rb"20\d\d-\d\d-\d\dT[\d:.]+Z \[", line)] == []
    assert "path='/\\\\u001b[31mred\\\\u000a2026-11-04 forged'" in text
    assert not any(word in text for word in ("canary", "\x1b", '{"'))


def test_terminal_shows_the_address_and_lines_for_people(validator: CommandLine) -> None:
    """On a terminal the address is printed once it is served, and no line is JSON, without any option."""
    bind, (leader, follower) = free_bind(), os.openpty()
    words = [sys.executable, "-m", "validator", "serve", "--workers", "1", "--bind", bind]
    environment = {**clean_environment(), "VALIDATOR_HOME": str(validator.home)}
    process = subprocess.Popen(words, env=environment, stdout=follower, stderr=follower)
    os.close(follower)
    try:
        said = b""
        while b"Serving http://" not in said:
            ready, _, _ = select.select([leader], [], [], TIMEOUT)
            assert ready, said
            said += os.read(leader, 65536)
    finally:
        stop(process)
        os.close(leader)

    assert f"Serving http://{bind}".encode() in said
    assert not [line for line in said.splitlines() if line.startswith(b"{")]


def test_log_format_is_one_of_two(validator: CommandLine) -> None:
    """Another form of the log is none, and nothing is served."""
    check_misused(validator("serve", "--log-format", "xml"), "--log-format")


def test_no_control_socket_is_open(validator: CommandLine, tmp_path: Path) -> None:
    """Gunicorn's control socket is off: the only Unix socket is the one that was asked for."""
    with serving(validator.home, bind=f"unix:{tmp_path}/socket") as server:
        assert listening_unix_sockets(server.process.pid) == {f"{tmp_path}/socket"}


def test_key_rotation_is_taken_at_once(validator: CommandLine) -> None:
    """After `keys rotate` tokens of both keys are accepted, after `keys revoke` those of the old are not."""
    old = agent_question(validator)
    key = validator("keys", "list", "--json").json()[0]["id"]

    with serving(validator.home) as server:
        before = code_of(server, old)
        validator.did("keys", "rotate")
        rotated = [code_of(server, asked) for asked in (old, agent_question(validator))]
        validator.did("keys", "revoke", key)
        revoked = [code_of(server, old) for _ in range(4)]

    assert (before, rotated, revoked) == (0, [0, 0], [2, 2, 2, 2])


@pytest.mark.parametrize(
    "words",
    [
        ["accounts", "disable", LOGIN],
        ["tenants", "disable", TENANT],
        ["tokens", "revoke", "--everything", "--yes"],
    ],
    ids="-".join,
)
def test_next_verdict_knows_what_an_operator_did(validator: CommandLine, words: list[str]) -> None:
    """What was disabled or revoked by a command is refused by the very next answer of every worker."""
    question = agent_question(validator)

    with serving(validator.home) as server:
        before = code_of(server, question)
        validator.did(*words)
        after = [code_of(server, question) for _ in range(4)]

    assert (before, after) == (0, [2, 2, 2, 2])


def test_schema_is_never_upgraded_silently(validator: CommandLine) -> None:
    """A server whose database got another schema says that it is not ready, and leaves it as it is."""
    with serving(validator.home) as server:
        validator.pretend_schema("0000")
        ready = server.ask("GET", "/readyz")

    assert ready.status_code == 503
    assert "0000" in validator("db", "current").out


HEAD = f"POST {AGENT_PATH} HTTP/1.1\r\nHost: x\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ODD = {
    "request-line-5k": b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "request-line-1m": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "header-20k": HEAD + b"X-Long: " + b"a" * 20_000 + b"\r\n\r\n",
    "header-1m": HEAD + b"X-Long: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "headers-1000": HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(1000)) + b"\r\n",
    "cookie-8k": HEAD + b"Cookie: " + b"a=b; " * 1600 + b"\r\nContent-Length: 2\r\n\r\n{}",
    "header-without-name": HEAD + b": x\r\n\r\n",
    "header-with-blank": HEAD + b"Content-Length : 2\r\n\r\n{}",
    "header-folded": HEAD + b"X-A: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "header-nul": HEAD + b"X-A: a\x00b\r\n\r\n",
    "header-latin": HEAD + b"X-Request-ID: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
    "host-missing": f"POST {AGENT_PATH} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}".encode(),
    "host-twice": HEAD + b"Host: y\r\nContent-Length: 2\r\n\r\n{}",
    "host-odd": f"POST {AGENT_PATH} HTTP/1.1\r\nHost: a b/../%00\r\nContent-Length: 2\r\n\r\n{{}}".encode(),
    "length-missing": HEAD + b"\r\n{}",
    "length-too-long": HEAD + b"Content-Length: 100\r\n\r\n{}",
    "length-too-short": HEAD + b"Content-Length: 1\r\n\r\n{}",
    "length-negative": HEAD + b"Content-Length: -2\r\n\r\n{}",
    "length-signed": HEAD + b"Content-Length: +2\r\n\r\n{}",
    "length-no-number": HEAD + b"Content-Length: two\r\n\r\n{}",
    "length-other-digits": HEAD + "Content-Length: ２\r\n\r\n{}".encode(),
    "length-empty": HEAD + b"Content-Length:\r\n\r\n{}",
    "length-huge": HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}",
    "length-twice": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length-and-chunked": HEAD + b"Content-Length: 2\r\n" + CHUNKED.removeprefix(HEAD) + b"0\r\n\r\n",
    "chunked": CHUNKED + b"2\r\n{}\r\n0\r\n\r\n",
    "chunked-large": CHUNKED + b"8000\r\n" + b" " * 0x8000 + b"\r\n0\r\n\r\n",
    "chunked-unfinished": CHUNKED + b"2\r\n{}\r\n",
    "chunked-cut": CHUNKED + b"20\r\n{}",
    "chunked-nothing": CHUNKED,
    "chunked-no-number": CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    "chunked-negative": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "chunked-huge": CHUNKED + b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n",
    "chunked-no-line-end": CHUNKED + b"2\r\n{}0\r\n\r\n",
    "chunked-trailer": CHUNKED + b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n",
    "chunked-extension": CHUNKED + b"2;" + b"a" * 10_000 + b"\r\n{}\r\n0\r\n\r\n",
    "encoding-unknown": HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "encoding-list": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "encoding-twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "expect": HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    "expect-odd": HEAD + b"Expect: wonders\r\nContent-Length: 2\r\n\r\n{}",
    "upgrade": HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}",
    "method-odd": f"{'A' * 100} {AGENT_PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "method-lower": f"post {AGENT_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode(),
    "connect": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "options-star": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "target-absolute": b"GET http://y/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "target-percent": b"GET /%zz%ff%00/%2e%2e HTTP/1.1\r\nHost: x\r\n\r\n",
    "target-bytes": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "target-fragment": b"GET /healthz#x HTTP/1.1\r\nHost: x\r\n\r\n",
    "version-0-9": b"GET /healthz\r\n",
    "version-1-0": b"GET /healthz HTTP/1.0\r\n\r\n",
    "version-2-0": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "version-9-9": b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
    "line-feeds-only": f"POST {AGENT_PATH} HTTP/1.1\nHost: x\nContent-Length: 2\n\n{{}}".encode(),
    "proxy-line": b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls-hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "nothing": b"",
    "line-ends": b"\r\n" * 100,
    "nuls": b"\x00" * 4096,
    "pipelined": (HEAD + b"Content-Length: 2\r\n\r\n{}") * 20,
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_request_is_no_fault(server: Server, name: str) -> None:
    """Whatever comes over the socket is answered without a 5xx or hung up on, and the server lives on."""
    with server.connect() as connection:
        with suppress(OSError):  # the server may have hung up on it already
            connection.sendall(ODD[name])
            connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)

    statuses = [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]
    assert answer == b"" or statuses
    assert [status for status in statuses if status >= 500] == []
    assert server.is_answering()


@pytest.mark.parametrize("name", ["chunked", "expect", "cookie-8k", "chunked-trailer"])
def test_odd_but_right_request_is_read(server: Server, name: str) -> None:
    """A body in chunks, or announced, reaches the callback: it is answered in the callback's shape."""
    with server.connect() as connection:
        connection.sendall(ODD[name])
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)

    assert b'"retCode":1' in answer


def test_nothing_that_was_odd_is_a_fault_in_the_log(server: Server) -> None:
    """Requests of whatever form leave neither an error nor a traceback in the log."""
    logged = len(server.lines())

    for name in ("nuls", "chunked-cut", "length-too-long", "target-bytes", "header-nul"):
        with server.connect() as connection:
            connection.sendall(ODD[name])
            connection.shutdown(socket.SHUT_WR)
            read_all(connection)

    entries = server.entries()[logged:]
    assert [entry for entry in entries if entry["level"] in ("error", "critical")] == []


def read_all(connection: socket.socket) -> bytes:
    """Return everything until the server hangs up; what hangs raises TimeoutError."""
    answer = b""
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            answer += part
    return answer
