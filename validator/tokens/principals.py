"""Principals: who may have tokens issued, each with the subjects they may name.

A person has a token for their own account's identity, or for another of the cloud's accounts that is linked
to it. A client names the subject, of its own tenants and audiences; the subject need not have an account
here. An operator on this host names any subject.
"""

from dataclasses import dataclass
from typing import Protocol

from validator.accounts.account import Account
from validator.errors import Reason, Refusal
from validator.tokens.claims import Audience, Subject, TokenRequest
from validator.tokens.clients import Client
from validator.tokens.subject_state import SubjectState

# What a client names, by the words of the routes.
_FIELDS = {
    Audience.AGENT: ("tenantSpaceId", "userAccount"),
    Audience.CHAT: ("tenantSpaceId", "userId", "userName"),
}


class Principal(Protocol):
    """Somebody who proved who they are."""

    @property
    def label(self) -> str:
        """How the audit trail names this caller."""
        ...

    def subject_of(self, requested: TokenRequest) -> Subject:
        """Return the subject that the caller may have a token for; raises Refusal."""
        ...

    def check_state(self, state: SubjectState) -> None:
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

    def subject_of(self, requested: TokenRequest) -> Subject:
        """Return the person's own identity; raises Refusal without one, or when *requested* names another."""
        own = self._own(requested)
        asked = (requested.tenant or own.tenant, requested.id or own.id, requested.name or own.name)
        if asked != (own.tenant, own.id, own.name):
            raise Refusal(Reason.SUBJECT_NOT_OWN)
        return own

    def check_state(self, state: SubjectState) -> None:
        """Raise Refusal when the subject is not, or no longer, this account's as it was when it was proven.

        A link may have been undone or moved, or a password changed, since this person was read.
        """
        if state.account != self.account.id:
            raise Refusal(Reason.SUBJECT_NOT_OWN)
        if state.epoch != self.account.epoch:
            raise Refusal(Reason.SESSION_ENDED)

    def _own(self, requested: TokenRequest) -> Subject:
        identity, tenant = self.account.identity, self.account.tenant
        if requested.audience is Audience.AGENT and (identity.user_account or self.user_accounts):
            return Subject(requested.audience, tenant, self._user_account(requested.id))
        if requested.audience is Audience.CHAT and identity.user_id:
            return Subject(requested.audience, tenant, identity.user_id, identity.user_name)
        raise Refusal(Reason.IDENTITY_MISSING, "this account has no identity of that kind")

    def _user_account(self, named: str | None) -> str:
        """Return the named one of the person's, else the account's own, else the only one linked to it."""
        if named in self.user_accounts:
            return str(named)
        if self.account.identity.user_account is not None:
            return self.account.identity.user_account
        if named is None and len(self.user_accounts) > 1:
            raise Refusal(Reason.REQUEST_INVALID, "name one of your userAccounts")
        return self.user_accounts[0]


@dataclass(frozen=True, slots=True)
class ClientPrincipal:
    """An enterprise's server that proved to be a client."""

    client: Client

    @property
    def label(self) -> str:
        """How the audit trail names this client."""
        return f"client:{self.client.id}"

    def check_may(self, audience: Audience | None, tenant: str) -> None:
        """Raise Refusal unless the client speaks for *tenant* towards *audience* (None: towards any)."""
        self.client.check_may(audience, tenant)

    def check_state(self, state: SubjectState) -> None:
        """Let the subject be any: one that has no account here too."""

    def subject_of(self, requested: TokenRequest) -> Subject:
        """Return the subject the client names; raises Refusal when it is not whole or not of its tenants."""
        given = (requested.tenant, requested.id, requested.name)
        missing = [
            field for field, value in zip(_FIELDS[requested.audience], given, strict=False) if not value
        ]
        if missing:
            raise Refusal(Reason.REQUEST_INVALID, "; ".join(f"{field}: missing" for field in missing))
        tenant, subject = requested.tenant or "", requested.id or ""
        self.client.check_may(requested.audience, tenant)
        return Subject(requested.audience, tenant, subject, requested.name)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator on this host, who may name any subject of a tenant that exists."""

    label: str = "operator"

    def check_may(self, audience: Audience | None, tenant: str) -> None:
        """Let every token be theirs."""

    def check_state(self, state: SubjectState) -> None:
        """Let the subject be any."""

    def subject_of(self, requested: TokenRequest) -> Subject:
        """Return the subject the operator names."""
        return Subject(requested.audience, requested.tenant or "", requested.id or "", requested.name)
