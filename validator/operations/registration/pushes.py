"""Where records of calls are pushed, for the administrators of the call centre and of the cloud."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson

from validator.callcentre import aicc, ctibar
from validator.callcentre.policy import AICC, CTIBAR, MAX_BODY, CallRecordsPolicy
from validator.routeguard import BASIC

_SUCCESS = {CTIBAR: ctibar.ACCEPTED, AICC: aicc.ACCEPTED}


@dataclass(frozen=True, slots=True)
class Push:
    """The URL for the records of one tenant space and source; its secret is sent by another way.

    `user` is that of HTTP Basic, "" where the secret is one more segment of the URL.
    """

    tenant: str
    source: str
    url: str
    user: str

    @property
    def success(self) -> str:
        """The body of the response when the record is stored."""
        return _SUCCESS[self.source].decode()


@dataclass(frozen=True, slots=True)
class Pushes:
    """The URLs for call records, how the secret is sent, and the networks that may push; none: any."""

    routes: tuple[Push, ...] = ()
    secret_in: str = ""
    networks: tuple[str, ...] = ()

    @property
    def of_centre(self) -> tuple[Push, ...]:
        """Those that another call centre calls."""
        return tuple(push for push in self.routes if push.source == CTIBAR)

    @property
    def of_cloud(self) -> tuple[Push, ...]:
        """Those that the cloud calls about its own double calls."""
        return tuple(push for push in self.routes if push.source == AICC)

    @property
    def kibibytes(self) -> int:
        """The maximum size of a body."""
        return MAX_BODY // 1024

    @property
    def content(self) -> dict[str, Any]:
        """The members of the form in JSON; none without a route."""
        if not self.routes:
            return {}
        routes = [
            {
                "tenant": push.tenant,
                "source": push.source,
                "url": push.url,
                "user": push.user or None,
                "success": orjson.loads(push.success),
            }
            for push in self.routes
        ]
        more = {"call_records_secret_in": self.secret_in, "call_records_networks": self.networks}
        return {"call_records": routes, **more}


def pushes_at(origin: str, policy: CallRecordsPolicy, tenants: Collection[str]) -> Pushes:
    """Return the routes of *policy* for *tenants* at *origin*."""
    routes = sorted(policy.routes.values(), key=lambda route: route.name)
    found = (
        Push(each.tenant, each.source, origin + each.path, each.name if policy.proof == BASIC else "")
        for each in routes
        if each.tenant in tenants
    )
    return Pushes(tuple(found), policy.proof, tuple(map(str, policy.networks)))
