"""Sends messages to the receiver, several at the same time, each as one bounded request.

POST url, webhook-id, webhook-timestamp, webhook-signature, the body as it was stored
2xx            delivered; whatever the body is
410            the receiver wants no messages: no further attempt, and none of others for an hour
429, 503       failed; with Retry-After the next attempt is not before that, within an hour
another        failed, also a redirect: it would lead the message, and the signature, elsewhere
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

from validator.clock import EPOCH, Clock
from validator.errors import Fault
from validator.keys.encryption import SecretEncryption
from validator.tls import trusting
from validator.webhooks.claims import Claimed
from validator.webhooks.outbox import purpose
from validator.webhooks.policy import WebhooksPolicy
from validator.webhooks.schedule import MAX_RETRY_AFTER, bounded
from validator.webhooks.signing import headers

if TYPE_CHECKING:
    import ssl

    import httpx2

    from validator.posting import Response

MAX_RESPONSE = 65_536  # bytes
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
_UNREADABLE = "the message cannot be decrypted"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt ended: delivered without an *error*.

    After *is_gone* there is no further one. *retry_after* is how long the receiver wants to have no request.
    """

    error: str = ""
    retry_after: timedelta = timedelta(0)
    is_gone: bool = False


class Sender:
    """Sends messages to the receiver that the settings name."""

    def __init__(self, policy: WebhooksPolicy, encryption: SecretEncryption, clock: Clock) -> None:
        """Sign as *policy* says, with the time of *clock*."""
        self._policy, self._encryption, self._clock = policy, encryption, clock

    def check(self) -> None:
        """Raise Fault when nothing can be sent now, so that no message loses an attempt."""
        self._encryption.check()

    def send(self, claimed: Sequence[Claimed]) -> list[Attempt]:
        """Return how the attempt of each of *claimed* ended, all within the policy's timeout."""
        from validator.posting import send_all  # its library takes megabytes  # noqa: PLC0415

        requests = {each.id: self._request(each) for each in claimed}
        sendable = [request for request in requests.values() if request is not None]
        responses = iter(
            send_all(sendable, self._tls, timeout=self._policy.timeout, max_response=MAX_RESPONSE)
        )
        return [
            Attempt(_UNREADABLE) if request is None else _attempt(next(responses))
            for request in requests.values()
        ]

    def _request(self, message: Claimed) -> "httpx2.Request | None":
        """Return the request with *message*; None when it cannot be decrypted."""
        import httpx2  # noqa: PLC0415 - as above

        try:
            body = self._encryption.decrypt(message.sealed, purpose(message.tenant, message.id)).encode()
        except Fault:
            return None
        seconds = (self._clock.now() - EPOCH) // timedelta(seconds=1)
        signed = headers(message.id, seconds, body, self._policy.secrets)
        of_all = {"Content-Type": "application/json", "Accept": "*/*", "User-Agent": "validator"}
        return httpx2.Request("POST", self._policy.url, headers=of_all | signed, content=body)

    @cached_property
    def _tls(self) -> "ssl.SSLContext":
        return trusting(self._policy.ca_file)


def _attempt(response: "Response | Exception") -> Attempt:
    """Return how an attempt with *response* ended; an error names no more than the status."""
    if isinstance(response, TimeoutError):
        return Attempt("no response in time")
    if isinstance(response, Exception):
        return Attempt(str(response))
    if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        return Attempt()
    error = f"the status is {response.status}"
    if response.status == HTTPStatus.GONE:
        return Attempt(error, MAX_RETRY_AFTER, is_gone=True)
    if response.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return Attempt(error, _retry_after(response.headers.get("retry-after", "")))
    return Attempt(error)


def _retry_after(text: str) -> timedelta:
    """Return the seconds in `Retry-After`, within bounds; none for a date, which is of another clock."""
    return bounded(timedelta(seconds=int(text))) if _SECONDS.fullmatch(text.strip()) else timedelta(0)
