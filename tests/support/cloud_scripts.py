"""The stand-in of the cloud with scripts that a page really runs, and sessions that it insists on.

Its cookies prove a session: without them the agent bar's frame and the chat's second script are answered with
401. It also sets a `JSESSIONID`, which portals often set too.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_server
from threading import Thread

import orjson
import trustme

from tests.support.raw_http import Request
from tests.support.strict_cloud import AGENT_SCRIPT, CHAT_SCRIPT, GUEST_SCRIPT, NAME, Cloud, Says, cookies

AGENT_FRAME = "/service-cloud/ccdesktop/pages/cc-bar/ccbarclient.html"
COBROWSE_SCRIPT = "/service-cloud/webclient/chat_client/js/cobrowseCommon.js"
ECHO = "/service-cloud/echo"
AGENT_COOKIES = ("sum_atime", "sum_refresh_token", "sum_sid", "sum_token")
CHAT_COOKIES = ("ccmessaging-token",)
SESSION_COOKIE = "JSESSIONID=of-the-cloud; Path=/; HttpOnly; Secure"
_FILES = Path(__file__).parents[1] / "browser" / "cloud"
_TYPES = {".js": "application/javascript", ".html": "text/html; charset=utf-8"}
_TIMEOUT = 20  # seconds


@dataclass(frozen=True, slots=True)
class Part:
    """What lies at a path: a file, the cookies that come with it, and those without which it is not given."""

    file: str
    sets: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


PARTS = {
    AGENT_SCRIPT: Part("ccbarclient.js", sets=AGENT_COOKIES),
    AGENT_FRAME: Part("ccbarclient.html", needs=AGENT_COOKIES),
    CHAT_SCRIPT: Part("chat.js", sets=CHAT_COOKIES),
    GUEST_SCRIPT: Part("chat.js", sets=CHAT_COOKIES, needs=CHAT_COOKIES),
    COBROWSE_SCRIPT: Part("cobrowseCommon.js"),
}
_UNAUTHORIZED = Says(b"unauthorized,validate failed", 401)


class CallCentre(Cloud):
    """The stand-in, and what it was asked for."""

    def asked_for(self, path: str) -> list[Request]:
        """Return the requests for *path*, oldest first."""
        return [request for request in self.received if request.path == path]

    def _answer(self, request: Request) -> Says:
        answer = super()._answer(request)
        part = PARTS.get(request.path)
        if part is None or request.path in self.says or answer.status != 200:
            return answer
        if not is_guest(request) and set(part.needs) - sent_cookies(request).keys():
            return _UNAUTHORIZED
        file = _FILES / part.file
        session = [("Set-Cookie", SESSION_COOKIE)] if part.sets else []
        headers = [("Content-Type", _TYPES[file.suffix]), *cookies(part.sets), *session]
        return Says(file.read_bytes(), 200, headers)


def sent_cookies(request: Request) -> dict[str, str]:
    """Return the cookies that came with *request*."""
    pairs = (pair.partition("=") for pair in request.value("Cookie").split("; ") if pair)
    return {name: value for name, _, value in pairs}


def posted(request: Request) -> dict[str, object]:
    """Return the fields that came with *request*; none when it has no body."""
    return dict(orjson.loads(request.body or b"{}"))


def is_guest(request: Request) -> bool:
    """Return whether *request* proves itself with a signature, which needs no session."""
    return "thirdPartAuthorization" in posted(request)


@contextmanager
def standing(authority: trustme.CA) -> Iterator[CallCentre]:
    """Give a call centre that answers already, with a certificate of *authority*."""
    with closing(CallCentre(create_server(("127.0.0.1", 0)), authority.issue_cert(NAME))) as centre:
        thread = Thread(target=centre.serve)
        thread.start()
        yield centre
    thread.join(_TIMEOUT)
