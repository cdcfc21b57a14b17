"""Client of the cloud's signed interfaces (CC-CMS, CC-FS, CC-iSales), for single requests of an operator.

Nothing is retried, because a request may change something. TLS is verified, redirects are not followed, and
one deadline covers the whole response. The secret key and the signing key are in no error message.
"""

from dataclasses import dataclass, field
from datetime import timedelta

import httpx2

from validator.clock import Clock
from validator.cloud.policy import CloudPolicy, trusted_by
from validator.errors import OperatorError
from validator.posting import Response, TooLargeResponse, UnusableResponse, send
from validator.signatures.canonical import SignableRequest, percent_encode
from validator.signatures.interfaces import interface_request
from validator.signatures.signer import Signature, sign

MAX_RESPONSE = 64 * 1024 * 1024  # bytes; a recording of an hour has some 30 MB


class NoResponse(OperatorError):  # noqa: N818 - an outcome
    """There is no whole response: the connection, TLS, its time or its size."""


class TooLarge(NoResponse):
    """The response is larger than this client takes, and would be again."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it is sent: its URL, the body as bytes, and how it is signed."""

    url: str
    body: bytes | None = field(repr=False)
    signable: SignableRequest = field(repr=False)
    signature: Signature = field(repr=False)


class SignedInterfaces:
    """Signs and sends requests to the cloud. Every failure is an OperatorError with the remedy."""

    def __init__(
        self,
        policy: CloudPolicy,
        clock: Clock,
        *,
        max_response: int = MAX_RESPONSE,
        timeout: timedelta | None = None,
    ) -> None:
        """Connect according to *policy*; a response of more than *max_response* bytes is refused.

        *timeout* is for one response as a whole; without it that of *policy*.
        """
        self._policy, self._clock, self._max_response = policy, clock, max_response
        self._timeout = policy.timeout if timeout is None else timeout

    def check(self) -> None:
        """Raise OperatorError unless the settings for requests are complete."""
        policy = self._policy
        if not policy.interfaces_url or not policy.access_key or policy.secret_key is None:
            raise OperatorError(
                "the cloud's interfaces are not set up: set cloud.interfaces_url, cloud.access_key and "
                "cloud.secret_key_file"
            )

    def signed(
        self, method: str, path: str, query: tuple[tuple[str, str], ...], body: bytes | None
    ) -> SignedRequest:
        """Return the request, signed now; *path* is already percent-encoded, *query* and *body* are not."""
        self.check()
        policy = self._policy
        if not path.startswith("/") or "?" in path or "#" in path:
            raise OperatorError('the path does not begin with "/", or has a query or a fragment')
        pairs = "&".join(f"{percent_encode(name)}={percent_encode(value)}" for name, value in query)
        url = f"{policy.interfaces_url}{path}" + (f"?{pairs}" if pairs else "")
        try:
            signable = interface_request(method, url, body=body)
            signature = sign(
                signable,
                access_key=policy.access_key,
                secret_key=policy.secret_key or "",
                at=self._clock.now(),
            )
        except ValueError as error:
            raise OperatorError(str(error)) from None
        return SignedRequest(url, body, signable, signature)

    def send(self, signed: SignedRequest) -> Response:
        """Return the cloud's response, whatever its status; raises OperatorError when there is none."""
        policy, url = self._policy, self._policy.interfaces_url
        tls = trusted_by(policy)
        try:
            return send(_request(signed), tls, timeout=self._timeout, max_response=self._max_response)
        except TimeoutError:
            seconds, is_own = self._timeout.total_seconds(), self._timeout is not policy.timeout
            key = "cloud.download_timeout" if is_own else "cloud.timeout"
            raise NoResponse(f"{url} had no whole response within {seconds:g} s: see {key}") from None
        except TooLargeResponse as error:
            raise TooLarge(f"{url}: {error}") from None
        except UnusableResponse as error:
            raise NoResponse(f"{url}: {error}: see cloud.interfaces_url and cloud.ca_file") from None


def _request(signed: SignedRequest) -> httpx2.Request:
    """Return the request of the library; raises OperatorError when it would send another path or query."""
    headers = {**dict(signed.signable.headers), "authorization": signed.signature.authorization}
    request = httpx2.Request(signed.signable.method, signed.url, headers=headers, content=signed.body or b"")
    _, _, target = signed.url.partition("://")
    if request.url.raw_path.decode() != f"/{target.partition('/')[2]}":
        raise OperatorError("the path has a character that must be percent-encoded")
    return request
