"""How the key of a number is written for another system."""

import pytest

from validator.numbers.reading import read_number
from validator.numbers.writing import NumberForm, write_number


@pytest.mark.parametrize(
    ("text", "national", "dialled"),
    [
        ("+86 136 0625 4580", "13606254580", "13606254580"),
        ("0571 8888 0000", "57188880000", "057188880000"),
        ("010 6552 9988", "1065529988", "01065529988"),
        ("95588", "95588", "95588"),
        ("1001", "1001", "1001"),
        ("88880085", "88880085", "88880085"),
        ("+95588", "+95588", "+95588"),
        ("+1 360 625 4580", "0013606254580", "0013606254580"),
        ("+852 2345 6789", "0085223456789", "0085223456789"),
    ],
)
def test_number_is_written_in_each_form(text: str, national: str, dialled: str) -> None:
    """A national number has no prefix, a dialled one has that of the country, others stay or have 00."""
    number = read_number(text, "CN")
    assert number is not None

    written = [write_number(number.key, form, "CN") for form in NumberForm]

    assert written == [national, dialled, number.key]


@pytest.mark.parametrize("form", NumberForm)
@pytest.mark.parametrize("text", ["+8613606254580", "+13606254580", "057188880000", "95588", "+95588"])
def test_written_number_is_read_as_the_same(text: str, form: NumberForm) -> None:
    """In no form is a number another subscriber's."""
    number = read_number(text, "CN")
    assert number is not None

    again = read_number(write_number(number.key, form, "CN"), "CN")

    assert again == number
