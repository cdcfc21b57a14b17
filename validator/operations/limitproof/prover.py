"""Proves the limits: sends one request more than each allows, and counts how many come through.

The server must have this home and the settings in `needs`: each proof comes from a separate address, which is
sent in `X-Forwarded-For`. The server must have no other clients for two minutes, because some limits are
shared by all. What the lockout lets through is counted in the audit trail, because all refused logins look
alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from time import sleep

from validator.audit.reading import entries
from validator.clock import EPOCH, Clock
from validator.errors import Reason
from validator.limits.policy import Mode, Rate
from validator.operations.limitproof import centre, flows, needs
from validator.operations.limitproof.lookups import LookUps
from validator.operations.limitproof.querying import QueryRoutes
from validator.operations.limitproof.sending import NEVER, Send, Sender
from validator.operations.limitproof.signing import Signer
from validator.services import Services
from validator.tenants import RecordStatus, Tenant
from validator.tokens.claims import Audience

_NEEDED = timedelta(seconds=30)  # of a window; a burst across its edge would be counted in two
_PER_CHANNEL, _PER_TOKEN, _PER_SUBJECT, _PER_GUEST = 10, 20, 40, 5
_TOO_MANY = 429
_LOCKED = (Reason.ACCOUNT_LOCKED, Reason.ADDRESS_LOCKED)


@dataclass(frozen=True, slots=True)
class Proof:
    """How many requests a limit allows, and how many came through."""

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

    def __init__(self, services: Services, url: str, queries: QueryRoutes | None = None) -> None:
        """Send to the server at *url*, which has the same home as *services*, and the routes *queries*."""
        self._services, self._sender, self._queries = services, Sender(services, url), queries

    def prove(self) -> Iterator[Proof]:
        """Yield a proof of every enforced limit; raises OperatorError unless the server is as needed."""
        try:
            needs.check(self._services, self._sender)
            tenant = self._services.tenants.add(self._sender.mark, "for a proof of the limits")
            try:
                yield from self._proofs(tenant)
            finally:
                self._services.tenants.set_status(tenant.id, RecordStatus.DISABLED)
        finally:
            self._sender.close()

    def _proofs(self, tenant: Tenant) -> Iterator[Proof]:
        for name, send in self._sends(tenant).items():
            yield from self._proven(name, send)
        yield from self._nested(self._accepted(tenant))
        yield from self._signing(tenant)
        for name, send in self._of_customers().items():
            yield from self._proven(name, send)
        if self._services.settings.lockout.enabled:
            yield from self._lockout(tenant)

    def _of_customers(self) -> Mapping[str, Send]:
        """Return the same for the limits of the role `integrations`, where the server has the routes."""
        if self._queries is None:
            return {}
        look_ups = LookUps(self._services, self._sender)
        queries = self._queries.sends(self._services, self._sender)
        of_flows, of_centre = (part.sends(self._services, self._sender) for part in (flows, centre))
        return {**queries, **look_ups.sends(), **of_flows, **of_centre}

    def _sends(self, tenant: Tenant) -> dict[str, Send]:
        """Return, for each limit, a function that sends a request that only this limit can refuse."""
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
        """Yield the proof of the limit *name* if it is enforced; *already* requests are counted."""
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
        """Return functions that send accepted requests: with one token, for one subject, for one tenant."""
        per_token = self._allowed(_PER_TOKEN, "callbacks_token")
        per_subject = self._allowed(_PER_SUBJECT, "callbacks_subject")
        return {
            "callbacks_token": self._sender.questions(tenant, "token"),
            "callbacks_subject": self._sender.questions(tenant, "token", per_token=per_token),
            "callbacks_tenant": self._sender.questions(
                tenant, "tenant", per_token=per_token, per_subject=per_subject
            ),
        }

    def _allowed(self, most: int, *names: str) -> int:
        """Return *most*, or less if a limit of *names* would refuse what another limit must count."""
        limits = [self._services.settings.limits.limits[name] for name in names]
        rates = [rate.amount for each in limits if each.mode is Mode.ENFORCE for rate in each.rates]
        return min([most, *rates])

    def _signing(self, tenant: Tenant) -> Iterator[Proof]:
        """Yield the proofs of the limits on signatures, in one burst with a running count.

        First those of one channel: one guest, one prefix, new guests, known guests; then those of many.
        """
        per_guest = self._allowed(_PER_GUEST, "signing_guest")
        per_channel = self._allowed(_PER_CHANNEL, "signing_prefix", "signing_fresh", "signing_channel")
        signer = Signer(self._sender, self._services, tenant, per_guest)
        one, other = self._sender.prefix(), self._sender.prefix()
        of_channel: dict[str, Send] = {
            "signing_guest": signer.sending(one, per_guest=NEVER),
            "signing_prefix": signer.sending(one),
            "signing_fresh": signer.sending(),
            "signing_channel": signer.sending(is_known=True),
        }
        yield from self._nested(of_channel)
        many = partial(signer.sending, per_channel=per_channel)
        yield from self._proven("signing_all_prefix", many(other))
        yield from self._proven("signing_all_fresh", many(), signer.signed_fresh)
        yield from self._proven("signing_all", many(is_known=True), signer.signed)

    def _lockout(self, tenant: Tenant) -> Iterator[Proof]:
        """Yield the proofs of the lockout of an account, a known device, an address and a prefix."""
        policy, sender = self._services.settings.lockout, self._sender
        in_a_row = Rate(policy.allowed_failures, timedelta(0))
        device, one, prefix = sender.known_device(tenant), sender.address(), sender.prefix()
        names = (f"{sender.mark}-{number}" for number in count())
        guesses: tuple[tuple[str, tuple[Rate, ...], Send], ...] = (
            ("lockout", (in_a_row,), lambda: sender.guess(f"{sender.mark}-nobody", sender.address())),
            ("lockout_device", (in_a_row,), lambda: sender.guess(sender.mark, sender.address(), device)),
            ("lockout_address", policy.address_failures, lambda: sender.guess(next(names), one)),
            ("lockout_prefix", policy.prefix_failures, lambda: sender.guess(next(names), next(prefix))),
        )
        for name, rates, send in guesses:
            for rate in sorted(rates, key=lambda each: each.amount)[:1]:
                sent = [send().headers["X-Request-ID"] for _ in range(rate.amount + 1)]
                words = f"{rate.amount} in a row" if rate is in_a_row else str(rate)
                yield Proof(name, words, rate.amount, self._admitted(sent))

    def _admitted(self, request_ids: list[str]) -> int:
        """Return for how many of these logins a password was verified."""
        reasons = {
            entry["request_id"]: entry["reason"]
            for entry in entries(self._services.settings.audit.directory)
            if entry.get("request_id") in request_ids
        }
        # A request that another limit refused has no entry.
        return sum(each in reasons and reasons[each] not in _LOCKED for each in request_ids)


def _wait_for_window(clock: Clock, rate: Rate) -> None:
    """Wait for a new window of *rate* if this one ends soon: a burst across the edge is counted in two."""
    left = rate.period - (clock.now() - EPOCH) % rate.period
    if left < _NEEDED < rate.period:
        sleep(left.total_seconds())
