"""Rows of a file: CSV as spreadsheets write it, JSON Lines, and complaints that quote no value."""

import io

import pytest

from validator.customers.cataloguefile import parse_catalogue
from validator.customers.directory import Customer
from validator.customers.rows import MAX_ID, MAX_NUMBERS, RowError, RowReader
from validator.errors import OperatorError
from validator.shipped import shipped

READER = RowReader(parse_catalogue(shipped("config/customers.toml").read_bytes()), "CN")
HEADER = "id,number,name,level\n"
MOBILE = "+8613606254580"


def read(text: str | bytes, *, is_csv: bool = True) -> list[Customer | RowError]:
    content = text if isinstance(text, bytes) else text.encode()
    return list(READER.rows(io.BytesIO(content), is_csv=is_csv))


def problems(text: str | bytes, *, is_csv: bool = True) -> list[str]:
    return [str(row) for row in read(text, is_csv=is_csv) if isinstance(row, RowError)]


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}C-1,13606254580,李伟,gold\n",
        f"{HEADER}C-1,13606254580,李伟,gold",
        f"\ufeff{HEADER}C-1,13606254580,李伟,gold\r\n\r\n",
        "id;number;name;level\nC-1;13606254580;李伟;gold\n",
        "number\tname\tlevel\tid\n13606254580\t李伟\tgold\tC-1\n",
        f'{HEADER}"C-1","136 0625 4580|+86 136-0625-4580","李伟"," gold "\n',
    ],
)
def test_spreadsheet_is_read(text: str) -> None:
    """Byte-order mark, delimiter, quotes, order of columns and line ends do not matter."""
    assert read(text) == [Customer("C-1", (MOBILE,), {"name": "李伟", "level": "gold"})]


@pytest.mark.parametrize(
    "number", ['"13606254580"', '["13606254580"]', "13606254580", '["0086 13606254580"]']
)
def test_json_lines_are_read(number: str) -> None:
    """A number may be a text, a JSON number or a list; null is no value; blank lines are skipped."""
    line = f'{{"id": 1, "number": {number}, "name": "李伟", "note": null}}\n\n'

    assert read(line, is_csv=False) == [Customer("1", (MOBILE,), {"name": "李伟"})]


def test_several_numbers_of_a_customer() -> None:
    """Several numbers are all keys, each once."""
    (customer,) = read(f"{HEADER}C-1,95588|13606254580|1001|013606254580,,\n")

    assert isinstance(customer, Customer)
    assert customer.numbers == ("95588", MOBILE, "1001")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("C-1,152****1028,,", "row 2: number: not 1 to 10 telephone numbers"),
        ("C-1,,,", "row 2: number: not 1 to 10 telephone numbers"),
        ("C-1,13606254580|,,", "row 2: number: not 1 to 10 telephone numbers"),
        (f"C-1,{'|'.join(['1001'] * (MAX_NUMBERS + 1))},,", "row 2: number: not 1 to 10 telephone numbers"),
        (",13606254580,,", "row 2: id: not 1 to 128 printable characters"),
        (f"{'x' * (MAX_ID + 1)},13606254580,,", "row 2: id: not 1 to 128 printable characters"),
        (f"C-1,13606254580,{'x' * 65},", "row 2: name: is longer than 64 characters"),
        ("C-1,13606254580,,Gold", "row 2: level: is not one of standard, silver, gold"),
        ("C-1,13606254580,a\x07b,", "row 2: name: has a character that does not print"),
        ("C-1,13606254580,", "row 2: has 3 cells, not 4"),
        ("C-1,13606254580,a,gold,", "row 2: has 5 cells, not 4"),
        ('C-1,"13606254580', "row 2: not CSV: a quote is not closed, or a cell is too long"),
        ('C-1,13606254580,a,"gold"x', "row 2: not CSV: a quote is not closed, or a cell is too long"),
    ],
)
def test_wrong_row_is_reported_by_its_field(row: str, problem: str) -> None:
    """A complaint has the number of the row, as a spreadsheet counts, and the field, but no value."""
    assert problems(f"{HEADER}{row}\n") == [problem]


def test_rows_after_a_wrong_one_are_read() -> None:
    """A wrong row does not hide the others, and counts among them."""
    text = f"{HEADER}C-1,x,,\nC-2,1001,,\nC-3,,,\n"

    assert problems(text) == [f"row {row}: number: not 1 to 10 telephone numbers" for row in (2, 4)]
    assert len(read(text)) == 3


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "row 1: not JSON"),
        ("[]", "row 1: not a JSON object"),
        ('{"id": "a", "number": "1001", "name": {}}', "row 1: name: not a text"),
        ('{"id": "a", "number": "1001", "name": true}', "row 1: name: not a text"),
        ('{"id": "a", "number": "1001", "other": "x"}', "row 1: other: not in the catalogue"),
        ('{"id": "a", "number": {}}', "row 1: number: not 1 to 10 telephone numbers"),
        ('{"id": "a", "number": []}', "row 1: number: not 1 to 10 telephone numbers"),
        ('{"id": "a", "number": [["1001"]]}', "row 1: number: not 1 to 10 telephone numbers"),
        ('{"id": "a"}', "row 1: number: not 1 to 10 telephone numbers"),
        ('{"number": "1001"}', "row 1: id: not 1 to 128 printable characters"),
    ],
)
def test_wrong_line_of_json_is_reported(line: str, problem: str) -> None:
    """A line that is not such an object is reported by its number and member."""
    assert problems(line, is_csv=False) == [problem]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "column 'id': missing"),
        (b"id,name\n", "column 'number': missing"),
        (b"id,number,phone\n", "column 'phone': not in the catalogue"),
        (b"id,number,name,name\n", "column 'name': there twice"),
        (HEADER.encode() + "C-1,1001,李伟,\n".encode("gbk"), "line 2 is not UTF-8"),
        (HEADER.encode("utf-16"), "is UTF-16"),
        (HEADER.encode() + b"x" * 70_000, "line 2 has more than 65536 bytes"),
    ],
)
def test_file_that_is_no_table_is_refused(content: bytes, words: str) -> None:
    """A wrong header, another encoding and an endless line end the reading."""
    with pytest.raises(OperatorError, match=words):
        read(content)
