"""The agents' logins: a token for a name and the MD5 of the password, and the agent of a token.

The token is a JWT (RFC 7519, HS256) with the members of the documentation's sample: ID, Username,
AuthorityId, exp, iss and nbf. Where single login is on, a login ends the agent's earlier ones, on their
sockets too; a renewed token leaves the earlier one good.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock

import orjson

from validator.clock import Clock, to_milliseconds
from validator.operations.simulator.othercentre.registration import Centre, CentreAgent

ISSUER = "ipt-server"
_AUTHORITY = 888
_EARLIER = timedelta(seconds=1000)  # nbf of the documentation's sample: exp - nbf is 44,200 s
_MAX_TOKENS = 1000


@dataclass(frozen=True, slots=True)
class Login:
    """A token, its agent, and when it expires, in seconds since 1970."""

    agent: CentreAgent
    token: str = field(repr=False)
    expires_at: int


class Logins:
    """The tokens that are good, in memory."""

    def __init__(self, centre: Centre, clock: Clock) -> None:
        self._centre, self._clock = centre, clock
        # Called with each token that a later login ends.
        self.ended: Callable[[str], None] = lambda _: None
        self.single_login, self.renews = centre.single_login, centre.renews
        self._key = secrets.token_bytes(32)
        self._tokens: dict[str, Login] = {}
        self._lock = Lock()

    def log_in(self, presented_name: str, presented_password: str) -> Login | None:
        """Return a new login; None for a wrong name or password."""
        agent = self._centre.agents.get(presented_name)
        expected = agent.password if agent else ""
        is_right = hmac.compare_digest(expected.encode(), presented_password.encode())
        if agent is None or not is_right:
            return None
        return self._begun(agent, is_single=self.single_login)

    def find(self, presented_token: str) -> Login | None:
        """Return the login of a token; None for one that is unknown, ended or expired."""
        with self._lock:
            login = self._tokens.get(presented_token)
        is_good = login is not None and self._seconds() < login.expires_at
        return login if is_good else None

    def renewed(self, login: Login) -> Login | None:
        """Return a login with a new token for *login*; None where tokens are not renewed."""
        return self._begun(login.agent, is_single=False) if self.renews else None

    def _begun(self, agent: CentreAgent, *, is_single: bool) -> Login:
        expires_at = self._seconds() + int(self._centre.lifetime.total_seconds())
        login = Login(agent, self._token(agent, expires_at), expires_at)
        with self._lock:
            earlier = [each.token for each in self._tokens.values() if each.agent == agent]
            ended = earlier if is_single else []
            for token in ended:
                del self._tokens[token]
            while len(self._tokens) >= _MAX_TOKENS:
                del self._tokens[next(iter(self._tokens))]
            self._tokens[login.token] = login
        for token in ended:
            self.ended(token)
        return login

    def _token(self, agent: CentreAgent, expires_at: int) -> str:
        claims = {
            "ID": agent.id,
            "Username": agent.username,
            "AuthorityId": _AUTHORITY,
            "UUID": secrets.token_hex(16),  # else two logins within a second have the same token
            "exp": expires_at,
            "iss": ISSUER,
            "nbf": self._seconds() - int(_EARLIER.total_seconds()),
        }
        return signed(claims, self._key)

    def _seconds(self) -> int:
        return to_milliseconds(self._clock.now()) // 1000


def signed(claims: Mapping[str, object], key: bytes) -> str:
    """Return *claims* as a JWT in compact form, signed with HMAC-SHA-256 (RFC 7515, appendix A.1)."""
    parts = (orjson.dumps({"alg": "HS256", "typ": "JWT"}), orjson.dumps(claims))
    content = ".".join(map(_base64url, parts))
    return f"{content}.{_base64url(hmac.digest(key, content.encode(), hashlib.sha256))}"


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
