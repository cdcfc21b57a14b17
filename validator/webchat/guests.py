"""Guests: anonymous visitors, recognised by a signed first-party cookie.

A guest's id is made here and begins with the guest prefix, so that it can never be a real person's. The
cookie binds it to the browser: a signature is given for the id in the cookie and for no other.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from validator.clock import EPOCH, Clock, from_milliseconds, to_milliseconds
from validator.errors import Reason, Refusal
from validator.keys.keyring import Keyring

PURPOSE = "validator.guest.v1"
MAX_LIFETIME = timedelta(days=365)  # the maximum of the settings
ESTABLISHED_AFTER = timedelta(minutes=10)  # a guest known for longer is no longer fresh
_LEEWAY = timedelta(minutes=5)  # how far the clocks of two nodes may differ
_ID_BYTES = 12


@dataclass(frozen=True, slots=True)
class GuestPolicy:
    """The prefix of guests' ids, how long one is kept, and whether a page may choose any id."""

    guest_prefix: str
    guest_lifetime: timedelta
    free_guest_ids: bool

    def is_reserved(self, user_id: str) -> bool:
        """Return whether *user_id* could be a guest's, so that no person may have it, in any spelling."""
        prefix = self.guest_prefix.casefold()
        return not self.free_guest_ids and user_id.casefold().startswith(prefix)


@dataclass(frozen=True, slots=True)
class Guest:
    """A browser's guest id, until when it is kept, and since when it is known."""

    id: str
    expires_at: datetime
    first_seen: datetime


class Guests:
    """Makes guests and recognises them."""

    def __init__(self, keyring: Keyring, policy: GuestPolicy, clock: Clock) -> None:
        self._keyring, self.policy, self._clock = keyring, policy, clock

    def greet(self, presented_cookie: str | None) -> tuple[Guest, str]:
        """Return the guest of a browser and the cookie to set: the one it has, or a new one."""
        now = self._clock.now()
        guest = self._recognized(presented_cookie) or self._fresh()
        guest = replace(guest, expires_at=now + self.policy.guest_lifetime)
        content = {
            "id": guest.id,
            "exp": to_milliseconds(guest.expires_at),
            "iat": to_milliseconds(now),
            "first": to_milliseconds(guest.first_seen),
        }
        return guest, self._keyring.signer(PURPOSE).sign(orjson.dumps(content))

    def recognize(self, presented_cookie: str | None) -> Guest:
        """Return the guest that the cookie's value stands for; raises Refusal unless it was made here.

        No instant in it is trusted beyond now: a clock that was ahead, here or on another node, neither makes
        a guest known for longer nor lets the cookie last longer than the policy allows.
        """
        if not presented_cookie:
            raise Refusal(Reason.GUEST_MISSING)
        content = self._keyring.signer(PURPOSE).verify(presented_cookie)
        if content is None:
            raise Refusal(Reason.GUEST_FORGED)
        members, now = orjson.loads(content), self._clock.now()
        guest = Guest(members["id"], self._end(members), min(now, _instant(members, "first") or now))
        if guest.expires_at <= now or not guest.id.startswith(self.policy.guest_prefix):
            raise Refusal(Reason.GUEST_MISSING)
        return guest

    def guest_for(self, presented_cookie: str | None, presented_id: str | None) -> Guest:
        """Return the guest of a browser that requests *presented_id*, or leaves it out.

        Raises Refusal when it is not the browser's own, unless the policy lets pages choose.
        """
        if self.policy.free_guest_ids and presented_id is not None:
            return replace(self._recognized(presented_cookie) or self._fresh(), id=presented_id)
        guest = self.recognize(presented_cookie)
        if presented_id not in (None, guest.id):
            raise Refusal(Reason.GUEST_NOT_OWN)
        return guest

    def is_fresh(self, guest: Guest) -> bool:
        """Return whether *guest* was first seen less than ten minutes ago, as every guest of a botnet is."""
        return self._clock.now() < guest.first_seen + ESTABLISHED_AFTER

    def _recognized(self, presented_cookie: str | None) -> Guest | None:
        try:
            return self.recognize(presented_cookie)
        except Refusal:
            return None

    def _fresh(self) -> Guest:
        now = self._clock.now()
        guest_id = self.policy.guest_prefix + secrets.token_urlsafe(_ID_BYTES)
        return Guest(guest_id, now + self.policy.guest_lifetime, now)

    def _end(self, members: dict[str, Any]) -> datetime:
        """Return when the cookie with these *members* ends; the epoch when its instants cannot be true.

        A cookie of an older version has no instant at which it was made.
        """
        end, made, now = from_milliseconds(members["exp"]), _instant(members, "iat"), self._clock.now()
        if made is None:
            return end if end <= now + MAX_LIFETIME + _LEEWAY else EPOCH
        return min(end, made + self.policy.guest_lifetime) if made <= now + _LEEWAY else EPOCH


def _instant(members: dict[str, Any], name: str) -> datetime | None:
    return from_milliseconds(members[name]) if name in members else None
