"""Reads the enterprise's answer to `queryCustomer` strictly, and shows it as the cloud would.

The answer is an array of `{objectName, values}`. A value has `name`, `value`, `type` ("1" string, "2" number,
"3" date, "4" time, "5" dictionary) and `isMandatory` (a bool); it may have `valueNo`, `length` (at most 256),
`maskStyle` ("1": the last four characters are shown, "2": the first four; "" or missing: all), and for a
dictionary `dictItems` with `key` and `value`. Everything else is a problem, which names the member and quotes
no value.

`Card` is what the cloud's workbench would show: `value` masked by `maskStyle`, and a dictionary's label.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from validator.operations.http_client import Response

_TYPES = {"1": "string", "2": "number", "3": "date", "4": "time", "5": "dictionary"}
_MASKS = ("", "1", "2")
_MAX_LENGTH = 256
_MEMBERS = {
    "valueNo": str,
    "name": str,
    "value": str,
    "type": str,
    "length": str,
    "isMandatory": bool,
    "maskStyle": str,
    "dictItems": list,
}
_REQUIRED = ("name", "value", "type", "isMandatory")
_FORMS = {
    "2": re.compile(r"-?\d+(\.\d+)?", re.ASCII),
    "3": re.compile(r"\d{4}-\d\d-\d\d", re.ASCII),
    "4": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII),
}
_STARS = "*"


@dataclass(frozen=True, slots=True)
class Card:
    """A customer as the cloud shows it: a title, and each label with its text."""

    title: str
    lines: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CustomerReply:
    """The cards of an answer, or what is wrong with its form."""

    cards: tuple[Card, ...] = ()
    problem: str | None = None


def read_answer(answer: Response) -> CustomerReply:
    """Return the cards in *answer*, and everything that is wrong with its form."""
    if answer.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return CustomerReply(problem="the Content-Type is not application/json")
    try:
        content = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return CustomerReply(problem="the body is no JSON")
    problems = list(_problems(content))
    if problems:
        return CustomerReply(problem="; ".join(problems))
    return CustomerReply(tuple(_card(each) for each in content))


def _card(customer: Mapping[str, Any]) -> Card:
    lines = tuple((each["name"], rendered(each)) for each in customer["values"])
    return Card(customer["objectName"], lines)


def rendered(value: Mapping[str, Any]) -> str:
    """Return the text that the cloud shows for the well-formed *value*."""
    text: str = value["value"]
    if value["type"] == "5":
        text = next((each["value"] for each in value["dictItems"] if each["key"] == text), text)
    shown = {"1": slice(-4, None), "2": slice(0, 4)}.get(value.get("maskStyle", ""))
    if shown is None:
        return text
    kept = range(len(text))[shown]
    return "".join(each if place in kept else _STARS for place, each in enumerate(text))


def _problems(content: object) -> Iterator[str]:
    if not isinstance(content, list):
        yield "the body is no array"
        return
    for number, customer in enumerate(content, start=1):
        yield from (f"customer {number}: {problem}" for problem in _problems_of_customer(customer))


def _problems_of_customer(customer: object) -> Iterator[str]:
    if not isinstance(customer, dict):
        yield "is no object"
        return
    yield from (f"{name}: unknown" for name in sorted(customer.keys() - {"objectName", "values"}))
    if not _is_text(customer.get("objectName")):
        yield "objectName: missing or no text"
    values = customer.get("values")
    if not isinstance(values, list):
        yield "values: missing or no array"
        return
    for number, value in enumerate(values, start=1):
        yield from (f"value {number}: {problem}" for problem in _problems_of_value(value))


def _problems_of_value(value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield "is no object"
        return
    yield from (f"{name}: unknown" for name in sorted(value.keys() - _MEMBERS.keys()))
    yield from (f"{name}: missing" for name in _REQUIRED if name not in value)
    wrong = [name for name, kind in _MEMBERS.items() if name in value and type(value[name]) is not kind]
    yield from (f"{name}: is no {_MEMBERS[name].__name__}" for name in wrong)
    if not wrong and value.keys() >= set(_REQUIRED):
        yield from _problems_of_members(value)


def _problems_of_members(value: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the members of *value*, each of which has the right type."""
    if not value["name"]:
        yield "name: is empty"
    if value["type"] not in _TYPES:
        yield "type: is none of 1 to 5"
    if value.get("maskStyle", "") not in _MASKS:
        yield "maskStyle: is neither 1 nor 2"
    yield from _problems_of_length(value)
    if value["type"] == "5":
        yield from _problems_of_dictionary(value)
    elif "dictItems" in value:
        yield "dictItems: only a dictionary has them"
    elif value["value"] and not _is_of_type(value["value"], value["type"]):
        yield f"value: is no {_TYPES.get(value['type'], 'value of its type')}"


def _problems_of_length(value: Mapping[str, Any]) -> Iterator[str]:
    length = value.get("length", str(_MAX_LENGTH))
    if not (length.isascii() and length.isdigit() and 1 <= int(length) <= _MAX_LENGTH):
        yield f"length: is not 1 to {_MAX_LENGTH}"
    elif len(value["value"]) > int(length):
        yield "value: is longer than length"


def _problems_of_dictionary(value: Mapping[str, Any]) -> Iterator[str]:
    items = value.get("dictItems", [])
    pairs = [each for each in items if isinstance(each, dict) and each.keys() == {"key", "value"}]
    if not items or pairs != items or not all(_is_text(each[name]) for each in pairs for name in each):
        yield "dictItems: no array of key and value"
    elif value["value"] and value["value"] not in {each["key"] for each in pairs}:
        yield "value: is none of dictItems"


def _is_of_type(text: str, kind: str) -> bool:
    """Return whether *text* is of the *kind*."""
    form = _FORMS.get(kind)
    if form is None or kind == "2":
        return form is None or bool(form.fullmatch(text))
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return bool(form.fullmatch(text))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
