"""The demonstration's TLS proxy where nginx is missing, in front of the server and the simulated cloud.

For demonstrations only: it has no limits and no WebSocket, and reads whole bodies into memory. Use nginx in
front of a real server.
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
# Hop-by-hop headers (RFC 9110, section 7.6.1), and those that are set again here.
_NOT_PASSED_ON = {
    *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    *("host", "content-length", "x-forwarded-for", "x-forwarded-proto", "x-request-id", "x-client-verify"),
    *("forwarded", "server", "date", "content-encoding", "accept-encoding"),
}
_DOMAIN = re.compile(r";\s*domain=[^;]*", re.IGNORECASE)


class TlsProxy:
    """A WSGI application that forwards requests."""

    def __init__(self, application: httpx2.Client, cloud: httpx2.Client, origin: str) -> None:
        """Forward the cloud's paths to *cloud*, others to *application*; *origin* is the portal's."""
        self._application, self._cloud, self._origin = application, cloud, origin

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve a request (WSGI, PEP 3333)."""
        return self._forwarded(Request(environ))(environ, start_response)

    def _forwarded(self, request: Request) -> Response:
        """Return the upstream's response."""
        request.max_content_length = LARGEST_BODY
        is_for_cloud = request.path.startswith(CLOUD)
        upstream = self._cloud if is_for_cloud else self._application
        target = str(request.environ["RAW_URI"]).encode("latin-1")
        try:
            reply = upstream.request(
                request.method,
                upstream.base_url.copy_with(raw_path=target),
                content=request.get_data(),
                headers=self._headers(request, is_for_cloud=is_for_cloud),
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

    def _headers(self, request: Request, *, is_for_cloud: bool) -> list[tuple[str, str]]:
        headers = _passed_on(request.headers.items())
        if not is_for_cloud:
            own = self._origin.removeprefix("https://")
            source = request.remote_addr or ""
            return [*headers, ("host", own), ("x-forwarded-for", source), ("x-forwarded-proto", "https")]
        if "Origin" not in request.headers:
            headers.append(("origin", self._origin))
        return headers


def tls_proxy(application_socket: str, cloud: str, cloud_authority: str, origin: str) -> TlsProxy:
    """Return the proxy of the server on *application_socket* and the simulated cloud at the URL *cloud*."""
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
