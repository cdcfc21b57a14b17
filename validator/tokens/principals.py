"""Principals: the callers that may have tokens issued, each with the subjects they may name.

A person gets a token for their account's identity, or for another of the cloud's accounts linked to it. A
client names a subject of its tenants and audiences, with or without an account here. An operator on this
host names any subject.
"""

from dataclasses import dataclass, field
from typing import Protocol

from validator.accounts.account import Account
from validator.errors import Reason, Refusal
from validator.tokens.agent_logins import of_client, of_session
from validator.tokens.claims import Audience, Subject, TokenRequest
from validator.tokens.clients import Client
from validator.tokens.subject_state import SubjectState

# The fields that a client must send, by their names in the routes.
_FIELDS = {
    Audience.AGENT: ("tenantSpaceId", "userAccount"),
    Audience.CHAT: ("tenantSpaceId", "userId", "userName"),
}


class Principal(Protocol):
    """An authenticated caller."""

    @property
    def label(self) -> str:
        """The caller's name in the audit trail."""
        ...

    @property
    def holder(self) -> str | None:
        """The login that holds the caller's tokens (`tokens.agent_logins`); None without a login."""
        ...

    def subject_of(self, requested: TokenRequest) -> Subject:
        """Return the subject for which the caller may get a token; raises Refusal."""
        ...

    def check_state(self, state: SubjectState) -> None:
        """Raise Refusal when the current *state* of the subject excludes a token for the caller."""
        ...


@dataclass(frozen=True, slots=True)
class Person:
    """A person who logged in here."""

    account: Account
    user_accounts: tuple[str, ...] = ()  # the cloud's accounts linked to this one
    session: str | None = field(default=None, repr=False)  # the digest of its row

    @property
    def label(self) -> str:
        """The person's name in the audit trail."""
        return f"account:{self.account.login}"

    @property
    def holder(self) -> str | None:
        """The person's session."""
        return None if self.session is None else of_session(self.session)

    @property
    def is_agent(self) -> bool:
        """Whether the person has an account at the cloud, and so takes its calls."""
        return bool(self.account.identity.user_account or self.user_accounts)

    def subject_of(self, requested: TokenRequest) -> Subject:
        """Return the person's identity; raises Refusal without one, or when *requested* names another."""
        own = self._own(requested)
        named = (requested.tenant or own.tenant, requested.id or own.id, requested.name or own.name)
        if named != (own.tenant, own.id, own.name):
            raise Refusal(Reason.SUBJECT_NOT_OWN)
        return own

    def check_state(self, state: SubjectState) -> None:
        """Raise Refusal when the subject is no longer this account's, or the account has changed.

        Since authentication a link may have been removed or moved, or the password changed (TOCTOU).
        """
        if state.account != self.account.id:
            raise Refusal(Reason.SUBJECT_NOT_OWN)
        if state.epoch != self.account.epoch:
            raise Refusal(Reason.SESSION_ENDED)

    def _own(self, requested: TokenRequest) -> Subject:
        identity, tenant = self.account.identity, self.account.tenant
        if requested.audience is Audience.AGENT and self.is_agent:
            return Subject(requested.audience, tenant, self._user_account(requested.id))
        if requested.audience is Audience.CHAT and identity.user_id:
            return Subject(requested.audience, tenant, identity.user_id, identity.user_name)
        raise Refusal(Reason.IDENTITY_MISSING, "this account has no identity of that kind")

    def _user_account(self, named: str | None) -> str:
        """Return *named* if it is linked to the person, else the account's identity or its only link."""
        if named in self.user_accounts:
            return str(named)
        if self.account.identity.user_account is not None:
            return self.account.identity.user_account
        if named is None and len(self.user_accounts) > 1:
            raise Refusal(Reason.REQUEST_INVALID, "name one of your userAccounts")
        return self.user_accounts[0]


@dataclass(frozen=True, slots=True)
class ClientPrincipal:
    """A backend client that has authenticated."""

    client: Client

    @property
    def label(self) -> str:
        """The client's name in the audit trail."""
        return f"client:{self.client.id}"

    @property
    def holder(self) -> str:
        """The client: each of its tokens is a new login."""
        return of_client(self.client.id)

    def check_may(self, audience: Audience | None, tenant: str) -> None:
        """Raise Refusal unless the client may act for *tenant* and *audience* (None: any audience)."""
        self.client.check_may(audience, tenant)

    def check_state(self, state: SubjectState) -> None:
        """Accept any subject, even one without an account here."""

    def subject_of(self, requested: TokenRequest) -> Subject:
        """Return the subject that the client names; raises Refusal when it is incomplete or out of reach."""
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
    """An operator on this host, who may name any subject of an existing tenant."""

    label: str = "operator"

    @property
    def holder(self) -> None:
        """None: a token for a trial is no login."""
        return None

    def check_may(self, audience: Audience | None, tenant: str) -> None:
        """Accept every tenant and audience."""

    def check_state(self, state: SubjectState) -> None:
        """Accept any subject."""

    def subject_of(self, requested: TokenRequest) -> Subject:
        """Return the subject that the operator names."""
        return Subject(requested.audience, requested.tenant or "", requested.id or "", requested.name)
