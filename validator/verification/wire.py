"""The wire format of a verification: both shapes of the request, and an answer that has both shapes.

The vendor's document and its online page disagree: `verifyServiceNo` and `verifyWorkNo` stand beside
`calldata` or inside it, and so does the answer's `data`. So a request is read from either place, and refused
when the two differ. An answer has `data` at both, unless a setting says where.

`calldata` is an object, or the JSON text of one. It is given back unchanged, except that the field with the
customer's answer is removed: digits that a customer keyed in must not travel on with the call.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import orjson
from marshmallow import Schema, ValidationError, fields, validate

from validator.errors import Reason, Refusal
from validator.sizes import MAX_WORK_NO
from validator.untrusted import Identifier, Text, TolerantSchema, load, read_object
from validator.verification.policy import BESIDE, INSIDE, CallFields

MAX_CALL_DATA = 4096  # bytes of JSON
MAX_ANSWER = 64
MAX_CUSTOMER = 128
MAX_NUMBER = 64
MAX_CALL = 64
_CALL_DATA, _DATA = "calldata", "data"


class Result(IntEnum):
    """The cloud's `verifyResult`; 0 would say that there is no result."""

    PASSED = 1
    FAILED = 2
    EXCEPTION = 3


class VerifyRequest(TolerantSchema):
    """The flow's request; `calldata` is an object or its JSON text."""

    calldata = fields.Raw(required=True, metadata={"type": ["object", "string"]})
    verifyServiceNo = Identifier(MAX_NUMBER, required=False)  # noqa: N815 - the cloud's name
    verifyWorkNo = Identifier(MAX_WORK_NO, required=False)  # noqa: N815


class VerifyData(Schema):
    """The result."""

    verifyResult = fields.Integer(  # noqa: N815 - the cloud's name
        required=True, validate=validate.OneOf([result.value for result in Result])
    )
    verifyReturn1 = fields.String(required=True)  # noqa: N815
    verifyReturn2 = fields.String(required=True)  # noqa: N815
    verifyReturn3 = fields.String(required=True)  # noqa: N815


class VerifyAnswer(Schema):
    """The answer; `calldata` may have `data` as well."""

    calldata = fields.Raw(required=True, metadata={"type": ["object", "string"]})
    data = fields.Nested(VerifyData)


class _Numbers(TolerantSchema):
    """What the cloud itself puts into a request, at either of two places."""

    verifyServiceNo = Identifier(MAX_NUMBER, required=False)  # noqa: N815
    verifyWorkNo = Identifier(MAX_WORK_NO, required=False)  # noqa: N815


@dataclass(frozen=True, slots=True)
class Presented:
    """What a flow sent, unproven: who calls, what they keyed in, and the call; `""` of what is missing."""

    presented_number: str = field(default="", repr=False)
    presented_customer: str = field(default="", repr=False)
    presented_answer: str = field(default="", repr=False)
    call: str = ""
    work_no: str = ""
    call_data: dict[str, Any] = field(default_factory=dict, repr=False)
    is_text: bool = False


def parse(body: bytes, names: CallFields) -> Presented:
    """Return what *body* presents; raises Refusal, whose detail names fields and never a value."""
    outside = read_object(body)
    if _CALL_DATA not in outside:
        raise Refusal(Reason.FIELD_INVALID, f"{_CALL_DATA}: missing")
    raw = outside[_CALL_DATA]
    call_data = _object_of(raw)
    if len(orjson.dumps(call_data)) > MAX_CALL_DATA:
        raise Refusal(Reason.FIELD_INVALID, f"{_CALL_DATA}: more than {MAX_CALL_DATA} bytes")
    return Presented(
        presented_number=_text(call_data, names.number, MAX_NUMBER, digits=True),
        presented_customer=_text(call_data, names.customer, MAX_CUSTOMER, digits=True, required=True),
        presented_answer=_text(call_data, names.answer, MAX_ANSWER, required=True),
        call=_text(call_data, names.call, MAX_CALL, digits=True),
        work_no=_from_either(outside, call_data, "verifyWorkNo"),
        call_data={name: value for name, value in call_data.items() if name != names.answer},
        is_text=isinstance(raw, str),
    )


def render(
    presented: Presented, result: Result, returned: tuple[str, str, str] = ("", "", ""), where: str = "both"
) -> bytes:
    """Return the answer with *result* and the three texts *returned*, `data` at the place(s) *where*."""
    data = {"verifyResult": result.value} | {
        f"verifyReturn{at}": text for at, text in enumerate(returned, start=1)
    }
    call_data: Any = presented.call_data
    if where == BESIDE:
        if presented.is_text:
            call_data = orjson.dumps(call_data).decode()
        return orjson.dumps({_CALL_DATA: call_data, _DATA: data})
    inside = {_CALL_DATA: {**call_data, _DATA: data}}
    return orjson.dumps(inside if where == INSIDE else {**inside, _DATA: data})


# What a request gets that could not be read or decided: never an empty body, and never "passed".
UNDECIDED = render(Presented(), Result.EXCEPTION)


def _object_of(call_data: Any) -> dict[str, Any]:
    if isinstance(call_data, str):
        # Other text than a JSON object has no fields, and so no answer of the customer.
        return read_object(call_data.encode("utf-8", "surrogatepass"))
    if not isinstance(call_data, dict):
        raise Refusal(Reason.FIELD_INVALID, f"{_CALL_DATA}: not an object")
    return call_data


def _text(
    call_data: dict[str, Any], name: str, maximum: int, *, digits: bool = False, required: bool = False
) -> str:
    """Return the text of the field *name*, "" without it; with *digits* it may be an integer.

    An answer may not: an integer has lost the zeros at its beginning.
    """
    if not name or (not required and call_data.get(name) in (None, "")):
        return ""
    form = Identifier(maximum) if digits else Text(maximum)
    try:
        loaded = form.deserialize(call_data.get(name))
    except ValidationError as error:
        why = ", ".join(map(str, error.messages))
        raise Refusal(Reason.FIELD_INVALID, f"{_CALL_DATA}.{name}: {why}") from None
    return str(loaded)


def _from_either(outside: dict[str, Any], inside: dict[str, Any], name: str) -> str:
    """Return the field *name*, beside `calldata` or in it; raises Refusal when the two differ."""
    found = {
        text
        for place in (outside, inside)
        if (text := load(_Numbers(), {k: v for k, v in place.items() if v not in (None, "")}).get(name))
    }
    if len(found) > 1:
        raise Refusal(Reason.FIELD_INVALID, f"{name}: another one in {_CALL_DATA}")
    return found.pop() if found else ""
