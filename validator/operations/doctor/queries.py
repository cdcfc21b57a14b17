"""Checks the routes of `queryCustomer`: a wrong secret is refused, the right one is not, no log has either.

The right secret is sent only if it was given, and only to a server whose certificate is verified in the same
connection, since a client that has the secret can read customers. The query has no number, so that nothing
is looked up and nobody's data come back.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from validator.operations.certificates.judging import Finding
from validator.operations.doctor.asking import Request, printable
from validator.operations.doctor.results import Checked, Sound, problem, warning
from validator.operations.http_client import NoResponse, Response, basic
from validator.routeguard import BASIC

_BODY = b'{"param": "anonymous"}'
_EMPTY = b"[]"
_CHUNK = 1 << 20
_OK, _UNAUTHORISED, _NOT_LET_IN, _THROTTLED = 200, 401, 403, 429

Ask = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class QueryRoute:
    """The route of one tenant space: its path, where its secret is (`PROOFS`), and the secret if known."""

    tenant: str
    path: str
    proof: str
    secret: str | None = field(default=None, repr=False)

    def request(self, secret: str) -> Request:
        """Return a query with *secret*, for a call without a number."""
        if self.proof == BASIC:
            authorization = basic(self.tenant, secret)["Authorization"]
            return Request("POST", self.path, _BODY, authorization=authorization)
        return Request("POST", f"{self.path}/{quote(secret)}", _BODY)


Judge = Callable[[str, QueryRoute, Response], Checked]


def examine(
    routes: Sequence[QueryRoute], ask: Ask, ask_safely: Ask, logs: Sequence[Path]
) -> Iterator[Checked]:
    """Yield the findings about *routes*, then those about *logs*; *ask_safely* verifies the certificate."""
    wrong = secrets.token_urlsafe(32)
    for route in routes:
        yield _asked(f"query-{route.tenant}-wrong-secret", route, wrong, ask, _refused)
        if route.secret is not None:
            yield _asked(f"query-{route.tenant}-secret", route, route.secret, ask_safely, _let_in)
    if routes:
        # The wrong secret was sent first: a log that has secrets has this one, even if it is written late.
        sent = [wrong, *(route.secret for route in routes if route.secret is not None)]
        yield from (_log(path, [each.encode() for each in sent]) for path in logs)


def _asked(code: str, route: QueryRoute, secret: str, ask: Ask, judge: Judge) -> Checked:
    """Return what *judge* finds in the response of *route* to *secret*."""
    try:
        response = ask(route.request(secret))
    except NoResponse as nothing:
        return problem(code, f"a query at {route.path} has no response: {nothing}")
    if response.body != _EMPTY:
        return _wrong_body(code, route, response)
    return judge(code, route, response)


def _wrong_body(code: str, route: QueryRoute, response: Response) -> Finding:
    if response.body.startswith(b"[{"):
        words = f"{route.path} answers a query without a number with customers"
        return problem(code, f"{words}: another program answers; take the URL off the cloud at once")
    kind = "HTML" if response.is_html else "no empty list"
    words = f"the response of {route.path} is {kind} ({response.status})"
    return problem(code, f"{words}: render nginx's files again, with this route switched on")


def _refused(code: str, route: QueryRoute, response: Response) -> Checked:
    """Return whether a wrong secret is refused; the challenge shows it where every status is 200."""
    if _is_challenge(response):
        return Sound(code, f"{route.path} refuses a wrong secret ({response.status})")
    if response.status == _OK:
        words = f"{route.path} does not refuse a wrong secret ({_OK})"
        return problem(code, f"{words}: with callbacks.always_200 the route may not be served; {_SERVE}")
    return _otherwise(code, route, response)


def _let_in(code: str, route: QueryRoute, response: Response) -> Checked:
    if _is_challenge(response):
        words = f"{route.path} refuses the secret in the file ({response.status})"
        return problem(code, f"{words}: restart the pool after the file of secrets was changed")
    if response.status == _OK:
        return Sound(code, f"{route.path} accepts the secret, and finds nobody without a number")
    return _otherwise(code, route, response)


def _otherwise(code: str, route: QueryRoute, response: Response) -> Checked:
    words = f"{route.path} responds with {response.status}"
    if response.status == _NOT_LET_IN:
        where = "run this from a network in query_customer.networks, with --client-certificate if required"
        return warning(code, f"{words}, so this machine has no access: {where}")
    if response.status == _THROTTLED:
        return warning(code, f"{words}: a limit is reached; retry in a minute")
    return problem(code, f"{words}: {_SERVE}")


def _is_challenge(response: Response) -> bool:
    return response.status == _UNAUTHORISED or "www-authenticate" in response.headers


def _log(path: Path, sent: Sequence[bytes]) -> Checked:
    """Return whether the file *path* has one of the secrets *sent*."""
    name = printable(str(path))
    try:
        found = _is_in(path, sent)
    except OSError as error:
        return warning("query-log", f"{name} cannot be read: {error.strerror}")
    if found:
        words = f"{name} has a secret of queryCustomer"
        return problem("query-log", f"{words}: render nginx's files again, and change the secret")
    return Sound("query-log", f"{name} has no secret of queryCustomer")


def _is_in(path: Path, sent: Sequence[bytes]) -> bool:
    kept, overlap = b"", max(map(len, sent)) - 1
    with path.open("rb") as log:
        while chunk := log.read(_CHUNK):
            text = kept + chunk
            if any(each in text for each in sent):
                return True
            kept = text[-overlap:]
    return False


_SERVE = "switch the route on, and serve it (`serve --role integrations`)"
