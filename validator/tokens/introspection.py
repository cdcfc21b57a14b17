"""Introspects tokens (RFC 7662) and revokes them (RFC 7009).

A backend client introspects and revokes tokens of its tenants only. For any other token the result is the
same as for one that does not exist, so that a request reveals nothing. An operator may revoke any token.
"""

from typing import Protocol

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.tokens.claims import Audience, Claims
from validator.tokens.revocation import (
    EVERYTHING,
    RevocationRequest,
    Revocations,
    subject_target,
    tenant_target,
    token_target,
)
from validator.tokens.subject_state import SubjectStates
from validator.tokens.verifier import TokenVerifier


class Inspector(Protocol):
    """A backend client or an operator."""

    @property
    def label(self) -> str:
        """The name in the audit trail."""
        ...

    def check_may(self, audience: Audience | None, tenant: str) -> None:
        """Raise Refusal unless tokens of *tenant* for *audience* (None: any) are in the inspector's reach."""
        ...


class Introspection:
    """Introspects and revokes tokens, and records both."""

    def __init__(
        self,
        verifier: TokenVerifier,
        subject_states: SubjectStates,
        revocations: Revocations,
        trail: AuditTrail,
    ) -> None:
        self._verifier, self._subject_states = verifier, subject_states
        self._revocations, self._trail = revocations, trail

    def introspect(self, inspector: Inspector, presented_token: str) -> Claims | None:
        """Return the claims of a token that is valid now and in the inspector's reach, else None."""
        claims, reason = self.inspect(inspector, presented_token)
        return claims if reason is None else None

    def inspect(self, inspector: Inspector, presented_token: str) -> tuple[Claims | None, Reason | None]:
        """Return the claims of a token signed here and in reach, and the reason why it is invalid."""
        claims, reason = self._read(inspector, presented_token)
        if claims is not None:
            reason = self._refusal(presented_token, claims)
        self._record(EventName.INTROSPECTED, inspector, reason, claims)
        return claims, reason

    def revoke(self, inspector: Inspector, requested: RevocationRequest) -> None:
        """Revoke what *requested* names; raises Refusal for a tenant out of reach."""
        if requested.presented_token is not None:
            self.revoke_presented(inspector, requested.presented_token)
        elif requested.jti is not None:
            self.revoke_token(inspector, requested.tenant, requested.jti)
        else:
            self.revoke_subject(inspector, requested.audience, requested.tenant, requested.subject)

    def revoke_presented(self, inspector: Inspector, presented_token: str) -> Claims | None:
        """Revoke a token and return its claims; return None for one that is out of reach or invalid.

        A client cannot distinguish the two (RFC 7009, 2.2).
        """
        claims, reason = self._read(inspector, presented_token)
        if claims is not None:
            self._revocations.revoke(token_target(claims.subject.tenant, claims.jti))
        self._record(EventName.REVOKED, inspector, reason, claims)
        return claims

    def revoke_token(self, inspector: Inspector, tenant: str, jti: str) -> None:
        """Revoke the token of *tenant* with this jti; raises Refusal for a tenant out of reach."""
        self._revoke(inspector, token_target(tenant, jti), tenant=tenant, jti=jti)

    def revoke_subject(self, inspector: Inspector, audience: Audience, tenant: str, subject: str) -> None:
        """Revoke every token issued so far for *subject*; raises Refusal for a tenant out of reach."""
        target = subject_target(audience, tenant, subject)
        self._revoke(inspector, target, tenant=tenant, subject=subject, audience=audience)

    def revoke_tenant(self, inspector: Inspector, tenant: str) -> None:
        """Revoke every token issued so far for *tenant*; raises Refusal for a tenant out of reach."""
        self._revoke(inspector, tenant_target(tenant), tenant=tenant)

    def revoke_everything(self, operator: Inspector) -> None:
        """Revoke every token issued so far."""
        self._revocations.revoke(EVERYTHING)
        self._append(EventName.REVOKED, operator, None, detail="everything")

    def _revoke(
        self, inspector: Inspector, target: str, tenant: str, audience: Audience | None = None, **about: str
    ) -> None:
        about |= {"audience": audience} if audience else {}
        try:
            inspector.check_may(audience, tenant)
        except Refusal as refusal:
            self._append(EventName.REVOKED, inspector, refusal.reason, tenant=tenant, **about)
            raise
        self._revocations.revoke(target)
        self._append(EventName.REVOKED, inspector, None, tenant=tenant, **about)

    def _read(self, inspector: Inspector, presented_token: str) -> tuple[Claims | None, Reason | None]:
        """Return the claims of a token signed here and in reach, or the reason why there are none."""
        reason = Reason.TOKEN_FORGED
        for audience in Audience:
            try:
                claims = self._verifier.read(presented_token, audience)
                inspector.check_may(audience, claims.subject.tenant)
            except Refusal as refusal:
                reason = refusal.reason if refusal.reason is not Reason.TOKEN_FORGED else reason
            else:
                return claims, None
        return None, reason

    def _refusal(self, presented_token: str, claims: Claims) -> Reason | None:
        try:
            self._subject_states.check(self._verifier.verify(presented_token, claims.subject.audience))
        except Refusal as refusal:
            return refusal.reason
        return None

    def _record(
        self, name: EventName, inspector: Inspector, reason: Reason | None, claims: Claims | None
    ) -> None:
        about = _about(claims) if claims else {}
        self._append(name, inspector, reason, **about)

    def _append(self, name: EventName, inspector: Inspector, reason: Reason | None, **about: str) -> None:
        self._trail.append(Event(name, Outcome.of(reason), reason, by=inspector.label, **about))


def _about(claims: Claims) -> dict[str, str]:
    subject = claims.subject
    return {
        "tenant": subject.tenant,
        "subject": subject.id,
        "audience": subject.audience,
        "jti": claims.jti,
    }
