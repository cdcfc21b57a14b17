"""A constant answer: what gunicorn alone and Flask alone cost, with nothing to do."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from flask import Flask, Response

_ANSWER = b'{"retCode":0,"message":"validate success"}'
_HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(_ANSWER)))]


def plain(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer without a framework."""
    start("200 OK", _HEADERS)
    return [_ANSWER]


def echoing(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer like `plain`, and return the request's id."""
    start("200 OK", [*_HEADERS, ("X-Request-ID", environ.get("HTTP_X_REQUEST_ID", ""))])
    return [_ANSWER]


flask = Flask("constant")


@flask.post("/rest/cc-management/v1/thirdparty/thirdPartyValidate")
def _constant() -> Response:
    return Response(_ANSWER, content_type="application/json")


_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(name.encode(), value.encode()) for name, value in _HEADERS],
}
_BODY = {"type": "http.response.body", "body": _ANSWER}


async def looped(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Read the body and answer, in an event loop (ASGI)."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send(_START)
    await send(_BODY)
