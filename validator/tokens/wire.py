"""The fields of the token routes' requests and responses.

The fields that name a subject are the cloud's, so that a response can be posted to it unchanged.
"""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, post_load, validates_schema
from marshmallow import ValidationError as Invalid

from validator.clock import iso_milliseconds, to_milliseconds
from validator.sizes import MAX_TENANT, MAX_TOKEN, MAX_USER_ACCOUNT, MAX_USER_ID, MAX_USER_NAME
from validator.tokens.agent_logins import OtherLogin
from validator.tokens.claims import Audience, Claims, Subject, TokenRequest
from validator.tokens.revocation import RevocationRequest
from validator.untrusted import Identifier, Name, Text, TolerantSchema, load

MAX_JTI = 64


class AgentTokenRequest(TolerantSchema):
    """The agent of a requested token; a person may leave it out, or name one of their `userAccounts`."""

    tenantSpaceId = Name(MAX_TENANT, required=False)  # noqa: N815 - the cloud's names
    userAccount = Name(MAX_USER_ACCOUNT, required=False)  # noqa: N815

    @post_load
    def parsed(self, values: dict[str, str], **_: Any) -> TokenRequest:
        """Return the parsed request."""
        return TokenRequest(Audience.AGENT, values.get("tenantSpaceId"), values.get("userAccount"))


class ChatTokenRequest(TolerantSchema):
    """The customer of a requested token; a person may leave it out."""

    tenantSpaceId = Name(MAX_TENANT, required=False)  # noqa: N815
    userId = Name(MAX_USER_ID, required=False)  # noqa: N815
    userName = Name(MAX_USER_NAME, required=False)  # noqa: N815

    @post_load
    def parsed(self, values: dict[str, str], **_: Any) -> TokenRequest:
        """Return the parsed request."""
        return TokenRequest(
            Audience.CHAT, values.get("tenantSpaceId"), values.get("userId"), values.get("userName")
        )


class OtherLoginEntry(Schema):
    """Another login of the agent, by `tokens.single_agent`: since when, and whether it was ended now."""

    since = fields.String(required=True, metadata={"format": "date-time"})
    ended = fields.Boolean(required=True)


class AgentToken(Schema):
    """An agent's token, with the fields that the page posts to the cloud."""

    access_token = fields.String(required=True)
    tenantSpaceId = fields.String(required=True)  # noqa: N815
    userAccount = fields.String(required=True)  # noqa: N815
    jti = fields.String(required=True)
    expiresAt = fields.String(required=True, metadata={"format": "date-time"})  # noqa: N815
    otherLogin = fields.Nested(OtherLoginEntry)  # noqa: N815


class ChatToken(Schema):
    """A customer's token, with the fields that the page posts to the cloud."""

    thirdUserToken = fields.String(required=True)  # noqa: N815
    tenantSpaceId = fields.String(required=True)  # noqa: N815
    thirdUserId = fields.String(required=True)  # noqa: N815
    thirdUserName = fields.String(required=True)  # noqa: N815
    jti = fields.String(required=True)
    expiresAt = fields.String(required=True, metadata={"format": "date-time"})  # noqa: N815


class IntrospectionRequest(TolerantSchema):
    """The token to introspect or revoke (RFC 7662, 2.1; RFC 7009, 2.1); a hint is ignored."""

    token = Text(MAX_TOKEN)


