"""The kinds of value a setting may have: each complaint names what is wrong and what is allowed.

Those that name a place (an address, a path, a URL) are in `validator.settings.places`.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import orjson
from marshmallow import ValidationError, fields

from validator.limits.policy import Rate, parse_rates
from validator.settings.surroundings import Surroundings

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LIST_FORM = 'in a file ["a", "b"], in an environment variable a,b too'
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d)", re.ASCII)


def from_text(field: fields.Field[Any], text: str) -> Any:
    """Return the value of *field* in an environment variable's *text*: numbers, booleans and lists as TOML.

    A list may also be written plainly, with commas between its texts.
    """
    if isinstance(field, StringList) and not text.lstrip().startswith("["):
        if field.takes_text and "," not in text:
            return text
        return [word for part in text.split(",") if (word := part.strip(" "))]
    if not isinstance(field, (Integer, Boolean, StringList)):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def to_text(value: Any) -> str:
    """Return *value* as the text of an environment variable; the reverse of `from_text`."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


class Setting(fields.Field[Any]):
    """A setting; a subclass's `allowed` ends every complaint."""

    allowed = ""
    policy_field: str | None = None  # the policy's name for it, unless that is the key

    def __init__(self, *, empty: bool = False) -> None:
        """Make the setting required: `config/default.toml` names every one. With *empty* it may be ""."""
        super().__init__(required=True)
        self.empty = empty

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Return the checked *value*; raises marshmallow.ValidationError."""
        return "" if self.empty and value == "" else super().deserialize(value, attr, data, **options)

    def resolve(self, value: Any, around: Surroundings) -> Any:
        """Return what the policy holds for the checked *value*; raises ConfigurationError."""
        return value

    def wrong(self, value: Any) -> ValidationError:
        """Return the complaint about *value*."""
        return ValidationError(f"{shown(value)} is not allowed; allowed is {self.allowed}")


class Integer(Setting):
    """An integer from *minimum* to *maximum*; *why* explains them in the complaint."""

    def __init__(self, minimum: int, maximum: int, why: str = "") -> None:
        super().__init__()
        self.minimum, self.maximum = minimum, maximum
        self.allowed = f"a whole number from {minimum} to {maximum}" + (f": {why}" if why else "")

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is not int or not self.minimum <= value <= self.maximum:
            raise self.wrong(value)
        return value


class Boolean(Setting):
    """True or false."""

    allowed = "true or false"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(value)
        return value


class Pattern(Setting):
    """A text of a given form."""

    def __init__(self, pattern: str, allowed: str) -> None:
        super().__init__()
        self.pattern, self.allowed = re.compile(pattern, re.ASCII), allowed

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            raise self.wrong(value)
        return value


class Line(Pattern):
    """One line of printable text, such as a path."""

    def __init__(self, *, empty: bool = True) -> None:
        super().__init__(rf"[^\x00-\x1f\x7f]{{{int(not empty)},1024}}", "one line of text")


class Choice(Pattern):
    """One of several words."""

    def __init__(self, words: Iterable[str]) -> None:
        words = tuple(words)
        super().__init__("|".join(map(re.escape, words)), " or ".join(f'"{word}"' for word in words))


class Named(Choice):
    """One of several names, each of which stands for something."""

    def __init__(self, things: Mapping[str, Any]) -> None:
        super().__init__(things)
        self.things = things

    def resolve(self, value: Any, around: Surroundings) -> Any:
        """Return what the name *value* stands for."""
        return self.things[value]


class StringList(Setting):
    """A list of texts."""

    allowed = "a list of texts of 1 to 255 characters"
    takes_text = False  # whether one text, without a list around it, is a value, too

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError(f"{self.wrong(value).messages[0]}: {_LIST_FORM}")
        for word in value:
            if not isinstance(word, str) or not 1 <= len(word) <= 255 or not self.is_allowed(word):
                raise self.wrong(word)
        return tuple(value)

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* may stand in the list."""
        return True


class Parsed(StringList):
    """A list of texts that a function parses, which raises ValueError for a wrong one."""

    def __init__(self, parse: Callable[[str], Any], allowed: str) -> None:
        super().__init__()
        self.parse, self.allowed = parse, allowed

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* can be parsed."""
        try:
            self.parse(word)
        except ValueError:
            return False
        return True


class Names(StringList):
    """A list of some of the names there are."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self.names = frozenset(names)
        self.allowed = f"a list of some of {', '.join(sorted(self.names))}"

    def is_allowed(self, word: str) -> bool:
        """Return whether *word* is one of the names."""
        return word in self.names


class Rates(Setting):
    """One rate or several, all of which hold."""

    allowed = 'rates such as "60/1m" or "10/5m 50/1h" (units s m h d), or "off"'

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[Rate, ...]:
        try:
            return parse_rates(value)
        except (AttributeError, TypeError, ValueError):
            raise self.wrong(value) from None


class Duration(Setting):
    """A duration from *minimum* to *maximum*, such as "10m"."""

    def __init__(self, minimum: str, maximum: str) -> None:
        super().__init__()
        self.minimum, self.maximum = parse_duration(minimum), parse_duration(maximum)
        self.allowed = f'a text such as "10m" (units ms s m h d), {minimum} to {maximum}'

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> timedelta:
        try:
            duration = parse_duration(value)
        except (TypeError, ValueError, OverflowError):
            raise self.wrong(value) from None
        if not self.minimum <= duration <= self.maximum:
            raise self.wrong(value)
        return duration


def shown(value: Any) -> str:
    """Return *value* as it is written, unless it is too large or nested too deeply to be printed."""
    try:
        return repr(value) if isinstance(value, str) else to_text(value)
    except (TypeError, ValueError, RecursionError):  # such as a date of TOML, or a list nested too deeply
        return "a value that cannot be printed"


def parse_duration(text: str) -> timedelta:
    """Return the duration that *text* spells, such as "10m"; raises ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("not a duration")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
