"""Reads the file of the field catalogue, and reports every wrong entry by its field and key at once."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from validator.customers.catalogue import (
    MAX_LENGTH,
    Catalogue,
    CatalogueField,
    FieldType,
    Label,
    Mask,
    Place,
    Sensitivity,
)
from validator.files import text_of
from validator.untrusted import is_plain

RESERVED = ("id", "number")  # the columns beside the fields
_MAX_FIELDS = 64
_MAX_LABEL = 64
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
_KEYS = ("name", "label", "type", "length", "mask", "required", "show", "items", "sensitive", "consent")
# Words in names and labels of fields with numbers of identity cards, passports and bank accounts.
_SUSPECT = re.compile(
    "身份证|证件|护照|银行|卡号|identity|passport|id.?card|card.?n|bank|iban", re.IGNORECASE
)
_OUTSIDE = frozenset(Place) - {Place.CARD}


class CatalogueError(Exception):
    """The catalogue is invalid; `problems` has every problem, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def parse_catalogue(content: bytes) -> Catalogue:
    """Return the catalogue in *content*, TOML; raises CatalogueError."""
    try:
        tables = tomllib.loads(text_of(content))
    except (ValueError, RecursionError) as error:
        raise CatalogueError([f"is not TOML: {error}"]) from None
    entries = tables.pop("field", None)
    problems = [f"{key}: unknown; allowed is [[field]] only" for key in tables]
    if not isinstance(entries, list) or not 1 <= len(entries) <= _MAX_FIELDS:
        raise CatalogueError([*problems, f"needs 1 to {_MAX_FIELDS} tables [[field]]"])
    fields = [_Entry(entry, f"field {number}") for number, entry in enumerate(entries, 1)]
    problems += [problem for each in fields for problem in each.problems]
    names = [each.name for each in fields]
    problems += [f"field {name}: declared twice" for name in sorted(set(names)) if names.count(name) > 1]
    if problems:
        raise CatalogueError(problems)
    return Catalogue(tuple(each.field() for each in fields))


class _Entry:
    """One table of the file, its checked values, and its problems."""

    def __init__(self, entry: object, position: str) -> None:
        self.problems: list[str] = []
        self._where, self._table = position, entry if isinstance(entry, Mapping) else {}
        self.name = self._take("name", "", _is_name, f"a name of A-Z a-z 0-9 _, not {' or '.join(RESERVED)}")
        if self.name:
            self._where = f"field {self.name}"
        self._label = self._labels()
        self._type = self._choice("type", FieldType, FieldType.STRING)
        self._length = self._take("length", MAX_LENGTH, _is_length, f"a whole number from 1 to {MAX_LENGTH}")
        self._sensitive = self._choice("sensitive", Sensitivity, Sensitivity.NONE)
        is_sensitive = self._sensitive is not Sensitivity.NONE
        self._mask = self._choice("mask", Mask, Mask.LAST4 if is_sensitive else Mask.NONE)
        self._required = self._take("required", False, _is_boolean, "true or false")
        self._show = self._take("show", [], _are_places, f"a list of some of {', '.join(Place)}")
        self._consent = self._take("consent", False, _is_boolean, "true or false")
        self._items = self._dictionary()
        self.problems += [f"{self._where}: {problem}" for problem in self._unprotected()]
        self.problems += [f"{self._where}: {key}: unknown" for key in self._table if key not in _KEYS]

    def field(self) -> CatalogueField:
        """Return the field; there must be no problem."""
        return CatalogueField(
            name=self.name,
            label=self._label,
            type=self._type,
            length=self._length,
            mask=self._mask,
            required=self._required,
            show=frozenset(map(Place, self._show)),
            items=self._items,
            sensitive=self._sensitive,
            consent=self._consent,
        )

    def _unprotected(self) -> Iterator[str]:
        """Yield what the protection of a sensitive field lacks."""
        words = f"{self.name} {self._label.en} {self._label.zh}"
        if "sensitive" not in self._table and _SUSPECT.search(words):
            yield (
                f"sensitive: is missing, and the words look like a number of an identity card or a bank: "
                f"write one of {', '.join(Sensitivity)}"
            )
        if self._sensitive is not Sensitivity.NONE and self._mask is Mask.NONE:
            yield 'mask: must be "last4" or "first4": the field is sensitive'
        outside = sorted(_OUTSIDE.intersection(self._show))
        if self._sensitive.needs_consent and outside and not self._consent:
            yield (
                f"show: {', '.join(outside)} needs consent = true: such a number leaves the enterprise only "
                "if the customers agreed"
            )
        if self._consent and not self._sensitive.needs_consent:
            yield 'consent: is for sensitive = "identity" and "bank" only'

    def _take(self, key: str, default: Any, is_allowed: Callable[[Any], bool], allowed: str) -> Any:
        """Return the value of *key*, or *default* with a problem unless it is allowed."""
        value = self._table.get(key, default)
        if is_allowed(value):
            return value
        self.problems.append(f"{self._where}: {key}: must be {allowed}")
        return default

    def _choice(self, key: str, words: type[StrEnum], default: StrEnum) -> Any:
        value = self._take(key, default.value, lambda word: word in list(words), f"one of {', '.join(words)}")
        return words(value)

    def _labels(self) -> Label:
        texts = self._take("label", None, _are_labels, f"{{en = …, zh = …}}, texts of 1 to {_MAX_LABEL}")
        return Label(**texts) if texts else Label("", "")

    def _dictionary(self) -> dict[str, Label]:
        is_dictionary = self._type is FieldType.DICTIONARY
        if not is_dictionary and "items" not in self._table:
            return {}
        allowed = "a table of values, each {en = …, zh = …}, for the type dictionary only"
        items = self._take("items", {}, lambda items: is_dictionary and _are_items(items), allowed)
        long = [key for key in items if len(key) > self._length]
        self.problems += [f"{self._where}: items.{key}: longer than length" for key in long]
        return {key: Label(**texts) for key, texts in items.items()}


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(_NAME.fullmatch(value)) and value not in RESERVED


def _is_length(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_LENGTH


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _are_places(value: object) -> bool:
    return isinstance(value, list) and all(each in list(Place) for each in value)


def _are_labels(value: object) -> bool:
    return isinstance(value, Mapping) and value.keys() == {"en", "zh"} and all(_texts(value.values()))


def _are_items(value: object) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    return all(_texts(value)) and all(map(_are_labels, value.values()))


def _texts(values: Any) -> Iterator[bool]:
    for each in values:
        yield isinstance(each, str) and 1 <= len(each) <= _MAX_LABEL and is_plain(each)
