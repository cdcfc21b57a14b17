"""Who may have an enterprise token issued, and for whom.

A person has one for their own account's identity, or for another of the cloud's accounts that is linked to
them. A backend client names the subject, of its own tenants
and audiences; the subject need not have an account here, but a disabled one is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from validator.accounts.account import Account
from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.limits.counters import Counters
from validator.tokens.claims import Audience, Claims, Subject, Wish
from validator.tokens.clients import Client
from validator.tokens.issuer import TokenIssuer
from validator.tokens.revocation import targets_around
from validator.tokens.subject_state import Standing, Standings

# What a client names, by the words of the routes.
_FIELDS = {
    Audience.AGENT: ("tenantSpaceId", "userAccount"),
    Audience.CHAT: ("tenantSpaceId", "userId", "userName"),
}


class Caller(Protocol):
    """Somebody who proved who they are."""

    @property
    def label(self) -> str:
        """How the audit trail names this caller."""
        ...

    def subject_of(self, wish: Wish) -> Subject:
        """Return the subject that the caller may have a token for; raises Refusal."""
        ...

    def check_standing(self, standing: Standing) -> None:
        """Raise Refusal when the subject, as it stands, is not one that the caller may have a token for."""
        ...


@dataclass(frozen=True, slots=True)
class Person:
    """A person who logged in here."""

    account: Account
    user_accounts: tuple[str, ...] = ()  # of the cloud, linked to the account

    @property
    def label(self) -> str:
        """How the audit trail names this person."""
        return f"account:{self.account.login}"

    def subject_of(self, wish: Wish) -> Subject:
        """Return the person's own identity; raises Refusal when there is none or *wish* names another."""
        own = self._own(wish)
        asked = (wish.tenant or own.tenant, wish.id or own.id, wish.name or own.name)
        if asked != (own.tenant, own.id, own.name):
            raise Refusal(Reason.SUBJECT_NOT_OWN)
        return own

    def check_standing(self, standing: Standing) -> None:
        """Raise Refusal when the subject is not, or no longer, this account's as it was when it was proven.

        A link may have been undone or moved, or a password changed, since this person was read.
        """
        if standing.account != self.account.id:
            raise Refusal(Reason.SUBJECT_NOT_OWN)
        if standing.epoch != self.account.epoch:
            raise Refusal(Reason.SESSION_ENDED)

    def _own(self, wish: Wish) -> Subject:
        identity, tenant = self.account.identity, self.account.tenant
        if wish.audience is Audience.AGENT and (identity.user_account or self.user_accounts):
            return Subject(wish.audience, tenant, self._user_account(wish.id))
        if wish.audience is Audience.CHAT and identity.user_id:
            return Subject(wish.audience, tenant, identity.user_id, identity.user_name)
        raise Refusal(Reason.IDENTITY_MISSING, "this account has no identity of that kind")

    def _user_account(self, wished: str | None) -> str:
        """Return the wished one of the person's, else the account's own, else the only one linked to it."""
        if wished in self.user_accounts:
            return str(wished)
        if self.account.identity.user_account is not None:
            return self.account.identity.user_account
        if wished is None and len(self.user_accounts) > 1:
            raise Refusal(Reason.REQUEST_INVALID, "name one of your userAccounts")
        return self.user_accounts[0]


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

    def check_standing(self, standing: Standing) -> None:
        """Let the subject be any: one that has no account here too."""

    def subject_of(self, wish: Wish) -> Subject:
        """Return the subject the client names; raises Refusal when it is not whole or not of its tenants."""
        given = (wish.tenant, wish.id, wish.name)
        missing = [field for field, value in zip(_FIELDS[wish.audience], given, strict=False) if not value]
        if missing:
            raise Refusal(Reason.REQUEST_INVALID, "; ".join(f"{field}: missing" for field in missing))
        tenant, subject = wish.tenant or "", wish.id or ""
        self.client.check_may(wish.audience, tenant)
        return Subject(wish.audience, tenant, subject, wish.name)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator on this host, who may name any subject of a tenant that exists."""

    label: str = "operator"

    def check_may(self, audience: Audience | None, tenant: str) -> None:
        """Let every token be theirs."""

    def check_standing(self, standing: Standing) -> None:
        """Let the subject be any."""

    def subject_of(self, wish: Wish) -> Subject:
        """Return the subject the operator names."""
        return Subject(wish.audience, wish.tenant or "", wish.id or "", wish.name)


class Issuance:
    """Issues tokens to callers and writes each of them down."""

    def __init__(
        self,
        issuer: TokenIssuer,
        standings: Standings,
        counters: Counters,
        trail: AuditTrail,
        is_reserved: Callable[[str], bool],
    ) -> None:
        """Issue what *issuer* signs; *is_reserved* says of a userId that no person may have it."""
        self._issuer, self._standings = issuer, standings
        self._counters, self._trail, self._is_reserved = counters, trail, is_reserved

    def issue(self, caller: Caller, wish: Wish) -> tuple[str, Claims]:
        """Return a token and what it says; raises Refusal, or Fault when something needed is away."""
        self._counters.hit("tokens_caller", caller.label)
        try:
            subject = caller.subject_of(wish)
            self._check_reserved(subject)
            standing = self._standings.of(subject, targets_around(subject))
            standing.check_active()
            caller.check_standing(standing)
            _check_name(subject, standing)
        except Refusal as refusal:
            self._record_refusal(caller, wish, refusal)
            raise
        token, claims = self._issuer.issue(subject, standing.epoch, standing.number)
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

    def _check_reserved(self, subject: Subject) -> None:
        """Raise Refusal when *subject* is a customer with an id of a guest: nobody logged in with that."""
        if subject.audience is Audience.CHAT and self._is_reserved(subject.id):
            raise Refusal(Reason.REQUEST_INVALID, "this userId begins like the ids of guests")

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
                detail=refusal.detail,
            )
        )


def _check_name(subject: Subject, standing: Standing) -> None:
    """Refuse a customer's name that is not the one of their account here, if they have one."""
    if subject.name and standing.account_status and standing.account_name != subject.name:
        raise Refusal(Reason.SUBJECT_NOT_OWN, "the account of this userId has another userName")
