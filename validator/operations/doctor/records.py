"""Checks the routes of pushed call records: a wrong secret is refused, a GET is, and no log has a secret.

What is pushed with the right secret is stored, be it a record or not, except the callback of a connection in
the format of the cloud's own double calls. So only their routes get the right secret: a record of a call that
never was would reach the CRM, and a body in the quarantine would be reported for weeks.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from validator.callcentre import aicc, ctibar
from validator.callcentre.policy import AICC, CTIBAR
from validator.operations.doctor.asking import Request
from validator.operations.doctor.results import Checked, Sound, problem
from validator.operations.doctor.secretroutes import OK, Ask, Kind, SecretRoute
from validator.operations.http_client import NoResponse, Response

_KIND = Kind("records", "call records", "callrecords")
_NOT_ALLOWED = 405


@dataclass(frozen=True, slots=True)
class _Answers:
    """The bodies of one source's responses, and one that is acknowledged and not stored, if there is any."""

    accepted: bytes
    failed: bytes
    harmless: bytes | None


_SOURCES: Mapping[str, _Answers] = MappingProxyType(
    {
        CTIBAR: _Answers(ctibar.ACCEPTED, ctibar.FAILED, None),
        AICC: _Answers(aicc.ACCEPTED, aicc.FAILED, b'{"callSerialNo":"doctor","serviceNo":""}'),
    }
)


@dataclass(frozen=True, slots=True)
class PushRoute(SecretRoute):
    """The route of one tenant space and source; its name has both."""

    source: str = CTIBAR

    @property
    def answers(self) -> _Answers:
        """What the source sends and gets."""
        return _SOURCES[self.source]

    def request(self, secret: str, method: str = "POST") -> Request:
        """Return a push with *secret* of what is harmless, or else of no record."""
        body = (self.answers.harmless or b"{}") if method == "POST" else b""
        return self.with_secret(Request(method, self.path, body), secret)


Judge = Callable[[str, PushRoute, Response], Checked]


def examine(
    routes: Sequence[PushRoute], ask: Ask, ask_safely: Ask, logs: Sequence[Path]
) -> Iterator[Checked]:
    """Yield the findings about *routes*, then those about *logs*; *ask_safely* verifies the certificate."""
    wrong = secrets.token_urlsafe(32)
    for route in routes:
        code = f"records-{route.name.replace('/', '-')}"
        yield _judged(f"{code}-wrong-secret", route, route.request(wrong), ask, _refused)
        yield _judged(f"{code}-get", route, route.request(wrong, "GET"), ask, _only_posted)
        if route.secret is not None and route.answers.harmless is not None:
            yield _judged(f"{code}-secret", route, route.request(route.secret), ask_safely, _let_in)
    if routes:
        yield from _KIND.logs(logs, wrong, routes)


def _judged(code: str, route: PushRoute, request: Request, ask: Ask, judge: Judge) -> Checked:
    """Return what *judge* finds in the response to *request*."""
    try:
        response = ask(request)
    except NoResponse as nothing:
        return problem(code, f"a push at {route.path} has no response: {nothing}")
    expected = route.answers.accepted if response.status == OK else route.answers.failed
    if response.body != expected:
        kind = "HTML" if response.is_html else "not in the sender's form"
        words = f"the response of {route.path} is {kind} ({response.status})"
        return problem(code, f"{words}: render nginx's files again, with this route switched on")
    return judge(code, route, response)


def _refused(code: str, route: PushRoute, response: Response) -> Checked:
    words = f"acknowledges a push with a wrong secret ({OK}): another program answers"
    return _KIND.refused(code, route.path, response, f"{words}; have the URL removed where it is entered")


def _only_posted(code: str, route: PushRoute, response: Response) -> Checked:
    if response.status == _NOT_ALLOWED:
        return Sound(code, f"{route.path} takes no GET ({response.status})")
    if response.status == OK:
        return problem(code, f"{route.path} acknowledges a GET ({OK}): another program answers")
    return _KIND.otherwise(code, route.path, response)


def _let_in(code: str, route: PushRoute, response: Response) -> Checked:
    return _KIND.accepted(code, route.path, response, "; nothing is stored of this push")
