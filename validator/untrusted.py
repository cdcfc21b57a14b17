"""Strict parsing of untrusted input: a JSON object and its bounded fields.

A body is one JSON object in UTF-8 (a byte-order mark is tolerated), at most `MAX_DEPTH` deep, without
duplicate keys, NaN, infinity, NUL and lone surrogates. Everything else is a `Refusal`, never an exception of
the JSON library. Callers limit the size.
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NoReturn, cast
from urllib.parse import parse_qsl

import orjson
from marshmallow import EXCLUDE, Schema, ValidationError, fields

from validator.errors import Reason, Refusal

MAX_DEPTH = 8
_MAX_FORM_FIELDS = 16
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
# Invisible: Hangul fillers, unwritten Khmer vowels, Mongolian selectors, a joiner, empty Braille.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0]")
# An unterminated string matches to the end of the text, so that no body causes backtracking (ReDoS).
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)


def read_object(body: bytes, *, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Return the JSON object in *body*.

    Raises Refusal(BODY_UNREADABLE) with a short reason that quotes nothing of the body.
    """
    return (_read_flat(body) if max_depth > 0 else None) or _read_any(body, max_depth)


def _read_flat(body: bytes) -> dict[str, Any] | None:
    """Return the object in *body* when all of it is strings without escapes; None for any other body.

    Such an object has four quotation marks for each member, and more of them with a duplicate key.
    """
    if b"\\" in body:
        return None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if type(value) is not dict or body.count(b'"') != 4 * len(value):
        return None
    return value if all(type(text) is str for text in value.values()) else None


def _read_any(body: bytes, max_depth: int) -> dict[str, Any]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable("the body is not UTF-8") from None
    _check_depth(text, max_depth)
    try:
        value = _DECODER.decode(text)
    except ValueError:
        raise _unreadable("the body is not JSON") from None
    if not isinstance(value, dict):
        raise _unreadable("the body is not a JSON object")
    if "\\u" in text and _has_forbidden_text(value):
        raise _unreadable("the body has a NUL or a lone surrogate")
    return value


def read_form(body: bytes) -> dict[str, str]:
    """Return the fields of a form body; raises Refusal(BODY_UNREADABLE), also for a duplicate field."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_FORM_FIELDS,
        )
    except ValueError:
        raise _unreadable("the body is not a form") from None
    members = dict(pairs)
    if len(members) != len(pairs) or any(is_forbidden(text) for pair in pairs for text in pair):
        raise _unreadable("the form has a field twice, or a NUL")
    return members


def load(schema: "TolerantSchema", values: Mapping[str, Any]) -> Any:
    """Return *values* as loaded by *schema*.

    Raises Refusal(FIELD_INVALID), whose detail names the invalid fields, never their values.
    """
    try:
        return schema.load(values)
    except ValidationError as error:
        raise Refusal(Reason.FIELD_INVALID, _in_words(error.messages)) from None


class Plan:
    """Loads objects like `load` with *schema*, compiled once for the ordinary object: strings within bounds.

    Every other object, such as one with an integer id, goes to marshmallow, which remains the definition.
    """

    def __init__(self, schema: "TolerantSchema", *names: str) -> None:
        """Compile *schema*, whose fields are *names*, to load their values in this order.

        Raises TypeError unless each field is named, and is a required `Text` or `Identifier`.
        """
        if sorted(names) != sorted(schema.fields):
            raise TypeError("the names are not those of the schema's fields")
        self._schema = schema
        self._bounds = tuple((name, _bound(schema.fields[name])) for name in names)

    def load(self, values: Mapping[str, Any]) -> list[str]:
        """Return the values of the fields in the order of their names; raises like `load`."""
        found = []
        for name, max_length in self._bounds:
            value = values.get(name)
            if type(value) is not str or not 0 < len(value) <= max_length or is_forbidden(value):
                loaded = load(self._schema, values)
                return [loaded[name] for name, _ in self._bounds]
            found.append(value)
        return found


class TolerantSchema(Schema):
    """A schema that ignores unknown fields, which callers may add."""

    class Meta:
        """Marshmallow's options."""

        unknown = EXCLUDE