class TokenRevocationRequest(TolerantSchema):
    """The tokens to revoke: a token, a token's `jti` with its tenant, or every token of a subject."""

    token = Text(MAX_TOKEN, required=False)
    jti = Text(MAX_JTI, required=False)
    tenantSpaceId = Identifier(MAX_TENANT, required=False)  # noqa: N815
    userAccount = Text(MAX_USER_ACCOUNT, required=False)  # noqa: N815
    userId = Identifier(MAX_USER_ID, required=False)  # noqa: N815

    @validates_schema
    def check_one(self, values: Mapping[str, str], **_: Any) -> None:
        """Refuse anything but exactly one way to name the tokens."""
        ways = {"token", "jti", "userAccount", "userId"} & values.keys()
        if len(ways) != 1:
            raise Invalid("exactly one of token, jti, userAccount and userId is needed", "token")
        if "token" not in ways and "tenantSpaceId" not in values:
            raise Invalid("missing", "tenantSpaceId")

    @post_load
    def parsed(self, values: dict[str, str], **_: Any) -> RevocationRequest:
        """Return the parsed request."""
        return RevocationRequest(
            presented_token=values.get("token"),
            tenant=values.get("tenantSpaceId", ""),
            jti=values.get("jti"),
            audience=Audience.AGENT if "userAccount" in values else Audience.CHAT,
            subject=values.get("userAccount") or values.get("userId", ""),
        )


class IntrospectionResponse(Schema):
    """The claims of an active token (RFC 7662, 2.2); times in whole seconds since 1970."""

    active = fields.Boolean(required=True)
    aud = fields.String()
    sub = fields.String()
    jti = fields.String()
    iat = fields.Integer()
    exp = fields.Integer()
    tenantSpaceId = fields.String()  # noqa: N815
    userAccount = fields.String()  # noqa: N815
    userId = fields.String()  # noqa: N815
    userName = fields.String()  # noqa: N815


_AGENT, _CHAT = AgentTokenRequest(), ChatTokenRequest()
_INTROSPECTION, _REVOCATION = IntrospectionRequest(), TokenRevocationRequest()


def parse_agent(values: Mapping[str, Any]) -> TokenRequest:
    """Return the parsed request for an agent's token; raises Refusal."""
    requested: TokenRequest = load(_AGENT, values)
    return requested


def parse_chat(values: Mapping[str, Any]) -> TokenRequest:
    """Return the parsed request for a customer's token; raises Refusal."""
    requested: TokenRequest = load(_CHAT, values)
    return requested


def parse_token(values: Mapping[str, Any]) -> str:
    """Return the presented token; raises Refusal."""
    return str(load(_INTROSPECTION, values)["token"])


def parse_revocation(values: Mapping[str, Any]) -> RevocationRequest:
    """Return the parsed revocation request; raises Refusal."""
    requested: RevocationRequest = load(_REVOCATION, values)
    return requested


def render_agent(token: str, claims: Claims, other: OtherLogin | None = None) -> dict[str, Any]:
    """Return the response with an agent's token, and *other* if the agent has, or had, another login."""
    subject = claims.subject
    beside = other and {"otherLogin": {"since": iso_milliseconds(other.since), "ended": other.is_ended}}
    return {
        "access_token": token,
        "tenantSpaceId": subject.tenant,
        "userAccount": subject.id,
        **_about(claims),
        **(beside or {}),
    }


def render_chat(token: str, claims: Claims) -> dict[str, str]:
    """Return the response with a customer's token."""
    subject = claims.subject
    return {
        "thirdUserToken": token,
        "tenantSpaceId": subject.tenant,
        "thirdUserId": subject.id,
        "thirdUserName": subject.name or "",
        **_about(claims),
    }


def render_introspection(claims: Claims | None) -> dict[str, Any]:
    """Return the response with a token's claims, or only that it is not active."""
    if claims is None:
        return {"active": False}
    return {
        "active": True,
        "aud": claims.subject.audience,
        "sub": claims.subject.id,
        "jti": claims.jti,
        "iat": to_milliseconds(claims.issued_at) // 1000,
        "exp": to_milliseconds(claims.expires_at) // 1000,
        "tenantSpaceId": claims.subject.tenant,
        **_names(claims.subject),
    }


def _names(subject: Subject) -> dict[str, str]:
    if subject.name is None:
        return {"userAccount": subject.id}
    return {"userId": subject.id, "userName": subject.name}


def _about(claims: Claims) -> dict[str, str]:
    return {"jti": claims.jti, "expiresAt": iso_milliseconds(claims.expires_at)}
