"""Refusals and faults on routes whose responses are lists: an empty one, which every client can parse."""

from collections.abc import Iterable

from flask import Response

from validator.callbacks.wire import plain_path
from validator.customerquery.wire import EMPTY
from validator.errors import ValidatorError
from validator.web.policy import IntegrationRoute
from validator.web.replies import CHALLENGE, JSON, PlainResponse, retry_headers


class ListReplies:
    """Responses on those routes of the role `integrations` whose responses are lists."""

    def __init__(self, routes: Iterable[IntegrationRoute], *, always_200: bool) -> None:
        """Know those of *routes* that are lists; with *always_200*, give every response the status 200."""
        self._paths = tuple(route.path for route in routes if route.is_list)
        self._always_200 = always_200

    def is_for(self, path: str) -> bool:
        """Return whether *path* is one of these routes, or lies below one."""
        path = plain_path(path)
        return any(path == route or path.startswith(f"{route}/") for route in self._paths)

    def refusal(self, error: ValidatorError) -> PlainResponse:
        """Return the response to a request that failed with *error*, which it does not show."""
        status = error.answer.value.status
        more = [*retry_headers(status, error.retry_after), *([CHALLENGE] if status == 401 else [])]
        headers = (("Content-Type", JSON), ("Content-Length", str(len(EMPTY))))
        return PlainResponse(200 if self._always_200 else status, headers, EMPTY).with_headers(more)


def list_reply(body: bytes) -> Response:
    """Return the list in *body*, which is JSON."""
    return Response(body, 200, content_type=JSON)
