"""Login and change of password: the only code path that verifies a person's password.

`authenticate` takes these steps: look up the account and the device → take a free hashing slot
(`passwords.bulkhead`) → reserve the attempt (`accounts.lockout`) → verify the hash, a dummy one for an
unknown account or a refused reservation → check the status of account and tenant → refund the reservation
→ write the trail. Unknown, wrong, disabled and locked get the same refusal after the same work (timing
oracle).
"""

from dataclasses import dataclass

from validator.accounts.account import Account, Accounts
from validator.accounts.devices import Devices
from validator.accounts.lockout import Attempt, Lockout
from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.exchange import Exchange
from validator.passwords.bulkhead import Bulkhead
from validator.passwords.hashing import Passwords
from validator.passwords.policy import PasswordPolicy
from validator.tenants import RecordStatus


@dataclass(frozen=True, slots=True)
class Visitor:
    """A caller before the password is verified: the account they name, and their attempt.

    `known_account` is the account's id when the browser is known to it and not blocked.
    """

    account: Account | None
    attempt: Attempt
    known_account: str | None


class Login:
    """Authenticates people by their passwords."""

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
        self,
        exchange: Exchange,
        presented_login: str,
        presented_password: str,
        presented_device: str | None = None,
    ) -> Account:
        """Return the account of a person who knows its password; *exchange* is that of the request.

        Raises Refusal, the same for every reason, or Fault when the store or the trail is unavailable.
        """
        visitor = self._look_up(exchange, presented_login, presented_device)
        return self._verify(visitor, presented_password)

    def change_password(
        self,
        exchange: Exchange,
        account: Account,
        presented_password: str,
        new_password: str,
        presented_device: str | None = None,
    ) -> Account:
        """Replace the password of *account* on its owner's request, which ends all its tokens and sessions.

        Raises Refusal when the old password is wrong, or the policy rejects the new one.
        """
        visitor = self._look_up(exchange, account.login, presented_device)
        verified = self._verify(visitor, presented_password)
        try:
            return self.set_password(verified, new_password, visitor.known_account)
        except Refusal as refusal:
            self._record(EventName.PASSWORD, verified, refusal.reason)
            raise

    def set_password(self, account: Account, new_password: str, known_account: str | None = None) -> Account:
        """Replace the password of *account*; raises Refusal(PASSWORD_POLICY) with all problems.

        *known_account* is the account to which the caller's device is known, if any.
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
        """Raise Refusal(PASSWORD_POLICY) unless *password* meets the policy for the account *login*."""
        problems = self._policy.problems(password, login)
        if problems:
            raise Refusal(Reason.PASSWORD_POLICY, "; ".join(problems))

    def _look_up(self, exchange: Exchange, presented_login: str, presented_device: str | None) -> Visitor:
        """Return the visitor, always by one statement: without a valid device an empty one is looked up."""
        claimed = self._devices.claimed(presented_device, presented_login)
        source = exchange.source
        of_device = Attempt(presented_login, source, claimed.id if claimed else "")
        account, is_blocked = self._accounts.find_with(presented_login, self._lockout.blocks(of_device))
        if account is None or claimed is None or claimed.epoch != account.epoch:
            return Visitor(account, Attempt(presented_login, source), None)
        return Visitor(account, of_device, None if is_blocked else account.id)

    def _verify(self, visitor: Visitor, presented_password: str) -> Account:
        account, attempt = visitor.account, visitor.attempt
        with self._bulkhead.slot(visitor.known_account):
            reason = self._lockout.reserve(attempt)
            is_admitted = reason is None
            expected = account.password_hash if account and is_admitted else None
            is_correct = self._passwords.verify(presented_password, expected)
            reason = reason or self._refusal(account, is_correct=is_correct)
            if account is not None and reason is None:
                self._lockout.succeed(attempt)
                self._renew(account, presented_password)
        self._record(EventName.LOGIN, account, reason)
        if account is None or reason is not None:
            raise Refusal(Reason.PASSWORD_WRONG)
        return account

    def _refusal(self, account: Account | None, *, is_correct: bool) -> Reason | None:
        if account is None:
            return Reason.ACCOUNT_UNKNOWN
        if not is_correct:
            return Reason.PASSWORD_WRONG
        if account.status is not RecordStatus.ACTIVE:
            return Reason.ACCOUNT_DISABLED
        return None if account.is_usable else Reason.TENANT_DISABLED

    def _renew(self, account: Account, password: str) -> None:
        """Rehash the password when the hashing parameters have changed."""
        if self._passwords.is_outdated(account.password_hash):
            self._accounts.renew_hash(account, self._passwords.hash(password))

    def _is_remembered(self, account: Account, password: str) -> bool:
        hashes = (account.password_hash, *account.previous_hashes)
        return any(self._passwords.verify(password, remembered) for remembered in hashes)

    def _record(self, name: EventName, account: Account | None, reason: Reason | None) -> None:
        # Never the presented name of an unknown account: people type passwords there by mistake.
        about = {"tenant": account.tenant, "subject": account.login} if account else {}
        self._trail.append(Event(name, Outcome.of(reason), reason, **about))
