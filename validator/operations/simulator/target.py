"""The enterprise's server that scenarios run against: its address, and the subjects known there."""

import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from validator.networks import is_loopback
from validator.operations.http_client import Place, Response, send, written

# The documented routes; the enterprise may have registered others.
AGENT_PATH = "/rest/cc-management/v1/thirdparty/thirdPartyValidate"
CHAT_PATH = "/rest/cc-messaging/v1/thirdparty/chatThirdPartyValidate"
_TIMEOUT = timedelta(seconds=10)  # for preparations: a token, a guest's cookie


class Skipped(Exception):  # noqa: N818 - an outcome
    """A step cannot be run with the given options; the text names the missing one."""


@dataclass(frozen=True, slots=True)
class Known:
    """The subjects known at the enterprise, and the guests' channel and page; None for what is not given."""

    tenant: str
    user_account: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    channel: str | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Others:
    """Other existing subjects: an agent and a customer of the same tenant, and another tenant."""

    user_account: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A server, its two callbacks, and the subjects known there."""

    place: Place
    agent_path: str
    chat_path: str
    known: Known
    others: Others = Others()
    prefix: str = ""
    give_up_after: timedelta | None = field(default=None)

    @classmethod
    def at(cls, url: str, tls: ssl.SSLContext, known: Known, **options: Any) -> "Target":
        """Return the server at *url*; a path in it becomes the prefix of every route."""
        prefix = urlsplit(url).path.rstrip("/")
        return cls(place=Place.at(url, tls), known=known, prefix=prefix, **options)

    def timeout(self, within: timedelta) -> timedelta:
        """Return how long to wait for a response that is due *within* a time."""
        return within if self.give_up_after is None else min(within, self.give_up_after)

    def post(self, path: str, content: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
        """Return the answer to a POST of JSON that only prepares a step; raises NoResponse."""
        body = json.dumps(content, ensure_ascii=False).encode()
        return send(self.place, self.written(path, body, headers), give_up_after=_TIMEOUT)

    def written(
        self, path: str, body: bytes, headers: Mapping[str, str], *, version: str = "1.1"
    ) -> Sequence[bytes]:
        """Return the head and the body of a POST to *path*."""
        defaults = {"Content-Type": "application/json"}
        return written(self.place, self.prefix + path, body, {**defaults, **headers}, version=version)


def is_server_url(text: str) -> bool:
    """Return whether *text* is a URL for a `Target`: https, a host, no query; http only for this host.

    Valid tokens and a client's secret are sent there.
    """
    try:
        parts = urlsplit(text)
        is_place = parts.port != 0 and bool(parts.hostname)
    except ValueError:
        return False
    is_bare = not (parts.username or parts.password or parts.query or parts.fragment)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_this_host(parts.hostname or ""))
    return is_safe and is_place and is_bare and text.isascii() and text.isprintable()


def _is_this_host(host: str) -> bool:
    return host == "localhost" or is_loopback(host)
