"""The wire format of the cloud's two callbacks: field names, types, sizes and result codes.

Agent side: `{"access_token","tenantSpaceId","userAccount"}`. Customer side:
`{"Token","userName","userId","tenantSpaceId"}` with a capital T. The response to both is
`{"retCode": int, "message": text}`; 0 is success to the cloud, the other codes are in `errors.RetCode`.
Unknown fields are ignored, an integer id is taken as its digits, the Content-Type does not matter.
"""

import json
import re
from dataclasses import dataclass, field

import orjson
from marshmallow import fields, validate

from validator.errors import RetCode
from validator.networks import Network
from validator.sizes import MAX_TENANT, MAX_TOKEN, MAX_USER_ACCOUNT, MAX_USER_ID, MAX_USER_NAME
from validator.tokens.claims import Audience
from validator.untrusted import Identifier, Plan, Text, TolerantSchema, read_object

_SLASHES = re.compile("/{2,}")
ACCEPTED_MESSAGE = "validate success"


@dataclass(frozen=True, slots=True)
class CallbackPolicy:
    """The two routes, whether every response on them has HTTP status 200, and which sources are allowed.

    Without `networks` all are; with `client_certificate` only those with one that the proxy verified.
    """

    agent_path: str
    chat_path: str
    always_200: bool
    networks: tuple[Network, ...] = ()
    client_certificate: bool = False

    @property
    def is_open(self) -> bool:
        """Whether every source is allowed."""
        return not self.networks and not self.client_certificate

    def is_callback(self, path: str) -> bool:
        """Return whether *path* is one of the two routes or lies below one: the cloud reads the response."""
        path = plain_path(path)
        return any(
            path == route or path.startswith(f"{route}/") for route in (self.agent_path, self.chat_path)
        )


@dataclass(frozen=True, slots=True)
class Presentation:
    """What the cloud presents, unproven: a token, and the tenant, subject and name claimed for it."""

    audience: Audience
    presented_token: str = field(repr=False)
    presented_tenant: str
    presented_subject: str
    presented_name: str | None = None


def plain_path(path: str) -> str:
    """Return *path* with one slash wherever it has several.

    A base URL that ends with a slash is often joined with a path that begins with one.
    """
    return _SLASHES.sub("/", path) if "//" in path else path


class AgentRequest(TolerantSchema):
    """The agent side's request."""

    access_token = Text(MAX_TOKEN)
    tenantSpaceId = Identifier(MAX_TENANT)  # noqa: N815 - the cloud's name
    userAccount = Text(MAX_USER_ACCOUNT)  # noqa: N815


class ChatRequest(TolerantSchema):
    """The customer side's request."""

    Token = Text(MAX_TOKEN)
    userName = Text(MAX_USER_NAME)  # noqa: N815
    userId = Identifier(MAX_USER_ID)  # noqa: N815
    tenantSpaceId = Identifier(MAX_TENANT)  # noqa: N815


class CallbackAnswer(TolerantSchema):
    """The response to both requests."""

    retCode = fields.Integer(required=True, strict=True, validate=validate.OneOf(list(map(int, RetCode))))  # noqa: N815
    message = Text(255)


_AGENT_REQUEST = Plan(AgentRequest(), "access_token", "tenantSpaceId", "userAccount")
_CHAT_REQUEST = Plan(ChatRequest(), "Token", "tenantSpaceId", "userId", "userName")


def parse_agent(body: bytes) -> Presentation:
    """Return what the agent side's *body* presents; raises Refusal when it is malformed."""
    return Presentation(Audience.AGENT, *_AGENT_REQUEST.load(read_object(body)))


def parse_chat(body: bytes) -> Presentation:
    """Return what the customer side's *body* presents; raises Refusal when it is malformed."""
    return Presentation(Audience.CHAT, *_CHAT_REQUEST.load(read_object(body)))


def render(ret_code: RetCode, message: str) -> bytes:
    """Return the body of a response."""
    return orjson.dumps({"retCode": int(ret_code), "message": message})


def render_ascii(ret_code: RetCode, message: str) -> str:
    """Return the body of a response in ASCII, which fits into a header."""
    return json.dumps({"retCode": int(ret_code), "message": message}, separators=(",", ":"))
