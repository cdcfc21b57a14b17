"""What a proof of the limits on signatures sends: as new guests and as known ones, on its own channels."""

import secrets
import string
from collections.abc import Iterator
from datetime import datetime
from itertools import count

import httpx2

from validator.clock import Clock
from validator.operations.limitproof.sending import NEVER, ORIGIN, Send, Sender
from validator.services import Services
from validator.tenants import Tenant
from validator.web.incoming import GUEST_COOKIE
from validator.webchat.guests import ESTABLISHED_AFTER, Guests

_ALPHABET = string.ascii_letters + string.digits
_OK = 200


class Signer:
    """Has guests' signatures made, and counts them."""

    def __init__(self, sender: Sender, services: Services, tenant: Tenant, per_guest: int) -> None:
        """Sign for *tenant*, at most *per_guest* times for each guest."""
        self._sender, self._services, self._tenant = sender, services, tenant
        self._channel, self._numbers, self._per_guest = "", count(), per_guest
        self.signed, self.signed_fresh = 0, 0

    def sending(
        self,
        addresses: Iterator[str] | None = None,
        *,
        per_guest: int | None = None,
        per_channel: int = NEVER,
        is_known: bool = False,
    ) -> Send:
        """Return what asks for the next signature, for a new guest and on a new channel after so many.

        It comes from the next of *addresses*, or each time from another prefix. The guests are new ones, or,
        with *is_known*, known for long enough not to be held to the share of new guests.
        """
        numbers, state = count(), {"guest": ""}

        def send() -> httpx2.Response:
            number, source = next(numbers), next(addresses) if addresses else self._sender.spread()
            if not self._channel or (number % per_channel == 0 and per_channel != NEVER):
                self._channel = self._new_channel()
            if number % (per_guest or self._per_guest) == 0:
                state["guest"] = self._known_guest() if is_known else self._new_guest(source)
            asked = {
                "thirdUserName": "x",
                "tenantSpaceId": self._tenant.id,
                "channelConfigId": self._channel,
            }
            cookies = {GUEST_COOKIE: state["guest"]}
            answer = self._sender.post("/webchat/authorizationService", source, json=asked, cookies=cookies)
            self.signed += answer.status_code == _OK
            self.signed_fresh += answer.status_code == _OK and not is_known
            return answer

        return send

    def _new_guest(self, address: str) -> str:
        return self._sender.post("/webchat/guest", address).cookies[GUEST_COOKIE]

    def _known_guest(self) -> str:
        """Return the cookie of a guest who was greeted a while ago, as this home's keys sign it."""
        before = _Earlier(self._services.clock)
        return Guests(self._services.keyring, self._services.settings.webchat, before).greet(None)[1]

    def _new_channel(self) -> str:
        key = "".join(secrets.choice(_ALPHABET) for _ in range(43))
        channel_id = f"{self._sender.mark}-{next(self._numbers)}"
        return self._services.channels.add(channel_id, self._tenant.id, key, [ORIGIN]).id


class _Earlier:
    """A clock that shows a time at which a guest of now was new."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        """Return the instant so long ago."""
        return self._clock.now() - 2 * ESTABLISHED_AFTER
