"""A constant answer: what gunicorn alone and Flask alone cost, with nothing to do."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response

_ANSWER = b'{"retCode":0,"message":"validate success"}'
_HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(_ANSWER)))]


def plain(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer without a framework."""
    start("200 OK", _HEADERS)
    return [_ANSWER]


flask = Flask("constant")


@flask.post("/rest/cc-management/v1/thirdparty/thirdPartyValidate")
def _constant() -> Response:
    return Response(_ANSWER, content_type="application/json")
