"""Guards a route that gives or takes customers' data by a secret, two of them while it is rotated.

The cloud's networks and its certificate prove the cloud, not the tenant space: other tenants of the cloud may
use the same addresses. So each such route needs a separate secret, as the password of HTTP Basic (the user is
the route's name) or as the last segment of its path. Networks and the certificate only come in addition.

The file of the secrets has a line `ROUTE SECRET` for each of them; `#` begins a comment. Only digests of the
secrets are held, so that no print or log of an object can show one.
"""

import hmac
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType

from validator.errors import Reason, Refusal
from validator.exchange import Exchange
from validator.networks import Network, is_in

BASIC, PATH = "basic", "path"
PROOFS = (BASIC, PATH)
MAX_VALID = 2  # secrets of one route: the old one and the new one
_MIN_CHARACTERS = 8  # different ones; 32 random hexadecimal digits have fewer once in 10 million times
_FORM = re.compile(r"[A-Za-z0-9_-]{32,128}", re.ASCII)
FORM = "32 to 128 of A-Z a-z 0-9 _ -, at random, such as of `openssl rand -hex 32`"


class RouteSecrets:
    """The secrets of several routes, each by the name of its route."""

    def __init__(self, digests: Mapping[str, tuple[bytes, ...]] = MappingProxyType({})) -> None:
        """Know the SHA-256 *digests* of the valid secrets of each route."""
        self._digests = digests

    def __repr__(self) -> str:
        return f"RouteSecrets(of {len(self._digests)} routes)"

    def without(self, routes: Collection[str]) -> list[str]:
        """Return which of *routes* have no secret."""
        return [route for route in routes if not self._digests.get(route)]

    def unknown(self, routes: Collection[str]) -> list[str]:
        """Return the routes that have a secret and are not in *routes*."""
        return [route for route in self._digests if route not in routes]

    def has(self, route: str, presented: str) -> bool:
        """Return whether *presented* is a secret of *route*; each is compared, in constant time."""
        digest = _digest(presented)
        return sum(hmac.compare_digest(digest, valid) for valid in self._digests.get(route, ())) > 0


def parse_secrets(text: str) -> RouteSecrets:
    """Return the secrets in the *text* of their file.

    Raises ValueError, which names the line and quotes nothing, for another form, a third secret of a route,
    and a secret that is there twice: one route's must open no other.
    """
    found: dict[str, tuple[bytes, ...]] = defaultdict(tuple)
    seen: set[bytes] = set()
    for number, route, secret in _lines(text):
        digest = _digest(secret)
        if not _FORM.fullmatch(secret) or len(set(secret)) < _MIN_CHARACTERS:
            raise ValueError(f"line {number}: a secret is {FORM}")
        if digest in seen:
            raise ValueError(f"line {number}: this secret is there twice; each route needs its own")
        if len(found[route]) == MAX_VALID:
            raise ValueError(
                f"line {number}: the route has {MAX_VALID} secrets already, an old and a new one"
            )
        seen.add(digest)
        found[route] += (digest,)
    return RouteSecrets(MappingProxyType(dict(found)))


def newest_secrets(text: str) -> dict[str, str]:
    """Return the last secret of each route in *text*, for a client; raises ValueError as `parse_secrets`."""
    parse_secrets(text)
    return {route: secret for _, route, secret in _lines(text)}


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the number, the route and the secret of each line that has any."""
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if words and len(words) != 2:
            raise ValueError(f"line {number}: is not ROUTE SECRET")
        if words:
            yield number, words[0], words[1]


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "backslashreplace")).digest()


@dataclass(frozen=True, slots=True)
class RouteAccess:
    """How the caller of a route proves itself, and from where it may come.

    `proof` is one of `PROOFS`. `networks` and `client_certificate` are required in addition; without
    `networks` every source is allowed.
    """

    proof: str
    secrets: RouteSecrets = field(default_factory=RouteSecrets)
    networks: tuple[Network, ...] = ()
    client_certificate: bool = False


def check_place(exchange: Exchange, networks: Collection[Network], *, client_certificate: bool) -> None:
    """Raise Refusal unless the request of *exchange* comes from one of *networks*, where there are any.

    With *client_certificate* the proxy must have verified one. Reasons: SOURCE_DENIED, CERTIFICATE_MISSING.
    """
    if networks and not is_in(exchange.source, networks):
        raise Refusal(Reason.SOURCE_DENIED)
    if client_certificate and not exchange.is_certified:
        raise Refusal(Reason.CERTIFICATE_MISSING)


class RouteGuard:
    """Checks the requests of one route."""

    def __init__(self, route: str, access: RouteAccess) -> None:
        """Guard *route* as *access* says; without a secret of it, every request is refused."""
        self._route, self._access = route, access

    def check(
        self, exchange: Exchange, presented_secret: str | None, presented_user: str | None = None
    ) -> None:
        """Raise Refusal unless the request of *exchange* may use the route.

        *presented_user* is of HTTP Basic. Reasons: SOURCE_DENIED, CERTIFICATE_MISSING, ROUTE_SECRET_WRONG.
        """
        access = self._access
        check_place(exchange, access.networks, client_certificate=access.client_certificate)
        is_right = access.secrets.has(self._route, presented_secret or "")
        if not is_right or (access.proof == BASIC and presented_user != self._route):
            raise Refusal(Reason.ROUTE_SECRET_WRONG)
