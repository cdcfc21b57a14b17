"""Checks the Host of requests against DNS rebinding.

In that attack the name of another site's page resolves to an address of this server, and the browser lets
the page read the responses. It still sends that name as Host. So on a TCP bind only numeric addresses, this
host's names and the names in the settings are allowed; behind a unix socket or a trusted proxy the proxy has
chosen the name. The callbacks, which a token proves, and the probe of the process allow any name.
"""

import socket
from collections.abc import Callable, Iterable

from flask import Flask, request

from validator.errors import Reason, Refusal
from validator.exchange import Exchange
from validator.networks import is_address, is_this_host
from validator.origins import host_of
from validator.web import forwarded, incoming
from validator.web.policy import ServerPolicy

_ANY_NAME = "/healthz"
UNKNOWN = "this server does not answer to that name: server.hosts lists those it does answer to"


class Hosts:
    """The allowed names in the header Host."""

    def __init__(self, policy: ServerPolicy, origins: Iterable[str]) -> None:
        """Know the names in *policy*, the hosts of *origins*, and this host's own name."""
        of_origins = (host_of(origin) for origin in (*policy.public_origins, *origins))
        self._names = {*policy.hosts, *filter(None, of_origins), socket.gethostname().lower()}

    def has(self, header: str | None) -> bool:
        """Return whether the name in a *header* Host is known; a request without one is not a browser's."""
        if header is None:
            return True
        name = _name_in(header)
        return is_address(name) or is_this_host(name) or name in self._names


def install(
    app: Flask,
    policy: ServerPolicy,
    hosts: Hosts,
    is_callback: Callable[[str], bool],
    count: Callable[[Exchange], None],
) -> None:
    """Refuse requests to names that *hosts* does not know, after they were counted by *count*."""

    @app.before_request
    def check() -> None:
        if policy.is_unix or forwarded.is_from_proxy(policy, request.environ):
            return
        if (
            request.path == _ANY_NAME
            or is_callback(request.path)
            or hosts.has(request.environ.get("HTTP_HOST"))
        ):
            return
        count(incoming.exchange())
        raise Refusal(Reason.HOST_UNKNOWN, UNKNOWN)


def _name_in(header: str) -> str:
    """Return the name in a header Host, without brackets, port and the final dot."""
    if header.startswith("["):
        address, closing, _ = header[1:].partition("]")
        return address if closing else ""
    return header.partition(":")[0].removesuffix(".").lower()
