"""Looks for what nobody outside should see: callbacks without TLS, operators' routes, programs' versions."""

import re
from collections.abc import Callable, Iterator

from validator.doctor.asking import NoAnswer, Reply, Request, printable
from validator.doctor.checked import Checked, Sound, problem, warning

PRIVATE_ROUTES = ("/readyz", "/metrics", "/openapi.json")
_TELLING_HEADERS = ("server", "x-powered-by", "x-aspnet-version")

Ask = Callable[[Request], Reply]


def plain_http(ask_plainly: Ask, question: Request, port: int) -> Checked:
    """Return what is found of *question* sent to the plain *port*: whoever listens on the way reads it."""
    code = "plain-http"
    try:
        reply = ask_plainly(question)
    except NoAnswer as nothing:
        return Sound(code, f"port {port} takes no question: {nothing}")
    if reply.is_redirect:
        words = f"port {port} sends a POST on ({reply.status}), after the token was sent in the clear"
        return warning(code, f"{words}: refuse a POST on plain HTTP, and redirect pages only")
    if 200 <= reply.status < 300:
        words = f"port {port} answers the question without TLS ({reply.status}), for all on the way to read"
        return problem(code, f"{words}: answer the callbacks over TLS only")
    return Sound(code, f"port {port} refuses the question ({reply.status})")


def private_routes(ask: Ask) -> Iterator[Checked]:
    """Yield what is found of each route that is for operators only."""
    for path in PRIVATE_ROUTES:
        code = path.strip("/").replace(".", "-")
        try:
            reply = ask(Request("GET", path))
        except NoAnswer as nothing:
            yield Sound(code, f"{path} is not answered: {nothing}")
            continue
        if 300 <= reply.status < 500:
            yield Sound(code, f"{path} is not public ({reply.status})")
        else:
            words = f"{path} is answered to anybody ({reply.status})"
            yield problem(code, f"{words}: let the proxy answer 404 to it, from everywhere")


def versions(reply: Reply) -> Checked:
    """Return what the headers of *reply* tell of the programs behind it."""
    told = {name: reply.headers[name] for name in _TELLING_HEADERS if name in reply.headers}
    telling = [f"{name}: {printable(text)}" for name, text in told.items() if re.search(r"\d", text)]
    if telling:
        advice = "switch it off, in nginx with `server_tokens off`; it says which known faults to try"
        return warning("versions", f"the answer has {'; '.join(telling)}: {advice}")
    return Sound("versions", "no header tells the version of a program")
