"""Logging in, and changing a password: the one door for everybody who has a password.

`authenticate` goes in this order: a free hashing slot (else refused at once, never queued) → the account
→ the hash, a dummy one for an unknown account → the account's status → a newer hash if the parameters
changed → the trail. Unknown, wrong and disabled give the same refusal after the same work.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import BoundedSemaphore

from argon2 import PasswordHasher

from validator.accounts.account import Account, Accounts
from validator.accounts.passwords import Passwords
from validator.accounts.policy import PasswordPolicy
from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.tenants import Status, Tenants

_RETRY_AFTER = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class HashingPolicy:
    """The hashing profile, and how many passwords one process hashes at once."""

    hasher: PasswordHasher
    slots: int


class Login:
    """Proves people by their passwords."""

    def __init__(
        self,
        accounts: Accounts,
        tenants: Tenants,
        passwords: Passwords,
        policy: PasswordPolicy,
        trail: AuditTrail,
        *,
        slots: int,
    ) -> None:
        self._accounts, self._tenants = accounts, tenants
        self._passwords, self._policy, self._trail = passwords, policy, trail
        self._slots = BoundedSemaphore(slots)

    def authenticate(self, presented_login: str, presented_password: str) -> Account:
        """Return the account of a person who knows its password.

        Raises Refusal (the same answer whatever the reason), or Fault when the store or the trail is away.
        """
        with self._slot():
            account = self._accounts.find(presented_login)
            expected = account.password_hash if account else None
            is_right = self._passwords.verify(presented_password, expected)
            reason = self._refusal(account, is_right=is_right)
            if account is not None and reason is None and self._passwords.is_outdated(account.password_hash):
                self._accounts.renew_hash(account, self._passwords.hash(presented_password))
        self._record(EventName.LOGIN, account, reason)
        if account is None or reason is not None:
            raise Refusal(Reason.PASSWORD_WRONG)
        return account

    def change_password(self, account: Account, presented_password: str, new_password: str) -> Account:
        """Replace the password of *account* by its owner; every token and session of it ends.

        Raises Refusal when the old password is wrong, or when the policy does not take the new one.
        """
        proven = self.authenticate(account.login, presented_password)
        try:
            return self.set_password(proven, new_password)
        except Refusal as refusal:
            self._record(EventName.PASSWORD, proven, refusal.reason)
            raise

    def set_password(self, account: Account, new_password: str) -> Account:
        """Replace the password of *account*; raises Refusal(PASSWORD_POLICY) with every reason in words."""
        self.check_policy(new_password, account.login)
        with self._slot():
            if self._policy.profile == "cec" and self._is_remembered(account, new_password):
                raise Refusal(Reason.PASSWORD_POLICY, "it is one of the last five")
            password_hash = self._passwords.hash(new_password)
        self._record(EventName.PASSWORD, account, None)
        return self._accounts.set_password(account.login, password_hash)

    def check_policy(self, password: str, login: str) -> None:
        """Raise Refusal(PASSWORD_POLICY) unless *password* is good enough for the account *login*."""
        problems = self._policy.problems(password, login)
        if problems:
            raise Refusal(Reason.PASSWORD_POLICY, "; ".join(problems))

    def _refusal(self, account: Account | None, *, is_right: bool) -> Reason | None:
        if account is None:
            return Reason.ACCOUNT_UNKNOWN
        if not is_right:
            return Reason.PASSWORD_WRONG
        if account.status is not Status.ACTIVE:
            return Reason.ACCOUNT_DISABLED
        tenant = self._tenants.find(account.tenant)
        return None if tenant and tenant.status is Status.ACTIVE else Reason.TENANT_DISABLED

    def _is_remembered(self, account: Account, password: str) -> bool:
        hashes = (account.password_hash, *account.previous_hashes)
        return any(self._passwords.verify(password, remembered) for remembered in hashes)

    def _record(self, name: EventName, account: Account | None, reason: Reason | None) -> None:
        # Never the presented name of an unknown account: people type their password there.
        who = {"tenant": account.tenant, "subject": account.login} if account else {}
        self._trail.append(Event(name, Outcome.of(reason), reason, **who))

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(blocking=False):
            raise Refusal(Reason.HASHING_BUSY, retry_after=_RETRY_AFTER)
        try:
            yield
        finally:
            self._slots.release()
