"""The wire format of `queryCustomer`: field names, types and values as the cloud's documentation prints them.

The request is `{"param": text}`. The response is an array with an object for each customer, empty without
one. Every value is a string, also a number, because 18 digits lose some in JavaScript.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from marshmallow import Schema, fields, validate

from validator.customerquery.policy import HERE, QueryPolicy
from validator.customers.catalogue import (
    Catalogue,
    CatalogueField,
    FieldType,
    Label,
    Mask,
    Place,
    Sensitivity,
)
from validator.customers.directory import Customer
from validator.untrusted import Plan, Text, TolerantSchema, read_object

MAX_PARAM = 255
EMPTY = b"[]"
_TITLES = {"zh": "客户信息", "en": "Customer"}
_TYPES = {
    FieldType.STRING: "1",
    FieldType.NUMBER: "2",
    FieldType.DATE: "3",
    FieldType.TIME: "4",
    FieldType.DICTIONARY: "5",
}
_MASKS = {Mask.LAST4: "1", Mask.FIRST4: "2"}


class QueryRequest(TolerantSchema):
    """The cloud's request; *param* is the number that calls."""

    param = Text(MAX_PARAM)


class DictionaryItem(Schema):
    """A value of a dictionary, and its label."""

    key = fields.String(required=True)
    value = fields.String(required=True)


class CustomerValue(Schema):
    """A field of a customer."""

    valueNo = fields.String()  # noqa: N815 - the cloud's name
    name = fields.String(required=True)
    value = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(list(_TYPES.values())))
    length = fields.String()
    isMandatory = fields.Boolean(required=True)  # noqa: N815
    maskStyle = fields.String(validate=validate.OneOf(list(_MASKS.values())))  # noqa: N815
    dictItems = fields.List(fields.Nested(DictionaryItem))  # noqa: N815


class CustomerAnswer(Schema):
    """A customer."""

    objectName = fields.String(required=True)  # noqa: N815 - the cloud's name
    values = fields.List(fields.Nested(CustomerValue), required=True)


_REQUEST = Plan(QueryRequest(), "param")


def parse(body: bytes) -> str:
    """Return the number in the cloud's *body*; raises Refusal when it is malformed."""
    (param,) = _REQUEST.load(read_object(body))
    return param


def render(customers: Sequence[Customer], catalogue: Catalogue, policy: QueryPolicy) -> bytes:
    """Return the body of the response with *customers*: of each the fields that the cloud may show."""
    title = _TITLES[policy.language]
    titles = [title]
    if len(customers) > 1:
        titles = [f"{title} {number}" for number in range(1, len(customers) + 1)]
    return orjson.dumps(
        [
            {"objectName": title, "values": list(_values(customer, catalogue, policy))}
            for title, customer in zip(titles, customers, strict=bool(customers))
        ]
    )


def _values(customer: Customer, catalogue: Catalogue, policy: QueryPolicy) -> Iterator[dict[str, Any]]:
    shown = [each for each in catalogue.fields if Place.CLOUD in each.show]
    present = [each for each in shown if customer.values.get(each.name) or each.required]
    for number, each in enumerate(present, start=1):
        yield {
            "valueNo": str(number),
            "name": _word(each.label, policy),
            "length": str(each.length),
            "isMandatory": each.required,
            **_value(each, customer.values.get(each.name, ""), policy),
        }


def _value(each: CatalogueField, text: str, policy: QueryPolicy) -> dict[str, Any]:
    """Return the members about the value *text*; a value that does not fit its type becomes a string."""
    is_masked_here = policy.mask == HERE or each.sensitive is not Sensitivity.NONE
    if each.mask is not Mask.NONE and is_masked_here:
        return {"value": each.masked(text), "type": _TYPES[FieldType.STRING]}
    mask = {} if each.mask is Mask.NONE else {"maskStyle": _MASKS[each.mask]}
    if text and each.problem(text):
        return {"value": text, "type": _TYPES[FieldType.STRING], **mask}
    members: dict[str, Any] = {"value": text, "type": _TYPES[each.type], **mask}
    if each.type is FieldType.DICTIONARY:
        members["dictItems"] = [
            {"key": key, "value": _word(label, policy)} for key, label in each.items.items()
        ]
    return members


def _word(label: Label, policy: QueryPolicy) -> str:
    return label.en if policy.language == "en" else label.zh
