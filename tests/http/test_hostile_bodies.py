"""The committed hostile bodies against every route that takes a POST, with and without credentials."""

import re
import tomllib
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.support.answers import problem, ret_code
from tests.support.fakes import AGENT_PATH, CHAT_PATH, LOGIN, ORIGIN, Enterprise
from tests.support.routes import paths
from validator.accounts.sessions import table as sessions
from validator.app import create_app
from validator.tokens.revocation import table as revocations
from validator.web.incoming import FORM, GUEST_COOKIE, JSON, SESSION_COOKIE

HOSTILE = Path(__file__).parents[1] / "vectors" / "bodies" / "hostile"
CALLBACKS = (AGENT_PATH, CHAT_PATH)
# These two read no body, so that none can be wrong.
BODILESS = ("/api/v1/logout", "/webchat/guest")
# A person need not name anybody: a readable object without a field of these is answered with their own token.
ISSUING = ("/api/v1/tokens/agent", "/api/v1/tokens/chat")
# Words of the protocol, which an answer may name, and pieces so short that any answer has them by chance.
VOCABULARY = re.compile(
    rb"(?i)access_token|tenantSpaceId|userAccount|userName|userId|thirdUser(Name|Id|Token)|Token"
    rb"|channelConfigId|account|password|secretKey|character|malformed"
)
PIECE = re.compile(rb"[\w.:/<>'()*%-]{8,}")
MARKER = "Zq7-marker-Zq7"

every_post_route = pytest.mark.parametrize("path", paths("POST"))
every_caller = pytest.mark.parametrize("caller", ["nobody", "person", "client"])


@cache
def bodies() -> list[tuple[str, str, bytes]]:
    """Return name, layer and content of every hostile body; fails when there are too few."""
    entries = tomllib.loads((HOSTILE / "index.toml").read_text("utf-8"))["body"]
    assert len(entries) >= 150
    return [(entry["file"], entry["layer"], (HOSTILE / entry["file"]).read_bytes()) for entry in entries]


def credentials_of(enterprise: Enterprise, caller: str) -> dict[str, str]:
    """Return the headers of a caller who is really that caller."""
    services = enterprise.services
    if caller == "person":
        secret, _ = services.sessions.begin(services.accounts.require(LOGIN))
        _, guest = services.guest_signing.greet(ORIGIN, None)
        return {"Cookie": f"{SESSION_COOKIE}={secret}; {GUEST_COOKIE}={guest}"}
    if caller == "client":
        return {"Authorization": "Basic " + b64encode(":".join(enterprise.basic).encode()).decode()}
    return {}


def stranger(enterprise: Enterprise) -> FlaskClient:
    """Return a browser that keeps no cookie, so that each request has exactly the credentials it is given."""
    return create_app(enterprise.services).test_client(use_cookies=False)


def send(
    browser: FlaskClient, path: str, body: bytes, headers: dict[str, str], content_type: str = JSON
) -> TestResponse:
    # Below /api only the page's own origin may post; below /webchat a channel's origin must.
    origin = ORIGIN if path.startswith("/webchat/") else "http://localhost"
    return browser.post(path, data=body, content_type=content_type, headers={**headers, "Origin": origin})


def pieces(body: bytes) -> Iterator[bytes]:
    """Yield what could be recognised of *body* in an answer."""
    for piece in PIECE.findall(VOCABULARY.sub(b" ", body)):
        yield piece[:64]


def told(answer: TestResponse) -> bytes:
    """Return the content and the headers of *answer*."""
    content: bytes = answer.data
    return content + b"\n".join(f"{name}: {value}".encode() for name, value in answer.headers)


def own_words(browser: FlaskClient, path: str, headers: dict[str, str]) -> bytes:
    """Return the message of *path* for bodies without a specific one."""
    names = (*("access_token", "userAccount", "Token", "userId", "userName"), *("account", "password"))
    nobody = orjson.dumps(dict.fromkeys((*names, "tenantSpaceId"), "x"))
    return b"\n".join(told(send(browser, path, body, headers)) for body in (b"", b"{", b"[]", b"{}", nobody))


def kept(enterprise: Enterprise) -> dict[str, int]:
    """Return how much there is of what a hostile body must not add to."""
    with enterprise.services.database.read() as connection:
        counts = {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (sessions, revocations)
        }
    good = [entry["event"] for entry in enterprise.trail() if entry["outcome"] == "accepted"]
    return {**counts, "issued": good.count("token_issued"), "signed": good.count("signed")}


def well_shaped(path: str, answer: TestResponse) -> bool:
    """Return whether *answer* is in a shape that *path* promises; fails inside when it is in a wrong one."""
    if path in CALLBACKS:
        return ret_code(answer) in (1, 2)
    if answer.status_code >= 400:
        return bool(problem(answer, answer.status_code))
    return answer.status_code in (200, 204)


