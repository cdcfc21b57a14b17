"""Checks what must not be public: callbacks without TLS, operators' and agents' routes, version numbers."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin, urlsplit

from validator.operations.doctor.asking import Request, printable
from validator.operations.doctor.results import Checked, Sound, problem, warning
from validator.operations.http_client import NoResponse, Response
from validator.web.policy import CARD_LOOK_UP

PRIVATE_ROUTES = ("/readyz", "/metrics", "/openapi.json")
_UNAUTHORISED, _NOT_FOUND = 401, 404
_TAKE_OFF = "another program answers; take it off this server"
_TARGET = re.compile(r"/[!-~]*", re.ASCII)
_VERSION_HEADERS = ("server", "x-powered-by", "x-aspnet-version")

Ask = Callable[[Request], Response]


def plain_http(ask_plainly: Ask, question: Request, port: int) -> Checked:
    """Return the finding about *question* on the plain *port*, where anybody on the network can read it."""
    code = "plain-http"
    try:
        reply = ask_plainly(question)
    except NoResponse as nothing:
        return Sound(code, f"port {port} accepts no request: {nothing}")
    if reply.is_redirect:
        words = f"port {port} redirects a POST ({reply.status}), after the token was sent in the clear"
        return warning(code, f"{words}: refuse a POST on plain HTTP, and redirect pages only")
    if 200 <= reply.status < 300:
        words = f"port {port} serves a callback without TLS ({reply.status}): anybody on the way can read it"
        return problem(code, f"{words}; serve the callbacks over TLS only")
    return Sound(code, f"port {port} refuses the request ({reply.status})")


def private_routes(ask: Ask, authority: str) -> Iterator[Checked]:
    """Yield the finding about each route for operators, on the server that *authority* names.

    One redirect within that server is followed: `/metrics` is often only redirected to `/metrics/`.
    """
    for path in PRIVATE_ROUTES:
        code = path.strip("/").replace(".", "-")
        try:
            reply = ask(Request("GET", path))
        except NoResponse as nothing:
            yield Sound(code, f"{path} has no response: {nothing}")
            continue
        yield (
            _sent_on(code, path, reply, ask, authority) if reply.is_redirect else _private(code, path, reply)
        )


def agents_card(ask: Ask) -> Checked:
    """Return the finding about the look-ups of agents' cards: without a session there must be none.

    The request has no number, so that nothing is looked up.
    """
    code, name = "agents-card", f"the route of agents' look-ups, {CARD_LOOK_UP},"
    try:
        reply = ask(Request("POST", CARD_LOOK_UP, b'{"number": "anonymous"}'))
    except NoResponse as nothing:
        return problem(code, f"{name} has no response: {nothing}")
    if reply.status == _UNAUTHORISED:
        return Sound(code, f"{name} needs an agent's session ({reply.status})")
    if reply.status == _NOT_FOUND:
        return problem(code, f"{name} is not served ({reply.status}): render the proxy's configuration again")
    if reply.status < 400:
        return problem(code, f"{name} has a response without a session ({reply.status}): {_TAKE_OFF}")
    return warning(code, f"{name} cannot be used ({reply.status}): does validator@integrations run?")


def _private(code: str, path: str, reply: Response) -> Checked:
    if 400 <= reply.status < 500:
        return Sound(code, f"{path} is not public ({reply.status})")
    return problem(code, f"{path} is public ({reply.status}): {_HIDE}")


def _sent_on(code: str, path: str, reply: Response, ask: Ask, authority: str) -> Checked:
    """Return the finding about the target of the redirect of *path*; an HTML page may be a login form."""
    place = reply.headers.get("location", "")
    words = f"{path} is redirected to {printable(place) or 'nowhere'} ({reply.status})"
    there = _path_here(path, place, authority)
    if there is None:
        return warning(code, f"{words}, which was not checked: {_HIDE}")
    try:
        behind = ask(Request("GET", there))
    except NoResponse as nothing:
        return warning(code, f"{words}, which has no response ({nothing}): {_HIDE}")
    if behind.is_redirect or (behind.is_html and behind.status < 300):
        return warning(code, f"{words}, which answers {behind.status}; it may need a login or not: {_HIDE}")
    return _private(code, printable(there), behind)


def _path_here(path: str, place: str, authority: str) -> str | None:
    """Return the path and query of *place*, None unless it is a valid target on this server."""
    origin = f"https://{authority}"
    try:
        url = urlsplit(urljoin(origin + path, place))
    except ValueError:
        return None
    there = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    is_here = f"{url.scheme}://{url.netloc}" == origin
    return there if is_here and _TARGET.fullmatch(there) else None


def versions(reply: Response) -> Checked:
    """Return the finding about version numbers in the headers of *reply*."""
    present = {name: reply.headers[name] for name in _VERSION_HEADERS if name in reply.headers}
    telling = [f"{name}: {printable(text)}" for name, text in present.items() if re.search(r"\d", text)]
    if telling:
        advice = "switch it off, in nginx with `server_tokens off`; attackers look up its known flaws"
        return warning("versions", f"the response has {'; '.join(telling)}: {advice}")
    return Sound("versions", "no header shows the version of a program")


_HIDE = "let the proxy answer it with 404 for everybody"
