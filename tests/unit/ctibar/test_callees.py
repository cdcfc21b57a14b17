"""Which numbers may be called (toll fraud): ordinary ones of the own country, and what a setting opens."""

import re

import pytest

from validator.ctibar.callees import CalleeRules
from validator.ctibar.policy import CallsPolicy, check_prefix, parse_extensions
from validator.errors import Reason, Refusal

MOBILE, LANDLINE = "13606254580", "051287660011"
# Spellings of one number: what could dodge a rule is gone when it is dialled.
SPELLINGS = [
    MOBILE,
    "136 0625-4580",
    "(136) 0625.4580",
    "013606254580",
    "8613606254580",
    "008613606254580",
    "0086 136 0625 4580",
    "+86 136 0625 4580",
    "+86 0136 0625 4580",
    "１３６０６２５４５８０",
    "＋８６１３６０６２５４５８０",
    "1795113606254580",
    "1259313606254580",
    "\u00a0136\u20110625\u20114580\u3000",
]
ABROAD = [
    "+85223456789",
    "0085223456789",
    "００８５２２３４５６７８９",
    "1795100852 2345 6789",
    "+1 202 555 0143",
    "+44 20 7946 0018",
    "+870773111111",
    "+881612345678",
    "0012025550143",
]
PREMIUM = ["+19005550143", "0019005550143", "1795100 1 900 555 0143", "+447012345678", "+900 555 0143"]
NO_NUMBERS = [
    "",
    " ",
    "*21*13606254580#",
    "＊２１＊１３６０６２５４５８０＃",
    "##002#",
    "*#06#",
    "13606254580#",
    "13606254580,1",
    "13606254580;ext=1",
    "13606254580w1",
    "13606254580p1",
    "sip:1001@centre.example.com",
    "tel:13606254580",
    "1360625458O",
    "٠١٢٣٤٥٦٧٨٩٠",
    "136\n06254580",
    "136\x0006254580",
    "13606254580" * 6,
    "++8613606254580",
    "136+06254580",
]


def rules(prefixes: str = "", extensions: str = "", region: str = "CN") -> CalleeRules:
    """Return the rules with blank-separated *prefixes* and *extensions*."""
    opened = tuple(map(check_prefix, prefixes.split()))
    return CalleeRules(CallsPolicy(opened, tuple(map(parse_extensions, extensions.split()))), region)


def dialled(text: str, prefixes: str = "", extensions: str = "", region: str = "CN") -> str:
    """Return what is dialled for *text*, "" when it is refused as not allowed."""
    try:
        return rules(prefixes, extensions, region).check(text).dialled
    except Refusal as refusal:
        quoted = re.search("[0-9]", refusal.detail or "")
        return "" if refusal.reason is Reason.CALLEE_NOT_ALLOWED and not quoted else str(refusal)


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_is_dialled_as_the_number(text: str) -> None:
    """What is dialled is the number that was decided about."""
    assert dialled(text) == MOBILE


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (LANDLINE, LANDLINE),
        ("+86 512 8766 0011", LANDLINE),
        ("512-87660011", LANDLINE),
        ("8008100000", "8008100000"),
    ],
)
def test_ordinary_numbers_are_called(text: str, number: str) -> None:
    """Fixed numbers get the digit of long distance; those free of charge are allowed."""
    assert dialled(text) == number


@pytest.mark.parametrize("text", ABROAD)
def test_international_numbers_need_a_prefix(text: str) -> None:
    """Abroad is refused in any spelling; the control: with every country's code listed it is called."""
    assert dialled(text) == ""
    if "87" not in text and "881" not in text:
        assert dialled(text, "+852 +1 +44").startswith("00")


def test_satellites_need_a_longer_prefix() -> None:
    """Satellite numbers, of the country and of the world, are at a special rate."""
    for number, prefix in (
        ("13491234567", "+861349"),
        ("17401234567", "+861740"),
        ("17405234567", "+861740"),
    ):
        assert dialled(number) == ""
        assert dialled(number, "+86") == ""
        assert dialled(number, prefix) == number


@pytest.mark.parametrize("text", PREMIUM)
def test_premium_rate_is_not_opened_by_a_country(text: str) -> None:
    """Neither by default nor by a country's code; the control: a longer prefix opens it."""
    assert [dialled(text), dialled(text, "+1 +44"), dialled(text, "+90")] == [""] * 3


def test_premium_rate_is_opened_by_its_prefix() -> None:
    """The control: what is listed is called, and nothing beside it."""
    assert dialled("+19005550143", "+1900") == "0019005550143"
    assert dialled("+19005550143", "+1901") == ""


def test_shared_cost_needs_a_prefix() -> None:
    """400 numbers are refused; the country's own code does not open them, their prefix does."""
    assert [dialled("4008123456"), dialled("4008123456", "+86")] == ["", ""]
    assert dialled("4008123456", "+86400") == "4008123456"


def test_short_numbers_need_a_prefix_and_stay_short() -> None:
    """A hotline is opened by its prefix, with at most 8 digits: no access code opens a number."""
    assert [dialled(text) for text in ("95588", "110", "12345", "17951", "10086")] == [""] * 5
    assert dialled("95588", "955") == "95588"
    assert dialled("955881234567", "955") == ""
    assert [dialled(text, "17951") for text in ("179510019005550143", "17951013606254580")] == ["", ""]
    assert dialled("+95588", "955 +9") == ""


def test_extensions_are_exact() -> None:
    """Internal numbers are those of the setting, with as many digits; none by default."""
    assert dialled("1001") == ""
    assert [dialled(text, extensions="1000-1999 80") for text in ("1000", "1999", "80")] == [
        "1000",
        "1999",
        "80",
    ]
    for text in ("0999", "2000", "10000", "100", "01001", "81", "+1001"):
        assert dialled(text, extensions="1000-1999 80") == ""


def test_countries_with_one_code_are_abroad() -> None:
    """For the United States, Canada is abroad and Jamaica too: callback fraud lives on such numbers."""
    assert dialled("202 555 0143", region="US") == "2025550143"
    assert dialled("+18765550143", region="US") == ""
    assert dialled("+1 900 555 0143", region="US") == ""
    assert dialled("+18765550143", "+1876", region="US") != ""


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_service_codes_and_other_text_are_no_numbers(text: str) -> None:
    """Refused whatever is opened: no code of a diversion, no pause, no letters, no other script's digits."""
    with pytest.raises(Refusal) as raised:
        rules("+1 +86 13 21", "10-99").check(text)

    assert raised.value.reason is Reason.FIELD_INVALID
    assert raised.value.detail == "callee: not a telephone number"


@pytest.mark.parametrize("text", ["+", "9", "abc", "+0", "+86*", "123456789", "+1234567890123456", ""])
def test_prefixes_have_a_form(text: str) -> None:
    """A prefix of one digit or none would open everything."""
    with pytest.raises(ValueError, match="beginning"):
        check_prefix(text)


@pytest.mark.parametrize("text", ["1", "1000-999", "2000-1000", "1-9", "1000-", "1234567", "a-b", ""])
def test_extensions_have_a_form(text: str) -> None:
    """A range goes up, and both ends have equally many digits."""
    with pytest.raises(ValueError, match="internal"):
        parse_extensions(text)
