"""The cloud's import of tables: what refuses a whole file, and what is wrong with a row."""

from dataclasses import replace

import pytest

from validator.operations.simulator.importing import MAX_ERRORS, MAX_FILE, Imported, import_file, template
from validator.operations.simulator.registration import BasicTable, Column

TIME = "2026-11-30T09:30:00.000Z"


def column(name: str, form: str = "string", *, kind: str = "ordinary", **more: object) -> Column:
    members = {"length": 8, "items": (), "required": False, **more}
    return Column(name, kind, form, **members)  # type: ignore[arg-type]


TABLE = BasicTable(
    "202400000001",
    "客户",
    "gb18030",
    (
        column("手机号", kind="index", length=16),
        column("姓名", required=True),
        column("积分", "number"),
        column("生日", "date", length=10),
        column("来电", "time", length=19),
        column("等级", "dictionary", items=("gold", "silver")),
    ),
)
HEADER = template(TABLE)
ROW = "13606254580,欧阳娜,7.5,2020-02-29,2026-11-30 09:30:00,gold\r\n"


def imported(rows: str = ROW, name: str = "客户_001.csv", header: bytes = HEADER) -> Imported:
    return import_file(TABLE, TIME, name, header + rows.encode("gb18030"))


def test_template_is_the_header() -> None:
    """The template has the columns' names in its encoding, with a byte-order mark if that has one."""
    assert HEADER.decode("gb18030") == "手机号,姓名,积分,生日,来电,等级\r\n"
    assert template(replace(TABLE, encoding="utf-8-sig")).startswith(b"\xef\xbb\xbf\xe6\x89\x8b")


def test_right_rows_are_imported() -> None:
    """Rows with every value, and with the required ones alone, are accepted; quoted cells are cells."""
    result = imported(f'{ROW}95588,"a,""b""",,,,\r\n110,王芳,-3,,,silver\n')

    assert result == Imported(TIME, "客户", "客户_001.csv", rows=3, accepted=3)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_rows_have_the_encoding_of_the_template(encoding: str) -> None:
    """A file in the template's encoding is accepted, and one in another is refused as a whole."""
    table = replace(TABLE, encoding=encoding)
    plain = "utf-8" if encoding == "utf-8-sig" else encoding
    other = "gb18030" if plain == "utf-8" else "utf-8"

    right, wrong = (
        import_file(table, TIME, "a.csv", template(table) + ROW.encode(each)) for each in (plain, other)
    )

    assert (right.refused, right.accepted) == ("", 1)
    assert wrong.refused == f"the file is not {encoding}, as the template is"


@pytest.mark.parametrize(
    "name", ["客户.CSV", "客户.xls", "客户", "a-b.csv", "a b.csv", "../a.csv", ".csv", "客户（1）.csv", ""]
)
def test_other_names_are_refused(name: str) -> None:
    """A name with other characters, or not of CSV, is refused, whatever the content."""
    assert "the name is not" in imported(name=name).refused


def test_large_file_is_refused() -> None:
    """One byte more than the maximum is refused, and exactly as many are not; it is 20,000,000."""
    content = HEADER + ROW.encode("gb18030")

    largest, larger = (
        import_file(TABLE, TIME, "a.csv", content, max_file=len(content) - less) for less in (0, 1)
    )

    assert (largest.refused, largest.accepted) == ("", 1)
    assert (larger.refused, larger.rows) == (f"the file has more than {len(content) - 1} bytes", 0)
    assert MAX_FILE == 20_000_000


@pytest.mark.parametrize(
    "header",
    [
        b"",
        HEADER.replace(b",", b";"),
        HEADER.decode("gb18030").encode(),
        b"\xef\xbb\xbf" + HEADER,
        HEADER.replace(b"\r\n", b",x\r\n"),
        b'"' + HEADER.replace(b",", b'",', 1),
    ],
    ids=["none", "separator", "encoding", "mark", "column", "quotes"],
)
def test_other_headers_are_refused(header: bytes) -> None:
    """The header has to be the template's, byte for byte; only the end of its line may differ."""
    assert imported(header=header).refused == "the first line is not the header of the template"
    assert imported(header=HEADER.replace(b"\r\n", b"\n")).accepted == 1


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (",欧阳娜,,,,", "column 手机号: is missing"),
        ("110,,,,,", "column 姓名: is missing"),
        ("110,123456789,,,,", "column 姓名: is longer than 8 characters"),
        ("110,a,12a,,,", "column 积分: is not a number"),
        ("110,a,****34,,,", "column 积分: is not a number"),
        ("110,a,,2021-02-29,,", "column 生日: is not a date"),
        ("110,a,,2021-2-3,,", "column 生日: is not a date"),
        ("110,a,,,2026-11-30 24:00:00,", "column 来电: is not a time"),
        ("110,a,,,,Gold", "column 等级: is not a value of the dictionary"),
        ("110,a,b,c,,", "column 积分: is not a number; column 生日: is not a date"),
        ("110,a,,,", "has 5 cells, not 6"),
        ("", "has 0 cells, not 6"),
        ('110,"a"b,,,,', "is not CSV"),
    ],
)
def test_wrong_row_is_listed(row: str, problem: str) -> None:
    """A wrong row has its number and its problems, and the rows around it are imported."""
    result = imported(f"{ROW}{row}\r\n{ROW.replace('13606254580', '111')}")

    assert (result.rows, result.accepted, result.errors) == (3, 2, (f"row 2: {problem}",))


def test_errors_are_bounded_and_quote_nothing() -> None:
    """Of many wrong rows the first are listed, and no value of any is quoted."""
    result = imported("110,a,secret,,,\r\n" * (MAX_ERRORS + 5))

    assert (result.rows, result.accepted, len(result.errors)) == (MAX_ERRORS + 5, 0, MAX_ERRORS)
    assert "secret" not in str(result)


def test_repeated_index_is_counted() -> None:
    """A value of the index that is there again is counted: what the cloud does with it is unknown."""
    assert (imported(ROW * 3).accepted, imported(ROW * 3).repeated) == (3, 2)
