"""Admits the cloud's flows to a route that gives or takes customers' data, in this order.

1. The networks and the certificate, where they are set: they prove the cloud, and not the tenant space.
2. HTTP Basic: a backend client that is there for this service, of exactly one tenant space, which is active.

What fails is counted for its source only: another tenant of the cloud, which shares its addresses, takes
nothing from this one. What passes is counted for its tenant space.
"""

from dataclasses import dataclass
from typing import Protocol

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.exchange import Exchange
from validator.limits.rate_limits import RateLimits, source_bucket
from validator.networks import Network
from validator.routeguard import check_place
from validator.tenants import Tenants
from validator.tokens.authentication import Authentication, Credentials
from validator.tokens.clients import Service
from validator.tokens.principals import ClientPrincipal


@dataclass(frozen=True, slots=True)
class Admitted:
    """A client, by its name in the audit trail, and its tenant space."""

    label: str
    tenant: str


class Guard(Protocol):
    """What a service demands beside a client: its networks, unless there are none, and a certificate."""

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that may request it; without any every network may."""
        ...

    @property
    def client_certificate(self) -> bool:
        """Whether the proxy must have seen the cloud's certificate."""
        ...


class ServiceGate:
    """Admits the requests for one service."""

    def __init__(
        self,
        service: Service,
        guard: Guard,
        authentication: Authentication,
        tenants: Tenants,
        rate_limits: RateLimits,
        trail: AuditTrail,
    ) -> None:
        """Require what *guard* names in addition to the client."""
        self._service, self._authentication, self._tenants = service, authentication, tenants
        self._rate_limits, self._trail = rate_limits, trail
        self._guard = guard

    def admit(self, exchange: Exchange, credentials: Credentials) -> Admitted:
        """Return the client of *exchange* with these unproven *credentials*; raises Refusal."""
        principal = None
        try:
            check_place(exchange, self._guard.networks, client_certificate=self._guard.client_certificate)
            principal = self._authentication.client(credentials)
            admitted = Admitted(principal.label, self._tenant_of(principal))
        except Refusal as refusal:
            self._rate_limits.hit(f"{self._service}_foreign", source_bucket(exchange))
            if principal is not None:
                self._record(principal, refusal)
            raise
        self._rate_limits.hit(f"{self._service}_tenant", admitted.tenant)
        return admitted

    def _record(self, principal: ClientPrincipal, refusal: Refusal) -> None:
        event = Event(EventName.CLIENT, Outcome.REFUSED, refusal.reason, by=principal.label)
        self._trail.append(event._replace(detail=self._service.value))

    def _tenant_of(self, principal: ClientPrincipal) -> str:
        client = principal.client
        if len(client.tenants) != 1:
            # No request names its tenant space: it would be a guess.
            raise Refusal(Reason.TENANT_NOT_GRANTED, "the client must have exactly one tenant space")
        (tenant,) = client.tenants
        client.check_may(self._service, tenant)
        self._tenants.check_active(tenant)
        return tenant
