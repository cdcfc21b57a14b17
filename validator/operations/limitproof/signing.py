"""Sends the requests for signatures of a proof, as new and as known guests, on dedicated channels."""

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
    """Requests guests' signatures, and counts them."""

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
        """Return a function that requests the next signature.

        The guest is new after *per_guest* requests, the channel after *per_channel*. The source is the next
        of *addresses*, or each time another prefix. With *is_known* the guests are established, so that the
        share of new guests does not limit them.
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
        """Return the cookie of an established guest, signed with this home's keys."""
        before = _Earlier(self._services.clock)
        return Guests(self._services.keyring, self._services.settings.webchat, before).greet(None)[1]

    def _new_channel(self) -> str:
        key = "".join(secrets.choice(_ALPHABET) for _ in range(43))
        channel_id = f"{self._sender.mark}-{next(self._numbers)}"
        return self._services.channels.add(channel_id, self._tenant.id, key, [ORIGIN]).id


class _Earlier:
    """A clock in the past, so that a guest greeted by it is established now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        """Return an instant in the past."""
        return self._clock.now() - 2 * ESTABLISHED_AFTER
