"""The demonstration's door where there is no nginx: TLS before the server and before the stand-in.

It is for showing only: it knows no limits and no WebSocket, and reads whole bodies into memory. In front of
anything real stands nginx.
"""

import re
import ssl
from collections.abc import Iterable
from typing import Any

import httpx2
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

CLOUD = "/service-cloud/"
LARGEST_BODY = 1_048_576  # bytes
_TIMEOUT = 15  # seconds
# Of the connection, not of what is said over it (RFC 9110, section 7.6.1), or written anew here.
_NOT_PASSED_ON = {
    *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    *("host", "content-length", "x-forwarded-for", "x-forwarded-proto", "x-request-id", "x-client-verify"),
    *("forwarded", "server", "date", "content-encoding", "accept-encoding"),
}
_DOMAIN = re.compile(r";\s*domain=[^;]*", re.IGNORECASE)


class TlsProxy:
    """A WSGI application that asks others."""

    def __init__(self, application: httpx2.Client, cloud: httpx2.Client, origin: str) -> None:
        """Pass what is the cloud's on to *cloud*, the rest to *application*; *origin* is the portal's."""
        self._application, self._cloud, self._origin = application, cloud, origin

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as WSGI (PEP 3333) has it."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        """Return what the one behind answers."""
        request.max_content_length = LARGEST_BODY
        is_for_cloud = request.path.startswith(CLOUD)
        behind = self._cloud if is_for_cloud else self._application
        target = str(request.environ["RAW_URI"]).encode("latin-1")
        try:
            reply = behind.request(
                request.method,
                behind.base_url.copy_with(raw_path=target),
                content=request.get_data(),
                headers=self._told(request, is_for_cloud=is_for_cloud),
            )
        except HTTPException as error:
            return Response(status=error.code)
        except httpx2.RequestError:
            return Response("temporarily unavailable", 503)
        headers = [
            (name, _DOMAIN.sub("", value) if name == "set-cookie" else value)
            for name, value in _passed_on(reply.headers.multi_items())
        ]
        return Response(reply.content, reply.status_code, headers)

    def _told(self, request: Request, *, is_for_cloud: bool) -> list[tuple[str, str]]:
        headers = _passed_on(request.headers.items())
        if not is_for_cloud:
            own = self._origin.removeprefix("https://")
            source = request.remote_addr or ""
            return [*headers, ("host", own), ("x-forwarded-for", source), ("x-forwarded-proto", "https")]
        if "Origin" not in request.headers:
            headers.append(("origin", self._origin))
        return headers


def open_door(application_socket: str, cloud: str, cloud_authority: str, origin: str) -> TlsProxy:
    """Return the door before the server on *application_socket* and the stand-in at the URL *cloud*."""
    socket = httpx2.HTTPTransport(uds=application_socket)
    return TlsProxy(
        httpx2.Client(transport=socket, base_url="http://localhost", timeout=_TIMEOUT, trust_env=False),
        httpx2.Client(verify=_trust(cloud_authority), base_url=cloud, timeout=_TIMEOUT, trust_env=False),
        origin,
    )


def _trust(authority: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


def _passed_on(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers if name.lower() not in _NOT_PASSED_ON]
