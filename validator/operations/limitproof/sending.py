"""Sends a proof's requests to the server, each from a chosen address."""

import secrets
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from itertools import count
from typing import Any

import httpx2

from validator.accounts.devices import cookie_name
from validator.accounts.identity import Identity
from validator.errors import OperatorError
from validator.services import Services
from validator.tenants import Tenant
from validator.tokens.claims import Audience, TokenRequest
from validator.tokens.principals import Operator

_FIRST_ADDRESS = int(IPv4Address("198.18.0.0"))  # of the block for benchmarks (RFC 2544)
_ADDRESSES = 2**15
_PREFIXES = 2**16  # of the block for documentation (RFC 3849), each a /48
NEVER = 10**9
NOBODY = 13_800_000_000  # a mobile of China; no customer is in a new home
ORIGIN = "https://proof.example"
SOCKET = "unix:"

Send = Callable[[], httpx2.Response]


class Sender:
    """Sends to the server at a URL or `unix:/path`, which has the same home as *services*."""

    def __init__(self, services: Services, url: str) -> None:
        path = url.removeprefix(SOCKET) if url.startswith(SOCKET) else None
        transport = httpx2.HTTPTransport(uds=path) if path else None
        base_url = "http://localhost" if path else url
        self._services, self._url = services, url
        self._http = httpx2.Client(base_url=base_url, transport=transport, timeout=10)
        # Random, so that they differ from those of a recent proof.
        self._addresses = count(_FIRST_ADDRESS + secrets.randbelow(_ADDRESSES))
        self._spreads = count(secrets.randbelow(_PREFIXES))
        self.mark = f"proof-{secrets.token_hex(4)}"

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def questions(
        self,
        tenant: Tenant,
        name: str,
        *,
        per_token: int = NEVER,
        per_subject: int = NEVER,
        presented: str | None = None,
    ) -> Send:
        """Return a function that sends the next request to the agents' callback.

        The token is new after *per_token* requests, the agent after *per_subject*. *presented* is an agent to
        name instead of the token's.
        """
        numbers, state = count(), {"subject": "", "token": ""}

        def send() -> httpx2.Response:
            number = next(numbers)
            is_new = number % per_subject == 0
            if is_new:
                state["subject"] = f"{name}-{number // per_subject}"
            if is_new or number % per_token == 0:
                wish = TokenRequest(Audience.AGENT, tenant.id, state["subject"])
                # A separate label for each: many tokens of one would reach the limit for one caller.
                operator = Operator(f"operator:{self.mark}-{name}-{number}")
                state["token"] = self._services.issuance.issue(operator, wish)[0]
            question = {
                "access_token": state["token"],
                "tenantSpaceId": tenant.id,
                "userAccount": presented or state["subject"],
            }
            return self.post(self._services.settings.callbacks.agent_path, self.spread(), json=question)

        return send

    def known_device(self, tenant: Tenant) -> dict[str, str]:
        """Return the device cookie of a browser that has logged in to a new account."""
        password = secrets.token_urlsafe(24)
        password_hash = self._services.passwords.hash(password)
        self._services.accounts.add(self.mark, tenant.id, password_hash, Identity())
        answer = self.guess(self.mark, self.address(), password=password)
        return {cookie_name(self.mark): answer.cookies[cookie_name(self.mark)]}

    def guess(
        self,
        login: str,
        address: str,
        cookies: dict[str, str] | None = None,
        password: str = "wrong",  # noqa: S107
    ) -> httpx2.Response:
        """Return the response to a login from *address*."""
        body = {"account": login, "password": password}
        return self.post("/api/v1/login", address, json=body, cookies=cookies)

    def post(self, path: str, address: str, **options: Any) -> httpx2.Response:
        """Return the response to a POST as if a proxy forwarded it from *address*; raises OperatorError."""
        cookies = options.pop("cookies", None) or {}
        headers = {
            "X-Forwarded-For": address,
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        }
        if path.startswith("/webchat/"):
            headers["Origin"] = ORIGIN
        try:
            answer = self._http.post(path, headers=headers, **options)
        except httpx2.HTTPError as error:
            raise OperatorError(f"{self._url}: {type(error).__name__}") from None
        self._http.cookies.clear()
        return answer

    def address(self) -> str:
        """Return an address without any counted request."""
        return str(IPv4Address(next(self._addresses)))

    def spread(self) -> str:
        """Return an address in a new prefix, so that no limit on prefixes is reached."""
        return next(self.prefix())

    def prefix(self) -> Iterator[str]:
        """Return addresses of one IPv6 /48, each in another /64, without any counted request."""
        prefix = f"2001:db8:{next(self._spreads) % _PREFIXES:x}"
        return (f"{prefix}:{number:x}::1" for number in range(2**16))
