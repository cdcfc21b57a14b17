"""Proves the limits: sends one more than each allows to a running server, and counts what came through.

The server must be made for it, on this host and with this home: with `server.trusted_proxies = 1`, so that
each proof comes from an address of its own, and with nobody else using it for two minutes, since some limits
are everybody's. What the lockout let through is counted in the audit trail, because every refused login looks
the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from time import sleep

from validator.audit.reading import entries
from validator.clock import EPOCH, Clock
from validator.errors import OperatorError, Reason
from validator.limitproof.sending import NEVER, Send, Sender
from validator.limitproof.signing import Signer
from validator.limits.policy import Mode, Rate
from validator.services import Services
from validator.tenants import Status, Tenant
from validator.tokens.claims import Audience

_NEEDED = timedelta(seconds=30)  # of a window; a burst over its edge would meet two of them
_PER_CHANNEL, _PER_TOKEN, _PER_SUBJECT = 10, 20, 40
_TOO_MANY = 429
_LOCKED = (Reason.ACCOUNT_LOCKED, Reason.ADDRESS_LOCKED)


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
        self._services, self._sender = services, Sender(services, url)

    def prove(self) -> Iterator[Proof]:
        """Yield a proof of every limit that is enforced."""
        tenant = self._services.tenants.add(self._sender.mark, "for a proof of the limits")
        try:
            for name, send in self._sends(tenant).items():
                yield from self._proven(name, send)
            yield from self._nested(self._accepted(tenant))
            yield from self._signing(tenant)
            if self._services.settings.lockout.enabled:
                yield from self._lockout(tenant)
        finally:
            self._services.tenants.set_status(tenant.id, Status.DISABLED)
            self._sender.close()

    def _sends(self, tenant: Tenant) -> dict[str, Send]:
        """Return, for each limit, what sends the next request that it counts and no other limit refuses."""
        agent_path = self._services.settings.callbacks.agent_path
        client = self._services.clients.add(self._sender.mark, [tenant.id], list(Audience))
        one, basic = self._sender.address(), (client[0].id, client[1])
        return {
            "callbacks_foreign": lambda: self._sender.post(agent_path, one, json={}),
            "callbacks_refused": self._sender.questions(tenant, "refused", presented="another"),
            "login_address": lambda: self._sender.post("/api/v1/login", one, json={}),
            "tokens_address": lambda: self._sender.post("/api/v1/tokens/introspect", one, json={}),
            "tokens_caller": lambda: self._sender.post(
                "/api/v1/tokens/agent", self._sender.spread(), json={}, auth=basic
            ),
            "guest_address": lambda: self._sender.post("/webchat/guest", one),
            "other_address": lambda: self._sender.post("/nowhere", one),
        }

    def _proven(self, name: str, send: Send, already: int = 0) -> Iterator[Proof]:
        """Yield the proof of the limit *name*, of which *already* so many are used, if it is enforced."""
        limit = self._services.settings.limits.limits[name]
        if limit.mode is not Mode.ENFORCE:
            return
        rate = min(limit.rates, key=lambda each: each.amount)
        if not already:
            _wait_for_window(self._services.clock, rate)
        measured = already
        while measured <= rate.amount and send().status_code != _TOO_MANY:
            measured += 1
        yield Proof(name, str(rate), rate.amount, measured)

    def _nested(self, sends: dict[str, Send]) -> Iterator[Proof]:
        """Yield the proofs of limits that count the same requests, the narrowest first, in one burst."""
        counted = 0
        for name, send in sends.items():
            for proof in self._proven(name, send, counted):
                counted = proof.measured
                yield proof

    def _accepted(self, tenant: Tenant) -> dict[str, Send]:
        """Return what sends the next accepted question: of one token, of one subject, of one tenant."""
        return {
            "callbacks_token": self._sender.questions(tenant, "token"),
            "callbacks_subject": self._sender.questions(tenant, "token", per_token=_PER_TOKEN),
            "callbacks_tenant": self._sender.questions(
                tenant, "tenant", per_token=_PER_TOKEN, per_subject=_PER_SUBJECT
            ),
        }

    def _signing(self, tenant: Tenant) -> Iterator[Proof]:
        """Yield the proofs of the limits on signatures, in one burst, each with what is counted by then.

        First of one channel: one guest, one prefix, new guests from everywhere, known ones; then of many.
        """
        signer = Signer(self._sender, self._services, tenant)
        one, other = self._sender.prefix(), self._sender.prefix()
        of_channel: dict[str, Send] = {
            "signing_guest": signer.sending(one, per_guest=NEVER),
            "signing_prefix": signer.sending(one),
            "signing_fresh": signer.sending(),
            "signing_channel": signer.sending(is_known=True),
        }
        yield from self._nested(of_channel)
        many = partial(signer.sending, per_channel=_PER_CHANNEL)
        yield from self._proven("signing_all_prefix", many(other))
        yield from self._proven("signing_all_fresh", many(), signer.signed_fresh)
        yield from self._proven("signing_all", many(is_known=True), signer.signed)

    def _lockout(self, tenant: Tenant) -> Iterator[Proof]:
        """Yield the proofs of the lockout: of an account, of a known device, of an address, of a prefix."""
        policy, sender = self._services.settings.lockout, self._sender
        in_a_row = Rate(policy.free_failures, timedelta(0))
        device, one, prefix = sender.known_device(tenant), sender.address(), sender.prefix()
        names = (f"{sender.mark}-{number}" for number in count())
        guesses: tuple[tuple[str, tuple[Rate, ...], Send], ...] = (
            ("lockout", (in_a_row,), lambda: sender.guess(f"{sender.mark}-nobody", sender.address())),
            ("lockout_device", (in_a_row,), lambda: sender.guess(sender.mark, sender.address(), device)),
            ("lockout_address", policy.address_rates, lambda: sender.guess(next(names), one)),
            ("lockout_prefix", policy.prefix_rates, lambda: sender.guess(next(names), next(prefix))),
        )
        for name, rates, send in guesses:
            for rate in sorted(rates, key=lambda each: each.amount)[:1]:
                sent = [send().headers["X-Request-ID"] for _ in range(rate.amount + 1)]
                words = f"{rate.amount} in a row" if rate is in_a_row else str(rate)
                yield Proof(name, words, rate.amount, self._admitted(sent))

    def _admitted(self, request_ids: list[str]) -> int:
        """Return at how many of these logins a password was looked at."""
        reasons = {
            entry["request_id"]: entry["reason"]
            for entry in entries(self._services.settings.audit.directory)
            if entry.get("request_id") in request_ids
        }
        return sum(reasons[each] not in _LOCKED for each in request_ids)


def _wait_for_window(clock: Clock, rate: Rate) -> None:
    """Wait until the present window of *rate* is not about to end: a burst over its edge meets two."""
    left = rate.period - (clock.now() - EPOCH) % rate.period
    if left < _NEEDED < rate.period:
        sleep(left.total_seconds())
