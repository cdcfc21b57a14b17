"""One view at several paths: each tenant space has a path of its route, and each code of a flow."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response


def add_tenant_routes(
    bp: Blueprint, paths: Mapping[str, str], segment: str, endpoint: str, view: Callable[..., Response]
) -> None:
    """Serve POST requests at the path of each tenant space in *paths* by *view*, which gets the tenant space.

    *segment* is what stands behind each path, with its placeholder; "": nothing.
    """
    for tenant, path in paths.items():
        bp.add_url_rule(f"{path}{segment}", endpoint, view, methods=["POST"], defaults={"tenant": tenant})


def add_named_routes(
    bp: Blueprint, paths: Mapping[str, str], endpoint: str, view: Callable[..., Response], segment: str = ""
) -> None:
    """Serve POST requests at the path of each name in *paths* by *view*, which gets the `name`.

    *segment* is what stands behind each path, with its placeholder.
    """
    for name, path in paths.items():
        bp.add_url_rule(f"{path}{segment}", endpoint, view, methods=["POST"], defaults={"name": name})
