"""The cloud's API Fabric: a token for the app key, and with it the list of agents.

    POST token_path   {"app_key", "app_secret"}, X-Token-Expire: seconds   -> a token, kept until near its end
    GET  agents_path  x-app-key: app_key, Authorization: Bearer token      -> the agents

A question that fails on the way, or with a 5xx, is asked once more; after a 4xx never, but for a 401 to a
token, which is replaced once. TLS is verified, redirects are not followed, proxies of the environment are not
used, and an answer may be neither compressed nor large. What goes wrong is told without the key, the secret,
the token, or anything that the cloud wrote but a wrong account code.
"""

import ssl
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx2

from validator.clock import Clock, stopwatch
from validator.cloud import wire
from validator.cloud.policy import CloudPolicy
from validator.cloud.wire import AgentList
from validator.errors import OperatorError, Refusal

LARGEST_ANSWER = 16 * 1024 * 1024  # bytes; an agent takes about a hundred
_NEAR_THE_END = timedelta(seconds=30)
_TRIES = 2
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class _Kept:
    text: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes = field(repr=False)


class ApiFabric:
    """Asks the cloud. Everything that goes wrong is an OperatorError that says what to do."""

    def __init__(self, policy: CloudPolicy, clock: Clock, *, largest_answer: int = LARGEST_ANSWER) -> None:
        """Ask by *policy*; an answer of more than *largest_answer* bytes is refused."""
        self._policy, self._clock, self._largest_answer = policy, clock, largest_answer
        self._kept: _Kept | None = None

    def agents(self) -> AgentList:
        """Return the agents that the cloud has for the tenant of the app key; raises OperatorError."""
        self._check_settings()
        with self._client() as client:
            answer = self._ask_for_agents(client)
            if answer.status == _UNAUTHORIZED:
                self._kept = None  # the cloud may have ended it before its time
                answer = self._ask_for_agents(client)
        path = self._policy.agents_path
        _check_status(answer.status, path, "cloud.agents_path")
        try:
            return wire.parse_agents(answer.body)
        except Refusal as refusal:
            raise _unlike(path, refusal) from None

    def _ask_for_agents(self, client: httpx2.Client) -> _Answer:
        policy = self._policy
        headers = {"x-app-key": policy.app_key, "Authorization": f"Bearer {self._token(client)}"}
        return self._ask(client, client.build_request("GET", policy.agents_path, headers=headers))

    def _token(self, client: httpx2.Client) -> str:
        """Return the token that is kept, or a new one when it is near its end."""
        now, policy = self._clock.now(), self._policy
        if self._kept is None or now >= self._kept.until - _NEAR_THE_END:
            asked = client.build_request(
                "POST",
                f"{policy.token_api_url or policy.api_url}{policy.token_path}",
                json={"app_key": policy.app_key, "app_secret": policy.app_secret},
                headers={"X-Token-Expire": str(int(policy.token_lifetime.total_seconds()))},
            )
            self._kept = self._read_token(self._ask(client, asked), now)
        return self._kept.text

    def _read_token(self, answer: _Answer, asked_at: datetime) -> _Kept:
        path = self._policy.token_path
        _check_status(answer.status, path, "cloud.token_path")
        try:
            token = wire.parse_token(answer.body)
        except Refusal as refusal:
            raise _unlike(path, refusal) from None
        longest = self._policy.token_lifetime
        lifetime = longest if token.lifetime is None else min(timedelta(seconds=token.lifetime), longest)
        return _Kept(token.text, asked_at + lifetime)

    def _ask(self, client: httpx2.Client, request: httpx2.Request) -> _Answer:
        """Return the answer to *request*: at the second try when the first failed on the way or by a 5xx."""
        with suppress(httpx2.RequestError):
            answer = self._send(client, request)
            if answer.status < 500:
                return answer
        try:
            return self._send(client, request)
        except httpx2.RequestError as error:
            raise OperatorError(self._in_words(error)) from None

    def _send(self, client: httpx2.Client, request: httpx2.Request) -> _Answer:
        deadline = stopwatch() + self._policy.timeout.total_seconds()
        with closing(client.send(request, stream=True)) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise OperatorError(f"the cloud's answer at {request.url.path} is compressed, unasked")
            body = bytearray()
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > self._largest_answer:
                    raise OperatorError(
                        f"the cloud's answer at {request.url.path} is larger than {self._largest_answer} "
                        "bytes: see that cloud.api_url is the cloud's"
                    )
                if stopwatch() > deadline:
                    raise httpx2.ReadTimeout("the body took too long", request=request)
            return _Answer(response.status_code, bytes(body))

    def _client(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self._policy.api_url,
            verify=self._trust(),
            timeout=self._policy.timeout.total_seconds(),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,  # only the settings read the environment
        )

    def _trust(self) -> ssl.SSLContext:
        """Return whom to trust: the system's authorities, or only those in the file of the setting."""
        file = self._policy.ca_file
        # Not create_default_context: it writes the session's keys where $SSLKEYLOGFILE says.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.hostname_checks_common_name = False
        try:
            if file is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(cafile=file)
        except (OSError, ssl.SSLError):
            raise OperatorError(f"cloud.ca_file: {file} cannot be read as certificates in PEM") from None
        return context

    def _check_settings(self) -> None:
        if not self._policy.api_url:
            raise OperatorError("the cloud is not set up: set cloud.api_url, cloud.app_key and its secret")
        if self._policy.app_secret is None:
            raise OperatorError(
                "the app key has no secret: set cloud.app_secret_file, or give the systemd credential "
                "cloud.app_secret"
            )

    def _in_words(self, error: httpx2.RequestError) -> str:
        """Return why the cloud gave no answer, without what the library says: that may quote the request."""
        asked, cause = error.request.url, str(error)
        url, setting = self._policy.api_url, "cloud.api_url"
        if asked.path == self._policy.token_path and self._policy.token_api_url:
            url, setting = self._policy.token_api_url, "cloud.token_api_url"
        if isinstance(error, httpx2.TimeoutException):
            seconds = self._policy.timeout.total_seconds()
            return f"{url} did not answer within {seconds:g} s, {_TRIES} times: see cloud.timeout"
        if "CERTIFICATE_VERIFY_FAILED" in cause:
            return f"the certificate of {url} is not trusted: set cloud.ca_file to its authority's"
        if isinstance(error, httpx2.ConnectError):
            return f"{url} cannot be reached, {_TRIES} times: see {setting}, the name and the firewall"
        return f"{url} broke off its answer, {_TRIES} times: {type(error).__name__}"


def _check_status(status: int, path: str, setting: str) -> None:
    """Raise OperatorError, with what to look at, unless *status* is 200."""
    if status == httpx2.codes.OK:
        return
    if 300 <= status < 400:
        what = "redirects, which is not followed: set cloud.api_url to where the API is"
    elif status in (400, _UNAUTHORIZED, 403):
        what = "refuses the app key: see cloud.app_key, its secret, and what the cloud lets it ask"
    elif status == httpx2.codes.NOT_FOUND:
        what = f"has no such route: see cloud.api_url and {setting}"
    elif status == httpx2.codes.TOO_MANY_REQUESTS:
        what = "is asked too often: wait, then try again"
    else:
        what = "has a fault of its own: try again later" if status >= 500 else "does not give what is asked"
    raise OperatorError(f"the cloud {what} ({status} at {path})")


def _unlike(path: str, refusal: Refusal) -> OperatorError:
    return OperatorError(f"the cloud's answer at {path} is not what it should be: {refusal.detail}")
