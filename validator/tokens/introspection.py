"""Asking about tokens and ending them: introspection (RFC 7662) and revocation (RFC 7009).

A backend client sees and ends tokens of its own tenants only. About any other token the answer is the same
as about one that does not exist, so that nothing is learned by asking. An operator may end any.
"""

from typing import Protocol

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.tokens.claims import Audience, Claims
from validator.tokens.revocation import (
    EVERYTHING,
    Order,
    Revocations,
    subject_target,
    tenant_target,
    token_target,
)
from validator.tokens.subject_state import Standings
from validator.tokens.verifier import TokenVerifier


class Overseer(Protocol):
    """A backend client or an operator."""

    @property
    def label(self) -> str:
        """How the audit trail names them."""
        ...

    def check_may(self, audience: Audience | None, tenant: str) -> None:
        """Raise Refusal unless tokens of *tenant* for *audience* (None: any) are theirs to see and to end."""
        ...


class Oversight:
    """Answers about tokens, and ends them."""

    def __init__(
        self, verifier: TokenVerifier, standings: Standings, revocations: Revocations, trail: AuditTrail
    ) -> None:
        self._verifier, self._standings = verifier, standings
        self._revocations, self._trail = revocations, trail

    def introspect(self, overseer: Overseer, presented_token: str) -> Claims | None:
        """Return what the token says when it would be accepted now and is theirs to see, else None."""
        claims, reason = self.inspect(overseer, presented_token)
        return claims if reason is None else None

    def inspect(self, overseer: Overseer, presented_token: str) -> tuple[Claims | None, Reason | None]:
        """Return what a token says if it was signed here and is theirs to see, and why it is not accepted."""
        claims, reason = self._read(overseer, presented_token)
        if claims is not None:
            reason = self._refusal(presented_token, claims)
        self._record(EventName.INTROSPECTED, overseer, reason, claims)
        return claims, reason

    def revoke(self, overseer: Overseer, order: Order) -> None:
        """End what *order* says; raises Refusal when it names a tenant that is not theirs."""
        if order.presented_token is not None:
            self.revoke_presented(overseer, order.presented_token)
        elif order.jti is not None:
            self.revoke_token(overseer, order.tenant, order.jti)
        else:
            self.revoke_subject(overseer, order.audience, order.tenant, order.subject)

    def revoke_presented(self, overseer: Overseer, presented_token: str) -> Claims | None:
        """End a token and return what it says; one that is not theirs, or is none, is left alone (None).

        A client is not told which (RFC 7009, 2.2).
        """
        claims, reason = self._read(overseer, presented_token)
        if claims is not None:
            self._revocations.revoke(token_target(claims.subject.tenant, claims.jti))
        self._record(EventName.REVOKED, overseer, reason, claims)
        return claims

    def revoke_token(self, overseer: Overseer, tenant: str, jti: str) -> None:
        """End the token of *tenant* with this jti; raises Refusal when the tenant is not theirs."""
        self._revoke(overseer, token_target(tenant, jti), tenant=tenant, jti=jti)

    def revoke_subject(self, overseer: Overseer, audience: Audience, tenant: str, subject: str) -> None:
        """End every token of a subject issued until now; raises Refusal when the tenant is not theirs."""
        target = subject_target(audience, tenant, subject)
        self._revoke(overseer, target, tenant=tenant, subject=subject, audience=audience)

    def revoke_tenant(self, overseer: Overseer, tenant: str) -> None:
        """End every token of a tenant that was issued until now; raises Refusal when it is not theirs."""
        self._revoke(overseer, tenant_target(tenant), tenant=tenant)

    def revoke_everything(self, operator: Overseer) -> None:
        """End every token that was issued until now."""
        self._revocations.revoke(EVERYTHING)
        self._append(EventName.REVOKED, operator, None, detail="everything")

    def _revoke(
        self, overseer: Overseer, target: str, tenant: str, audience: Audience | None = None, **about: str
    ) -> None:
        about |= {"audience": audience} if audience else {}
        try:
            overseer.check_may(audience, tenant)
        except Refusal as refusal:
            self._append(EventName.REVOKED, overseer, refusal.reason, tenant=tenant, **about)
            raise
        self._revocations.revoke(target)
        self._append(EventName.REVOKED, overseer, None, tenant=tenant, **about)

    def _read(self, overseer: Overseer, presented_token: str) -> tuple[Claims | None, Reason | None]:
        """Return the claims of a token that was signed here and is theirs to see, or why there are none."""
        reason = Reason.TOKEN_FORGED
        for audience in Audience:
            try:
                claims = self._verifier.read(presented_token, audience)
                overseer.check_may(audience, claims.subject.tenant)
            except Refusal as refusal:
                reason = refusal.reason if refusal.reason is not Reason.TOKEN_FORGED else reason
            else:
                return claims, None
        return None, reason

    def _refusal(self, presented_token: str, claims: Claims) -> Reason | None:
        try:
            self._standings.check(self._verifier.verify(presented_token, claims.subject.audience))
        except Refusal as refusal:
            return refusal.reason
        return None

    def _record(
        self, name: EventName, overseer: Overseer, reason: Reason | None, claims: Claims | None
    ) -> None:
        about = _about(claims) if claims else {}
        self._append(name, overseer, reason, **about)

    def _append(self, name: EventName, overseer: Overseer, reason: Reason | None, **about: str) -> None:
        self._trail.append(Event(name, Outcome.of(reason), reason, by=overseer.label, **about))


def _about(claims: Claims) -> dict[str, str]:
    subject = claims.subject
    return {
        "tenant": subject.tenant,
        "subject": subject.id,
        "audience": subject.audience,
        "jti": claims.jti,
    }
