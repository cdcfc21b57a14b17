"""An enterprise's server in this process, right but for one fault: what scenarios must notice.

Behind it is the real application. A fault changes what goes in or what comes out of the two callbacks.
"""

import base64
import io
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import orjson
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.fakes import AGENT, AGENT_PATH, CHAT_PATH, CUSTOMER, TENANT, Enterprise
from validator.app import create_app
from validator.errors import Refusal
from validator.tokens.claims import Audience, Claims

ACCEPTED = orjson.dumps({"retCode": 0, "message": "validate success"})
REFUSED = orjson.dumps({"retCode": 2, "message": "validate failed"})
FAULTS = (
    "string retCode",
    "no message",
    "accepts anything",
    "uses tokens up",
    "ignores the tenant",
    "ignores the user",
    "reads any known account as the token's own",
    "ignores the time",
    "ignores the audience",
    "ignores the signature",
    "insists on JSON's media type",
    "limits a token's questions",
    "fails on more fields",
    "fails on numbers",
    "answers in HTML",
    "answers late",
    "does not wait for the body",
    "drops HTTP/1.0",
)
_LATE = 2.0  # seconds; tests give up long before
_MAX_QUESTIONS = 50
_MAX_WAITING = 1024  # connections; the library's 128 lose some of a burst of 200 on a busy machine

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class FaultyEnterprise:
    """The application of *enterprise*, whose callbacks have one of `FAULTS`, or none."""

    def __init__(self, enterprise: Enterprise, fault: str | None = None) -> None:
        assert fault in (None, *FAULTS)
        self._enterprise, self._fault = enterprise, fault
        self._app: Application = create_app(enterprise.services).wsgi_app
        self._asked: Counter[str] = Counter()
        self.released = Event()

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer, as WSGI wants it."""
        if self._fault is None or environ["PATH_INFO"] not in (AGENT_PATH, CHAT_PATH):
            return self._app(environ, start)
        try:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        except TimeoutError:
            return _answer(start, REFUSED, "408 Request Timeout")
        answer = self._instead(environ, body)
        if answer is not None:
            return _answer(start, *answer)
        return self._changed(environ, self._spoiled(environ, body), start)

    def _instead(self, environ: Environ, body: bytes) -> tuple[bytes, str] | None:
        """Return what the fault answers without asking anybody, or None."""
        members, audience = _members(body), _audience(environ)
        token = str(members.get("Token" if audience is Audience.CHAT else "access_token", ""))
        if self._fault == "answers late":
            self.released.wait(_LATE)
        if self._fault == "accepts anything":
            return ACCEPTED, "200 OK"
        if self._fault == "insists on JSON's media type" and environ["CONTENT_TYPE"] != "application/json":
            return REFUSED, "415 Unsupported Media Type"
        if self._fault == "fails on more fields" and len(members) > (3 if audience is Audience.AGENT else 4):
            return REFUSED, "200 OK"
        if self._fault == "fails on numbers" and any(type(value) is int for value in members.values()):
            return REFUSED, "400 Bad Request"
        if self._fault == "limits a token's questions":
            self._asked[token] += 1
            return (REFUSED, "429 Too Many Requests") if self._asked[token] > _MAX_QUESTIONS else None
        return (ACCEPTED, "200 OK") if self._is_overlooked(token, audience, members) else None

    def _is_overlooked(self, token: str, audience: Audience, members: dict[str, Any]) -> bool:
        """Return whether the fault takes *token* for good where nobody should."""
        services = self._enterprise.services
        other = Audience.CHAT if audience is Audience.AGENT else Audience.AGENT
        try:
            if self._fault == "ignores the time":
                return _is_of(services.verifier.read(token, audience), members)
            if self._fault == "ignores the audience":
                return services.verifier.verify(token, other) is not None
            if self._fault == "ignores the signature":
                payload = token.partition(".")[0]
                claims = Claims.from_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
                is_now = claims.issued_at <= self._enterprise.clock.now() < claims.expires_at
                return claims.subject.audience is audience and is_now and _is_of(claims, members)
        except (Refusal, ValueError, KeyError, TypeError):
            return False
        return False

    def _spoiled(self, environ: Environ, body: bytes) -> bytes:
        """Return the question as the fault reads it."""
        members = _members(body)
        if self._fault == "ignores the tenant" and members.get("tenantSpaceId"):
            members["tenantSpaceId"] = TENANT
        elif self._fault == "ignores the user" and isinstance(members.get("userAccount"), str):
            members["userAccount"] = members["userAccount"] and "agent-7"
        elif self._fault == "ignores the user" and {"userId", "userName"} <= members.keys():
            members |= {"userId": "customer-7", "userName": "李伟"}
        elif self._fault == "reads any known account as the token's own":
            members |= self._taken_for_own(members)
        else:
            return body
        return orjson.dumps(members)

    def _taken_for_own(self, members: dict[str, Any]) -> dict[str, str]:
        """Return other values for the fields that name a tenant or somebody who exists, and for no others."""
        services = self._enterprise.services
        known = [account.identity for account in services.accounts.list()]
        own: dict[str, str] = {}
        if services.tenants.find(str(members.get("tenantSpaceId"))) is not None:
            own["tenantSpaceId"] = TENANT
        if members.get("userAccount") in [one.user_account for one in known if one.user_account]:
            own["userAccount"] = AGENT.id
        if (members.get("userId"), members.get("userName")) in [
            (one.user_id, one.user_name) for one in known
        ]:
            own |= {"userId": CUSTOMER.id, "userName": CUSTOMER.name or ""}
        return own

    def _changed(self, environ: Environ, body: bytes, start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer *body* by the application, and change the answer as the fault does."""
        told: list[str] = []
        asked = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        content = b"".join(self._app(asked, lambda status, *_: told.append(status)))
        answer = orjson.loads(content)
        if self._fault == "uses tokens up" and answer["retCode"] == 0:
            token = str(_members(body).get("access_token") or _members(body).get("Token"))
            self._asked[token] += 1
            content = content if self._asked[token] == 1 else REFUSED
        if self._fault == "string retCode":
            content = orjson.dumps({**answer, "retCode": str(answer["retCode"])})
        if self._fault == "no message":
            content = orjson.dumps({"retCode": answer["retCode"]})
        if self._fault == "answers in HTML" and answer["retCode"] != 0:
            content = b"<html><h1>Bad Request</h1></html>"
        return _answer(start, content, told[0])


@contextmanager
def served(app: FaultyEnterprise, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Give the authority of *app*, served on a loopback port by threads of this process."""

    class Connection(WSGIRequestHandler):
        """A connection whose fault is not in what it says."""

        def run_wsgi(self) -> None:
            """Answer, unless the version of HTTP is one too many."""
            if app._fault == "drops HTTP/1.0" and self.request_version == "HTTP/1.0":
                self.close_connection = True
                return
            if app._fault == "does not wait for the body":
                self.connection.settimeout(0.05)
            super().run_wsgi()

        def log(self, *_: Any) -> None:
            """Write nothing down."""

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Connection, ssl_context=tls)
    server.socket.listen(_MAX_WAITING)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        app.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(start: Callable[..., Any], content: bytes, status: str) -> Iterable[bytes]:
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    start(status, headers)
    return [content]


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def _audience(environ: Environ) -> Audience:
    return Audience.AGENT if environ["PATH_INFO"] == AGENT_PATH else Audience.CHAT


def _is_of(claims: Claims, members: dict[str, Any]) -> bool:
    subject = claims.subject
    presented = (str(members.get("tenantSpaceId")), members.get("userAccount") or str(members.get("userId")))
    return presented == (subject.tenant, subject.id) and subject.name == members.get("userName")
