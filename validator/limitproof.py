"""Proves the limits: sends one more than each allows to a running server, and counts what came through.

The server must be made for it, on this host and with this home: with `server.trusted_proxies = 1`, so that
each proof comes from an address of its own, and with nobody else using it for two minutes, since some limits
are everybody's. What the lockout let through is counted in the audit trail, because every refused login looks
the same.
"""

import secrets
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address
from itertools import count
from time import sleep
from typing import Any

import httpx

from validator.accounts.devices import cookie_name
from validator.accounts.identity import Identity
from validator.audit.reading import entries
from validator.clock import EPOCH
from validator.errors import OperatorError, Reason
from validator.limits.policy import Mode, Rate
from validator.services import Services
from validator.tenants import Status, Tenant
from validator.tokens.claims import Audience
from validator.web.incoming import GUEST_COOKIE

_FIRST_ADDRESS = int(IPv4Address("198.18.0.0"))  # of the block for benchmarks (RFC 2544)
_NEEDED = timedelta(seconds=30)  # of a window; a burst over its edge would meet two of them
_ADDRESSES = 2**15
_SPREAD_FROM = int(IPv4Address("198.19.0.0"))
_PER_ADDRESS, _PER_GUEST, _PER_CHANNEL, _NEVER = 50, 20, 1000, 10**9
_ORIGIN = "https://proof.example"
_ALPHABET = string.ascii_letters + string.digits
_TOO_MANY = 429
_LOCKED = (Reason.ACCOUNT_LOCKED, Reason.ADDRESS_LOCKED)

Send = Callable[[], httpx.Response]


@dataclass(frozen=True, slots=True)
class Proof:
    """How many a limit allows, and how many came through."""

    limit: str
    rate: str
    configured: int
    measured: int

    @property
    def holds(self) -> bool:
        """Whether as many came through as are allowed."""
        return self.configured == self.measured


