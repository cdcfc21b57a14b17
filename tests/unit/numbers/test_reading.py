"""Reading a number: one key for every spelling, and none for invalid text or a hidden number."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.numbers.reading import MAX_TEXT, Number, is_region, read_number

MOBILE = "+8613606254580"
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
FORMATS = [
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
]


def key_of(text: str, region: str = "CN") -> str | None:
    number = read_number(text, region)
    return number.key if number else None


@pytest.mark.parametrize(
    "text",
    [
        *("13606254580", "013606254580", "8613606254580", "008613606254580", "+8613606254580"),
        *("136 0625 4580", "136-0625-4580", "(+86) 136-0625-4580", "+86 (136) 0625.4580", " 13606254580 "),
        *(
            "１３６０６２５４５８０",
            "＋８６１３６０６２５４５８０",
            "136\u00a00625\u20114580",
            "（０）13606254580",
        ),
    ],
)
def test_every_spelling_has_one_key(text: str) -> None:
    """Trunk prefix, country code, separators and full-width digits do not change the number."""
    assert key_of(text) == MOBILE


def test_spelling_is_private_and_no_part_of_the_number() -> None:
    """The spelling goes with a number, makes no difference between two, and is in no representation."""
    number = read_number(" 0136 0625 4580", "CN")

    assert number == Number(MOBILE)
    assert number is not None
    assert number.raw == " 0136 0625 4580"
    assert "136" not in repr(number)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("95588", "95588"),
        ("1001", "1001"),
        ("88880085", "88880085"),
        ("110", "110"),
        ("8888-0085", "88880085"),
        ("+95588", "+95588"),
        ("+861521028", "+861521028"),
        ("861521028", "861521028"),
        ("075588880085", "+8675588880085"),
        ("+1 650 253 0000", "+16502530000"),
    ],
)
def test_short_and_local_numbers_are_apart_from_e164(text: str, key: str) -> None:
    """What is no valid number of a country is keyed by its digits, never by the region's code."""
    assert key_of(text) == key


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "+", "-", "7", "anonymous", "unknown", "a1001", "A1001", "1001a"),
        *(
            "152****1028",
            "152xxxx1028",
            "13606254580x12",
            "13606254580;ext=12",
            "13606254580#",
            "*13606254580",
        ),
        *("sip:1001@pbx.example.com", "sip:13606254580@host", "tel:+8613606254580", "１３６＊＊＊＊4580"),
        *("13606254580,13606254581", "13606254580/1", "13606254580\n", "13606254580\x00", "++8613606254580"),
        *("136+06254580", "١٣٦٠٦٢٥٤٥٨٠", "13606254580\u202e", "1" * 33, "1 " * MAX_TEXT, "1³606254580"),
    ],
)
def test_anything_else_is_no_number(text: str) -> None:
    """Masked, lettered, extended, empty, foreign and endless text is no number, so nothing is looked up."""
    assert key_of(text) is None


def test_library_would_read_a_masked_number() -> None:
    """The control: without the refusal a masked number becomes the number of another subscriber."""
    parsed = phonenumbers.parse("152****1028", "CN")

    assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == "+861521028"


def test_region_gives_the_country() -> None:
    """A number without a country code is of the region."""
    assert key_of("6502530000", "US") == "+16502530000"
    assert key_of("6502530000", "CN") != key_of("6502530000", "US")


def test_regions_are_known() -> None:
    """A region is known by its two letters."""
    assert [is_region(region) for region in ("CN", "US", "ZZ", "cn", "86", "")] == [True, True] + [False] * 4


def test_key_is_private() -> None:
    """A number's representation, which a traceback or a log may have, does not contain it."""
    assert MOBILE not in repr(Number(MOBILE))


@given(
    st.text(max_size=MAX_TEXT) | st.text("+0123456789 ()-.*x", max_size=MAX_TEXT), st.sampled_from(REGIONS)
)
def test_key_is_a_number_and_its_own_key(text: str, region: str) -> None:
    """No text raises; a key has only digits and perhaps a plus, and reads as itself."""
    key = key_of(text, region)

    if key is not None:
        assert key.removeprefix("+").isdecimal()
        assert key.isascii()
        assert key_of(key, region) == key


@given(st.sampled_from(REGIONS), st.sampled_from(FORMATS))
def test_forms_of_a_valid_number_have_its_key(region: str, form: int) -> None:
    """In every country the international and the national form of a number have its E.164 key."""
    example = phonenumbers.example_number(region)
    assert example is not None
    text = phonenumbers.format_number(example, form)

    assert key_of(text, region) == phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
