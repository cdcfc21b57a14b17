"""Signs guests in: a page's request is checked and recorded, then its authorization line is returned.

In this order: no secret key in the page's body, its fields, the channel (known, in use, of that tenant, a
page of its origins), the guest's id, the signature. Every refusal gets the same response.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.clock import Clock
from validator.errors import Reason, Refusal
from validator.exchange import Exchange
from validator.limits.policy import EVERYBODY
from validator.limits.rate_limits import RateLimits, source_prefix
from validator.signatures.signer import Signature, sign
from validator.sizes import MAX_CHANNEL
from validator.webchat.channels import Channel, Channels
from validator.webchat.guests import Guest, Guests
from validator.webchat.wire import SigningRequest, parse, signable, signed_body

_OF_FRESH = ("signing_fresh", "signing_all_fresh")
_SHOWN_OF_NAME = 64  # characters of a signed name in the trail


class GuestSigning:
    """Serves the pages of the web chat."""

    def __init__(
        self, channels: Channels, guests: Guests, rate_limits: RateLimits, trail: AuditTrail, clock: Clock
    ) -> None:
        self._channels, self._guests, self._rate_limits = channels, guests, rate_limits
        self._trail, self._clock = trail, clock

    def greet(self, origin: str | None, presented_cookie: str | None) -> tuple[Guest, str]:
        """Return the guest of a browser on one of the channels' pages, and the cookie to set."""
        self.check_page(origin)
        guest, cookie = self._guests.greet(presented_cookie)
        self._trail.append(Event(EventName.GUEST, Outcome.ACCEPTED, subject=guest.id))
        return guest, cookie

    def check_page(self, origin: str | None) -> None:
        """Raise Refusal, which is recorded, unless *origin* has the pages of a channel in use."""
        if not self._channels.is_page_origin(origin):
            self._trail.append(Event(EventName.GUEST, Outcome.REFUSED, Reason.ORIGIN_DENIED))
            raise Refusal(Reason.ORIGIN_DENIED)

    @property
    def guest_lifetime(self) -> timedelta:
        """How long a browser keeps its guest id."""
        return self._guests.policy.guest_lifetime

    def authorize(
        self,
        exchange: Exchange,
        values: Mapping[str, Any],
        origin: str | None,
        presented_cookie: str | None,
    ) -> str:
        """Return the authorization line for what a page posted; raises Refusal, or Fault."""
        try:
            request = parse(values)
            channel = self._usable_channel(request, origin)
            guest = self._guests.guest_for(presented_cookie, request.presented_id)
        except Refusal as refusal:
            self._record_refusal(values, refusal)
            raise
        self._rate_limits.hit_all(*self._limits_on(exchange, guest, channel))
        line = self._sign(channel, request.presented_name, guest.id).authorization
        event = Event(
            EventName.SIGNED,
            Outcome.ACCEPTED,
            tenant=channel.tenant,
            subject=guest.id,
            detail=f"{channel.id} thirdUserName={request.presented_name[:_SHOWN_OF_NAME]}",
        )
        self._trail.append(event)
        return line

    def _limits_on(self, exchange: Exchange, guest: Guest, channel: Channel) -> list[tuple[str, str]]:
        """Return the limits that a signature counts against, the narrowest first, each with its key.

        One network, and all new guests together, have only a share of a channel and of the whole, so that a
        crowd leaves something for the others.
        """
        prefix = source_prefix(exchange)
        counted = [
            ("signing_guest", guest.id),
            ("signing_prefix", f"{channel.id}:{prefix}"),
            ("signing_fresh", channel.id),
            ("signing_channel", channel.id),
            ("signing_all_prefix", prefix),
            ("signing_all_fresh", EVERYBODY),
            ("signing_all", EVERYBODY),
        ]
        is_fresh = self._guests.is_fresh(guest)
        return [(name, key) for name, key in counted if is_fresh or name not in _OF_FRESH]

    def _usable_channel(self, request: SigningRequest, origin: str | None) -> Channel:
        channel = self._channels.find(request.presented_channel)
        if channel is None:
            raise Refusal(Reason.CHANNEL_UNKNOWN)
        channel.check_usable(request.presented_tenant, origin)
        return channel

    def _sign(self, channel: Channel, name: str, guest_id: str) -> Signature:
        payload = {
            "thirdUserName": name,
            "thirdUserId": guest_id,
            "tenantSpaceId": channel.tenant,
            "channelConfigId": channel.id,
        }
        request = signable(signed_body(payload, channel.key_order), channel.length_rule)
        return sign(
            request,
            access_key=channel.id,
            secret_key=self._channels.secret_key(channel),
            at=self._clock.now(),
        )

    def _record_refusal(self, values: Mapping[str, Any], refusal: Refusal) -> None:
        name = EventName.SECRET_DISCLOSED if refusal.reason is Reason.SECRET_DISCLOSED else EventName.SIGNED
        channel = values.get("channelConfigId")
        text = str(channel) if type(channel) in (str, int) else ""
        detail = text if 1 <= len(text) <= MAX_CHANNEL else None
        self._trail.append(Event(name, Outcome.REFUSED, refusal.reason, detail=detail))
