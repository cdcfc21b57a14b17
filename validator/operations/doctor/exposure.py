"""Looks for what nobody outside should see: callbacks without TLS, operators' routes, programs' versions."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin, urlsplit

from validator.operations.doctor.asking import Request, printable
from validator.operations.doctor.checked import Checked, Sound, problem, warning
from validator.operations.http_client import NoResponse, Response

PRIVATE_ROUTES = ("/readyz", "/metrics", "/openapi.json")
_TARGET = re.compile(r"/[!-~]*", re.ASCII)
_TELLING_HEADERS = ("server", "x-powered-by", "x-aspnet-version")

Ask = Callable[[Request], Response]


def plain_http(ask_plainly: Ask, question: Request, port: int) -> Checked:
    """Return what is found of *question* sent to the plain *port*: whoever listens on the way reads it."""
    code = "plain-http"
    try:
        reply = ask_plainly(question)
    except NoResponse as nothing:
        return Sound(code, f"port {port} takes no question: {nothing}")
    if reply.is_redirect:
        words = f"port {port} sends a POST on ({reply.status}), after the token was sent in the clear"
        return warning(code, f"{words}: refuse a POST on plain HTTP, and redirect pages only")
    if 200 <= reply.status < 300:
        words = f"port {port} answers the question without TLS ({reply.status}), for all on the way to read"
        return problem(code, f"{words}: answer the callbacks over TLS only")
    return Sound(code, f"port {port} refuses the question ({reply.status})")


def private_routes(ask: Ask, authority: str) -> Iterator[Checked]:
    """Yield what is found of each route that is for operators only, on the server that *authority* names.

    One redirect on that server is gone after: `/metrics` is often sent on to `/metrics/` only.
    """
    for path in PRIVATE_ROUTES:
        code = path.strip("/").replace(".", "-")
        try:
            reply = ask(Request("GET", path))
        except NoResponse as nothing:
            yield Sound(code, f"{path} is not answered: {nothing}")
            continue
        yield (
            _sent_on(code, path, reply, ask, authority) if reply.is_redirect else _private(code, path, reply)
        )


def _private(code: str, path: str, reply: Response) -> Checked:
    if 400 <= reply.status < 500:
        return Sound(code, f"{path} is not public ({reply.status})")
    return problem(code, f"{path} is answered to anybody ({reply.status}): {_HIDE}")


def _sent_on(code: str, path: str, reply: Response, ask: Ask, authority: str) -> Checked:
    """Return what is found behind the redirect of *path*; a page for people may be a login's."""
    place = reply.headers.get("location", "")
    words = f"{path} is sent on to {printable(place) or 'nowhere'} ({reply.status})"
    there = _path_here(path, place, authority)
    if there is None:
        return warning(code, f"{words}, where was not looked: {_HIDE}")
    try:
        behind = ask(Request("GET", there))
    except NoResponse as nothing:
        return warning(code, f"{words}, which is not answered ({nothing}): {_HIDE}")
    if behind.is_redirect or (behind.is_html and behind.status < 300):
        return warning(code, f"{words}, which answers {behind.status}; whether to all was not seen: {_HIDE}")
    return _private(code, printable(there), behind)


def _path_here(path: str, place: str, authority: str) -> str | None:
    """Return the path and query of *place*, None unless it is on this server and can be asked for."""
    origin = f"https://{authority}"
    try:
        url = urlsplit(urljoin(origin + path, place))
    except ValueError:
        return None
    there = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    is_here = f"{url.scheme}://{url.netloc}" == origin
    return there if is_here and _TARGET.fullmatch(there) else None


def versions(reply: Response) -> Checked:
    """Return what the headers of *reply* tell of the programs behind it."""
    told = {name: reply.headers[name] for name in _TELLING_HEADERS if name in reply.headers}
    telling = [f"{name}: {printable(text)}" for name, text in told.items() if re.search(r"\d", text)]
    if telling:
        advice = "switch it off, in nginx with `server_tokens off`; it says which known faults to try"
        return warning("versions", f"the answer has {'; '.join(telling)}: {advice}")
    return Sound("versions", "no header tells the version of a program")


_HIDE = "let the proxy answer 404 to it, from everywhere"
