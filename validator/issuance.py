"""Who may have an enterprise token issued, and for whom.

A person has one for their own account's identity. A backend client names the subject, of its own tenants
and audiences; the subject need not have an account here, but a disabled one is refused.
"""

from dataclasses import dataclass
from typing import Protocol

from validator.accounts.account import Account
from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.limits.counters import Counters
from validator.standing import Standing, Standings
from validator.tokens.claims import Audience, Claims, Subject, Wish
from validator.tokens.clients import Client
from validator.tokens.issuer import TokenIssuer
from validator.tokens.revocation import targets_around


class Caller(Protocol):
    """Somebody who proved who they are."""

    @property
    def label(self) -> str:
        """How the audit trail names this caller."""
        ...

    def subject_of(self, wish: Wish) -> Subject:
        """Return the subject that the caller may have a token for; raises Refusal."""
        ...


@dataclass(frozen=True, slots=True)
class Person:
    """A person who logged in here."""

    account: Account

    @property
    def label(self) -> str:
        """How the audit trail names this person."""
        return f"account:{self.account.login}"

    def subject_of(self, wish: Wish) -> Subject:
        """Return the person's own identity; raises Refusal when there is none or *wish* names another."""
        own = self._own(wish.audience)
        asked = (wish.tenant or own.tenant, wish.id or own.id, wish.name or own.name)
        if asked != (own.tenant, own.id, own.name):
            raise Refusal(Reason.SUBJECT_NOT_OWN)
        return own

    def _own(self, audience: Audience) -> Subject:
        identity, tenant = self.account.identity, self.account.tenant
        if audience is Audience.AGENT and identity.user_account:
            return Subject(audience, tenant, identity.user_account)
        if audience is Audience.CHAT and identity.user_id:
            return Subject(audience, tenant, identity.user_id, identity.user_name)
        raise Refusal(Reason.IDENTITY_MISSING, "this account has no identity of that kind")


@dataclass(frozen=True, slots=True)
class Backend:
    """An enterprise's server that proved to be a client."""

    client: Client

    @property
    def label(self) -> str:
        """How the audit trail names this client."""
        return f"client:{self.client.id}"

    def check_may(self, audience: Audience | None, tenant: str) -> None:
        """Raise Refusal unless the client speaks for *tenant* towards *audience* (None: towards any)."""
        self.client.check_may(audience, tenant)

    def subject_of(self, wish: Wish) -> Subject:
        """Return the subject the client names; raises Refusal when it is not whole or not of its tenants."""
        if not wish.tenant or not wish.id or (wish.audience is Audience.CHAT and not wish.name):
            raise Refusal(Reason.REQUEST_INVALID, "a client names the tenant space and the whole subject")
        self.client.check_may(wish.audience, wish.tenant)
        return Subject(wish.audience, wish.tenant, wish.id, wish.name)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator on this host, who may name any subject of a tenant that exists."""

    label: str = "operator"

    def check_may(self, audience: Audience | None, tenant: str) -> None:
        """Let every token be theirs."""

    def subject_of(self, wish: Wish) -> Subject:
        """Return the subject the operator names."""
        return Subject(wish.audience, wish.tenant or "", wish.id or "", wish.name)


class Issuance:
    """Issues tokens to callers and writes each of them down."""

    def __init__(
        self, issuer: TokenIssuer, standings: Standings, counters: Counters, trail: AuditTrail
    ) -> None:
        self._issuer, self._standings = issuer, standings
        self._counters, self._trail = counters, trail

    def issue(self, caller: Caller, wish: Wish) -> tuple[str, Claims]:
        """Return a token and what it says; raises Refusal, or Fault when something needed is away."""
        self._counters.hit("tokens_caller", caller.label)
        try:
            subject = caller.subject_of(wish)
            standing = self._standings.of(subject, targets_around(subject))
            standing.check_active()
            _check_name(subject, standing)
        except Refusal as refusal:
            self._record_refusal(caller, wish, refusal)
            raise
        token, claims = self._issuer.issue(subject, standing.epoch, standing.revocation)
        self._trail.append(
            Event(
                EventName.TOKEN_ISSUED,
                Outcome.ACCEPTED,
                tenant=subject.tenant,
                subject=subject.id,
                audience=subject.audience,
                jti=claims.jti,
                by=caller.label,
            )
        )
        return token, claims

    def _record_refusal(self, caller: Caller, wish: Wish, refusal: Refusal) -> None:
        self._trail.append(
            Event(
                EventName.TOKEN_ISSUED,
                Outcome.REFUSED,
                refusal.reason,
                tenant=wish.tenant,
                subject=wish.id,
                audience=wish.audience,
                by=caller.label,
            )
        )


def _check_name(subject: Subject, standing: Standing) -> None:
    """Refuse a customer's name that is not the one of their account here, if they have one."""
    if subject.name and standing.account_status and standing.account_name != subject.name:
        raise Refusal(Reason.SUBJECT_NOT_OWN, "the account of this userId has another userName")
