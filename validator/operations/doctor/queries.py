"""Checks the routes of `queryCustomer`: a wrong secret is refused, the right one is not, no log has either.

The query has no number, so that nothing is looked up and nobody's data come back.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from validator.operations.certificates.judging import Finding
from validator.operations.doctor.asking import Request
from validator.operations.doctor.results import Checked, problem
from validator.operations.doctor.secretroutes import OK, SERVE, Ask, Kind, SecretRoute
from validator.operations.http_client import NoResponse, Response

_BODY = b'{"param": "anonymous"}'
_EMPTY = b"[]"
_KIND = Kind("query", "queryCustomer", "query_customer")


class QueryRoute(SecretRoute):
    """The route of one tenant space, whose id is its name."""

    __slots__ = ()

    def request(self, secret: str) -> Request:
        """Return a query with *secret*, for a call without a number."""
        return self.with_secret(Request("POST", self.path, _BODY), secret)


Judge = Callable[[str, QueryRoute, Response], Checked]


def examine(
    routes: Sequence[QueryRoute], ask: Ask, ask_safely: Ask, logs: Sequence[Path]
) -> Iterator[Checked]:
    """Yield the findings about *routes*, then those about *logs*; *ask_safely* verifies the certificate."""
    wrong = secrets.token_urlsafe(32)
    for route in routes:
        yield _asked(f"query-{route.name}-wrong-secret", route, wrong, ask, _refused)
        if route.secret is not None:
            yield _asked(f"query-{route.name}-secret", route, route.secret, ask_safely, _let_in)
    if routes:
        yield from _KIND.logs(logs, wrong, routes)


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
    words = f"does not refuse a wrong secret ({OK}): with callbacks.always_200 the route may not be served"
    return _KIND.refused(code, route.path, response, f"{words}; {SERVE}")


def _let_in(code: str, route: QueryRoute, response: Response) -> Checked:
    return _KIND.accepted(code, route.path, response, ", and finds nobody without a number")
