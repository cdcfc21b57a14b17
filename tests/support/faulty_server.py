"""A server for the doctor: the two callbacks over real TLS, sound but for the one fault that is planted."""

import json
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme
from cryptography import x509

from tests.support.fakes import AGENT_PATH, CHAT_PATH
from validator.operations.doctor.trust import Trust

NAME = "localhost"
CAP = 16384
HTML = b"<html><body>502 Bad Gateway</body></html>"


class Fault(StrEnum):
    """What can be wrong with the answers; on the callbacks, with those of the agent side only."""

    REDIRECT = "redirect"
    HTML_ANSWER = "html_answer"
    RET_CODE_TEXT = "ret_code_text"
    RET_CODE_BOOL = "ret_code_bool"
    NO_MESSAGE = "no_message"
    EMPTY_MESSAGE = "empty_message"
    VERDICT_500 = "verdict_500"
    UNAVAILABLE = "unavailable"
    OTHER_PATH = "other_path"
    NOT_LET_IN = "not_let_in"
    THROTTLED = "throttled"
    ACCEPTS_NONSENSE = "accepts_nonsense"
    HTML_ON_MALFORMED = "html_on_malformed"
    ACCEPTS_MALFORMED = "accepts_malformed"
    NO_TEXT_PLAIN = "no_text_plain"
    HTML_ON_GET = "html_on_get"
    HTML_ON_OVERSIZED = "html_on_oversized"
    VERSION_TOLD = "version_told"
    READYZ_PUBLIC = "readyz_public"
    METRICS_PUBLIC = "metrics_public"
    OPENAPI_PUBLIC = "openapi_public"
    METRICS_BEHIND_REDIRECT = "metrics_behind_redirect"
    READYZ_TO_LOGIN = "readyz_to_login"
    PLAIN_ANSWERS = "plain_answers"
    PLAIN_REDIRECTS = "plain_redirects"


SENT_ON: dict[tuple[Fault | None, str], str] = {
    (Fault.METRICS_BEHIND_REDIRECT, "/metrics"): "/metrics/",
    (Fault.READYZ_TO_LOGIN, "/readyz"): "/login?next=/readyz",
}
SENT_TO: dict[tuple[Fault | None, str], bytes] = {
    (Fault.METRICS_BEHIND_REDIRECT, "/metrics/"): b"requests_total 7",
    (Fault.READYZ_TO_LOGIN, "/login?next=/readyz"): b"<html><body>Log in</body></html>",
}


class Authority:
    """A root, an intermediate below it, and what they issue for the server."""

    def __init__(self) -> None:
        self.root = trustme.CA()
        self.intermediate = self.root.create_child_ca()

    @property
    def certificate(self) -> x509.Certificate:
        """The root's certificate."""
        return x509.load_pem_x509_certificate(self.root.cert_pem.bytes())

    @property
    def trust(self) -> Trust:
        """The trust of a cloud that the root was handed over to."""
        return Trust(self.certificate, "only root.cer")

    def issue(self, name: str = NAME, **options: Any) -> trustme.LeafCert:
        """Return a server's certificate with its intermediate."""
        return self.intermediate.issue_cert(name, **options)


@dataclass(frozen=True)
class Patient:
    """A running server: its ports, and the bodies that were sent to it."""

    port: int
    plain_port: int
    bodies: list[bytes] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """The origin to examine."""
        return f"https://{NAME}:{self.port}"