class Prover:
    """Proves the limits of the server at a URL."""

    def __init__(self, services: Services, url: str) -> None:
        """Prove to the server at *url*, which has the same home as *services*; raises OperatorError."""
        if services.settings.server.trusted_proxies != 1:
            raise OperatorError("the server must run with server.trusted_proxies = 1, and for this only")
        self._services, self._http = services, httpx.Client(base_url=url, timeout=10)
        # Others than in a proof of a minute ago.
        self._addresses = count(_FIRST_ADDRESS + secrets.randbelow(_ADDRESSES))
        self._spreads = count(secrets.randbelow(_ADDRESSES) * _PER_ADDRESS)
        self._mark, self._channel = f"proof-{secrets.token_hex(4)}", ""

    def prove(self) -> Iterator[Proof]:
        """Yield a proof of every limit that is enforced."""
        tenant = self._services.tenants.add(self._mark, "for a proof of the limits")
        try:
            for name, send in self._sends(tenant).items():
                yield from self._proven(name, send)
            yield from self._signing(tenant)
            if self._services.settings.lockout.enabled:
                yield from self._lockout(tenant)
        finally:
            self._services.tenants.set_status(tenant.id, Status.DISABLED)
            self._http.close()

    def _sends(self, tenant: Tenant) -> dict[str, Send]:
        """Return, for each limit, what sends the next request that it counts and no other limit refuses."""
        agent_path = self._services.settings.callbacks.agent_path
        client = self._services.clients.add(self._mark, [tenant.id], list(Audience))
        question = {"access_token": "x", "tenantSpaceId": tenant.id, "userAccount": "x"}
        one, basic = self._address(), (client[0].id, client[1])
        return {
            "callbacks_failures": lambda: self._post(agent_path, one, json={}),
            "callbacks_tenant": lambda: self._post(agent_path, self._spread(), json=question),
            "login_address": lambda: self._post("/api/v1/login", one, json={}),
            "tokens_address": lambda: self._post("/api/v1/tokens/introspect", one, json={}),
            "tokens_caller": lambda: self._post("/api/v1/tokens/agent", self._spread(), json={}, auth=basic),
            "guest_address": lambda: self._post("/webchat/guest", one),
            "other_address": lambda: self._post("/nowhere", one),
        }

    def _proven(self, name: str, send: Send, already: int = 0) -> Iterator[Proof]:
        """Yield the proof of the limit *name*, of which *already* so many are used, if it is enforced."""
        limit = self._services.settings.limits.limits[name]
        if limit.mode is not Mode.ENFORCE:
            return
        rate = min(limit.rates, key=lambda each: each.amount)
        if not already:
            self._wait_for_window(rate)
        measured = already
        while measured <= rate.amount and send().status_code != _TOO_MANY:
            measured += 1
        yield Proof(name, str(rate), rate.amount, measured)

    def _signing(self, tenant: Tenant) -> Iterator[Proof]:
        """Yield the proofs of the limits that count each signature, in one burst: guest, channel, all."""
        signed = 0
        for name, per_guest, per_channel in (
            ("signing_guest", _NEVER, _NEVER),
            ("signing_channel", _PER_GUEST, _NEVER),
            ("signing_all", _PER_GUEST, _PER_CHANNEL),
        ):
            send = self._signer(tenant, name, per_guest, per_channel)
            for proof in self._proven(name, send, signed):
                signed = proof.measured
                yield proof

    def _lockout(self, tenant: Tenant) -> Iterator[Proof]:
        """Yield the proofs of the lockout: of an account, of a known device, of an address."""
        policy = self._services.settings.lockout
        rate = min(policy.address_rates, key=lambda each: each.amount)
        device = self._known_device(tenant)
        one, names = self._address(), count()
        free = policy.free_failures
        guesses: tuple[tuple[str, int, Send], ...] = (
            ("lockout", free, lambda: self._guess(f"{self._mark}-nobody", self._address())),
            ("lockout_device", free, lambda: self._guess(self._mark, self._address(), device)),
            ("lockout_address", rate.amount, lambda: self._guess(f"{self._mark}-{next(names)}", one)),
        )
        for name, allowed, send in guesses:
            sent = [send().headers["X-Request-ID"] for _ in range(allowed + 1)]
            yield Proof(
                name, f"{allowed} in a row" if allowed == free else str(rate), allowed, self._admitted(sent)
            )

    def _admitted(self, request_ids: list[str]) -> int:
        """Return at how many of these logins a password was looked at."""
        reasons = {
            entry["request_id"]: entry["reason"]
            for entry in entries(self._services.settings.audit.directory)
            if entry.get("request_id") in request_ids
        }
        return sum(reasons[each] not in _LOCKED for each in request_ids)

    def _known_device(self, tenant: Tenant) -> dict[str, str]:
        """Return the cookie of a browser that has logged in to an account made for this."""
        password = secrets.token_urlsafe(24)
        password_hash = self._services.passwords.hash(password)
        self._services.accounts.add(self._mark, tenant.id, password_hash, Identity())
        answer = self._guess(self._mark, self._address(), password=password)
        return {cookie_name(self._mark): answer.cookies[cookie_name(self._mark)]}

    def _guess(
        self,
        login: str,
        address: str,
        cookies: dict[str, str] | None = None,
        password: str = "wrong",  # noqa: S107
    ) -> httpx.Response:
        body = {"account": login, "password": password}
        return self._post("/api/v1/login", address, json=body, cookies=cookies)

    def _signer(self, tenant: Tenant, name: str, per_guest: int, per_channel: int) -> Send:
        """Return what asks for the next signature, for a new guest and a new channel after so many."""
        numbers, state = count(), {"guest": "", "channel": ""}

        def send() -> httpx.Response:
            number = next(numbers)
            if number % per_channel == 0 and (per_channel != _NEVER or not self._channel):
                self._channel = self._new_channel(tenant, f"{name}-{number}")
            if number % per_guest == 0:
                state["guest"] = self._post("/webchat/guest", self._spread()).cookies[GUEST_COOKIE]
            asked = {"thirdUserName": "x", "tenantSpaceId": tenant.id, "channelConfigId": self._channel}
            cookies = {GUEST_COOKIE: state["guest"]}
            return self._post("/webchat/authorizationService", self._spread(), json=asked, cookies=cookies)

        return send

    def _new_channel(self, tenant: Tenant, name: str) -> str:
        key = "".join(secrets.choice(_ALPHABET) for _ in range(43))
        return self._services.channels.add(f"{self._mark}-{name}", tenant.id, key, [_ORIGIN]).id

    def _post(self, path: str, address: str, **options: Any) -> httpx.Response:
        cookies = options.pop("cookies", None) or {}
        headers = {
            "X-Forwarded-For": address,
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        }
        if path.startswith("/webchat/"):
            headers["Origin"] = _ORIGIN
        try:
            answer = self._http.post(path, headers=headers, **options)
        except httpx.HTTPError as error:
            raise OperatorError(f"{self._http.base_url}: {type(error).__name__}") from None
        self._http.cookies.clear()
        return answer

    def _address(self) -> str:
        """Return an address that nothing has been counted for."""
        return str(IPv4Address(next(self._addresses)))

    def _spread(self) -> str:
        """Return an address that few requests come from, so that no limit on addresses is met."""
        return str(IPv4Address(_SPREAD_FROM + next(self._spreads) // _PER_ADDRESS))

    def _wait_for_window(self, rate: Rate) -> None:
        """Wait until the present window of *rate* is not about to end: a burst over its edge meets two."""
        left = rate.period - (self._services.clock.now() - EPOCH) % rate.period
        if left < _NEEDED < rate.period:
            sleep(left.total_seconds())
