"""Tokens and channels from the target's home, for scenarios that run on its host.

Only the runner of scenarios uses this, never the simulated cloud: the cloud has no key of the enterprise.
Every token is recorded in the target's audit trail, whatever its times.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from validator.accounts.identity import Identity
from validator.clock import Clock
from validator.errors import OperatorError
from validator.operations.simulator.registration import Channel
from validator.operations.simulator.target import Known, Others, Skipped
from validator.operations.simulator.tokens import subject_fields
from validator.services import Services
from validator.tenants import RecordStatus
from validator.tokens import wire
from validator.tokens.claims import Audience
from validator.tokens.issuance import Issuance
from validator.tokens.issuer import TokenIssuer
from validator.tokens.principals import Principal
from validator.webchat.channels import Channel as OwnChannel

_MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _ShiftedClock:
    clock: Clock
    by: timedelta

    def now(self) -> datetime:
        """Return the instant *by* later."""
        return self.clock.now() + self.by


class HomeTokens:
    """Tokens made with the target's keyring, for any time."""

    def __init__(self, services: Services, caller: Principal, known: Known) -> None:
        self._services, self._caller, self._known = services, caller, known

    def issue(self, side: str) -> str:
        """Return a valid token; raises Refusal when the target would not issue it."""
        return self._issued(side, timedelta())

    def issue_timed(self, side: str, kind: str) -> str:
        """Return a token with other times; raises Skipped when the target has no clock tolerance."""
        policy = self._services.settings.tokens
        lifetime, leeway = policy.lifetime(Audience(side)), policy.leeway
        shifts = {
            "expired": -(lifetime + leeway + _MARGIN),
            "not yet valid": leeway + _MARGIN,
            "from a clock ahead": leeway / 2,
            "to a clock behind": -(lifetime + leeway / 2),
        }
        if kind in ("from a clock ahead", "to a clock behind") and leeway < timedelta(seconds=10):
            raise Skipped("the target's tokens.leeway is too short to be met")
        return self._issued(side, shifts[kind])

    def _issued(self, side: str, shift: timedelta) -> str:
        services = self._services
        clock = _ShiftedClock(services.clock, shift)
        issuer = TokenIssuer(services.keyring, services.settings.tokens, clock)
        issuance = Issuance(
            issuer,
            services.subject_states,
            services.rate_limits,
            services.trail,
            services.settings.webchat.is_reserved,
        )
        parse = wire.parse_agent if side == "agent" else wire.parse_chat
        token, _ = issuance.issue(self._caller, parse(subject_fields(side, self._known)))
        return token


def known_at(services: Services, given: Known | None) -> Known:
    """Return *given*, and for what it leaves out the home's first account in use and its tenant's channel.

    Raises OperatorError when there is nobody.
    """
    accounts = [one for one in services.accounts.list(given.tenant if given else None) if one.is_usable]
    if given is None and not accounts:
        raise OperatorError("the home has no account in use: give --tenant and who is known there")
    known = given or Known(accounts[0].tenant)
    if accounts:
        known = _completed(known, accounts[0].identity)
    channel = _first_channel(services, known)
    if channel is None:
        return known
    return replace(known, channel=channel.id, origin=known.origin or channel.origins[0])


def others_at(services: Services, known: Known, given: Others) -> Others:
    """Return *given*, and for what it leaves out who else is in use at the home, besides *known*."""
    found = given
    for account in services.accounts.list(known.tenant):
        identity = account.identity
        if not account.is_usable:
            continue
        if found.user_account is None and identity.user_account != known.user_account:
            found = replace(found, user_account=identity.user_account)
        if found.user_id is None and identity.user_id != known.user_id:
            found = replace(found, user_id=identity.user_id, user_name=identity.user_name)
    return found if found.tenant else replace(found, tenant=_other_tenant(services, known))


def channel_at(services: Services, channel_id: str | None) -> Channel | None:
    """Return the channel as the cloud knows it, with its secret key; None when there is no such channel."""
    own = services.channels.find(channel_id) if channel_id else None
    if own is None:
        return None
    return Channel(own.id, own.tenant, services.channels.secret_key(own), own.key_order, own.length_rule)


def _completed(known: Known, identity: Identity) -> Known:
    if known.user_account is None:
        known = replace(known, user_account=identity.user_account)
    if known.user_id is None:
        known = replace(known, user_id=identity.user_id, user_name=identity.user_name)
    return known


def _other_tenant(services: Services, known: Known) -> str | None:
    """Return another tenant in use, preferably with the same subject, so that only the token differs."""
    in_use = [one.id for one in services.tenants.list() if one.status is RecordStatus.ACTIVE]
    namesakes = [
        one.tenant
        for one in services.accounts.list()
        if one.is_usable
        and (
            (known.user_account and one.identity.user_account == known.user_account)
            or (known.user_id and one.identity.user_id == known.user_id)
        )
    ]
    return next((tenant for tenant in [*namesakes, *in_use] if tenant != known.tenant), None)


def _first_channel(services: Services, known: Known) -> OwnChannel | None:
    for channel in services.channels.list():
        is_meant = channel.tenant == known.tenant and known.channel in (None, channel.id)
        if is_meant and channel.status is RecordStatus.ACTIVE:
            return channel
    return None
