"""The kind of a number, by its key of `validator.numbers.reading`: its rate, and whether it is abroad.

The kinds are those of the installed `phonenumbers`. It counts China's satellite numbers as mobile ones, so
their prefixes are listed here, from the numbering plan of China's MIIT.
"""

from dataclasses import dataclass

_SATELLITE = ("+861349", "+861740")  # China Satcom and Tiantong
ORDINARY, PREMIUM, SHARED, SATELLITE, SPECIAL = (
    "ordinary",
    "premium-rate",
    "shared-cost",
    "satellite",
    "special",
)


@dataclass(frozen=True, slots=True)
class NumberKind:
    """The *rate* of a number, the code of its *country*, such as "+86", and whether that is the own one."""

    rate: str
    country: str
    is_own: bool


def kind_of(key: str, region: str) -> NumberKind | None:
    """Return the kind of the number with *key* for people in *region*; None for one of no country.

    Countries that share a code are not each other's own: for the United States, Jamaica is abroad.
    """
    # Most processes ask for no kind, and the library takes 6 MiB.
    import phonenumbers  # noqa: PLC0415
    from phonenumbers import PhoneNumberType  # noqa: PLC0415

    if not key.startswith("+"):
        return None
    try:
        parsed = phonenumbers.parse(key, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    rates = {
        PhoneNumberType.FIXED_LINE: ORDINARY,
        PhoneNumberType.MOBILE: ORDINARY,
        PhoneNumberType.FIXED_LINE_OR_MOBILE: ORDINARY,
        PhoneNumberType.TOLL_FREE: ORDINARY,
        PhoneNumberType.PREMIUM_RATE: PREMIUM,
        PhoneNumberType.SHARED_COST: SHARED,
    }
    rate = SATELLITE if key.startswith(_SATELLITE) else rates.get(phonenumbers.number_type(parsed), SPECIAL)
    is_own = phonenumbers.is_valid_number_for_region(parsed, region)
    return NumberKind(rate, f"+{parsed.country_code}", is_own)
