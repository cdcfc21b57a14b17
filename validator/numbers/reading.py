"""One way of reading a telephone number: every spelling of a number becomes the same key.

1. Full-width characters, and the blanks and dashes of spreadsheets, become ASCII.
2. Text with anything but digits, one leading plus and the usual separators is no number. Letters, `*` and `x`
   are refused before the library parses: it reads `152****1028` as +861521028, another subscriber's number,
   and `sip:1001@host` as one too.
3. A number that is valid in its country is keyed as E.164: `+8613606254580`, whether it was written
   `13606254580`, `013606254580`, `8613606254580`, `0086 136…` or `+86 136…`.
4. Any other is keyed by its digits as they are written, such as `95588` or the extension `1001`. The library
   would prefix the region's code and so mix it with the country's numbers. A leading plus stays: without
   it `+95588` would have the key of the hotline.

The numbering plans are those of the installed `phonenumbers`. A number that a newer release knows gets its
E.164 key with that release; `validator keys rotate --index` then renews the stored keys.
"""

import re
from dataclasses import dataclass, field

MAX_TEXT = 64  # characters
_MIN_DIGITS, _MAX_DIGITS = 2, 32
# Full-width ASCII; then blanks and dashes that spreadsheets and documents put into numbers.
_ASCII = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_ASCII |= dict.fromkeys((0x00A0, 0x2007, 0x2009, 0x202F, 0x3000), 0x20)
_ASCII |= dict.fromkeys(range(0x2010, 0x2016), 0x2D)
_NUMBER = re.compile(r"\(?\+?[0-9][0-9 ().-]*", re.ASCII)
_NO_DIGITS = re.compile(r"[^0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class NumbersPolicy:
    """How numbers are read: *region* (ISO 3166, such as "CN") is that of numbers without a country code."""

    region: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was read, and its spelling. Both are private: no log and no traceback may have them."""

    key: str = field(repr=False)
    raw: str = field(default="", repr=False, compare=False)


def read_number(text: str, region: str) -> Number | None:
    """Return the number that *text* spells, for people in *region*; None when it spells none."""
    if len(text) > MAX_TEXT:
        return None
    plain = text.translate(_ASCII).strip(" ")
    digits = _NO_DIGITS.sub("", plain)
    if not _NUMBER.fullmatch(plain) or not _MIN_DIGITS <= len(digits) <= _MAX_DIGITS:
        return None
    plus = "+" if "+" in plain else ""
    return Number(_e164(plus + digits, region) or plus + digits, text)


def is_region(region: str) -> bool:
    """Return whether *region* is one whose numbering plan is known."""
    import phonenumbers  # noqa: PLC0415 - as in _e164

    return region in phonenumbers.SUPPORTED_REGIONS


def _e164(digits: str, region: str) -> str | None:
    """Return the E.164 form of *digits*; None unless they are a valid number."""
    # The library takes 6 MiB, and the workers for the cloud's callbacks read no number.
    import phonenumbers  # noqa: PLC0415

    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
