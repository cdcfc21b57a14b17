"""Sends a proof's queries for customers: each limit has a separate route, and no other one counts them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

from httpx2 import Response

from validator.operations.limitproof.pushing import PushRoute
from validator.operations.limitproof.reach import is_reached
from validator.operations.limitproof.sending import NOBODY, Send, Sender
from validator.services import Services

FOREIGN, MISSES, SOURCE, TENANT = "query_foreign", "query_misses", "query_source", "query_tenant"
# What each limit's requests are counted against as well: the limit is out of reach where that allows less.
_WIDER = {FOREIGN: (), MISSES: (SOURCE, TENANT), SOURCE: (TENANT,), TENANT: ()}
_WRONG = "0" * 32  # the secret of no route
_WITHHELD = "anonymous"  # no number: neither a hit nor a miss


@dataclass(frozen=True, slots=True)
class QueryRoutes:
    """A route, with a tenant space and a secret, for each limit of queries for customers, and `pushes`."""

    secrets: Mapping[str, str] = field(repr=False)
    pushes: PushRoute

    @classmethod
    def new(cls) -> "QueryRoutes":
        """Return routes with new secrets."""
        return cls({limit: secrets.token_hex(32) for limit in _WIDER}, PushRoute.new())

    @property
    def settings(self) -> dict[str, object]:
        """The settings of a server with the routes and agents' look-ups, without the files of the secrets."""
        routes = [f"{_tenant(limit)}={_path(limit)}" for limit in self.secrets]
        of_queries = {"customers.source": "store", "customers.card": True, "query_customer.routes": routes}
        return {**of_queries, **self.pushes.settings}

    @property
    def file(self) -> bytes:
        """The content of the file of the queries' secrets."""
        return "".join(f"{_tenant(limit)} {secret}\n" for limit, secret in self.secrets.items()).encode()

    def sends(self, services: Services, sender: Sender) -> dict[str, Send]:
        """Return, for each limit that can be reached, a function that sends a request only it can refuse."""
        for limit in self.secrets:
            services.tenants.add(_tenant(limit), "for a proof of the limits")
        one, numbers = sender.address(), count(NOBODY)

        def query(limit: str, address: str, param: str, secret: str = "") -> Response:
            path = f"{_path(limit)}/{secret or self.secrets[limit]}"
            return sender.post(path, address, json={"param": param})

        sends: dict[str, Send] = {
            FOREIGN: lambda: query(FOREIGN, one, _WITHHELD, _WRONG),
            MISSES: lambda: query(MISSES, one, str(next(numbers))),
            SOURCE: lambda: query(SOURCE, one, _WITHHELD),
            TENANT: lambda: query(TENANT, sender.spread(), _WITHHELD),
        }
        reached = {
            limit: send
            for limit, send in sends.items()
            if is_reached(limit, _WIDER, services.settings.limits)
        }
        return {**reached, **self.pushes.sends(sender)}


def _tenant(limit: str) -> str:
    return f"proof-{limit}"


def _path(limit: str) -> str:
    return f"/proof/{limit}"
