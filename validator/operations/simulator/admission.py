"""Admits an agent, a customer or a guest, by the values that a page posted.

First the cloud's own data is checked: the tenant, the channel, the agent's login. Then the enterprise
validates agents and customers, and a guest's signature is verified here. A refusal is the cloud's one error,
with the enterprise's message or `null`; the exact reason is recorded for the status page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from validator.clock import Clock
from validator.errors import Refusal
from validator.operations.simulator.callback import Asking, Reply, Wire
from validator.operations.simulator.guests import verify_guest
from validator.operations.simulator.registration import Channel, Registration
from validator.operations.simulator.signatures import SignatureRefused
from validator.operations.simulator.visits import Visitor
from validator.sizes import (
    MAX_CHANNEL,
    MAX_TENANT,
    MAX_TOKEN,
    MAX_USER_ACCOUNT,
    MAX_USER_ID,
    MAX_USER_NAME,
)
from validator.untrusted import Identifier, Text, TolerantSchema, load, read_object

_MAX_AUTHORIZATION = 4096
_AUTHORIZATION = "thirdPartAuthorization"


class AgentPage(TolerantSchema):
    """The fields that the page of the agent bar posts."""

    access_token = Text(MAX_TOKEN)
    tenantSpaceId = Identifier(MAX_TENANT)  # noqa: N815 - the cloud's names
    userAccount = Text(MAX_USER_ACCOUNT)  # noqa: N815


class ChatPage(TolerantSchema):
    """The fields that a page of the web chat posts, with a token or with a signature."""

    thirdUserToken = Text(MAX_TOKEN, required=False)  # noqa: N815
    thirdPartAuthorization = Text(_MAX_AUTHORIZATION, required=False)  # noqa: N815
    thirdUserName = Text(MAX_USER_NAME)  # noqa: N815
    thirdUserId = Identifier(MAX_USER_ID)  # noqa: N815
    tenantSpaceId = Identifier(MAX_TENANT)  # noqa: N815
    channelConfigId = Identifier(MAX_CHANNEL)  # noqa: N815
    locale = Text(16, required=False)


_AGENT_PAGE, _CHAT_PAGE = AgentPage(), ChatPage()


class NotAdmitted(Exception):  # noqa: N818 - an outcome
    """A visitor is refused; the cloud shows *message*, the status page *why*."""

    def __init__(self, why: str, *, message: str | None = None, details: Mapping[str, object]) -> None:
        super().__init__(why)
        self.message, self.why, self.details = message, why, details


@dataclass(frozen=True, slots=True)
class Admitted:
    """An admitted visitor, the values that the page posted, and the enterprise's response."""

    visitor: Visitor
    values: Mapping[str, str] = field(repr=False)
    details: Mapping[str, object] = field(repr=False)


class Admission:
    """Admits the visitors that one enterprise validates."""

    def __init__(self, registration: Registration, callback: Asking, clock: Clock) -> None:
        self._registration, self._callback, self._clock = registration, callback, clock

    def agent(self, body: bytes) -> Admitted:
        """Return the agent whose page posted *body*; raises NotAdmitted."""
        values = _read(_AGENT_PAGE, body)
        tenant, account = values["tenantSpaceId"], values["userAccount"]
        self._check_tenant(values)
        reply = self._callback.ask_agent(values["access_token"], tenant, account)
        details = _accepted(reply, values)
        if not self._registration.has_agent(tenant, account):
            raise NotAdmitted("the cloud has no such agent in this tenant", details=details)
        return Admitted(Visitor(tenant, account, account), values, details)

    def chat(self, body: bytes) -> Admitted:
        """Return the customer or the guest whose page posted *body*; raises NotAdmitted."""
        values = _read(_CHAT_PAGE, body)
        channel = self._channel(values)
        tenant, user_id, name = values["tenantSpaceId"], values["thirdUserId"], values["thirdUserName"]
        if "thirdUserToken" in values:
            reply = self._callback.ask_chat(values["thirdUserToken"], tenant, user_id, name)
            details = _accepted(reply, values)
        else:
            details = self._signed(values, channel)
        return Admitted(Visitor(tenant, user_id, name), values, details)

    def customer(self, body: bytes) -> Admitted:
        """Return the customer whose page posted *body*; raises NotAdmitted, also for a guest."""
        values = _read(_CHAT_PAGE, body)
        if "thirdUserToken" not in values:
            raise NotAdmitted("thirdUserToken: missing", details=values)
        return self.chat(body)

    def _check_tenant(self, values: Mapping[str, str]) -> None:
        if values["tenantSpaceId"] not in self._registration.tenants:
            raise NotAdmitted("the cloud has no such tenant", details=values)

    def _channel(self, values: Mapping[str, str]) -> Channel:
        self._check_tenant(values)
        channel = self._registration.channels.get(values["channelConfigId"])
        if channel is None or channel.tenant != values["tenantSpaceId"]:
            raise NotAdmitted("the tenant has no such channel", details=values)
        return channel

    def _signed(self, values: Mapping[str, str], channel: Channel) -> dict[str, object]:
        if _AUTHORIZATION not in values:
            raise NotAdmitted("neither thirdUserToken nor thirdPartAuthorization", details=values)
        skew = self._registration.cloud.skew
        try:
            verify_guest(values, values[_AUTHORIZATION], channel, now=self._clock.now(), skew=skew)
        except SignatureRefused as refused:
            details = {**values, "stage": refused.stage.value}
            raise NotAdmitted(f"{refused.stage}: {refused}", details=details) from None
        return {**values, "stage": "every stage agrees"}


def _read(schema: TolerantSchema, body: bytes) -> dict[str, str]:
    try:
        values: dict[str, str] = load(schema, read_object(body))
    except Refusal as refusal:
        raise NotAdmitted(refusal.detail or str(refusal.reason), details={}) from None
    return values


def _accepted(reply: Reply, values: Mapping[str, str]) -> dict[str, object]:
    """Return the details of *reply*; raises NotAdmitted unless it accepts."""
    details: dict[str, object] = {
        **values,
        **_over_the_wire(reply.wire),
        "answer": reply.message,
        "problem": reply.problem,
        "milliseconds": reply.milliseconds,
    }
    if not reply.is_accepted:
        raise NotAdmitted(reply.problem or "the enterprise refused", message=reply.message, details=details)
    return details


def _over_the_wire(wire: Wire | None) -> dict[str, object]:
    """Return the request to the enterprise and its response, by the names on the status page."""
    if wire is None:
        return {}
    return {
        "callback request": wire.request,
        "callback body": wire.sent,
        "callback status": wire.status,
        "callback answer": wire.body or None,
        "callback request id": wire.request_id,
    }


Admit = Callable[[bytes], Admitted]
