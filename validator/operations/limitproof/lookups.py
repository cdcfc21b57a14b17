"""Sends a proof's look-ups of agents, each limit's by another agent, so that no other limit is used up."""

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count

from httpx2 import Response

from validator.accounts.identity import Identity
from validator.limits.policy import LimitsPolicy
from validator.operations.limitproof.reach import is_reached, least
from validator.operations.limitproof.sending import NOBODY, Send, Sender
from validator.services import Services

ADDRESS, AGENT, UNMASK = "lookup_address", "lookup_agent", "unmask_agent"
MISSES, TENANT = "lookup_misses", "lookup_tenant"
_WIDER = {ADDRESS: (), AGENT: (TENANT,), UNMASK: (TENANT,), MISSES: (AGENT, TENANT), TENANT: ()}
_LOOK_UP, _UNMASK = "/api/v1/customers/lookup", "/api/v1/customers/unmask"
_WITHHELD = {"number": "anonymous"}  # no number: neither a hit nor a miss
_MAX_PER_AGENT = 50
_MAX_A_MINUTE = 2000  # requests that one client sends on a busy machine; a wider limit cannot be proven by it

Body = Callable[[], Mapping[str, str]]


class LookUps:
    """The agents who look numbers up, in two separate tenant spaces."""

    def __init__(self, services: Services, sender: Sender) -> None:
        """Add the tenant spaces to the home of *services*; send by *sender*."""
        self._services, self._sender = services, sender
        self._password, self._names = secrets.token_urlsafe(24), count()
        self._hash = services.passwords.hash(self._password)
        self._spaces = [f"{sender.mark}-agents", f"{sender.mark}-many-agents"]
        for space in self._spaces:
            services.tenants.add(space, "for a proof of the limits")

    def sends(self) -> Mapping[str, Send]:
        """Return, for each limit that can be reached, a function that sends a request only it can refuse."""
        one, numbers, policy = self._sender.address(), count(NOBODY), self._services.settings.limits
        sends: dict[str, Send] = {
            ADDRESS: lambda: self._sender.post(_LOOK_UP, one, json={}),
            AGENT: self._sending(_LOOK_UP, lambda: _WITHHELD),
            UNMASK: self._sending(_UNMASK, lambda: {**_WITHHELD, "ref": "none", "field": "none"}),
            MISSES: self._sending(_LOOK_UP, lambda: {"number": str(next(numbers))}),
            TENANT: self._by_many(int(min(least(AGENT, policy), _MAX_PER_AGENT))),
        }
        if not _is_slow_enough(TENANT, policy):
            del sends[TENANT]
        return {limit: send for limit, send in sends.items() if is_reached(limit, _WIDER, policy)}

    def _sending(self, path: str, body: Body) -> Send:
        """Return a function that posts *body* to *path* as one agent."""
        cookies = self._agent(self._spaces[0])
        return lambda: self._sender.post(path, self._sender.spread(), json=body(), cookies=cookies)

    def _by_many(self, per_agent: int) -> Send:
        """Return a function that looks up as an agent, a new one after *per_agent* look-ups."""
        numbers, agent = count(), dict[str, str]()

        def send() -> Response:
            if next(numbers) % per_agent == 0:
                agent.clear()
                agent.update(self._agent(self._spaces[1]))
            return self._sender.post(_LOOK_UP, self._sender.spread(), json=_WITHHELD, cookies=agent)

        return send

    def _agent(self, space: str) -> dict[str, str]:
        """Return the cookies of a new agent of the tenant *space*, who has logged in."""
        name = f"{self._sender.mark}-agent-{next(self._names)}"
        self._services.accounts.add(name, space, self._hash, Identity(name))
        answer = self._sender.guess(name, self._sender.spread(), password=self._password)
        return dict(answer.cookies.items())


def _is_slow_enough(limit: str, policy: LimitsPolicy) -> bool:
    """Return whether one client can use *limit* up before its period ends."""
    rates = policy.limits[limit].rates
    return all(rate.amount <= _MAX_A_MINUTE * max(1, rate.period / timedelta(minutes=1)) for rate in rates)
