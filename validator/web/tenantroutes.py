"""One view at several paths: each tenant space has a path of its route, and each code of a flow."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response

from validator.routeguard import BASIC, PATH
from validator.web import incoming

Presented = tuple[str | None, str | None]  # a secret, and the user beside it


def add_named_routes(
    bp: Blueprint, paths: Mapping[str, str], endpoint: str, view: Callable[..., Response], segment: str = ""
) -> None:
    """Serve POST requests at the path of each name in *paths* by *view*, which gets the `name`.

    *segment* is what stands behind each path, with its placeholder.
    """
    for name, path in paths.items():
        bp.add_url_rule(f"{path}{segment}", endpoint, view, methods=["POST"], defaults={"name": name})


def add_guarded_routes(
    bp: Blueprint,
    paths: Mapping[str, str],
    endpoint: str,
    proof: str,
    answer: Callable[[str, Presented], Response],
) -> None:
    """Serve them by *answer*, which gets the name and what the caller presents, as *proof* (`routeguard`)."""

    def by_path(name: str, presented_secret: str) -> Response:
        return answer(name, (presented_secret, None))

    def by_basic(name: str) -> Response:
        credentials = incoming.credentials()
        return answer(name, (credentials.presented_secret, credentials.presented_client))

    segments: dict[str, tuple[str, Callable[..., Response]]] = {
        PATH: ("/<presented_secret>", by_path),
        BASIC: ("", by_basic),
    }
    segment, view = segments[proof]
    add_named_routes(bp, paths, endpoint, view, segment)
