"""The request of a web chat page, and what is signed for its guest.

A page posts `thirdUserName`, `thirdUserId`, `tenantSpaceId`, `channelConfigId` (more is ignored) and gets
the authorization line. It signs a POST of exactly these four to the cloud's script, with the headers
`content-length` and `content-type`. The order of the body's keys and whether content-length counts bytes
or characters are not documented by the vendor; both are decided per channel.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from marshmallow import post_load

from validator.errors import Reason, Refusal
from validator.signatures.canonical import SignableRequest
from validator.sizes import MAX_CHANNEL, MAX_TENANT, MAX_USER_ID, MAX_USER_NAME
from validator.untrusted import Identifier, PlainText, Text, TolerantSchema, load

METHOD = "POST"
PATH = "/service-cloud/webclient/chat_client/js/newThirdPartyClient.js"
CONTENT_TYPE = "application/json;charset=UTF-8"
SIGNED_KEYS = ("thirdUserName", "thirdUserId", "tenantSpaceId", "channelConfigId")


class LengthRule(StrEnum):
    """What the signed content-length counts of the body."""

    BYTES = "bytes"
    CHARACTERS = "characters"


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What a page wants to have signed, nothing of it proven."""

    presented_name: str
    presented_id: str | None
    presented_tenant: str
    presented_channel: str


class AuthorizationRequest(TolerantSchema):
    """The page's request."""

    # Agents read it under the enterprise's signature.
    thirdUserName: Text = PlainText(MAX_USER_NAME)  # noqa: N815 - the cloud's names
    thirdUserId = Identifier(MAX_USER_ID, required=False)  # noqa: N815
    tenantSpaceId = Identifier(MAX_TENANT)  # noqa: N815
    channelConfigId = Identifier(MAX_CHANNEL)  # noqa: N815

    @post_load
    def to_request(self, values: dict[str, str], **_: Any) -> SigningRequest:
        """Return the request."""
        return SigningRequest(
            values["thirdUserName"],
            values.get("thirdUserId"),
            values["tenantSpaceId"],
            values["channelConfigId"],
        )


class PayloadRequest(AuthorizationRequest):
    """The same with any name, for an operator who signs with a key at hand."""

    thirdUserName = Text(MAX_USER_NAME)  # noqa: N815


_REQUEST, _PAYLOAD = AuthorizationRequest(), PayloadRequest()


def parse(values: Mapping[str, Any], *, takes_any_name: bool = False) -> SigningRequest:
    """Return a page's request; raises Refusal, also when the page discloses a secret key."""
    if any(name.casefold() == "secretkey" for name in values):
        raise Refusal(
            Reason.SECRET_DISCLOSED,
            "the page sends secretKey: take it out of the page and have the channel's key changed",
        )
    request: SigningRequest = load(_PAYLOAD if takes_any_name else _REQUEST, values)
    return request


def signed_body(payload: Mapping[str, str], key_order: tuple[str, ...] = SIGNED_KEYS) -> str:
    """Return the JSON text that is signed: compact, the keys in *key_order*, characters as they are."""
    return json.dumps({key: payload[key] for key in key_order}, ensure_ascii=False, separators=(",", ":"))


def signable(body: str, length_rule: LengthRule = LengthRule.BYTES) -> SignableRequest:
    """Return the request that the cloud will check the signature of, with *body* as `signed_body` made it."""
    length = len(body.encode()) if length_rule is LengthRule.BYTES else len(body)
    return SignableRequest(
        method=METHOD,
        path=PATH,
        headers=(("Content-Length", str(length)), ("Content-Type", CONTENT_TYPE)),
        body=body,
    )