def may_be_taken(path: str, caller: str, layer: str) -> bool:
    """Return whether *path* may say yes to a body of *layer*."""
    if path in BODILESS:
        return True
    asks_about_nothing = path.endswith("/introspect") and caller == "client"
    return layer != "reader" and (asks_about_nothing or (path in ISSUING and caller == "person"))


@pytest.mark.slow
@every_post_route
@every_caller
def test_hostile_body_is_refused(lasting_enterprise: Enterprise, path: str, caller: str) -> None:
    """No hostile body makes a route fail, say yes, or repeat what it was sent, or leave its shape."""
    browser = stranger(lasting_enterprise)
    headers = credentials_of(lasting_enterprise, caller)
    words = own_words(browser, path, headers)
    before = kept(lasting_enterprise)

    for name, layer, body in bodies():
        answer = send(browser, path, body, headers)

        where = f"{name}: {answer.status_code} {answer.text}"
        assert answer.status_code < 500, where
        assert well_shaped(path, answer), where
        if not may_be_taken(path, caller, layer):
            assert answer.status_code >= 400 or path in CALLBACKS, where
            echoed = [piece for piece in pieces(body) if piece in told(answer) and piece not in words]
            assert not echoed, where
        if layer == "reader" and path not in BODILESS:
            assert answer.status_code >= 400, where

    if not (path in ISSUING and caller == "person"):
        after = kept(lasting_enterprise)
        assert {key: after[key] - before[key] for key in after if after[key] > before[key]} == {}


@pytest.mark.slow
@every_post_route
@every_caller
def test_no_session_begins_with_a_hostile_body(
    lasting_enterprise: Enterprise, path: str, caller: str
) -> None:
    """No hostile body that says it is a form makes a route fail or sets a session's cookie."""
    browser = stranger(lasting_enterprise)
    headers = credentials_of(lasting_enterprise, caller)

    for name, _, body in bodies():
        answer = send(browser, path, body, headers, FORM)

        where = f"{name}: {answer.status_code} {answer.text}"
        assert answer.status_code < 500, where
        assert well_shaped(path, answer), where
        begun = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith(SESSION_COOKIE)]
        assert all("Max-Age=0" in line for line in begun), where


def marked_bodies() -> Iterator[bytes]:
    """Yield bodies that are wrong in many ways and full of the marker."""
    fields = (
        *("access_token", "Token", "userAccount", "userId", "userName", "account", "password"),
        *("oldPassword", "newPassword", "token", "jti", "thirdUserName", "thirdUserId", "channelConfigId"),
    )
    for value in (MARKER * 400, [MARKER], {MARKER: MARKER}, MARKER + "\x00"):
        marked: dict[str, Any] = {"tenantSpaceId": value, MARKER: MARKER}
        yield orjson.dumps({**marked, **dict.fromkeys(fields, value)})
    nobody = orjson.dumps({**dict.fromkeys(fields, MARKER), "tenantSpaceId": MARKER})
    yield nobody[:-1]
    yield nobody[:-1] + f',"{MARKER}":1,"{MARKER}":2}}'.encode()
    yield nobody
    yield orjson.dumps(MARKER)
    yield MARKER.encode()
    yield f"token={MARKER}&token={MARKER}&{MARKER}".encode()
    yield orjson.dumps({"secretKey": MARKER, "channelConfigId": MARKER})
    yield f'{{"{MARKER}":NaN}}'.encode()
    yield MARKER.encode() + b"\xff"


@pytest.mark.slow
@every_post_route
@every_caller
@pytest.mark.parametrize("content_type", [JSON, FORM])
def test_nothing_presented_comes_back(
    lasting_enterprise: Enterprise, path: str, caller: str, content_type: str
) -> None:
    """No error names a value, an unknown field or a piece of the body that was sent."""
    browser = stranger(lasting_enterprise)
    headers = credentials_of(lasting_enterprise, caller)

    for body in marked_bodies():
        answer = send(browser, path, body, headers, content_type)

        assert MARKER not in answer.text, body
        assert MARKER not in str(answer.headers), body


def test_recognition_sees_an_echo() -> None:
    """What is looked for in answers would be found, were it there."""
    body = b'{"userAccount":"somebody-in-particular","tenantSpaceId":"x"}'

    assert list(pieces(body)) == [b"somebody-in-particular"]


@pytest.mark.parametrize("caller", ["person", "client"])
def test_credentials_are_good(lasting_enterprise: Enterprise, caller: str) -> None:
    """The callers of these tests are let in where they may be, so that a refusal is about the body."""
    browser = stranger(lasting_enterprise)
    body = b'{"tenantSpaceId":"202400000001","userAccount":"agent-7"}'

    answer = send(browser, "/api/v1/tokens/agent", body, credentials_of(lasting_enterprise, caller))

    assert answer.status_code == 200
