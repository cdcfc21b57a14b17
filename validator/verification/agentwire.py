"""The wire format of the agents' routes about verifications."""

from typing import Any

from marshmallow import Schema, fields, validate

from validator.clock import iso_milliseconds
from validator.untrusted import Identifier, Text, TolerantSchema, load
from validator.verification.policy import MAX_CODE
from validator.verification.results import Cause
from validator.verification.review import Asked, Seen
from validator.verification.wire import MAX_CALL, Result

LATEST_PATH, RESET_PATH = "/api/v1/verifications/latest", "/api/v1/verifications/reset"
BY_CALL, BY_AGENT = "call", "agent"


class LatestRequest(TolerantSchema):
    """Which verification an agent asks for; without `callid` the last one, without `code` of any code."""

    callid = Identifier(MAX_CALL, required=False)
    code = Text(MAX_CODE, required=False)


class LatestVerification(Schema):
    """A result; `basis` is how it was linked to the call, `agent` being the weaker way."""

    code = fields.String(required=True)
    callid = fields.String(required=True)
    result = fields.Integer(required=True, validate=validate.OneOf([each.value for each in Result]))
    cause = fields.String(required=True, validate=validate.OneOf(list(Cause)))
    method = fields.String(required=True)
    at = fields.String(required=True)
    basis = fields.String(required=True, validate=validate.OneOf([BY_CALL, BY_AGENT]))


class LatestAnswer(Schema):
    """The newest result, or null."""

    verification = fields.Nested(LatestVerification, required=True, allow_none=True)


def parse(values: dict[str, Any]) -> Asked:
    """Return what an agent asks for; raises Refusal when it is malformed."""
    loaded = load(LatestRequest(), values)
    return Asked(loaded.get("callid", ""), loaded.get("code"))


def render(seen: Seen | None) -> dict[str, Any]:
    """Return the members of the response."""
    if seen is None:
        return {"verification": None}
    verified = seen.verified
    shown = {
        "code": verified.code,
        "callid": verified.call,
        "result": verified.result.value,
        "cause": verified.cause,
        "method": verified.method,
        "at": iso_milliseconds(verified.at),
        "basis": BY_CALL if seen.is_of_call else BY_AGENT,
    }
    return {"verification": shown}
