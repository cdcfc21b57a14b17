"""The enterprise's own system decides: only a plain true passes, and everything else is a fault."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import pytest

from validator.errors import Fault, Reason
from validator.verification.http import HttpMethod
from validator.verification.policy import CallFields, VerificationPolicy, VerificationRoute
from validator.verification.wire import Presented

ROUTE = VerificationRoute("BANK", "http")
PRESENTED = Presented("13606254580", "C-1", "902718")
SECRET = "s3cret-of-the-bank"
POLICY = VerificationPolicy(
    MappingProxyType({ROUTE.code: ROUTE}),
    CallFields("callerNum", "answer", "", "callid"),
    "both",
    3,
    20,
    timedelta(days=1),
    "",
    "",
    (),
    client_certificate=False,
    secret=SECRET,
)
LONG = timedelta(seconds=20)  # longer than a busy machine needs for nothing
SHORT = timedelta(milliseconds=100)


@dataclass
class Bank:
    """A system with one response for everybody; it records what it was asked."""

    status: int = 200
    body: bytes = b'{"passed": true}'
    headers: dict[str, str] = field(default_factory=dict)
    gate: threading.Event | None = None
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, *arguments: Any, bank: Bank) -> None:
        self.bank = bank
        super().__init__(*arguments)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.bank.asked.append((self.path, self.headers["Authorization"], content))
        if self.bank.gate is not None:
            self.bank.gate.wait(LONG.total_seconds())
        self.send_response(self.bank.status)
        for name, text in {**self.bank.headers, "Content-Length": str(len(self.bank.body))}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(self.bank.body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def running(**options: Any) -> Iterator[Bank]:
    """Run a bank."""
    bank = Bank(**options)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, bank=bank))
    bank.url = f"http://127.0.0.1:{server.server_port}/verify"
    thread = threading.Thread(target=partial(server.serve_forever, 0.01), daemon=True)
    thread.start()
    try:
        yield bank
    finally:
        server.shutdown()
        server.server_close()


def method(bank: Bank, budget: timedelta = LONG) -> HttpMethod:
    """Return the method that asks *bank*."""
    return HttpMethod(replace(POLICY, url=bank.url), threads=4, budget=budget)


def test_request_has_everything_and_its_secret() -> None:
    """One POST with the tenant space, the code, the number, the id and the answer, and the secret."""
    with running() as bank:
        assert method(bank).check("42", ROUTE, PRESENTED, None) is True

    ((path, authorization, content),) = bank.asked
    assert (path, authorization) == ("/verify", f"Bearer {SECRET}")
    assert orjson.loads(content) == {
        "tenantSpaceId": "42",
        "code": "BANK",
        "number": "13606254580",
        "customer": "C-1",
        "answer": "902718",
    }


def test_false_does_not_pass() -> None:
    """A plain false is an answer, and no fault."""
    with running(body=b'{"passed": false, "more": 1}') as bank:
        assert method(bank).check("42", ROUTE, PRESENTED, None) is False


@pytest.mark.parametrize(
    "options",
    [
        {"body": b'{"passed": "true"}'},
        {"body": b'{"passed": 1}'},
        {"body": b"{}"},
        {"body": b"true"},
        {"body": b"<html></html>"},
        {"body": b""},
        {"status": 201},
        {"status": 302, "headers": {"Location": "/other"}},
        {"status": 401},
        {"status": 500},
        {"body": b'{"passed": true, "more": "' + b"x" * 5000 + b'"}'},
        {"body": gzip.compress(b'{"passed": true}'), "headers": {"Content-Encoding": "gzip"}},
    ],
)
def test_everything_else_is_a_fault(options: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    """Another type, form, status or size decides nothing, is not tried again, and is not logged with data."""
    with running(**options) as bank, pytest.raises(Fault) as raised:
        method(bank).check("42", ROUTE, PRESENTED, None)

    assert raised.value.reason is Reason.SYSTEM_FAILED
    assert len(bank.asked) == 1
    said = "".join(capfd.readouterr()) + str(raised.value)
    assert [word for word in ("13606254580", "902718", SECRET) if word in said] == []


def test_late_response_decides_nothing() -> None:
    """After the budget nothing is known, whatever comes later."""
    gate = threading.Event()
    with running(gate=gate) as bank:
        try:
            with pytest.raises(Fault) as raised:
                method(bank, SHORT).check("42", ROUTE, PRESENTED, None)
        finally:
            gate.set()

    assert raised.value.reason is Reason.SYSTEM_SILENT


def test_nobody_listens() -> None:
    """Without the system nothing is known."""
    with running() as bank:
        pass

    with pytest.raises(Fault) as raised:
        method(bank).check("42", ROUTE, PRESENTED, None)

    assert raised.value.reason is Reason.SYSTEM_FAILED


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (None, "is missing"),
        ("two words", "no Bearer token"),
        ("ä", "no Bearer token"),
        ("a\nX: 1", "no Bearer token"),
    ],
)
def test_unusable_secret_is_a_problem_in_words_and_is_not_sent(secret: str | None, problem: str) -> None:
    """A secret that cannot be sent is named before the server starts, and the system is not asked."""
    with running() as bank:
        policy = replace(POLICY, url=bank.url, secret=secret)
        with pytest.raises(Fault):
            HttpMethod(policy, threads=4).check("42", ROUTE, PRESENTED, None)

    assert bank.asked == []
    (words,) = policy.problems
    assert words.startswith("verification.secret_file: ")
    assert problem in words


def test_system_without_a_trusted_certificate_is_not_asked(tmp_path: Path) -> None:
    """Without the file of authorities that a setting names nothing is sent."""
    with running() as bank:
        policy = replace(POLICY, url=bank.url, ca_file=tmp_path / "none.pem")
        with pytest.raises(Fault):
            HttpMethod(policy, threads=4).check("42", ROUTE, PRESENTED, None)

    assert bank.asked == []