class Text(fields.String):
    """A string of 1 to *max_length* code points without NUL or lone surrogates."""

    default_error_messages = {  # noqa: RUF012 - as the library declares it
        "required": "missing",
        "null": "missing",
        "invalid": "not a string",
        "empty": "empty",
        "long": "longer than {max_length} characters",
        "forbidden": "has a NUL or a lone surrogate",
    }

    def __init__(self, max_length: int, *, required: bool = True, **options: Any) -> None:
        """Allow at most *max_length* code points."""
        bounds = {"minLength": 1, "maxLength": max_length}
        super().__init__(required=required, metadata={**bounds, **options.pop("metadata", {})}, **options)
        self.max_length = max_length

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        if not value:
            raise self.make_error("empty")
        if len(value) > self.max_length:
            raise self.make_error("long", max_length=self.max_length)
        if is_forbidden(value):
            raise self.make_error("forbidden")
        return value


class Identifier(Text):
    """A `Text` that may also be a JSON integer, which becomes its decimal digits."""

    def __init__(self, max_length: int, *, required: bool = True) -> None:
        """Allow at most *max_length* characters or digits."""
        super().__init__(max_length, required=required, metadata={"type": ["string", "integer"]})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if type(value) is int and len(str(abs(value))) <= self.max_length:
            value = str(value)
        return super()._deserialize(value, attr, data, **kwargs)


class PlainText(Text):
    """A `Text` that is distinguishable from any other by eye: `is_plain`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not is_plain(text):
            raise ValidationError("has a character that does not print, or a blank at an end")
        return text


class Name(PlainText, Identifier):
    """An `Identifier` that is `PlainText`."""


def is_plain(text: str) -> bool:
    """Return whether *text* has only visible, printable characters and no blank at its ends.

    Control, bidirectional and zero-width characters are not printable; some other invisible ones count as
    letters or symbols, and marks alone are invisible as well.
    """
    is_visible = not text or any(unicodedata.category(character)[0] not in "MZ" for character in text)
    return text.isprintable() and text == text.strip() and is_visible and not _BLANK.search(text)


def is_forbidden(text: str) -> bool:
    """Return whether *text* has a NUL or a lone surrogate: it could not be stored, logged or signed."""
    return "\x00" in text or not (text.isascii() or _FORBIDDEN.search(text) is None)


def _bound(field: fields.Field[Any]) -> int:
    """Return the maximum length of a *field* of which every string within it is loaded as it is."""
    if type(field) not in (Text, Identifier) or not field.required or field.validators:
        raise TypeError(f"{field.name} is not a required Text or Identifier")
    return cast(Text, field).max_length


def _unreadable(why: str) -> Refusal:
    return Refusal(Reason.BODY_UNREADABLE, why)


def _check_depth(text: str, max_depth: int) -> None:
    """Refuse deep nesting before parsing: the parser recurses (stack exhaustion)."""
    if text.count("{") + text.count("[") <= max_depth:
        return
    depth = 0
    for character in _STRING.sub("", text):
        depth += (character in "{[") - (character in "}]")
        if depth > max_depth:
            raise _unreadable(f"the body is nested deeper than {max_depth}")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate key")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_float=_finite, parse_constant=_no_constant)


def _has_forbidden_text(value: Any) -> bool:
    if isinstance(value, str):
        return is_forbidden(value)
    if isinstance(value, dict):
        return any(_has_forbidden_text(part) for member in value.items() for part in member)
    return isinstance(value, list) and any(map(_has_forbidden_text, value))


def _in_words(messages: Any) -> str:
    return "; ".join(
        f"{name}: {', '.join(map(str, problems))}" for name, problems in sorted(messages.items())
    )
