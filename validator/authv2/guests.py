"""Guests: anonymous visitors, told apart by a signed first-party cookie.

A guest's id is made here and begins with the guest prefix, so that it can never be a real person's. The
cookie binds it to the browser: a signature is given for the id in the cookie and for no other.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from validator.clock import Clock, from_milliseconds, to_milliseconds
from validator.errors import Reason, Refusal
from validator.keys.keyring import Keyring

PURPOSE = "validator.guest.v1"
_ID_BYTES = 12


@dataclass(frozen=True, slots=True)
class GuestPolicy:
    """How guests' ids begin, how long one is kept, and whether a page may choose any id it likes."""

    guest_prefix: str
    guest_lifetime: timedelta
    free_guest_ids: bool


@dataclass(frozen=True, slots=True)
class Guest:
    """A browser's guest id and until when it is kept."""

    id: str
    expires_at: datetime


class Guests:
    """Makes guests and recognises them."""

    def __init__(self, keyring: Keyring, policy: GuestPolicy, clock: Clock) -> None:
        self._keyring, self.policy, self._clock = keyring, policy, clock

    def greet(self, presented_cookie: str | None) -> tuple[Guest, str]:
        """Return the guest of a browser and the cookie to set: the one it has, or a new one."""
        try:
            guest_id = self.recognize(presented_cookie).id
        except Refusal:
            guest_id = self.policy.guest_prefix + secrets.token_urlsafe(_ID_BYTES)
        expires_at = self._clock.now() + self.policy.guest_lifetime
        content = orjson.dumps({"id": guest_id, "exp": to_milliseconds(expires_at)})
        return Guest(guest_id, expires_at), self._keyring.seal(PURPOSE).sign(content)

    def recognize(self, presented_cookie: str | None) -> Guest:
        """Return the guest that the cookie's value stands for; raises Refusal when it is not one of ours."""
        if not presented_cookie:
            raise Refusal(Reason.GUEST_MISSING)
        content = self._keyring.seal(PURPOSE).verify(presented_cookie)
        if content is None:
            raise Refusal(Reason.GUEST_FORGED)
        members = orjson.loads(content)
        guest = Guest(members["id"], from_milliseconds(members["exp"]))
        if guest.expires_at <= self._clock.now() or not guest.id.startswith(self.policy.guest_prefix):
            raise Refusal(Reason.GUEST_MISSING)
        return guest

    def id_for(self, presented_cookie: str | None, presented_id: str | None) -> str:
        """Return the id to sign for a browser that asks for *presented_id*, or leaves it out.

        Raises Refusal when it is not the browser's own, unless the policy lets pages choose.
        """
        if self.policy.free_guest_ids and presented_id is not None:
            return presented_id
        guest = self.recognize(presented_cookie)
        if presented_id not in (None, guest.id):
            raise Refusal(Reason.GUEST_NOT_OWN)
        return guest.id