class Handler(BaseHTTPRequestHandler):
    """Responds as the validator does, with the planted fault; with *always_200* no status shows it."""

    def __init__(
        self, *arguments: Any, fault: Fault | None, bodies: list[bytes], is_plain: bool, always_200: bool
    ) -> None:
        self.fault, self.bodies, self.is_plain = fault, bodies, is_plain
        self.always_200 = always_200 and not is_plain
        super().__init__(*arguments)

    def do_GET(self) -> None:
        public = {
            "/readyz": Fault.READYZ_PUBLIC,
            "/metrics": Fault.METRICS_PUBLIC,
            "/openapi.json": Fault.OPENAPI_PUBLIC,
        }
        if self.fault is not None and public.get(self.path) is self.fault:
            self.answer(200, b'{"status": "ok"}')
        elif self.path == AGENT_PATH and self.fault is Fault.HTML_ON_GET:
            self.answer(405, HTML)
        elif (self.fault, self.path) in SENT_ON:
            self.answer(308, b"", Location=SENT_ON[self.fault, self.path])
        elif (self.fault, self.path) in SENT_TO:
            self.answer(200, SENT_TO[self.fault, self.path])
        else:
            self.refuse(405 if self.path in (AGENT_PATH, CHAT_PATH) else 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.append(body)
        if self.is_plain and self.fault is not Fault.PLAIN_ANSWERS:
            self.answer_plainly()
        elif self.path == AGENT_PATH and self.fault is not None:
            self.answer_faultily(body, self.fault)
        else:
            self.answer_soundly(body)

    def answer_soundly(self, body: bytes) -> None:
        if len(body) > CAP:
            self.refuse(413)
            return
        try:
            json.loads(body)
        except ValueError:
            self.refuse(400)
            return
        self.say(200, {"retCode": 2, "message": "validate failed"})

    def answer_faultily(self, body: bytes, fault: Fault) -> None:
        is_question = body.endswith(b"}") and len(body) <= CAP
        sayings: dict[Fault, tuple[int, dict[str, Any]]] = {
            Fault.RET_CODE_TEXT: (200, {"retCode": "2", "message": "validate failed"}),
            Fault.RET_CODE_BOOL: (200, {"retCode": False, "message": "validate failed"}),
            Fault.NO_MESSAGE: (200, {"retCode": 2}),
            Fault.EMPTY_MESSAGE: (200, {"retCode": 2, "message": ""}),
            Fault.VERDICT_500: (500, {"retCode": 4, "message": "internal error"}),
            Fault.UNAVAILABLE: (503, {"retCode": 4, "message": "temporarily unavailable"}),
            Fault.OTHER_PATH: (400, {"retCode": 1, "message": "malformed request"}),
            Fault.THROTTLED: (429, {"retCode": 3, "message": "too many requests"}),
            Fault.NOT_LET_IN: (403, {"retCode": 2, "message": "not allowed"}),
            Fault.ACCEPTS_NONSENSE: (200, {"retCode": 0, "message": "validate success"}),
        }
        pages = {
            Fault.HTML_ANSWER: is_question,
            Fault.HTML_ON_MALFORMED: not body.endswith(b"}"),
            Fault.HTML_ON_OVERSIZED: len(body) > CAP,
        }
        if fault is Fault.REDIRECT:
            self.answer(308, b"", Location="https://elsewhere.example/rest")
        elif fault in sayings and is_question:
            self.say(*sayings[fault])
        elif pages.get(fault):
            self.answer(502, HTML)
        elif fault is Fault.ACCEPTS_MALFORMED and not body.endswith(b"}"):
            self.say(200, {"retCode": 0, "message": "validate success"})
        elif fault is Fault.NO_TEXT_PLAIN and self.headers["Content-Type"] == "text/plain":
            self.refuse(415)
        else:
            self.answer_soundly(body)

    def answer_plainly(self) -> None:
        if self.fault is Fault.PLAIN_REDIRECTS:
            self.answer(308, b"", Location=f"https://{NAME}{self.path}")
        else:
            self.refuse(403)

    def refuse(self, status: int) -> None:
        self.say(status, {"retCode": 1, "message": "malformed request"})

    def say(self, status: int, content: dict[str, Any]) -> None:
        is_callback = self.path in (AGENT_PATH, CHAT_PATH)
        self.answer(200 if self.always_200 and is_callback else status, json.dumps(content).encode())

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response_only(status)
        if self.fault is Fault.VERSION_TOLD:
            self.send_header("Server", "nginx/1.22.1")
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class QuietServer(ThreadingHTTPServer):
    """A server that does not complain when a client goes away."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


def tls_context(certificate: trustme.LeafCert, *, with_intermediate: bool = True) -> ssl.SSLContext:
    """Return the context of a server of today that sends *certificate*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if with_intermediate:
        certificate.configure_cert(context)
    else:
        alone = certificate.cert_chain_pems[0].bytes() + certificate.private_key_pem.bytes()
        with trustme.Blob(alone).tempfile() as path:
            context.load_cert_chain(path)
    return context


def speak_old(context: ssl.SSLContext, *, only: bool) -> None:
    """Let a server with *context* speak TLS 1.0, and with *only* nothing newer."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1 if only else ssl.TLSVersion.MAXIMUM_SUPPORTED


@contextmanager
def running(
    context: ssl.SSLContext, fault: Fault | None = None, *, always_200: bool = False
) -> Iterator[Patient]:
    """Give a server over TLS, with one on plain HTTP beside it, both on the loopback address."""
    bodies: list[bytes] = []
    handler = partial(Handler, fault=fault, bodies=bodies, always_200=always_200)
    servers = [
        QuietServer(("127.0.0.1", 0), partial(handler, is_plain=is_plain)) for is_plain in (False, True)
    ]
    servers[0].socket = context.wrap_socket(servers[0].socket, server_side=True)
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield Patient(servers[0].server_port, servers[1].server_port, bodies)
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
