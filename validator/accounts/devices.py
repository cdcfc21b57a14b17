"""Device cookies: they recognise a browser that has logged in to an account before.

They keep the lockout from being a denial-of-service weapon (OWASP, "Slow Down Online Guessing Attacks with
Device Cookies"). The signed cookie only selects the counter of its failures; the account's epoch ends it.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

import orjson

from validator.accounts.account import Account
from validator.accounts.lockout import login_digest
from validator.accounts.policy import LockoutPolicy
from validator.clock import Clock, from_milliseconds, to_milliseconds
from validator.keys.keyring import Keyring

PURPOSE = "validator.device.v1"
_ID_BYTES = 12
_NAME_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Device:
    """The content of a signed cookie: the device's id, and its account's epoch at the last login."""

    id: str
    epoch: int


class Devices:
    """Issues device cookies and recognises them."""

    def __init__(self, keyring: Keyring, policy: LockoutPolicy, clock: Clock) -> None:
        self._keyring, self.policy, self._clock = keyring, policy, clock

    def issue(self, account: Account, presented_cookie: str | None) -> str:
        """Return the cookie for a browser that just logged in to *account*; a known browser keeps its id."""
        device = self.recognize(presented_cookie, account) or secrets.token_urlsafe(_ID_BYTES)
        content = {
            "acc": login_digest(account.login),
            "dev": device,
            "epo": account.epoch,
            "exp": to_milliseconds(self._clock.now() + self.policy.device_lifetime),
        }
        return self._keyring.signer(PURPOSE).sign(orjson.dumps(content))

    def recognize(self, presented_cookie: str | None, account: Account | None) -> str | None:
        """Return the id of a device that has logged in to *account* before, or None."""
        if account is None:
            return None
        device = self.claimed(presented_cookie, account.login)
        return device.id if device and device.epoch == account.epoch else None

    def claimed(self, presented_cookie: str | None, login: str) -> Device | None:
        """Return the device that a valid cookie names for *login*, or None; makes no database query.

        The device is known only if its epoch is the account's.
        """
        content = presented_cookie and self._keyring.signer(PURPOSE).verify(presented_cookie)
        if not content:
            return None
        members = orjson.loads(content)
        remaining = from_milliseconds(members["exp"]) - self._clock.now()
        is_current = timedelta(0) < remaining <= self.policy.device_lifetime + self.policy.leeway
        is_of_login = members["acc"] == login_digest(login)
        return Device(str(members["dev"]), int(members["epo"])) if is_current and is_of_login else None


def cookie_name(login: str) -> str:
    """Return the name of the cookie for an account; a browser shared by several people has several."""
    return f"__Host-validator-device-{login_digest(login)[:_NAME_DIGITS]}"
