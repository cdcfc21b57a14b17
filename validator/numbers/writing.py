"""Writes the key of a telephone number as another system has it, such as the cloud's `callerNum`.

A number of another country is written as it is dialled, `0013606254580`. Without the prefix it could be
somebody else's: the American number +1 360 625 4580 would become the Chinese 13606254580.
"""

import re
from enum import StrEnum

_NO_DIGITS = re.compile(r"[^0-9]", re.ASCII)


class NumberForm(StrEnum):
    """How a number of the own country is written."""

    NATIONAL = "national"  # 13606254580, 57188880000
    DIALLED = "dialled"  # 13606254580, 057188880000
    E164 = "e164"  # +8613606254580, +8657188880000


def write_number(key: str, form: NumberForm, region: str) -> str:
    """Return the number with the *key* of `read_number` for people in *region*, in *form*.

    A key without a country code, such as 95588, stays as it is.
    """
    # Most processes write no number, and the library takes 6 MiB.
    import phonenumbers  # noqa: PLC0415

    if form is NumberForm.E164 or not key.startswith("+"):
        return key
    try:
        parsed = phonenumbers.parse(key, None)
    except phonenumbers.NumberParseException:
        return key
    if not phonenumbers.is_valid_number(parsed):
        return key
    if parsed.country_code != phonenumbers.country_code_for_region(region):
        return _NO_DIGITS.sub("", phonenumbers.format_out_of_country_calling_number(parsed, region))
    if form is NumberForm.NATIONAL:
        return str(phonenumbers.national_significant_number(parsed))
    national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return _NO_DIGITS.sub("", national)
