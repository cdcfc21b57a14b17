"""The fields of the agents' requests and responses about the other call centre."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from validator.ctibar.centrewire import MAX_CALL, MAX_EXTENSION, MAX_TOKEN, CentreLogin
from validator.untrusted import Text, TolerantSchema, load

SESSION_PATH, CALLS_PATH, SEEN_PATH = "/api/v1/ctibar/session", "/api/v1/calls", "/api/v1/calls/seen"
MAX_CALLEE = 64


class BarRequest(TolerantSchema):
    """The `expiresAt` of the token with which the bar cannot connect any more, if there is one."""

    refused = fields.Integer(strict=True, load_default=None)


class BarAnswer(Schema):
    """What the bar needs: where it connects, the token, the extension, the token's end (epoch seconds)."""

    url = fields.Url(required=True, schemes=("wss",))
    token = fields.String(required=True, metadata={"maxLength": MAX_TOKEN})
    extension = fields.String(required=True, data_key="extNo", metadata={"maxLength": MAX_EXTENSION})
    expires_at = fields.Integer(required=True, data_key="expiresAt")


class CallRequest(TolerantSchema):
    """The number to call, in any spelling."""

    callee = Text(MAX_CALLEE)


class CallAnswer(Schema):
    """The other call centre's id of the call."""

    call_id = fields.String(required=True, data_key="callId", metadata={"maxLength": MAX_CALL})


class SeenRequest(TolerantSchema):
    """The other call centre's id of a call that an agent's bar shows."""

    callId = Text(MAX_CALL)  # noqa: N815 - the call centre's name


def parse_seen(values: Mapping[str, Any]) -> str:
    """Return the presented id of a call; raises Refusal."""
    presented: str = load(SeenRequest(), values)["callId"]
    return presented


def parse_bar(values: Mapping[str, Any]) -> int | None:
    """Return the `expiresAt` of a token that the centre does not accept any more; raises Refusal."""
    presented: int | None = load(BarRequest(), values)["refused"]
    return presented


def parse_call(values: Mapping[str, Any]) -> str:
    """Return the presented number; raises Refusal."""
    presented: str = load(CallRequest(), values)["callee"]
    return presented


def render_session(login: CentreLogin, ws_url: str) -> dict[str, Any]:
    """Return the response with *login*, for a bar that connects to *ws_url*."""
    return {"url": ws_url, "token": login.token, "extNo": login.extension, "expiresAt": login.end}


def render_call(call_id: str) -> dict[str, str]:
    """Return the response with the id of a call."""
    return {"callId": call_id}
