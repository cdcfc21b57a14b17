"""The field catalogue: which fields a customer has, their form, and where each may be shown.

One TOML file, which the setting `customers.catalogue` names, is the only place that declares a field.
`validator.customers.cataloguefile` reads it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from validator.untrusted import is_plain

MAX_LENGTH = 256  # characters of a value, as the cloud allows
_SHOWN = 4  # characters of a masked value
_NUMBER = re.compile(r"-?[0-9]{1,64}(\.[0-9]{1,64})?", re.ASCII)
_DATE, _TIME = (
    re.compile(r"\d{4}-\d\d-\d\d", re.ASCII),
    re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII),
)


class FieldType(StrEnum):
    """The form of a value; dates and times are texts as the cloud shows them."""

    STRING = "string"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    DICTIONARY = "dictionary"


class Mask(StrEnum):
    """Which characters of a value are shown to people; the others are stars."""

    NONE = "none"
    LAST4 = "last4"
    FIRST4 = "first4"


class Place(StrEnum):
    """Where a field may be shown."""

    CARD = "card"
    CLOUD = "cloud"
    EXPORT = "export"
    IVR = "ivr"


class Sensitivity(StrEnum):
    """What a value discloses; every word but NONE has it masked by this server, wherever it is shown."""

    NONE = "none"
    PERSONAL = "personal"
    IDENTITY = "identity"
    BANK = "bank"

    @property
    def needs_consent(self) -> bool:
        """Whether the customers must have agreed before a value leaves the enterprise."""
        return self in (Sensitivity.IDENTITY, Sensitivity.BANK)


@dataclass(frozen=True, slots=True)
class Label:
    """A word for people, in English and in Chinese."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class CatalogueField:
    """A field of a customer; *items* are the labels of a dictionary's values.

    A sensitive field has a mask. With *consent* the customers agreed that it leaves the enterprise.
    """

    name: str
    label: Label
    type: FieldType = FieldType.STRING
    length: int = MAX_LENGTH
    mask: Mask = Mask.NONE
    required: bool = False
    show: frozenset[Place] = frozenset()
    items: Mapping[str, Label] = field(default_factory=dict)
    sensitive: Sensitivity = Sensitivity.NONE
    consent: bool = False

    def problem(self, text: str) -> str | None:
        """Return what is wrong with the value *text*, which the complaint never quotes; None if nothing."""
        if not text:
            return "is missing" if self.required else None
        if len(text) > self.length:
            return f"is longer than {self.length} characters"
        if not is_plain(text):
            return "has a character that does not print"
        if self.type is FieldType.DICTIONARY:
            return None if text in self.items else f"is not one of {', '.join(self.items)}"
        return _PROBLEMS[self.type](text)

    def masked(self, text: str) -> str:
        """Return *text* as people see it; a text that is too short to hide anything is all stars."""
        if self.mask is Mask.NONE:
            return text
        if len(text) <= _SHOWN:
            return "*" * len(text)
        stars = "*" * (len(text) - _SHOWN)
        return stars + text[-_SHOWN:] if self.mask is Mask.LAST4 else text[:_SHOWN] + stars


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every field, in the order of the file."""

    fields: tuple[CatalogueField, ...]

    def problems(self, values: Mapping[str, str]) -> list[str]:
        """Return what is wrong with the *values* of a customer, by field; the complaints quote no value."""
        unknown = [f"{name}: not in the catalogue" for name in values.keys() - self.names()]
        found = ((each.name, each.problem(values.get(each.name, ""))) for each in self.fields)
        return [*sorted(unknown), *(f"{name}: {problem}" for name, problem in found if problem)]

    def names(self) -> set[str]:
        """Return the names of the fields."""
        return {each.name for each in self.fields}

    def shown(self, values: Mapping[str, str], place: Place) -> dict[str, str]:
        """Return the *values* that may be shown at *place*, masked."""
        return {
            each.name: each.masked(values[each.name])
            for each in self.fields
            if place in each.show and each.name in values
        }


def _number_problem(text: str) -> str | None:
    return None if _NUMBER.fullmatch(text) else "is not a number such as 12 or -0.5"


def _date_problem(text: str) -> str | None:
    return (
        None
        if _DATE.fullmatch(text) and _is_instant(text, "%Y-%m-%d")
        else "is not a date such as 2026-11-30"
    )


def _time_problem(text: str) -> str | None:
    is_time = _TIME.fullmatch(text) and _is_instant(text, "%Y-%m-%d %H:%M:%S")
    return None if is_time else "is not a time such as 2026-11-30 09:30:00"


def _is_instant(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - only its form matters
    except ValueError:
        return False
    return True


_PROBLEMS: dict[FieldType, Callable[[str], str | None]] = {
    FieldType.STRING: lambda _: None,
    FieldType.NUMBER: _number_problem,
    FieldType.DATE: _date_problem,
    FieldType.TIME: _time_problem,
}
