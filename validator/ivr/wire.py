"""The wire format of what IVR flows fetch: `{"number": text}`; `{"found": word, "fields": {name: text}}`."""

from collections.abc import Mapping
from typing import Any

import orjson
from marshmallow import Schema, fields, validate

from validator.untrusted import Identifier, TolerantSchema, load, read_object

MAX_NUMBER = 64
NONE, ONE, SEVERAL, FAILED = "none", "one", "several", "failed"
WORDS = (NONE, ONE, SEVERAL, FAILED)


class IvrRequest(TolerantSchema):
    """The flow's request; `number` is the calling number, "" when it is withheld."""

    number = Identifier(MAX_NUMBER, required=False)


class IvrAnswer(Schema):
    """What was found; `fields` are those of the only customer with the number, else empty texts."""

    found = fields.String(required=True, validate=validate.OneOf(WORDS))
    fields_ = fields.Dict(keys=fields.String(), values=fields.String(), data_key="fields", required=True)


def parse(body: bytes) -> str:
    """Return the number in *body*, "" without one; raises Refusal when it is malformed."""
    values = read_object(body)
    if values.get("number", "") in ("", None):
        return ""
    loaded: dict[str, Any] = load(IvrRequest(), values)
    return str(loaded["number"])


def render(found: str, values: Mapping[str, str]) -> bytes:
    """Return the body of the response."""
    return orjson.dumps({"found": found, "fields": dict(values)})


# What a request gets that cannot be answered.
UNKNOWN = render(FAILED, {})
