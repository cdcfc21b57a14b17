"""Client of the other call centre, behind a bulkhead: logins, and calls.

Each request has one deadline, verified TLS, no redirect and a small response. Logins and calls have separate
bulkheads and cool-downs: no call that an agent chooses can stop the others' logins. Nothing is retried.
Neither a log nor an error has anything that was sent or received.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import structlog

from validator.clock import Clock
from validator.ctibar import centrewire
from validator.ctibar.centrewire import CentreLogin, Placed
from validator.ctibar.policy import CtibarPolicy
from validator.errors import Fault, Reason
from validator.outgoing import OutgoingSystem, slots_below
from validator.tls import trusting

if TYPE_CHECKING:
    import ssl

    from validator.posting import Response

MAX_RESPONSE = 16_384  # bytes
_USABLE = (200, 401)  # the status 401 comes with the same body as a code 7
_CONNECTION = 0.9  # the part of the budget after which the connection ends, before it is given up
_SHARES = 2
T = TypeVar("T")

log = structlog.get_logger("validator.ctibar")


class Centre:
    """The other call centre."""

    def __init__(self, policy: CtibarPolicy, clock: Clock, *, threads: int) -> None:
        """Send requests as *policy* says, from a pool of *threads*."""
        self._policy, self._clock = policy, clock
        threads = max(2, threads)
        self.slots = slots_below(threads, _SHARES)
        self._logins = OutgoingSystem("ctibar_login", slots=self.slots, threads=threads)
        self._calls = OutgoingSystem("ctibar_call", slots=self.slots, threads=threads)

    def log_in(self, username: str, digest: str) -> CentreLogin:
        """Return a new login of *username*, which may end an older one.

        Raises Refusal(CENTRE_REFUSED), and Fault.
        """
        body = centrewire.login_body(username, digest)

        def answer(response: "Response") -> CentreLogin:
            return centrewire.parse_login(response.body, self._clock.now())

        return self._logins.use(
            lambda: self._sent(centrewire.AUTH_PATH, body, {}, answer), self._policy.timeout
        )

    def make_call(self, token: str, callee: str) -> Placed:
        """Have the centre call *callee* for the agent of *token*.

        Raises TokenEnded, Refusal(CENTRE_REFUSED), and Fault, after which there may be a call or none.
        """
        body = centrewire.call_body(callee)

        def answer(response: "Response") -> Placed:
            return centrewire.parse_call(response.body, response.headers, self._clock.now())

        headers = {"x-token": token}
        return self._calls.use(
            lambda: self._sent(centrewire.CALL_PATH, body, headers, answer), self._policy.timeout
        )

    def _sent(self, path: str, body: bytes, headers: dict[str, str], answer: Callable[["Response"], T]) -> T:
        """Return what *answer* makes of the response; raises as it, TimeoutError, Fault(SYSTEM_FAILED)."""
        # Its library takes megabytes, and most workers ask nobody.
        import httpx2  # noqa: PLC0415

        from validator.posting import UnusableResponse, send  # noqa: PLC0415

        content = {"Content-Type": "application/json", "Accept": "application/json"}
        request = httpx2.Request("POST", f"{self._policy.url}{path}", headers=content | headers, content=body)
        timeout: timedelta = self._policy.timeout * _CONNECTION
        try:
            response = send(request, self._tls, timeout=timeout, max_response=MAX_RESPONSE)
            if response.status not in _USABLE:
                raise _failed(f"the status is {response.status}")
            return answer(response)
        except UnusableResponse as error:
            raise _failed(str(error)) from None
        except ValueError as error:
            raise _failed(f"the response is unusable: {error}") from None

    @cached_property
    def _tls(self) -> "ssl.SSLContext":
        try:
            return trusting(self._policy.ca_file)
        except OSError:
            raise _failed("ctibar.ca_file: cannot be read as certificates in PEM") from None


def _failed(why: str) -> Fault:
    log.warning("the call centre cannot be used", why=why)
    return Fault(Reason.SYSTEM_FAILED, f"the call centre cannot be used: {why}")
