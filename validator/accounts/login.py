"""Logging in, and changing a password: the one door for everybody who has a password.

`authenticate` goes in this order: the account and the device are looked up → a free hashing slot
(`accounts.bulkhead`) → the attempt is reserved (`accounts.lockout`) → the hash, a dummy one for an unknown
account or a reservation that is refused → the account's and the tenant's status → the reservation is given
back → the trail. Unknown, wrong, disabled and locked get the same refusal after the same work.
"""

from dataclasses import dataclass

from validator.accounts.account import Account, Accounts
from validator.accounts.devices import Devices
from validator.accounts.lockout import Attempt, Lockout
from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.exchange import current_exchange
from validator.passwords.bulkhead import Bulkhead
from validator.passwords.hashing import Passwords
from validator.passwords.policy import PasswordPolicy
from validator.tenants import RecordStatus


@dataclass(frozen=True, slots=True)
class Visitor:
    """A caller before the password is looked at: the account they name, and the attempt they make.

    `known_account` is that account's id when the browser is known to it and not blocked itself.
    """

    account: Account | None
    attempt: Attempt
    known_account: str | None


class Login:
    """Proves people by their passwords."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: Passwords,
        policy: PasswordPolicy,
        trail: AuditTrail,
        *,
        bulkhead: Bulkhead,
        lockout: Lockout,
        devices: Devices,
    ) -> None:
        self._accounts, self._passwords = accounts, passwords
        self._policy, self._trail = policy, trail
        self._bulkhead, self._lockout, self._devices = bulkhead, lockout, devices

    def authenticate(
        self, presented_login: str, presented_password: str, presented_device: str | None = None
    ) -> Account:
        """Return the account of a person who knows its password.

        Raises Refusal (the same answer whatever the reason), or Fault when the store or the trail is away.
        """
        return self._prove(self._look_up(presented_login, presented_device), presented_password)

    def change_password(
        self,
        account: Account,
        presented_password: str,
        new_password: str,
        presented_device: str | None = None,
    ) -> Account:
        """Replace the password of *account* by its owner; every token and session of it ends.

        Raises Refusal when the old password is wrong, or when the policy does not take the new one.
        """
        visitor = self._look_up(account.login, presented_device)
        proven = self._prove(visitor, presented_password)
        try:
            return self.set_password(proven, new_password, visitor.known_account)
        except Refusal as refusal:
            self._record(EventName.PASSWORD, proven, refusal.reason)
            raise

    def set_password(self, account: Account, new_password: str, known_account: str | None = None) -> Account:
        """Replace the password of *account*; raises Refusal(PASSWORD_POLICY) with every reason in words.

        *known_account* is the account that the caller's device is known to, if any.
        """
        with self._bulkhead.slot(known_account):
            self.check_policy(new_password, account.login)
            if self._policy.profile == "cec" and self._is_remembered(account, new_password):
                raise Refusal(Reason.PASSWORD_POLICY, "it is one of the last five")
            password_hash = self._passwords.hash(new_password)
        changed = self._accounts.set_password(account, password_hash)
        self._record(EventName.PASSWORD, account, None)
        return changed

    def check_policy(self, password: str, login: str) -> None:
        """Raise Refusal(PASSWORD_POLICY) unless *password* is good enough for the account *login*."""
        problems = self._policy.problems(password, login)
        if problems:
            raise Refusal(Reason.PASSWORD_POLICY, "; ".join(problems))

    def _look_up(self, presented_login: str, presented_device: str | None) -> Visitor:
        """Return who asks, by one statement for everybody: a device that is none is looked up as well."""
        claimed = self._devices.claimed(presented_device, presented_login)
        source = current_exchange.get().source
        of_device = Attempt(presented_login, source, claimed.id if claimed else "")
        account, is_blocked = self._accounts.find_with(presented_login, self._lockout.blocks(of_device))
        if account is None or claimed is None or claimed.epoch != account.epoch:
            return Visitor(account, Attempt(presented_login, source), None)
        return Visitor(account, of_device, None if is_blocked else account.id)

    def _prove(self, visitor: Visitor, presented_password: str) -> Account:
        account, attempt = visitor.account, visitor.attempt
        with self._bulkhead.slot(visitor.known_account):
            reason = self._lockout.reserve(attempt)
            is_admitted = reason is None
            expected = account.password_hash if account and is_admitted else None
            is_right = self._passwords.verify(presented_password, expected)
            reason = reason or self._refusal(account, is_right=is_right)
            if account is not None and reason is None:
                self._lockout.succeed(attempt)
                self._renew(account, presented_password)
        self._record(EventName.LOGIN, account, reason)
        if account is None or reason is not None:
            raise Refusal(Reason.PASSWORD_WRONG)
        return account

    def _refusal(self, account: Account | None, *, is_right: bool) -> Reason | None:
        if account is None:
            return Reason.ACCOUNT_UNKNOWN
        if not is_right:
            return Reason.PASSWORD_WRONG
        if account.status is not RecordStatus.ACTIVE:
            return Reason.ACCOUNT_DISABLED
        return None if account.is_usable else Reason.TENANT_DISABLED

    def _renew(self, account: Account, password: str) -> None:
        """Hash the password again when the hashing parameters have changed since."""
        if self._passwords.is_outdated(account.password_hash):
            self._accounts.renew_hash(account, self._passwords.hash(password))

    def _is_remembered(self, account: Account, password: str) -> bool:
        hashes = (account.password_hash, *account.previous_hashes)
        return any(self._passwords.verify(password, remembered) for remembered in hashes)

    def _record(self, name: EventName, account: Account | None, reason: Reason | None) -> None:
        # Never the presented name of an unknown account: people type their password there.
        who = {"tenant": account.tenant, "subject": account.login} if account else {}
        self._trail.append(Event(name, Outcome.of(reason), reason, **who))
