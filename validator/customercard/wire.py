"""The fields of the requests and responses of an agent's card."""

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from validator.customercard.lookup import NONE, ONE, SEVERAL, WITHHELD, Match, Matches
from validator.customers.catalogue import Catalogue, CatalogueField, FieldType, Label, Mask, Place
from validator.untrusted import Text, TolerantSchema, load

MAX_NUMBER = 255  # an address that is no number, such as `sip:…`, is asked about too
MAX_CALL = 64
MAX_REF = 64
MAX_FIELD = 64


class LookUpRequest(TolerantSchema):
    """The number that calls, as the cloud wrote it, and the cloud's id of the call."""

    number = Text(MAX_NUMBER)
    callid = Text(MAX_CALL, required=False)


class UnmaskRequest(TolerantSchema):
    """A masked field of one of the customers that a look-up for *number* showed."""

    number = Text(MAX_NUMBER)
    ref = Text(MAX_REF)
    field = Text(MAX_FIELD)


class CardField(Schema):
    """A value with its label; it is *masked* when some of its characters are stars."""

    name = fields.String(required=True)
    label = fields.String(required=True)
    value = fields.String(required=True)
    masked = fields.Boolean(required=True)


class CardCustomer(Schema):
    """A customer: a reference for `unmask`, the values to show, and the link into the CRM."""

    ref = fields.String(required=True)
    values = fields.List(fields.Nested(CardField), required=True, data_key="fields")
    link = fields.Url(required=True, allow_none=True)


class CardAnswer(Schema):
    """What a look-up found, `withheld` for a text without a number; *more*: there are others beside these."""

    found = fields.String(required=True, validate=validate.OneOf([NONE, ONE, SEVERAL, WITHHELD]))
    more = fields.Boolean(required=True)
    customers = fields.List(fields.Nested(CardCustomer), required=True)


class UnmaskAnswer(Schema):
    """The whole value of a masked field."""

    value = fields.String(required=True)


_LOOK_UP, _UNMASK = LookUpRequest(), UnmaskRequest()


def parse_look_up(values: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the presented number and the id of the call; raises Refusal."""
    presented = load(_LOOK_UP, values)
    return presented["number"], presented.get("callid")


def parse_unmask(values: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the presented number, reference and name of a field; raises Refusal."""
    presented = load(_UNMASK, values)
    return presented["number"], presented["ref"], presented["field"]


def render(found: Matches, catalogue: Catalogue, *, is_chinese: bool) -> dict[str, Any]:
    """Return the response with the customers *found*: of each the fields of the card, masked."""
    return {
        "found": found.found,
        "more": found.more,
        "customers": [
            {"ref": match.ref, "fields": list(_fields(match, catalogue, is_chinese)), "link": match.link}
            for match in found.matches
        ],
    }


def render_value(field: CatalogueField, value: str, *, is_chinese: bool) -> dict[str, str]:
    """Return the response with the whole *value* of *field*."""
    return {"value": _item(field, value, is_chinese)}


def _fields(match: Match, catalogue: Catalogue, is_chinese: bool) -> Iterator[dict[str, Any]]:
    for each in catalogue.fields:
        value = match.customer.values.get(each.name, "")
        if value and Place.CARD in each.show:
            yield {
                "name": each.name,
                "label": _word(each.label, is_chinese),
                "value": each.masked(_item(each, value, is_chinese)),
                "masked": each.mask is not Mask.NONE,
            }


def _item(field: CatalogueField, value: str, is_chinese: bool) -> str:
    """Return *value*, of a dictionary its label; a value without a label stays as it is."""
    label = field.items.get(value) if field.type is FieldType.DICTIONARY else None
    return value if label is None else _word(label, is_chinese)


def _word(label: Label, is_chinese: bool) -> str:
    return label.zh if is_chinese else label.en
