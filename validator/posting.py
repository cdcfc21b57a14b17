"""One bounded request to another system, such as a POST of JSON to the enterprise's CRM.

One deadline covers the connection, TLS, the request and the response to its last byte. Timeouts of single
reads would not: a system that sends one byte a second could occupy a thread for hours. Only the resolver of
host names has its own timeouts. So each request has a new connection, which also cannot be a stale one.

Redirects are not followed and proxies of the environment are not used, so that the credential reaches no
other host. A response is usable when it is neither compressed nor too large; of `post` its status is 200.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

import httpx2

_CONNECT = 0.45  # the maximum part of the whole time for the connection, and again for the TLS handshake


class UnusableResponse(Exception):  # noqa: N818 - an outcome
    """There is no usable response; the text says why, and quotes nothing of request and response."""


class TooLargeResponse(UnusableResponse):
    """The response is larger than it may be."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The URL of a system, the value of `Authorization` for it, and the TLS context for https."""

    url: str
    authorization: str = field(repr=False)
    tls: ssl.SSLContext = field(repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response; the names of its headers are in small letters."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def post(endpoint: Endpoint, body: bytes, *, timeout: timedelta, max_response: int) -> bytes:
    """Return the body of the response to *body*, JSON, at most *max_response* bytes.

    Raises TimeoutError when it is not complete within *timeout*, and UnusableResponse.
    """
    headers = {
        "Authorization": endpoint.authorization,
        "Content-Type": "application/json",
        "Accept": "application/json",
    }
    request = httpx2.Request("POST", endpoint.url, headers=headers, content=body)
    response = send(request, endpoint.tls, timeout=timeout, max_response=max_response)
    if response.status != HTTPStatus.OK:
        raise UnusableResponse(f"the status is {response.status}")
    return response.body


def send(request: httpx2.Request, tls: ssl.SSLContext, *, timeout: timedelta, max_response: int) -> Response:
    """Return the response to *request*, with a body of at most *max_response* bytes; raises as `post`."""
    (response,) = send_all([request], tls, timeout=timeout, max_response=max_response)
    if isinstance(response, Exception):
        raise response
    return response


def send_all(
    requests: Sequence[httpx2.Request], tls: ssl.SSLContext, *, timeout: timedelta, max_response: int
) -> list[Response | TimeoutError | UnusableResponse]:
    """Return what `send` returns or raises for each of *requests*, which are sent at the same time."""
    return asyncio.run(_send_all(requests, tls, timeout, max_response))


async def _send_all(
    requests: Sequence[httpx2.Request], tls: ssl.SSLContext, timeout: timedelta, max_response: int
) -> list[Response | TimeoutError | UnusableResponse]:
    async with _client(tls, timeout) as client:
        return await asyncio.gather(*(_send(client, each, timeout, max_response) for each in requests))


async def _send(
    client: httpx2.AsyncClient, request: httpx2.Request, timeout: timedelta, max_response: int
) -> Response | TimeoutError | UnusableResponse:
    request.headers["Accept-Encoding"] = "identity"
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            response = await client.send(request, stream=True)
            try:
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise UnusableResponse("the response is compressed, which was not requested")
                body = await _read(response, max_response)
            finally:
                await response.aclose()
    except (TimeoutError, httpx2.TimeoutException):
        return TimeoutError()
    except httpx2.RequestError as error:
        return UnusableResponse(_words(error))
    except UnusableResponse as error:
        return error
    return Response(response.status_code, dict(response.headers), body)


def _client(tls: ssl.SSLContext, timeout: timedelta) -> httpx2.AsyncClient:
    # The library closes a connection whose TLS handshake fails, but not one whose handshake is cancelled. So
    # the handshake has its own timeout, and so has the connection before it: together less than all of it.
    connect = timeout.total_seconds() * _CONNECT
    limits = httpx2.Timeout(None, connect=connect)
    return httpx2.AsyncClient(verify=tls, timeout=limits, follow_redirects=False, trust_env=False)


async def _read(response: httpx2.Response, max_response: int) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > max_response:
            raise TooLargeResponse(f"the response is larger than {max_response} bytes")
    return bytes(content)


def _words(error: httpx2.RequestError) -> str:
    """Return why there is no response, without the library's message, which may quote the request."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "the certificate is not trusted"
    return "no connection" if isinstance(error, httpx2.ConnectError) else type(error).__name__
