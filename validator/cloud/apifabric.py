"""Client of the cloud's API Fabric: gets a token for the app key, and with it the list of agents.

    POST token_path   {"app_key", "app_secret"}, X-Token-Expire: seconds   -> a token, cached
    GET  agents_path  x-app-key: app_key, Authorization: Bearer token      -> the agents

A request that fails in transit or with a 5xx is retried once; a 4xx is never retried, except that a 401
replaces the token once. TLS is verified, redirects are not followed, proxies of the environment are not used,
and a response must be neither compressed nor large. Error messages have neither the key, the secret, the
token, nor anything else that the cloud sent, except an invalid account code.
"""

from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx2

from validator.clock import Clock, stopwatch
from validator.cloud import wire
from validator.cloud.policy import CloudPolicy, trusted_by
from validator.cloud.wire import AgentList
from validator.errors import OperatorError, Refusal

MAX_RESPONSE = 16 * 1024 * 1024  # bytes; an agent takes about a hundred
_RENEWAL_MARGIN = timedelta(seconds=30)
_TRIES = 2
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class _CachedToken:
    text: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    body: bytes = field(repr=False)


class ApiFabric:
    """Sends requests to the cloud. Every failure is an OperatorError with the remedy."""

    def __init__(self, policy: CloudPolicy, clock: Clock, *, max_response: int = MAX_RESPONSE) -> None:
        """Connect according to *policy*; a response of more than *max_response* bytes is refused."""
        self._policy, self._clock, self._max_response = policy, clock, max_response
        self._cached: _CachedToken | None = None

    def agents(self) -> AgentList:
        """Return the cloud's agents for the tenant of the app key; raises OperatorError."""
        self._check_settings()
        with self._client() as client:
            response = self._request_agents(client)
            if response.status == _UNAUTHORIZED:
                self._cached = None  # the cloud may have revoked it early
                response = self._request_agents(client)
        path = self._policy.agents_path
        _check_status(response.status, path, "cloud.agents_path")
        try:
            return wire.parse_agents(response.body)
        except Refusal as refusal:
            raise _unexpected(path, refusal) from None

    def _request_agents(self, client: httpx2.Client) -> _Response:
        policy = self._policy
        headers = {"x-app-key": policy.app_key, "Authorization": f"Bearer {self._token(client)}"}
        return self._send_with_retry(client, client.build_request("GET", policy.agents_path, headers=headers))

    def _token(self, client: httpx2.Client) -> str:
        """Return the cached token, or a new one when it is about to expire."""
        now, policy = self._clock.now(), self._policy
        if self._cached is None or now >= self._cached.until - _RENEWAL_MARGIN:
            request = client.build_request(
                "POST",
                f"{policy.token_api_url or policy.api_url}{policy.token_path}",
                json={"app_key": policy.app_key, "app_secret": policy.app_secret},
                headers={"X-Token-Expire": str(int(policy.token_lifetime.total_seconds()))},
            )
            self._cached = self._read_token(self._send_with_retry(client, request), now)
        return self._cached.text

    def _read_token(self, response: _Response, requested_at: datetime) -> _CachedToken:
        path = self._policy.token_path
        _check_status(response.status, path, "cloud.token_path")
        try:
            token = wire.parse_token(response.body)
        except Refusal as refusal:
            raise _unexpected(path, refusal) from None
        max_lifetime = self._policy.token_lifetime
        lifetime = (
            max_lifetime if token.lifetime is None else min(timedelta(seconds=token.lifetime), max_lifetime)
        )
        return _CachedToken(token.text, requested_at + lifetime)

    def _send_with_retry(self, client: httpx2.Client, request: httpx2.Request) -> _Response:
        """Return the response to *request*, sent again once after a transport error or a 5xx."""
        with suppress(httpx2.RequestError):
            response = self._send(client, request)
            if response.status < 500:
                return response
        try:
            return self._send(client, request)
        except httpx2.RequestError as error:
            raise OperatorError(self._described(error)) from None

    def _send(self, client: httpx2.Client, request: httpx2.Request) -> _Response:
        deadline = stopwatch() + self._policy.timeout.total_seconds()
        with closing(client.send(request, stream=True)) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise OperatorError(
                    f"the cloud's response at {request.url.path} is compressed, which was not requested"
                )
            body = bytearray()
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > self._max_response:
                    raise OperatorError(
                        f"the cloud's response at {request.url.path} is larger than {self._max_response} "
                        "bytes: check that cloud.api_url is the cloud's"
                    )
                if stopwatch() > deadline:
                    raise httpx2.ReadTimeout("the body took too long", request=request)
            return _Response(response.status_code, bytes(body))

    def _client(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self._policy.api_url,
            verify=trusted_by(self._policy),
            timeout=self._policy.timeout.total_seconds(),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,  # only the settings read the environment
        )

    def _check_settings(self) -> None:
        if not self._policy.api_url:
            raise OperatorError("the cloud is not set up: set cloud.api_url, cloud.app_key and its secret")
        if self._policy.app_secret is None:
            raise OperatorError(
                "the app key has no secret: set cloud.app_secret_file or the systemd credential "
                "cloud.app_secret"
            )

    def _described(self, error: httpx2.RequestError) -> str:
        """Return why there was no response, without the library's message, which may quote the request."""
        requested, cause = error.request.url, str(error)
        url, setting = self._policy.api_url, "cloud.api_url"
        if requested.path == self._policy.token_path and self._policy.token_api_url:
            url, setting = self._policy.token_api_url, "cloud.token_api_url"
        if isinstance(error, httpx2.TimeoutException):
            seconds = self._policy.timeout.total_seconds()
            return f"{url} did not respond within {seconds:g} s, {_TRIES} times: see cloud.timeout"
        if "CERTIFICATE_VERIFY_FAILED" in cause:
            return f"the certificate of {url} is not trusted: set cloud.ca_file to its authority's"
        if isinstance(error, httpx2.ConnectError):
            return f"{url} cannot be reached, {_TRIES} times: see {setting}, the name and the firewall"
        return f"{url} closed the connection within its response, {_TRIES} times: {type(error).__name__}"


def _check_status(status: int, path: str, setting: str) -> None:
    """Raise OperatorError, with what to check, unless *status* is 200."""
    if status == httpx2.codes.OK:
        return
    if 300 <= status < 400:
        what = "redirects, which is not followed: set cloud.api_url to the API's address"
    elif status in (400, _UNAUTHORIZED, 403):
        what = "refuses the app key: see cloud.app_key, its secret, and its permissions in the cloud"
    elif status == httpx2.codes.NOT_FOUND:
        what = f"has no such route: see cloud.api_url and {setting}"
    elif status == httpx2.codes.TOO_MANY_REQUESTS:
        what = "limits the rate of requests: wait, then try again"
    else:
        what = "has an internal error: try again later" if status >= 500 else "sends an unexpected status"
    raise OperatorError(f"the cloud {what} ({status} at {path})")


def _unexpected(path: str, refusal: Refusal) -> OperatorError:
    return OperatorError(f"the cloud's response at {path} is malformed: {refusal.detail}")
